// SPDX-License-Identifier: MIT
//
// tests/strings/code_points.hpp: code points by the definition, and texts that are hard to take
// apart into them.

#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace skyutil_tests {

/// Bytes of the code point at `at` by table 3-7 of the Unicode Standard; 1 for an ill-formed byte.
inline std::size_t code_point_bytes(std::string_view text, std::size_t at) {
    struct range {
        unsigned first_low, first_high, second_low, second_high;
        std::size_t bytes;
    };
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned>(static_cast<unsigned char>(text[i])) : 0U;
    };
    for (const auto& [low, high, second_low, second_high, bytes] :
         {range{0xc2, 0xdf, 0x80, 0xbf, 2}, range{0xe0, 0xe0, 0xa0, 0xbf, 3},
          range{0xe1, 0xec, 0x80, 0xbf, 3}, range{0xed, 0xed, 0x80, 0x9f, 3},
          range{0xee, 0xef, 0x80, 0xbf, 3}, range{0xf0, 0xf0, 0x90, 0xbf, 4},
          range{0xf1, 0xf3, 0x80, 0xbf, 4}, range{0xf4, 0xf4, 0x80, 0x8f, 4}}) {
        if (byte(at) < low || byte(at) > high || byte(at + 1) < second_low ||
            byte(at + 1) > second_high) {
            continue;
        }
        bool all = true;
        for (std::size_t i = 2; i < bytes; ++i) {
            all = all && byte(at + i) >= 0x80 && byte(at + i) <= 0xbf;
        }
        return all ? bytes : 1;
    }
    return 1;
}

/// A text of one alphabet, of which some have what is no UTF-8.
inline std::string random_text(std::mt19937_64& random) {
    const std::vector<std::vector<std::string_view>> alphabets{
        {"a", "b", "c", " "},
        {" ", " ", "a"},
        {"\u00e9", "\u0436", "\u672c", "\u8a9e", "\U0001f600", "a", " "},
        {"\u65e5", "\u672c"},
        {"a", " ", "\u00e9", "\u672c", "\U0001f600", "\xff", "\x80", "\xe2\x82", "\xed\xa0\x80",
         "\xc0\xaf", "\xf4\x90\x80\x80", std::string_view("\0", 1)}};
    const auto& alphabet = alphabets[random() % alphabets.size()];
    std::string text;
    for (std::size_t left = random() % 150; left != 0; --left) {
        text += alphabet[random() % alphabet.size()];
    }
    return text;
}

}  // namespace skyutil_tests
