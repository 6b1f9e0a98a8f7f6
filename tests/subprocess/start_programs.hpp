// SPDX-License-Identifier: MIT
//
// tests/subprocess/start_programs.hpp: programs to start, and what is said of starts that fail.

#pragma once

#include <skyutil/subprocess.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <sys/resource.h>

#include "support_linux.hpp"

namespace skyutil_tests {

using nlohmann::json;
using skyutil::child_process;
using skyutil::command;
using skyutil::completed_process;
using skyutil::run;
using skyutil::run_options;
using skyutil::start_error;
using skyutil::start_step;

inline void write_program(const std::filesystem::path& path, std::string_view text) {
    write_file(path, text);
    std::filesystem::permissions(path, std::filesystem::perms(0755));
}

inline void limit_descriptors(rlim_t soft) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = soft;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// The error and step of a start, by all that starts: the same, whatever is called.
inline json start_failure(const command& what, const run_options& options) {
    const temporary_directory directory;
    const auto log = directory / "log";
    const skyutil::detached_options detached{options.cwd, options.env, options.attributes};
    const skyutil::child_options child{
        .cwd = options.cwd, .env = options.env, .attributes = options.attributes};
    json answers = json::array();
    const auto add = [&](std::error_code error, start_step step) {
        answers.push_back({error.value(), static_cast<int>(step)});
    };
    {
        std::error_code error;
        const completed_process result = run(what, options, error);
        add(error, result.failed_step);
    }
    {
        std::error_code error;
        const auto results = skyutil::pipeline({{"true"}, what}, options, error);
        const bool first = results[0].failed_step != start_step::none;
        add(error, results[first ? 0 : 1].failed_step);
    }
    {
        std::error_code error;
        const completed_process result = skyutil::run_with_retries(what, {}, options, error);
        add(error, result.failed_step);
    }
    {
        std::error_code error;
        const child_process result(what, child, error);
        add(error, result.failed_step());
    }
    {
        std::error_code error;
        start_step step = start_step::none;
        static_cast<void>(skyutil::run_detached(what, log, detached, step, error));
        add(error, step);
    }
    const std::vector<std::function<void()>> throwing{
        [&] { run(what, options); },
        [&] { skyutil::pipeline({what, {"true"}}, options); },
        [&] { skyutil::run_with_retries(what, {}, options); },
        [&] { const child_process result(what, child); },
        [&] { static_cast<void>(skyutil::run_detached(what, log, detached)); },
    };
    std::string path;
    for (const auto& each : throwing) {
        try {
            each();
            answers.push_back("no exception");
        } catch (const start_error& error) {
            add(error.code(), error.step());
            path = error.path();
        }
    }
    for (const json& each : answers) {
        if (each != answers.front()) {
            return answers;
        }
    }
    return {answers.front()[0], answers.front()[1], path};
}

inline json expected_failure(int reason, start_step step, const std::string& path) {
    return {reason, static_cast<int>(step), path};
}

}  // namespace skyutil_tests
