// SPDX-License-Identifier: MIT
//
// tests/subprocess/commands.hpp: what tests of children share: commands of
// tests/children/actor.cpp, what became of processes, and systems on which calls fail.

#pragma once

#include <skyutil/process.hpp>
#include <skyutil/stop_token.hpp>
#include <skyutil/subprocess.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "subprocess/outcomes.hpp"
#include "support_linux.hpp"

namespace skyutil_tests {

/// A command of the program tests/children/actor.cpp.
inline skyutil::command actor(std::initializer_list<std::string> words) {
    std::vector<std::string> all{SKYUTIL_TEST_ACTOR};
    all.insert(all.end(), words);
    return all;
}

/// How long anything may take that takes no time on an idle machine.
inline constexpr std::chrono::seconds patience(20);

/// What SIGTERM gets a tree before SIGKILL.
inline constexpr std::chrono::milliseconds grace(200);

/// Runs a command, and requests a stop when it has written so many lines: what it does after that
/// is not a question of time. Its output is kept, too.
template <class Then>
skyutil::completed_process run_until(std::size_t lines, const skyutil::command& what,
                                     skyutil::run_options options, std::error_code& error,
                                     Then then) {
    skyutil::stop_source source;
    std::size_t left = lines;
    options.stop = source.get_token();
    options.max_output = options.max_output.value_or(std::size_t{1} << 20);
    options.on_line = [&](skyutil::output_stream, std::string_view) {
        if (left != 0 && --left == 0) {
            then();
            source.request_stop();
        }
    };
    return skyutil::run(what, options, error);
}

inline skyutil::completed_process run_until(std::size_t lines, const skyutil::command& what,
                                            skyutil::run_options options) {
    std::error_code error;
    skyutil::completed_process result = run_until(lines, what, std::move(options), error, [] {});
    if (error) {
        throw std::system_error(error, "run");
    }
    return result;
}

/// Runs a command with a timeout, and with a longer one for as long as the machine is too busy for
/// the command to write so many lines before it.
inline skyutil::completed_process run_into_timeout(std::ptrdiff_t lines,
                                                   const skyutil::command& what,
                                                   skyutil::run_options options) {
    for (;; *options.timeout *= 4) {
        skyutil::completed_process result = skyutil::run(what, options);
        const std::string& text = result.stdout_text;
        if (std::count(text.begin(), text.end(), '\n') >= lines || *options.timeout > patience) {
            return result;
        }
    }
}

/// Whether the condition holds, or soon does.
template <class Condition>
bool soon(Condition condition) {
    return holds_within(patience, condition);
}

/// Whether none of them is alive, or soon none is.
inline bool are_gone(const std::vector<std::int64_t>& pids) {
    for (const std::int64_t pid : pids) {
        if (!soon([&] { return !skyutil::is_process_alive(pid); })) {
            return false;
        }
    }
    return true;
}

/// Whether this process has children, zombies included.
inline bool has_children() {
    siginfo_t ignored{};
    return ::waitid(P_ALL, 0, &ignored, WEXITED | WNOHANG | WNOWAIT) != -1;
}

/// Covers /proc for the calling process, a child of run_in_child.
inline void hide_proc() {
    if (::unshare(CLONE_NEWNS) == -1 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1 ||
        ::mount("none", "/proc", "tmpfs", 0, nullptr) == -1) {
        throw cannot_run{"cannot put something over /proc"};
    }
}

}  // namespace skyutil_tests
