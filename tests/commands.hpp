// SPDX-License-Identifier: MIT
//
// tests/commands.hpp: what tests of children share: commands of tests/children/actor.cpp, and what
// became of processes.

#pragma once

#include <skyutil/process.hpp>
#include <skyutil/subprocess.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <linux/filter.h>
#include <linux/seccomp.h>

#include "support.hpp"

namespace skyutil_tests {

/// A command of the program tests/children/actor.cpp.
inline skyutil::command actor(std::initializer_list<std::string> words) {
    std::vector<std::string> all{SKYUTIL_TEST_ACTOR};
    all.insert(all.end(), words);
    return all;
}

/// How long anything may take that takes no time on an idle machine.
inline constexpr std::chrono::seconds patience(20);

inline std::vector<std::int64_t> numbers(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::int64_t> result;
    for (std::int64_t number = 0; in >> number;) {
        result.push_back(number);
    }
    return result;
}

/// Whether the condition holds, or soon does.
template <class Condition>
bool soon(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
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

/// Has a system call of this process, a child of run_in_child, and of its children end otherwise
/// than it would: SECCOMP_RET_ERRNO | errno, SECCOMP_RET_KILL_PROCESS.
inline void filter_system_call(long number, unsigned verdict) {
    std::array<sock_filter, 4> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, verdict),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    install_filter(program);
}

}  // namespace skyutil_tests
