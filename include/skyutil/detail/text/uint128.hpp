// SPDX-License-Identifier: MIT
//
// detail/text/uint128.hpp: 64 x 64 -> 128 bit arithmetic that also runs at compile time and on
// compilers without a 128-bit integer.

#pragma once

#include <skyutil/version.hpp>

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

#if defined(SKYUTIL_HAS_INT128)
__extension__ typedef __int128 native_int128;
__extension__ typedef unsigned __int128 native_uint128;
#else
using native_int128 = std::int64_t;  // the widest there is
using native_uint128 = std::uint64_t;
#endif

/// An unsigned integer: also the compiler's 128-bit one, which std::unsigned_integral does not
/// accept in strict ISO mode.
template <class T>
concept unsigned_integer = std::unsigned_integral<T> || std::same_as<T, native_uint128>;

/// An integer, signed or unsigned: also the compiler's 128-bit ones.
template <class T>
concept any_integer =
    std::integral<T> || std::same_as<T, native_int128> || std::same_as<T, native_uint128>;

/// A type that is neither a number nor a class: enumerations, pointers, integers that the standard
/// library does not know.
template <class T>
concept no_number =
    !any_integer<T> && !std::floating_point<T> && !std::is_class_v<T> && !std::is_union_v<T>;

/// An unsigned type that holds the magnitude of any integer of type T.
template <class T>
using magnitude_t =
    std::conditional_t<(sizeof(T) > sizeof(std::uint64_t)), native_uint128, std::uint64_t>;

struct uint128 {
    std::uint64_t high;
    std::uint64_t low;
};

SKYUTIL_WRAPS constexpr uint128 multiply(std::uint64_t a, std::uint64_t b) noexcept {
#if defined(SKYUTIL_HAS_INT128)
    const native_uint128 product = static_cast<native_uint128>(a) * b;
    return {static_cast<std::uint64_t>(product >> 64), static_cast<std::uint64_t>(product)};
#else
    constexpr std::uint64_t mask = 0xffff'ffff;
    const std::uint64_t low = (a & mask) * (b & mask);
    const std::uint64_t cross = (a >> 32) * (b & mask) + (low >> 32);
    const std::uint64_t other = (a & mask) * (b >> 32) + (cross & mask);
    return {(a >> 32) * (b >> 32) + (cross >> 32) + (other >> 32), (other << 32) | (low & mask)};
#endif
}

SKYUTIL_WRAPS constexpr uint128 add(uint128 a, uint128 b) noexcept {
    const std::uint64_t low = a.low + b.low;
    return {a.high + b.high + (low < a.low ? 1U : 0U), low};
}

/// Returns a >> count for any count.
SKYUTIL_WRAPS constexpr uint128 shift_right(uint128 a, unsigned count) noexcept {
    if (count >= 128) {
        return {0, 0};
    }
    if (count >= 64) {
        return {0, a.high >> (count - 64)};
    }
    if (count == 0) {
        return a;
    }
    return {a.high >> count, (a.low >> count) | (a.high << (64 - count))};
}

/// Returns a << count for any count; bits above 128 are lost.
SKYUTIL_WRAPS constexpr uint128 shift_left(uint128 a, unsigned count) noexcept {
    if (count >= 128) {
        return {0, 0};
    }
    if (count >= 64) {
        return {a.low << (count - 64), 0};
    }
    if (count == 0) {
        return a;
    }
    return {(a.high << count) | (a.low >> (64 - count)), a.low << count};
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
