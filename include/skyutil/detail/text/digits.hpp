// SPDX-License-Identifier: MIT
//
// detail/text/digits.hpp: digits of a base up to 36, two at a time.

#pragma once

#include <skyutil/detail/base/cast.hpp>
#include <skyutil/detail/text/uint128.hpp>
#include <skyutil/version.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

SKYUTIL_OWN inline constexpr std::string_view digit_characters =
    "0123456789abcdefghijklmnopqrstuvwxyz";

/// The value of each character as a base-36 digit in either case; -1 for other characters.
SKYUTIL_OWN inline constexpr auto digit_values = [] {
    std::array<signed char, 256> table{};
    table.fill(-1);
    for (std::size_t i = 0; i < digit_characters.size(); ++i) {
        const auto c = static_cast<unsigned char>(digit_characters[i]);
        table[c] = static_cast<signed char>(i);
        if (i >= 10) {
            table[c - std::size_t{'a' - 'A'}] = static_cast<signed char>(i);
        }
    }
    return table;
}();

constexpr int digit_value(char c) noexcept { return digit_values[static_cast<unsigned char>(c)]; }

template <unsigned Base>
consteval std::uint64_t power(unsigned exponent) {
    std::uint64_t result = 1;
    while (exponent-- != 0) {
        result *= Base;
    }
    return result;
}

/// Writes the digits of unsigned integers from the last to the first: every function takes the end
/// of the text and returns its begin.
template <unsigned Base>
struct digit_writer {
    static constexpr unsigned pair = Base * Base;

    SKYUTIL_OWN static constexpr auto pairs = [] {
        std::array<char, 2 * pair> table{};
        for (std::size_t i = 0; i < pair; ++i) {
            table[2 * i] = digit_characters[i / Base];
            table[2 * i + 1] = digit_characters[i % Base];
        }
        return table;
    }();

    /// Writes two digits of a value below `pair`.
    static constexpr char* write_pair(char* end, std::size_t value) noexcept {
        *--end = pairs[2 * value + 1];
        *--end = pairs[2 * value];
        return end;
    }

    /// Writes no leading zeros, so nothing for zero.
    static constexpr char* write(char* end, std::uint64_t value) noexcept {
        while (value >= pair) {
            end = write_pair(end, cast_to<std::size_t>(value % pair));
            value /= pair;
        }
        if (value >= Base) {
            return write_pair(end, cast_to<std::size_t>(value));
        }
        if (value != 0) {
            *--end = digit_characters[cast_to<std::size_t>(value)];
        }
        return end;
    }

    /// Writes Count digits, an even number. The halves do not wait for each other.
    template <unsigned Count>
    static constexpr char* write_padded(char* end, std::uint64_t value) noexcept {
        if constexpr (Count == 2) {
            return write_pair(end, cast_to<std::size_t>(value));
        } else {
            constexpr unsigned low = Count / 4 * 2;
            end = write_padded<low>(end, value % power<Base>(low));
            return write_padded<Count - low>(end, value / power<Base>(low));
        }
    }
};

/// Writes the digits of an unsigned integer of any width so that they end at `end`, and returns
/// their start; none for zero.
template <unsigned Base, class T>
constexpr char* write_integer(char* end, T value) noexcept {
    if constexpr (sizeof(T) > sizeof(std::uint64_t)) {
        constexpr unsigned digits = 12;
        constexpr std::uint64_t step = power<Base>(digits);
        for (; value >= step; value /= step) {
            end = digit_writer<Base>::template write_padded<digits>(
                end, static_cast<std::uint64_t>(value % step));
        }
    }
    return digit_writer<Base>::write(end, static_cast<std::uint64_t>(value));
}

/// Returns the decimal digits of an integer of any width.
template <any_integer T>
constexpr std::string decimal_digits(T x) {
    std::array<char, 40> buffer{};  // 39 digits hold 128 bits, and a sign
    char* const end = buffer.data() + buffer.size();
    const bool negative = x < T{0};
    const auto value = static_cast<magnitude_t<T>>(x);
    char* begin = write_integer<10>(end, negative ? ~value + 1 : value);
    if (begin == end) {
        *--begin = '0';
    }
    if (negative) {
        *--begin = '-';
    }
    return std::string(begin, end);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
