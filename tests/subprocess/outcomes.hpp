// SPDX-License-Identifier: MIT
//
// tests/subprocess/outcomes.hpp: what came of commands, on any system.

#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace skyutil_tests {

inline std::vector<std::int64_t> numbers(const std::string& text) {
    std::istringstream in(text);
    std::vector<std::int64_t> result;
    for (std::int64_t number = 0; in >> number;) {
        result.push_back(number);
    }
    return result;
}

template <class Function>
std::string message_of(Function function) {
    try {
        function();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "no exception";
}

/// Whether the condition holds, or does within that time.
template <class Condition>
bool holds_within(std::chrono::seconds patience, Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

}  // namespace skyutil_tests
