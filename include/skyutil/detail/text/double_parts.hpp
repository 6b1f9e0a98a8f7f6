// SPDX-License-Identifier: MIT
//
// detail/text/double_parts.hpp: the sign, the exponent and the mantissa of floating-point numbers.

#pragma once

#include <skyutil/version.hpp>

#include <bit>
#include <cstdint>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// |x| = mantissa * 2^exponent.
struct double_parts {
    bool negative;
    bool finite;
    bool nan;
    std::uint64_t mantissa;
    int exponent;
};

inline constexpr int fraction_bits = 52;  // of a double

/// std::bit_width(), which returns an unsigned number in some libraries.
constexpr int width_of(std::uint64_t value) noexcept { return 64 - std::countl_zero(value); }

/// Splits a number in a format of IEC 60559, which has so many bits of fraction and of exponent.
template <int FractionBits, int ExponentBits>
constexpr double_parts split_bits(std::uint64_t bits) noexcept {
    constexpr int special = (1 << ExponentBits) - 1;
    constexpr int lowest = 2 - (1 << (ExponentBits - 1)) - FractionBits;  // exponent of subnormals
    constexpr std::uint64_t hidden = std::uint64_t{1} << FractionBits;
    const int biased = static_cast<int>(bits >> FractionBits) & special;
    const std::uint64_t fraction = bits & (hidden - 1);
    const bool negative = ((bits >> (FractionBits + ExponentBits)) & 1) != 0;
    if (biased == special) {
        return {negative, false, fraction != 0, 0, 0};
    }
    if (biased == 0) {
        return {negative, true, false, fraction, lowest};
    }
    return {negative, true, false, fraction | hidden, biased - 1 + lowest};
}

constexpr double_parts split(double x) noexcept {
    return split_bits<fraction_bits, 11>(std::bit_cast<std::uint64_t>(x));
}
constexpr double_parts split(float x) noexcept {
    return split_bits<23, 8>(std::bit_cast<std::uint32_t>(x));
}

/// Whether the number is zero or, as a double, subnormal.
constexpr bool is_subnormal(const double_parts& x) noexcept {
    return x.exponent + width_of(x.mantissa) <= -1022;
}

/// Returns the double that parts make. It must be finite and not subnormal.
constexpr double join(const double_parts& x) noexcept {
    const int shift = std::countl_zero(x.mantissa) - (63 - fraction_bits);  // 0 unless of a float
    const std::uint64_t fraction =
        (x.mantissa << shift) & ((std::uint64_t{1} << fraction_bits) - 1);
    const int above_least = x.exponent - shift + 1075;
    const auto biased = static_cast<std::uint64_t>(above_least);
    return std::bit_cast<double>((std::uint64_t{x.negative} << 63) | (biased << fraction_bits) |
                                 fraction);
}

/// "inf", "-inf" or "nan".
constexpr std::string_view name_of(const double_parts& x) noexcept {
    return x.nan ? "nan" : x.negative ? "-inf" : "inf";
}

constexpr bool is_whole(const double_parts& x) noexcept {
    return x.exponent >= 0 || x.mantissa == 0 || std::countr_zero(x.mantissa) >= -x.exponent;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
