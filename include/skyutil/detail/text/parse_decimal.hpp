// SPDX-License-Identifier: MIT
//
// detail/text/parse_decimal.hpp: the double that a decimal number is nearest to, by integers alone:
// some libraries have no std::from_chars for it, and no mode of the compiler or the processor
// (-ffast-math) changes what it says.

#pragma once

#include <skyutil/version.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

inline constexpr std::uint64_t bits_of_infinity = 0x7ff0'0000'0000'0000;

/// Returns the double nearest to mantissa * 2^exponent, and if two are, the even one; nullopt where
/// that is zero or not finite. The mantissa has 62 or 63 bits; `more`: the number is a little
/// larger.
constexpr std::optional<double> nearest_double(std::uint64_t mantissa, int exponent,
                                               bool more) noexcept {
    constexpr int lowest = -1074;
    const int dropped = (std::max)(11 - std::countl_zero(mantissa), lowest - exponent);
    if (dropped > 63) {
        return std::nullopt;
    }
    const std::uint64_t half = std::uint64_t{1} << (dropped - 1);
    const std::uint64_t rest = mantissa & (2 * half - 1);
    std::uint64_t kept = mantissa >> dropped;
    kept += rest > half || (rest == half && (more || kept % 2 == 1)) ? 1 : 0;
    // The highest bit of what is kept is not written: it counts one up in the exponent.
    const int biased = (std::min)(exponent + dropped - lowest, 2046);
    const std::uint64_t bits = (static_cast<std::uint64_t>(biased) << 52) + kept;
    return bits == 0 || bits >= bits_of_infinity ? std::nullopt
                                                 : std::optional(std::bit_cast<double>(bits));
}

/// Returns the double nearest to number * 10^exponent, for a number from 1 up to 10^18 and an
/// exponent from -27 on with which the product has no more than 18 digits. With other exponents it
/// is within three units in the last place.
constexpr std::optional<double> nearest_double_of_decimal(std::uint64_t number, int exponent,
                                                          bool more) noexcept {
    int binary = exponent;  // 10^n is 5^n * 2^n
    for (; exponent > 0 || exponent < -27; exponent += exponent > 0 ? -1 : 1) {
        const int room = std::countl_zero(number);
        number <<= room;
        binary -= room;
        if (exponent > 0) {
            more = more || number % 8 != 0;
            number = number / 8 * 5;
            binary += 3;
        } else {
            more = more || number % 5 != 0;
            number /= 5;
        }
    }
    std::uint64_t divisor = 1;  // 5^27 has 63 bits
    for (; exponent < 0; ++exponent) {
        divisor *= 5;
    }
    const int shift = std::countl_zero(divisor) - std::countl_zero(number);
    (shift > 0 ? divisor : number) <<= shift > 0 ? shift : -shift;
    std::uint64_t quotient = 0;
    for (int i = 0; i != 63; ++i) {
        quotient <<= 1;
        if (number >= divisor) {
            number -= divisor;
            quotient |= 1;
        }
        number <<= 1;
    }
    return nearest_double(quotient, binary + shift - 62, more || number != 0);
}

/// Returns the exponent that the text "e[+|-]digits" gives, within two billion, 0 for no text.
constexpr std::optional<std::int64_t> parse_exponent(std::string_view text) noexcept {
    constexpr std::int64_t most = 2'000'000'000;
    if (text.empty()) {
        return 0;
    }
    if (text.front() != 'e' && text.front() != 'E') {
        return std::nullopt;
    }
    text.remove_prefix(1);
    const bool negative = text.starts_with('-');
    text.remove_prefix(negative || text.starts_with('+') ? 1 : 0);
    if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) {
        return std::nullopt;
    }
    std::int64_t exponent = 0;
    for (const char c : text) {
        exponent = (std::min)(exponent * 10 + (c - '0'), most);
    }
    return negative ? -exponent : exponent;
}

/// Returns the double nearest to the number that the whole text is: digits, a point among them or
/// not, an exponent or not. nullopt for any other text, and where that double is not finite, or
/// zero though the number is not.
///
/// Of more than 18 digits, and of a number from 10^18 on or with more than 27 places behind the
/// point, it is within three units in the last place.
constexpr std::optional<double> parse_decimal(std::string_view text) noexcept {
    constexpr std::size_t none = std::string_view::npos;
    const std::string_view digits = text.substr(0, text.find_first_not_of("0123456789."));
    const std::size_t point = (std::min)(digits.find('.'), digits.size());
    const auto written = parse_exponent(text.substr(digits.size()));
    if (!written || digits.find('.', point + 1) != none ||
        digits.find_first_of("0123456789") == none) {
        return std::nullopt;
    }
    std::uint64_t number = 0;
    bool more = false;
    std::int64_t exponent = *written;
    const std::size_t end = digits.find_last_not_of("0.") + 1;  // 0 for zero
    for (std::size_t i = 0; i != end; ++i) {
        constexpr std::uint64_t most = 100'000'000'000'000'000;  // to which a digit is added
        const bool counts = number < most;
        if (digits[i] != '.') {
            more = more || (!counts && digits[i] != '0');
            number = counts ? number * 10 + static_cast<std::uint64_t>(digits[i] - '0') : number;
            exponent += (counts ? 0 : 1) - (i > point ? 1 : 0);
        }
    }
    exponent += end < point ? static_cast<std::int64_t>(point - end) : 0;
    return number == 0 ? std::optional(0.0)
           : exponent > 310 || exponent < -350
               ? std::nullopt
               : nearest_double_of_decimal(number, static_cast<int>(exponent), more);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
