// SPDX-License-Identifier: MIT
//
// detail/text/hex_text.hpp: reads hexadecimal text of any length, without allocating, into a row of
// 64-bit limbs, least significant first.

#pragma once

#include <skyutil/detail/base/bytes.hpp>
#include <skyutil/detail/text/digits.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

constexpr bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

constexpr bool is_hex_digit(char c) noexcept {
    const int value = digit_value(c);
    return value >= 0 && value < 16;
}

/// A hexadecimal number as text: white space, sign, prefix and leading zeros are gone.
struct hex_text {
    std::string_view body;  // first significant digit to last digit; empty for zero
    std::size_t digits;     // in the body, without its underscores
    std::size_t error;      // no_error, or the offset of the first character that is wrong

    static constexpr std::size_t no_error = static_cast<std::size_t>(-1);
};

/// Returns the value of eight hexadecimal digits; sets bits of `bad` when a character is not one.
SKYUTIL_WRAPS constexpr std::uint64_t parse_eight_hex(const char* text,
                                                      std::uint64_t& bad) noexcept {
    const std::uint64_t bytes = load_little_endian(text);
    const std::uint64_t digit = bytes ^ (every_byte * 0x30);  // 0..9 for a digit
    const std::uint64_t letter =
        (bytes | (every_byte * 0x20)) ^ (every_byte * 0x60);  // 1..6 for a letter
    const std::uint64_t no_digit = digit + every_byte * 0x76;
    const std::uint64_t no_letter = (letter + every_byte * 0x79) | ~(letter + every_byte * 0x7f);
    bad |= (bytes | (no_digit & no_letter)) & (every_byte * 0x80);
    std::uint64_t value = (bytes & (every_byte * 0x0f)) + ((bytes >> 6) & every_byte) * 9;
    value = ((value << 4) | (value >> 8)) & 0x00ff'00ff'00ff'00ff;
    value = ((value << 8) | (value >> 16)) & 0x0000'ffff'0000'ffff;
    return (value << 16 | value >> 32) & 0xffff'ffff;
}

constexpr bool is_eight_hex(const char* text) noexcept {
    std::uint64_t bad = 0;
    static_cast<void>(parse_eight_hex(text, bad));
    return bad == 0;
}

constexpr std::uint64_t parse_sixteen_hex(const char* text, std::uint64_t& bad) noexcept {
    const std::uint64_t high = parse_eight_hex(text, bad);
    return (high << 32) | parse_eight_hex(text + 8, bad);
}

/// Reads what Python's int(text, 16) accepts in ASCII, except a minus sign.
constexpr hex_text parse_hex(std::string_view text) noexcept {
    std::size_t first = 0;
    std::size_t last = text.size();
    while (first < last && is_space(text[first])) {
        ++first;
    }
    while (last > first && is_space(text[last - 1])) {
        --last;
    }
    if (first < last && text[first] == '+') {
        ++first;
    }
    bool after_digit = false;  // or after the prefix: an underscore may follow
    if (last - first >= 2 && text[first] == '0' &&
        (text[first + 1] == 'x' || text[first + 1] == 'X')) {
        first += 2;
        after_digit = true;
    }
    std::size_t begin = last;  // of the body
    std::size_t digits = 0;
    std::size_t at = first;
    const auto skip_zeros = [&] {
        while (digits == 0 && at < last && text[at] == '0') {
            after_digit = true;
            ++at;
        }
    };
    skip_zeros();
    while (at < last) {
        if (last - at >= 8 && is_eight_hex(text.data() + at)) {
            if (digits == 0) {
                begin = at;
            }
            digits += 8;
            at += 8;
            after_digit = true;
            continue;
        }
        if (text[at] == '_') {
            if (!after_digit || at + 1 == last) {
                return {{}, 0, at};
            }
            after_digit = false;
            ++at;
            skip_zeros();
            continue;
        }
        if (!is_hex_digit(text[at])) {
            return {{}, 0, at};
        }
        if (digits == 0) {
            begin = at;
        }
        ++digits;
        ++at;
        after_digit = true;
    }
    if (at == first || !after_digit) {
        return {{}, 0, last};
    }
    return {text.substr(begin, last - begin), digits, hex_text::no_error};
}

constexpr std::size_t hex_digits_per_limb = 16;

constexpr std::size_t limb_count(std::size_t hex_digits) noexcept {
    return hex_digits / hex_digits_per_limb + (hex_digits % hex_digits_per_limb != 0 ? 1 : 0);
}

/// Limbs of eight characters each: a long number is kept at the low end of the same buffer that its
/// digits are written to, from the high end.
struct packed_limbs {
    char* data;

    constexpr std::uint64_t load(std::size_t i) const noexcept {
        return load_little_endian(data + 8 * i);
    }
    constexpr void store(std::size_t i, std::uint64_t value) const noexcept {
        store_little_endian(data + 8 * i, value);
    }
};

/// Stores a number of one digit or more. Returns false when a character is not a digit; what is
/// stored then is unspecified.
SKYUTIL_WRAPS constexpr bool load_digits(std::string_view digits, packed_limbs limbs) noexcept {
    const char* const begin = digits.data();
    const char* end = begin + digits.size();
    std::uint64_t bad = 0;
    std::size_t i = 0;
    for (; end - begin >= 16; ++i, end -= 16) {
        limbs.store(i, parse_sixteen_hex(end - 16, bad));
    }
    if (end == begin) {
        return bad == 0;
    }
    if (digits.size() >= 16) {  // the rest, less than a limb, is part of a limb read at the start
        limbs.store(i, parse_sixteen_hex(begin, bad) >> (64 - 4 * (end - begin)));
        return bad == 0;
    }
    const char* at = begin;
    std::uint64_t limb = 0;
    if (end - at >= 8) {
        limb = parse_eight_hex(at, bad);
        at += 8;
    }
    for (; at != end; ++at) {
        const int digit = digit_value(*at);
        bad |= digit < 0 || digit > 15 ? 1U : 0U;
        limb = (limb << 4) | static_cast<std::uint64_t>(digit);
    }
    limbs.store(i, limb);
    return bad == 0;
}

/// Stores a parsed number that is not zero.
constexpr void load_hex(const hex_text& hex, packed_limbs limbs) noexcept {
    if (hex.digits == hex.body.size()) {
        load_digits(hex.body, limbs);
        return;
    }
    const char* const begin = hex.body.data();
    const char* end = begin + hex.body.size();
    for (std::size_t i = 0; end != begin; ++i) {
        std::uint64_t limb = 0;
        for (unsigned shift = 0; shift < 64 && end != begin;) {
            if (*--end != '_') {
                limb |= static_cast<std::uint64_t>(digit_value(*end)) << shift;
                shift += 4;
            }
        }
        limbs.store(i, limb);
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
