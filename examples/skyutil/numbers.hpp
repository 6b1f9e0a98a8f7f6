// SPDX-License-Identifier: MIT
//
// numbers.hpp: numbers and times as every command takes them. What is no such number is an
// std::invalid_argument that names the option, the value and what is allowed.

#pragma once

#include "command_line.hpp"

#include <chrono>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>

namespace program {

using seconds = std::chrono::duration<double>;

namespace detail {
std::int64_t to_signed(const argument& value, std::int64_t least, std::int64_t most);
std::uint64_t to_unsigned(const argument& value, std::uint64_t least, std::uint64_t most);
}  // namespace detail

/// Returns the whole number that the value is in decimal: "010" is ten. There is no sign but "-"
/// where negative numbers are allowed.
template <std::integral T>
[[nodiscard]] T to_number(const argument& value, T least = (std::numeric_limits<T>::min)(),
                          T most = (std::numeric_limits<T>::max)()) {
    if constexpr (std::signed_integral<T>) {
        return static_cast<T>(detail::to_signed(value, least, most));
    } else {
        return static_cast<T>(detail::to_unsigned(value, least, most));
    }
}

/// Returns the time that the value is as sleep(1) takes it: a decimal number of seconds, or of the
/// unit after it: s, m, h or d. From 0 to 1e9 seconds.
[[nodiscard]] seconds to_time(const argument& value);

}  // namespace program
