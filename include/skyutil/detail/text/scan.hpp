// SPDX-License-Identifier: MIT
//
// detail/text/scan.hpp: takes the texts of /proc and /sys apart: fields, lines, decimal numbers. No
// input or output here.

#pragma once

#include <skyutil/version.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Removes the text up to the next separator from the front and returns it, without the separator;
/// all of the text where there is no separator.
constexpr std::string_view take_until(std::string_view& text, char separator) noexcept {
    const std::size_t end = text.find(separator);
    const std::string_view front = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return front;
}

/// Returns the text without the white space around it.
constexpr std::string_view trim(std::string_view text) noexcept {
    constexpr std::string_view white = " \t\r\n\v\f";
    const std::size_t first = text.find_first_not_of(white);
    return first == std::string_view::npos
               ? std::string_view()
               : text.substr(first, text.find_last_not_of(white) - first + 1);
}

/// Returns the number that the whole text is, up to 2^64 - 1: decimal digits as the kernel writes
/// them, without leading zeros. nullopt for any other text.
constexpr std::optional<std::uint64_t> parse_unsigned(std::string_view text) noexcept {
    constexpr std::uint64_t highest = (std::numeric_limits<std::uint64_t>::max)();
    if (text.empty() || (text.front() == '0' && text.size() != 1)) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (value > (highest - digit) / 10) {
            return std::nullopt;
        }
        value = value * 10 + digit;
    }
    return value;
}

/// Returns the text of a file with one line, without the end of the line.
constexpr std::string_view only_line(std::string_view text) noexcept {
    text.remove_suffix(text.ends_with('\n') ? 1 : 0);
    return text;
}

/// Returns whether a list that is separated by commas has this item.
constexpr bool list_contains(std::string_view list, std::string_view item) noexcept {
    while (!list.empty()) {
        if (take_until(list, ',') == item) {
            return true;
        }
    }
    return false;
}

/// Returns the rest of the first line that starts with this name. Between the two is either one
/// space, "hierarchical_memory_limit 1073741824", or a colon and the blanks that align a column,
/// "MemTotal:       16 kB". Empty where no line has the name.
constexpr std::string_view find_value(std::string_view text, std::string_view name) noexcept {
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        if (!line.starts_with(name) || line.size() == name.size()) {
            continue;
        }
        const char separator = line[name.size()];
        if (separator == ' ' || separator == ':') {
            line.remove_prefix(name.size() + 1);
            const std::size_t blanks = line.find_first_not_of(" \t");
            return separator == ' ' ? line : line.substr((std::min)(blanks, line.size()));
        }
    }
    return {};
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
