// SPDX-License-Identifier: MIT
//
// detail/text/decimal.hpp: a double in fixed decimal notation, correctly rounded from its exact
// value.
//
// A double is m * 2^e, so m * 10^precision / 2^-e, rounded half to even, is the result as one
// integer. Where that fits 64 bits, it takes one multiplication and a shift. Other numbers are
// printed by std::to_chars or, at compile time, where that cannot be called, by a wide integer.
//
// Doubles are never calculated with: a processor can be told to take subnormal ones for zero (x86's
// DAZ and FTZ, which -ffast-math sets for a whole program). So std::to_chars is not given those.

#pragma once

#include <skyutil/detail/base/cast.hpp>
#include <skyutil/detail/text/digits.hpp>
#include <skyutil/detail/text/double_parts.hpp>
#include <skyutil/detail/text/text_error.hpp>
#include <skyutil/detail/text/uint128.hpp>
#include <skyutil/detail/text/utf8.hpp>
#include <skyutil/detail/text/wide_integer.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Returns |x| * 10^precision, rounded half to even, if both that and 10^precision fit 64 bits.
SKYUTIL_WRAPS constexpr std::optional<std::uint64_t> scaled(const double_parts& x,
                                                            int precision) noexcept {
    constexpr auto powers = [] {
        std::array<std::uint64_t, 20> table{1};
        for (std::size_t i = 1; i < table.size(); ++i) {
            table[i] = table[i - 1] * 10;
        }
        return table;
    }();
    if (precision >= static_cast<int>(powers.size())) {
        return std::nullopt;
    }
    const uint128 product = multiply(x.mantissa, powers[static_cast<std::size_t>(precision)]);
    if (x.exponent >= 0) {
        const auto shift = static_cast<unsigned>(x.exponent);
        if (product.high != 0 || shift >= 64 || (product.low << shift) >> shift != product.low) {
            return std::nullopt;
        }
        return product.low << shift;
    }
    const auto shift = static_cast<unsigned>(-x.exponent);
    const uint128 quotient = shift_right(product, shift);
    if (quotient.high != 0 || quotient.low == ~std::uint64_t{0}) {
        return std::nullopt;
    }
    // The discarded bits, moved to the top: one half is the top bit alone.
    const uint128 rest =
        shift >= 128 ? uint128{0, product.high | product.low} : shift_left(product, 128 - shift);
    constexpr std::uint64_t half = std::uint64_t{1} << 63;
    const bool tie = rest.high == half && rest.low == 0;
    const bool up = tie ? (quotient.low & 1) != 0 : rest.high >= half;
    return quotient.low + (up ? 1 : 0);
}

/// Writes `value` / 10^precision with exactly `precision` digits after the point so that it ends at
/// `end`.
constexpr char* write_scaled(char* end, std::uint64_t value, int precision) noexcept {
    if (precision > 0) {
        for (; precision >= 2; precision -= 2) {
            end = decimal::write_pair(end, cast_to<std::size_t>(value % 100));
            value /= 100;
        }
        if (precision != 0) {
            *--end = static_cast<char>('0' + value % 10);
            value /= 10;
        }
        *--end = '.';
    }
    if (value == 0) {
        *--end = '0';
    }
    return decimal::write(end, value);
}

/// Returns the fixed notation of any finite value with any precision.
constexpr std::string format_fixed_wide(const double_parts& x, int precision) {
    const auto binary_places = x.exponent < 0 ? static_cast<unsigned>(-x.exponent) : 0U;
    // With as many digits as there are binary places the expansion is complete: zeros follow.
    const unsigned places = (std::min)(static_cast<unsigned>(precision), binary_places);
    wide_integer value(x.mantissa);
    if (x.exponent >= 0) {
        value <<= static_cast<unsigned>(x.exponent);
    } else {
        for (unsigned i = 0; i < places; ++i) {
            value.multiply_by(5);
        }
        value.shift_right_rounding(binary_places - places);
    }
    std::array<char, 800> buffer{};
    char* const end = buffer.data() + buffer.size();
    const char* const begin = value.write(end);
    const auto digits = static_cast<std::size_t>(end - begin);
    const std::size_t whole = digits > places ? digits - places : 0;

    std::string out;
    out.reserve(digits + static_cast<std::size_t>(precision) + 3);
    if (x.negative) {
        out += '-';
    }
    if (whole == 0) {
        out += '0';
    }
    out.append(begin, whole);
    if (precision > 0) {
        out += '.';
        out.append(places - (digits - whole), '0');
        out.append(begin + whole, digits - whole);
        out.append(static_cast<std::size_t>(precision) - places, '0');
    }
    return out;
}

/// Returns the fixed notation of a finite value, with exactly `precision` digits after the point.
constexpr std::string format_fixed(const double_parts& parts, int precision) {
    const std::optional<std::uint64_t> value = scaled(parts, precision);
    if (value) {
        std::array<char, 44> buffer;  // NOLINT(*-member-init): two times 20 digits, sign, point
        if (std::is_constant_evaluated()) {
            buffer.fill('0');
        }
        char* const end = buffer.data() + buffer.size();
        char* begin = write_scaled(end, *value, precision);
        if (parts.negative) {
            *--begin = '-';
        }
        return std::string(begin, end);
    }
    if (std::is_constant_evaluated() || is_subnormal(parts)) {
        return format_fixed_wide(parts, precision);
    }
    std::string out;
    out.resize(312 +
               static_cast<std::size_t>(precision));  // 309 digits before the point, sign, point
    const auto written = std::to_chars(out.data(), out.data() + out.size(), join(parts),
                                       std::chars_format::fixed, precision);
    out.resize(static_cast<std::size_t>(written.ptr - out.data()));
    return out;
}

/// Does what format_float() does.
constexpr std::string format_parts(const double_parts& x, int precision) {
    if (precision < 0) {
        throw_negative_precision("skyutil::format_float", precision);
    }
    if (!x.finite) {
        return to_string(name_of(x));
    }
    return format_fixed(x, is_whole(x) ? 0 : precision);
}

/// Returns the double nearest to x / 1000^thousands, ties to even. |x| is 1 or more, or `thousands`
/// is 0.
constexpr double_parts divide_by_thousands(const double_parts& x, int thousands) noexcept {
    if (thousands == 0) {
        return x;
    }
    // x with all 53 bits of a double, times 2^43 so that more of them are left, in limbs of 32
    // bits.
    constexpr int spare = 43;
    const int shift = std::countl_zero(x.mantissa) - (63 - fraction_bits);
    const std::uint64_t mantissa = x.mantissa << shift;
    std::array<std::uint64_t, 3> limbs{mantissa >> 21, (mantissa << 11) & 0xffff'ffff, 0};
    bool exact = true;
    for (int i = 0; i != thousands; ++i) {
        std::uint64_t remainder = 0;
        for (std::uint64_t& limb : limbs) {
            const std::uint64_t part = (remainder << 32) | limb;
            limb = part / 1000;
            remainder = part % 1000;
        }
        exact = exact && remainder == 0;
    }
    const uint128 quotient{limbs[0], (limbs[1] << 32) | limbs[2]};
    const int size = limbs[0] != 0 ? 64 + width_of(limbs[0]) : width_of(quotient.low);
    const int dropped = size - (fraction_bits + 1);
    const uint128 rest = shift_left(quotient, static_cast<unsigned>(128 - dropped));
    constexpr std::uint64_t half = std::uint64_t{1} << 63;
    std::uint64_t kept = shift_right(quotient, static_cast<unsigned>(dropped)).low;
    const bool tie = rest.high == half && rest.low == 0 && exact;
    kept += tie ? kept & 1 : rest.high >> 63;
    const int carried = static_cast<int>(kept >> (fraction_bits + 1));
    return {x.negative, true, false, kept >> carried,
            x.exponent - shift - spare + dropped + carried};
}

/// Does what format_compact() does.
constexpr std::string format_compact_parts(const double_parts& x, int precision) {
    if (precision < 0) {
        throw_negative_precision("skyutil::format_compact", precision);
    }
    if (!x.finite) {
        return to_string(name_of(x));
    }
    constexpr std::array<std::string_view, 5> suffixes{"", "K", "M", "B", "T"};
    constexpr int most = static_cast<int>(suffixes.size()) - 1;
    int thousands = 0;
    if (x.exponent + width_of(x.mantissa) > 40) {  // 2^40 > 1e12
        thousands = most;
    } else if (x.exponent > -64) {
        const std::uint64_t whole =
            x.exponent >= 0 ? x.mantissa << x.exponent : x.mantissa >> -x.exponent;
        for (std::uint64_t size = 1000; thousands != most && whole >= size; size *= 1000) {
            ++thousands;
        }
    }
    std::string out = format_fixed(divide_by_thousands(x, thousands), precision);
    const std::size_t digits = (std::min)(out.find('.'), out.size()) - (x.negative ? 1 : 0);
    if (digits > 3 && thousands != most) {
        ++thousands;
        out = format_fixed(divide_by_thousands(x, thousands), precision);
    }
    out += suffixes[static_cast<std::size_t>(thousands)];
    return out;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
