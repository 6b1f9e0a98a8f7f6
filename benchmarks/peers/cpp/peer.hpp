// SPDX-License-Identifier: MIT
//
// What the contestants in C++ share: a function and who does it, the lines of a case, answers as
// JSON, and the clock around a batch of calls.
//
//     add("skyutil", "base36_encode", text, [](const std::string& hex) { return
//     skyutil::base36_encode(hex); });
//
// The first function makes an input from the fields of a line, before the clock runs; the second is
// measured.

#pragma once

#include <array>
#include <charconv>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace peer {

/// A line of a case: its fields, which tabs separate.
using fields = std::vector<std::string>;
using lines = std::vector<fields>;

/// CRC-32 as zlib has it.
inline std::uint32_t crc32(std::uint32_t crc, std::string_view bytes) {
    static const std::array<std::uint32_t, 256> table = [] {
        std::array<std::uint32_t, 256> entries{};
        for (std::uint32_t i = 0; i != 256; ++i) {
            entries[i] = i;
            for (int bit = 0; bit != 8; ++bit) {
                entries[i] = (entries[i] >> 1) ^ ((entries[i] & 1) != 0 ? 0xedb88320U : 0);
            }
        }
        return entries;
    }();
    crc = ~crc;
    for (const char c : bytes) {
        crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xff];
    }
    return ~crc;
}

inline std::string to_json(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20) {
            std::array<char, 8> code{};
            std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(c));
            out += code.data();
        } else {
            out += c == '"' || c == '\\' ? "\\" : "";
            out += c;
        }
    }
    return out + '"';
}
inline std::string to_json(const std::string& text) { return to_json(std::string_view(text)); }
inline std::string to_json(bool value) { return value ? "true" : "false"; }
inline std::string to_json(std::integral auto value) { return std::to_string(value); }
inline std::string to_json(double value) {
    std::array<char, 64> out{};
    return {out.data(), std::to_chars(out.data(), out.data() + out.size(), value).ptr};
}

/// A long list as the number of elements, of bytes, and the CRC-32 of all, each with a line feed.
inline std::string to_json(const std::vector<std::string>& list) {
    if (list.size() > 100) {
        std::size_t bytes = 0;
        std::uint32_t crc = 0;
        for (const std::string& text : list) {
            bytes += text.size();
            crc = crc32(crc32(crc, text), "\n");
        }
        std::string out = "[";
        out += std::to_string(list.size());
        out += ',';
        out += std::to_string(bytes);
        out += ',';
        out += std::to_string(crc);
        out += ']';
        return out;
    }
    std::string out;
    for (const std::string& text : list) {
        out += out.empty() ? '[' : ',';
        out += to_json(text);
    }
    return out.empty() ? "[]" : out + ']';
}

/// What one contestant does for one function.
struct entry {
    std::string contestant;
    std::string function;
    /// Returns the nanoseconds of so many calls, with one line after the other.
    std::function<std::int64_t(const lines&, std::size_t)> time;
    /// Returns the answers to all lines as JSON.
    std::function<std::string(const lines&)> answer;
};

inline std::vector<entry>& entries() {
    static std::vector<entry> all;
    return all;
}

template <class T>
void keep(const T& value) {
    asm volatile("" : : "g"(&value) : "memory");
}

template <class Input, class Call>
void add(const char* contestant, const char* function, Input input, Call call) {
    const auto inputs_of = [=](const lines& all) {
        std::vector<decltype(input(all.front()))> inputs;
        inputs.reserve(all.size());
        for (const fields& line : all) {
            inputs.push_back(input(line));
        }
        return inputs;
    };
    entries().push_back(
        {contestant, function,
         [=](const lines& all, std::size_t calls) {
             const auto inputs = inputs_of(all);
             const std::size_t size = inputs.size();
             const auto begin = std::chrono::steady_clock::now();
             for (std::size_t i = 0, at = 0; i != calls; ++i) {
                 keep(call(inputs[at]));
                 at = at + 1 == size ? 0 : at + 1;
             }
             return static_cast<std::int64_t>(
                 std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin).count());
         },
         [=](const lines& all) {
             std::string out;
             for (const auto& each : inputs_of(all)) {
                 out += out.empty() ? '[' : ',';
                 out += to_json(call(each));
             }
             return out + ']';
         }});
}

// Inputs: of nothing, a text, a whole number, a process id ("self" is this process's).

struct nothing {};

inline nothing none(const fields&) { return {}; }
inline std::string text(const fields& line) { return line.at(0); }
inline std::int64_t number(const fields& line) { return std::stoll(line.at(0)); }
std::int64_t pid(const fields& line);

/// Calls `add_all` before main().
struct registration {
    explicit registration(void (*add_all)()) { add_all(); }
};

}  // namespace peer
