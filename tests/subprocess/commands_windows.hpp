// SPDX-License-Identifier: MIT
//
// tests/subprocess/commands_windows.hpp: what the tests of children on Windows share: commands of
// tests/children/actor_windows.cpp, and what became of processes.

#pragma once

#include <skyutil/subprocess.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <windows.h>

#include "subprocess/outcomes.hpp"
#include "support.hpp"

namespace skyutil_tests {

inline std::string utf8(const std::filesystem::path& path) {
    const std::u8string text = path.u8string();
    return {text.begin(), text.end()};
}

inline skyutil::command actor(std::initializer_list<std::string> words) {
    std::vector<std::string> all{utf8(std::filesystem::absolute(SKYUTIL_TEST_ACTOR))};
    all.insert(all.end(), words);
    return all;
}

/// How long anything may take that takes no time on an idle machine.
inline constexpr std::chrono::seconds patience(60);

inline bool is_running(std::int64_t pid) {
    const skyutil::unique_fd process(::OpenProcess(SYNCHRONIZE, FALSE, static_cast<DWORD>(pid)));
    return process && ::WaitForSingleObject(process.get(), 0) == WAIT_TIMEOUT;
}

inline void kill(std::int64_t pid) {
    const skyutil::unique_fd process(
        ::OpenProcess(PROCESS_TERMINATE | SYNCHRONIZE, FALSE, static_cast<DWORD>(pid)));
    ::TerminateProcess(process.get(), 1);
    ::WaitForSingleObject(process.get(), INFINITE);
}

/// Whether the condition holds, or soon does.
template <class Condition>
bool soon(Condition condition) {
    return holds_within(patience, condition);
}

}  // namespace skyutil_tests
