// SPDX-License-Identifier: MIT
//
// tests/files/outcomes.hpp: what tests of files.hpp share: texts that are hard to cut, lines found
// the slow way, what became of a call.

#pragma once

#include <skyutil/files.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "support.hpp"

namespace skyutil_tests {

namespace fs = std::filesystem;
using lines = std::vector<std::string>;

inline constexpr std::size_t all = (std::numeric_limits<std::size_t>::max)();

// ------------------------------------------------------------------------------------- helpers

/// What read_last_n_lines must return, found the slow way.
inline lines last_lines(std::string_view text, std::size_t n,
                        skyutil::line_end line_end = skyutil::line_end::strip_lf) {
    lines found;
    std::string line;
    for (const char c : text) {
        line += c;
        if (c != '\n') {
            continue;
        }
        if (line_end != skyutil::line_end::keep) {
            line.pop_back();
        }
        if (line_end == skyutil::line_end::strip_crlf && !line.empty() && line.back() == '\r') {
            line.pop_back();
        }
        found.push_back(line);
        line.clear();
    }
    if (!line.empty()) {
        found.push_back(line);
    }
    if (found.size() > n) {
        found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(n));
    }
    return found;
}

/// Sizes instead of the lines themselves: some are too long for a report.
inline std::string summary(const lines& found) {
    std::string out = std::to_string(found.size()) + " lines";
    for (std::size_t i = 0; i < found.size() && i < 8; ++i) {
        out += ", " + std::to_string(found[i].size()) + " bytes";
    }
    return out;
}

struct outcome {
    std::error_code error;
    lines found;
    std::uint64_t end = 0;  ///< of file_tail: its end_offset
};

inline outcome try_read(const fs::path& path, std::size_t n,
                        const skyutil::tail_options& options = {}) {
    outcome result;
    result.error = std::make_error_code(std::errc::bad_message);  // stale
    result.found = skyutil::read_last_n_lines(path, n, options, result.error);
    return result;
}

/// The same by file_tail.
inline outcome try_tail(const fs::path& path, std::size_t n,
                        const skyutil::tail_options& options = {}) {
    outcome result;
    result.error = std::make_error_code(std::errc::bad_message);
    const skyutil::file_tail tail(path, n, options, result.error);
    result.found.assign(tail.lines().begin(), tail.lines().end());
    result.end = tail.end_offset();
    return result;
}

struct named_text {
    std::string name;
    std::string text;
};

inline std::string random_text(std::mt19937& random, std::size_t size, std::size_t longest_line,
                               std::string_view alphabet) {
    std::string text;
    while (text.size() < size) {
        const std::size_t length = random() % (longest_line + 1);
        for (std::size_t i = 0; i < length && text.size() < size; ++i) {
            text += alphabet[random() % alphabet.size()];
        }
        if (text.size() < size) {
            text += '\n';
        }
    }
    return text;
}

inline std::string repeat(std::string_view text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) {
        out += text;
    }
    return out;
}

inline std::vector<named_text> texts() {
    using namespace std::string_view_literals;
    std::vector<named_text> result{
        {"empty", ""},
        {"one line end", "\n"},
        {"one character", "x"},
        {"one line", "x\n"},
        {"no line end at the end", "a\nb"},
        {"empty lines", "\n\n\n"},
        {"empty lines and no line end at the end", "\n\nx"},
        {"CRLF", "a\r\nb\r\n\r\nc\r\r\nd\r"},
        {"NULs", std::string("\0\n\0\0\na\0b\n\0"sv)},
        {"invalid UTF-8", "\xff\xfe\n\xc3\n\xe2\x82\n\x80\n\xed\xa0\x80\n"},
        {"only line ends", std::string(20'000, '\n')},
        {"one huge line", std::string(300'000, 'x')},
        {"one huge line with a line end", std::string(300'000, 'x') + "\n"},
        {"one huge line after short ones", "a\nb\n" + std::string(300'000, 'x') + "\n"},
        {"short lines after a huge one", std::string(300'000, 'x') + "\na\nb\n"},
    };
    std::mt19937 random(20250101);  // NOLINT(*-msc51-cpp)
    const std::vector<std::size_t> edges{8191,    8192,    8193,    16384,   24575,   24576,
                                         24577,   57343,   57344,   57345,   65535,   65536,
                                         65537,   122'879, 122'880, 122'881, 131'071, 131'072,
                                         131'073, 188'416, 196'608, 262'144, 262'145};
    for (const std::size_t size : edges) {
        const std::string suffix = " of " + std::to_string(size) + " bytes";
        for (const unsigned longest : {size % 65'536 == 1 ? 3U : 200U, 9000U, 30'000U}) {
            result.push_back({"lines of up to " + std::to_string(longest) + suffix,
                              random_text(random, size, longest, "ab c\r\0\xff\xe2\x82\xac"sv)});
        }
        if (size % 65'536 != 0 && size != 24'577) {
            continue;
        }
        // A line end at every distance from the end at which a block may start, and around it.
        for (const std::size_t edge : edges) {
            for (const int shift : {-1, 0, 1}) {
                const std::size_t distance = edge + static_cast<std::size_t>(shift);
                if (distance < size) {
                    std::string text(size, 'x');
                    text[size - 1 - distance] = '\n';
                    result.push_back(
                        {"a line end " + std::to_string(distance) + " from the last byte" + suffix,
                         text});
                    if (shift == 0) {
                        text.back() = '\n';
                        result.push_back({result.back().name + ", which is one", text});
                    }
                }
            }
        }
    }
    for (int i = 0; i < 25; ++i) {
        result.push_back({"random " + std::to_string(i),
                          random_text(random, random() % 400'000, std::size_t{1} << (random() % 15),
                                      "xy\r\0"sv)});
    }
    std::string multibyte;
    for (int i = 0; i < 40'000; ++i) {
        multibyte += i % 97 == 0 ? "\n" : i % 2 == 0 ? "\xe2\x82\xac" : "\xf0\x9f\x98\x80";
    }
    result.push_back({"multibyte characters over every block edge", multibyte});
    return result;
}

// --------------------------------------------------------------- temporary files and directories

inline std::size_t entries_of(const fs::path& path) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path), fs::directory_iterator()));
}

// ------------------------------------------------------------------------------ write_file_atomic

inline std::error_code try_write(const fs::path& path, std::string_view text) {
    std::error_code error = std::make_error_code(std::errc::bad_message);
    skyutil::write_file_atomic(path, text, error);
    return error;
}

// ------------------------------------------------------------------------------------ mapped_file

inline std::error_code error_of_mapping(const fs::path& path) {
    std::error_code error = std::make_error_code(std::errc::bad_message);
    const skyutil::mapped_file file(path, error);
    CHECK((!error || file.empty()));
    return error;
}

}  // namespace skyutil_tests
