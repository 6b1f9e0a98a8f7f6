// SPDX-License-Identifier: MIT
//
// tests/program/calls_windows.hpp: the program skyutil as a user of Windows calls it.

#pragma once

#include <skyutil/subprocess.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "subprocess/commands_windows.hpp"

namespace skyutil_tests {

using words = std::vector<std::string>;

inline words program(const words& arguments) {
    words all{utf8(std::filesystem::absolute(SKYUTIL_TEST_PROGRAM))};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return all;
}

/// "run" with its options, and a command of the actor.
inline words running(words options, const words& what) {
    options.insert(options.begin(), "run");
    options.insert(options.end(), {"--", utf8(std::filesystem::absolute(SKYUTIL_TEST_ACTOR))});
    options.insert(options.end(), what.begin(), what.end());
    return program(options);
}

struct outcome {
    int exit_code;
    std::string out;
    std::string err;
};

inline outcome call(const words& line, const skyutil::environment_changes& variables = {}) {
    const auto done = skyutil::run(line, {.env = variables, .timeout = patience});
    CHECK_FALSE(done.timed_out);
    return {done.exit_code, done.stdout_text, done.stderr_text};
}

inline bool is_one_line(const std::string& text) {
    return !text.empty() && text.back() == '\n' && std::count(text.begin(), text.end(), '\n') == 1;
}

}  // namespace skyutil_tests
