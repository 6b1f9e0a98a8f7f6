// SPDX-License-Identifier: MIT
//
// detail/text/parse_decimal.hpp: the double that a decimal number is nearest to, by integers alone:
// some libraries have no std::from_chars for it, and no mode of the compiler or the processor
// (-ffast-math) changes what it says.

#pragma once

#include <skyutil/detail/base/compiler.hpp>
#include <skyutil/detail/text/double_parts.hpp>
#include <skyutil/detail/text/wide_integer.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

constexpr void multiply_and_add(std::uint64_t& value, std::uint32_t factor,
                                std::uint32_t summand) noexcept {
    value = value * factor + summand;
}
constexpr void multiply_and_add(wide_integer& value, std::uint32_t factor,
                                std::uint32_t summand) noexcept {
    value.multiply_by(factor, summand);
}

/// Returns the double nearest to mantissa * 2^exponent, and if two are, the even one; nullopt where
/// that is zero or not finite. The mantissa has 63 bits or more; `more`: the number is a little
/// larger.
constexpr std::optional<double> nearest_double(std::uint64_t mantissa, int exponent,
                                               bool more) noexcept {
    constexpr int lowest = -1074;  // the exponents of whole mantissas
    constexpr int highest = 971;
    const int dropped = (std::max)(width_of(mantissa) - (fraction_bits + 1), lowest - exponent);
    if (dropped > 64) {
        return std::nullopt;
    }
    const std::uint64_t half = std::uint64_t{1} << (dropped - 1);
    std::uint64_t kept = dropped == 64 ? 0 : mantissa >> dropped;
    const std::uint64_t rest = dropped == 64 ? mantissa : mantissa & (half + (half - 1));
    if (rest > half || (rest == half && (more || kept % 2 == 1))) {
        ++kept;
    }
    exponent += dropped;
    if (width_of(kept) > fraction_bits + 1) {
        kept >>= 1;
        ++exponent;
    }
    if (kept == 0 || exponent > highest) {
        return std::nullopt;
    }
    if (width_of(kept) <= fraction_bits) {  // subnormal
        return std::bit_cast<double>(kept);
    }
    return join({false, true, false, kept, exponent});
}

/// The same for digits * 10^exponent. An Integer has room for the digits and, if the exponent is
/// negative, for that power of five, otherwise for the product of the two, and for one bit more.
template <class Integer>
constexpr std::optional<double> nearest_double(std::string_view digits, int exponent,
                                               bool more) noexcept {
    Integer number(0U);
    for (const char c : digits) {
        if (c != '.') {
            multiply_and_add(number, 10, static_cast<std::uint32_t>(c - '0'));
        }
    }
    Integer divisor(1U);
    for (int i = 0; i != exponent; i += exponent < 0 ? -1 : 1) {
        multiply_and_add(exponent < 0 ? divisor : number, 5, 0);
    }
    const int shift = width_of(number) - width_of(divisor);
    (shift > 0 ? divisor : number) <<= static_cast<unsigned>(shift > 0 ? shift : -shift);
    std::uint64_t quotient = 0;
    for (int i = 0; i != 64; ++i) {
        quotient <<= 1;
        if (number >= divisor) {
            number -= divisor;
            quotient |= 1;
        }
        number <<= 1U;
    }
    return nearest_double(quotient, exponent + shift - 63, more || width_of(number) != 0);
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
constexpr std::optional<double> parse_decimal(std::string_view text) noexcept {
    constexpr std::size_t none = std::string_view::npos;
    const std::string_view number = text.substr(0, text.find_first_not_of("0123456789."));
    const std::size_t point = (std::min)(number.find('.'), number.size());
    const auto written = parse_exponent(text.substr(number.size()));
    if (!written || number.find('.', point + 1) != none ||
        number.find_first_of("0123456789") == none) {
        return std::nullopt;
    }
    const std::size_t first = number.find_first_not_of("0.");
    if (first == none) {
        return 0.0;
    }
    std::string_view digits = number.substr(first, number.find_last_not_of("0.") + 1 - first);
    // The number is 0.digits * 10^magnitude.
    const std::int64_t magnitude = *written + static_cast<std::int64_t>(point) -
                                   static_cast<std::int64_t>(first) + (first < point ? 0 : 1);
    if (magnitude > 310 || magnitude < -330) {
        return std::nullopt;
    }
    constexpr std::size_t most =
        769;  // no number in the middle of two doubles has more, nor a point
    const bool more = digits.size() > most;
    digits = digits.substr(0, most);
    const std::size_t count = digits.size() - (digits.find('.') == none ? 0 : 1);
    const int exponent = static_cast<int>(magnitude) - static_cast<int>(count);
    const bool narrow = count <= 18 && exponent >= -27 && static_cast<int>(count) + exponent <= 18;
    return narrow ? nearest_double<std::uint64_t>(digits, exponent, more)
                  : nearest_double<wide_integer>(digits, exponent, more);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
