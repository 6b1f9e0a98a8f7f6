// SPDX-License-Identifier: MIT
//
// skyutil/strings.hpp: base 36, numbers and short titles as text, at compile time and at run time.
//
//     skyutil::base36_encode("deadbeef");           // "1ps9wxb"
//     skyutil::format_float(1234567.89, 1);         // "1234567.9"
//     skyutil::truncate_long_string(title, 35);     // cut between words, never inside a character
//
// Everything here is constexpr, depends on no locale, shares no state between threads and throws
// std::invalid_argument for malformed arguments (std::bad_alloc and std::length_error where memory
// ends).

#pragma once

#include <skyutil/detail/base/bytes.hpp>
#include <skyutil/detail/text/base36.hpp>
#include <skyutil/detail/text/decimal.hpp>
#include <skyutil/detail/text/long_base36.hpp>
#include <skyutil/detail/text/text_error.hpp>
#include <skyutil/detail/text/utf8.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// Writes the value of a hexadecimal text of any length to [first, last) in lower-case base 36,
/// without leading zeros and without a terminating NUL; ptr is one past the last digit. Allocates
/// nothing.
///
/// Accepted is what Python's int(text, 16) accepts in ASCII, but no minus sign: white space around
/// the number, one '+', a 0x or 0X prefix, digits of either case, single '_' between digits and
/// after the prefix. Malformed text: errc::invalid_argument, ptr == first. A buffer too short:
/// errc::value_too_large, ptr == last, contents unspecified.
///
/// Cost: the square of the length; base36_encode, which allocates, is faster from 60,000 digits
/// on.
constexpr std::to_chars_result base36_to_chars(char* first, char* last, std::string_view hex) {
    detail::hex_number number(hex);
    if (number.error() != detail::hex_text::no_error) {
        return {first, std::errc::invalid_argument};
    }
    std::array<char, detail::short_base36_digits> buffer;  // NOLINT(*-member-init)
    const char* end = buffer.data() + buffer.size();
    const char* begin = nullptr;
    if (number.is_short()) {
        begin = number.write(buffer.data() + buffer.size());
        if (last - first < end - begin) {
            return {last, std::errc::value_too_large};
        }
    } else {
        begin = detail::write_long(first, last, number.text());
        end = last;
        if (begin == nullptr) {
            return {last, std::errc::value_too_large};
        }
    }
    return {std::copy(begin, end, first), std::errc{}};
}

/// Returns an unsigned integer in lower-case base 36: any that std::unsigned_integral names, and
/// unsigned __int128 where the compiler has it.
template <detail::unsigned_integer T>
[[nodiscard]] constexpr std::string base36_encode(T value) {
    std::array<char, 26> buffer{};  // 25 base-36 digits hold 128 bits
    char* const end = buffer.data() + buffer.size();
    char* begin = detail::write_integer<36>(end, value);
    if (begin == end) {
        *--begin = '0';
    }
    return std::string(begin, end);
}

/// Returns the value of a hexadecimal text of any length in lower-case base 36, "0" for zero.
/// Accepts what base36_to_chars does; throws std::invalid_argument that names the offending
/// position otherwise.
///
/// Cost: the square of the length up to 60,000 digits and at compile time; beyond, little more than
/// the length, and some 40 bytes of memory a digit.
[[nodiscard]] constexpr std::string base36_encode(std::string_view hex) {
    detail::hex_number number(hex);
    if (number.error() != detail::hex_text::no_error) {
        detail::throw_invalid_text("skyutil::base36_encode", "hexadecimal", hex, number.error());
    }
    if (number.is_short()) {
        std::array<char, detail::short_base36_digits> buffer;  // NOLINT(*-member-init)
        char* const end = buffer.data() + buffer.size();
        return std::string(number.write(end), end);
    }
    if (!std::is_constant_evaluated() && number.text().digits > detail::long_hex_digits) {
        return detail::encode_long(number.text());
    }
    return detail::encode_by_division(number.text());
}

/// Signed integers have no base-36 form here; a literal 0 would else be taken for a null pointer.
std::string base36_encode(std::signed_integral auto) = delete;
std::string base36_encode(std::nullptr_t) = delete;

/// Returns a base-36 text of any length and either case in lower-case hexadecimal, without leading
/// zeros, "0" for zero. Throws std::invalid_argument that names the position of anything but a
/// digit, and for an empty text.
///
/// Cost: as base36_encode.
[[nodiscard]] constexpr std::string base36_decode(std::string_view text) {
    if (text.empty()) {
        detail::throw_invalid_text("skyutil::base36_decode", "base-36", text, 0);
    }
    for (std::size_t at = 0; at != text.size(); ++at) {
        if (detail::digit_value(text[at]) < 0) {
            detail::throw_invalid_text("skyutil::base36_decode", "base-36", text, at);
        }
    }
    text.remove_prefix((std::min)(text.find_first_not_of('0'), text.size() - 1));
    if (!std::is_constant_evaluated() && text.size() > detail::long_base36_digits) {
        return detail::decode_long(text);
    }
    return detail::decode_by_multiplication(text);
}

/// Returns the value of a base-36 text of either case. Throws std::invalid_argument as the text
/// form does, std::out_of_range when the value does not fit T.
template <detail::unsigned_integer T>
[[nodiscard]] constexpr T base36_decode(std::string_view text) {
    if (text.empty()) {
        detail::throw_invalid_text("skyutil::base36_decode", "base-36", text, 0);
    }
    using wide = detail::magnitude_t<T>;
    constexpr auto highest = static_cast<wide>(static_cast<T>(~wide{0}));
    wide value = 0;
    bool fits = true;
    for (std::size_t at = 0; at != text.size(); ++at) {
        const int digit = detail::digit_value(text[at]);
        if (digit < 0) {
            detail::throw_invalid_text("skyutil::base36_decode", "base-36", text, at);
        }
        const auto added = static_cast<wide>(digit);
        fits = fits && added <= highest && value <= (highest - added) / 36;
        value = fits ? value * 36 + added : 0;
    }
    if (!fits) {
        detail::throw_out_of_range("skyutil::base36_decode", text,
                                   std::same_as<T, bool> ? 1 : 8 * sizeof(T));
    }
    return static_cast<T>(value);
}

/// Returns a whole number without a decimal point ("42", "-0", 1e22 in full) and anything else with
/// exactly `precision` digits after it, correctly rounded from the exact binary value (ties to
/// even, as C and Python print it); "inf", "-inf" and "nan". A negative precision:
/// std::invalid_argument.
///
/// No floating-point arithmetic: the digits are the same where a program sets the processor to take
/// subnormal numbers for zero, as -ffast-math does.
[[nodiscard]] constexpr std::string format_float(double x, int precision = 1) {
    return detail::format_parts(detail::split(x), precision);
}
template <std::same_as<float> T>
[[nodiscard]] constexpr std::string format_float(T x, int precision = 1) {
    return detail::format_parts(detail::split(x), precision);
}

/// Returns the digits of an integer of any width; the precision is not used. A bool is 0 or 1, a
/// character its code.
template <detail::any_integer T>
[[nodiscard]] constexpr std::string format_float(T x, int precision = 1) {
    static_cast<void>(precision);
    return detail::integer_text(x);
}

/// An enumeration would be taken for a double.
template <detail::no_number T>
std::string format_float(T x, int precision = 1) = delete;

/// Returns a number with `precision` digits and the suffix K, M, B or T from 1e3, 1e6, 1e9 and 1e12
/// on: 1234567.89 is "1.2M". Below 1e3 there is no suffix. What would round to 1000 of one suffix
/// is 1 of the next. The number is divided as a double, then printed as format_float prints a
/// fraction. A negative precision: std::invalid_argument. As exact as format_float.
[[nodiscard]] constexpr std::string format_compact(double x, int precision = 1) {
    return detail::format_compact_parts(detail::split(x), precision);
}
template <std::same_as<float> T>
[[nodiscard]] constexpr std::string format_compact(T x, int precision = 1) {
    return detail::format_compact_parts(detail::split(x), precision);
}
template <detail::no_number T>
std::string format_compact(T x, int precision = 1) = delete;

enum class truncate_mode {
    word,    ///< cut before the word that reaches the length
    middle,  ///< keep the start and the end
    exact,   ///< cut at the length, placeholder included
};

struct truncate_options {
    std::size_t max_length = 35;  ///< in code points of UTF-8; an ill-formed byte counts as one
    truncate_mode mode = truncate_mode::word;
    std::string_view placeholder = "...";  ///< stands for what was cut; any UTF-8 text, also empty
};

/// Returns `text` when it is not longer than `max_length` code points, else a shortened copy. A
/// code point is never cut; ill-formed bytes pass through unchanged.
///
/// word: the words (between single spaces) before the one with which the sum of word lengths
/// reaches max_length, or the first max_length code points when that is more; then the placeholder.
/// The result can be longer than max_length by the placeholder and by the spaces.
///
/// middle: ceil and floor of half the room beside the placeholder from the start and from the end;
/// the placeholder alone where there is no room.
///
/// exact: the first code points and the placeholder, exactly max_length long; the start of the
/// placeholder alone where it does not fit.
///
/// Time grows with what has to be looked at, not with the length of the text.
[[nodiscard]] constexpr std::string truncate_long_string(std::string_view text,
                                                         truncate_options options) {
    const std::size_t max_length = options.max_length;
    const truncate_mode mode = options.mode;
    const std::string_view placeholder = options.placeholder;
    if (text.size() <= max_length) {
        return detail::to_string(text);
    }
    if (mode == truncate_mode::word) {
        const auto [cut, spaces] = detail::walk_counting_spaces(text, max_length);
        if (cut == text.size()) {
            return detail::to_string(text);
        }
        // The sum of word lengths reaches max_length as many characters after `cut` as there are
        // spaces before it.
        return detail::replace_middle(text, detail::last_space(text, cut, spaces), placeholder,
                                      text.size());
    }
    const std::size_t room = detail::walk_forward(placeholder, 0, max_length).missing;
    const std::size_t from_end = mode == truncate_mode::middle ? room / 2 : 0;
    const std::size_t from_start = room - from_end;
    const std::size_t cut = detail::walk_forward(text, 0, from_start).offset;
    const std::size_t rest = max_length - from_start;
    if ((text.size() - cut) / 4 <= rest &&
        detail::walk_forward(text, cut, rest).offset == text.size()) {
        return detail::to_string(text);
    }
    if (mode == truncate_mode::exact && room == 0) {
        return detail::to_string(
            placeholder.substr(0, detail::walk_forward(placeholder, 0, max_length).offset));
    }
    return detail::replace_middle(
        text, cut, placeholder,
        from_end == 0 ? text.size() : detail::walk_backward(text, from_end));
}

[[nodiscard]] constexpr std::string truncate_long_string(std::string_view text,
                                                         std::size_t max_length = 35,
                                                         truncate_mode mode = truncate_mode::word) {
    return truncate_long_string(text, truncate_options{.max_length = max_length, .mode = mode});
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
