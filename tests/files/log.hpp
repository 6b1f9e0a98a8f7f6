// SPDX-License-Identifier: MIT
//
// tests/files/log.hpp: a log whose lines tell where they belong.

#pragma once

#include <skyutil/files.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace skyutil_tests {

/// Lines of a log that is truncated now and then: generation, number and what follows from both, so
/// that a line which joins two others is none.
inline std::string log_line(std::uint64_t generation, std::uint64_t number) {
    std::string line = std::to_string(generation) + ":" + std::to_string(number) + ":";
    std::uint64_t state = generation * 0x9e37'79b9'7f4a'7c15U + number * 0xbf58'476d'1ce4'e5b9U + 1;
    const std::size_t length = 5 + number * 7919 % 120;
    for (std::size_t i = 0; i < length; ++i) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        line += static_cast<char>('a' + (state >> 40) % 26);
    }
    return line + ";\n";
}

/// A log of one generation, cut off anywhere.
inline std::string_view log_text(std::uint64_t generation, std::size_t size) {
    static std::map<std::uint64_t, std::string> logs;
    std::string& text = logs[generation];
    if (text.empty()) {
        for (std::uint64_t i = 0; text.size() < 600'000; ++i) {
            text += log_line(generation, i);
        }
    }
    return std::string_view(text).substr(0, size);
}

}  // namespace skyutil_tests
