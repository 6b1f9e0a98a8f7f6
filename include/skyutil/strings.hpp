// SPDX-License-Identifier: MIT
//
// skyutil/strings.hpp: base 36, numbers and short titles as text, at compile time and at run time.
//
//     skyutil::base36_encode("deadbeef");           // "1ps9wxb"
//     skyutil::format_float(1234567.89, 1);         // "1234567.9"
//     skyutil::truncate_long_string(title, 35);     // cut between words, never inside a character
//
// Every function here is constexpr, depends on no locale and shares no state between threads. A
// malformed argument throws std::invalid_argument; a result that needs more memory than there is
// throws std::bad_alloc or std::length_error.
//
// With clang and the C++ library of GCC 12, a std::string of less than 16 characters cannot exist
// at compile time: static_assert over such results needs libc++ or a newer library of GCC.
// base36_to_chars() is not affected.

#pragma once

#include <skyutil/detail/text/uint128.hpp>
#include <skyutil/version.hpp>

#include <charconv>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

// -------------------------------------------------------------------------------------------------
// types

/// Where truncate_long_string() cuts a text.
enum class truncate_mode {
    word,    ///< between words, before the word with which the length is reached
    middle,  ///< in the middle: the start and the end of the text stay
    exact,   ///< at the length, which includes the placeholder
};

/// What truncate_long_string() does.
struct truncate_options {
    /// How long the text may be, in code points of UTF-8. An ill-formed byte counts as one.
    std::size_t max_length = 35;

    truncate_mode mode = truncate_mode::word;

    /// Stands for what was cut: any UTF-8 text, also an empty one.
    std::string_view placeholder = "...";
};

// -------------------------------------------------------------------------------------------------
// base 36

/// Returns the value of a hexadecimal text in lower-case base 36.
///
///     skyutil::base36_encode("0xDEAD_BEEF");  // "1ps9wxb"
///
/// The text may have any length. The result has no leading zeros; zero is "0".
///
/// Accepted is what Python's int(text, 16) accepts in ASCII, except a minus sign:
/// - white space before and after the number;
/// - one '+', then a prefix 0x or 0X;
/// - digits in upper or lower case;
/// - single '_' between digits and after the prefix.
///
/// **Errors**
/// - Any other text throws std::invalid_argument, whose message names the offending position.
///
/// **Cost**
/// - Up to 60,000 digits, and at compile time: the square of the length.
/// - Beyond that: little more than the length, and some 40 bytes of memory for each digit.
[[nodiscard]] constexpr std::string base36_encode(std::string_view hex);

/// Returns an unsigned integer in lower-case base 36, without leading zeros; zero is "0".
///
/// T is any type that std::unsigned_integral accepts, or unsigned __int128 where the compiler has
/// it.
template <detail::unsigned_integer T>
[[nodiscard]] constexpr std::string base36_encode(T value);

/// Signed integers are not encoded. These overloads also keep a literal 0 from being taken for a
/// null pointer to a text.
std::string base36_encode(std::signed_integral auto) = delete;
std::string base36_encode(std::nullptr_t) = delete;

/// Returns the value of a base-36 text in lower-case hexadecimal.
///
///     skyutil::base36_decode("1ps9wxb");  // "deadbeef"
///
/// The text may have any length, and its digits either case. The result has no leading zeros; zero
/// is "0".
///
/// **Errors**
/// - An empty text, or one with anything but digits, throws std::invalid_argument, whose message
///   names the offending position.
///
/// **Cost**
/// - The same as that of base36_encode().
[[nodiscard]] constexpr std::string base36_decode(std::string_view text);

/// Returns the value of a base-36 text as an unsigned integer.
///
///     skyutil::base36_decode<std::uint64_t>("1ps9wxb");  // 3735928559
///
/// **Errors**
/// - A malformed text throws std::invalid_argument, as with base36_decode(text).
/// - A value that does not fit T throws std::out_of_range.
template <detail::unsigned_integer T>
[[nodiscard]] constexpr T base36_decode(std::string_view text);

/// Writes the value of a hexadecimal text to [first, last) in lower-case base 36.
///
///     std::array<char, 32> buffer;
///     const auto [end, error] =
///         skyutil::base36_to_chars(buffer.data(), buffer.data() + buffer.size(), "deadbeef");
///
/// Accepts what base36_encode() accepts. The result has no leading zeros and no terminating NUL;
/// `ptr` points behind its last digit. Nothing is allocated.
///
/// **Errors**
/// - A malformed text: `ec` is errc::invalid_argument and `ptr` is `first`.
/// - A buffer that is too short: `ec` is errc::value_too_large and `ptr` is `last`. What the buffer
///   contains then is unspecified.
///
/// **Cost**
/// - The square of the length. From 60,000 digits on base36_encode(), which allocates, is faster.
constexpr std::to_chars_result base36_to_chars(char* first, char* last, std::string_view hex);

// -------------------------------------------------------------------------------------------------
// numbers

/// Returns a number in decimal notation, without an exponent.
///
///     skyutil::format_float(42.0);     // "42"
///     skyutil::format_float(1.25, 1);  // "1.2"
///
/// A whole number has no decimal point ("42", "-0"; 1e22 is written in full). Any other number has
/// exactly `precision` digits after the point. What is not finite is "inf", "-inf" or "nan".
///
/// **Errors**
/// - A negative precision throws std::invalid_argument.
///
/// **Guarantees**
/// - The result is rounded correctly from the exact binary value; ties go to the even digit, as
///   with C and Python.
/// - No floating-point arithmetic is involved, so the digits stay the same where a program makes
///   the processor take subnormal numbers for zero, as -ffast-math does.
[[nodiscard]] constexpr std::string format_float(double x, int precision = 1);
template <std::same_as<float> T>
[[nodiscard]] constexpr std::string format_float(T x, int precision = 1);

/// Returns the digits of an integer of any width. `precision` is not used.
///
/// A bool is written as 0 or 1, a character as its code.
template <detail::any_integer T>
[[nodiscard]] constexpr std::string format_float(T x, int precision = 1);

/// Enumerations and pointers are not formatted: they would be converted to a double.
template <detail::no_number T>
std::string format_float(T x, int precision = 1) = delete;

/// Returns a number in short form, with a suffix for thousands.
///
///     skyutil::format_compact(1234567.89);  // "1.2M"
///     skyutil::format_compact(999.96);      // "1.0K"
///
/// The suffix is K from 1e3 on, M from 1e6, B from 1e9 and T from 1e12; smaller numbers have none.
/// A number that would be rounded to 1000 of one suffix is written as 1 of the next. There are
/// always exactly `precision` digits after the point. What is not finite is "inf", "-inf" or "nan".
///
/// **Errors**
/// - A negative precision throws std::invalid_argument.
///
/// **Guarantees**
/// - The number is divided as a double, then rounded as exactly as format_float() does.
/// - No floating-point arithmetic is involved, as with format_float().
[[nodiscard]] constexpr std::string format_compact(double x, int precision = 1);
template <std::same_as<float> T>
[[nodiscard]] constexpr std::string format_compact(T x, int precision = 1);

/// Enumerations and pointers are not formatted: they would be converted to a double.
template <detail::no_number T>
std::string format_compact(T x, int precision = 1) = delete;

// -------------------------------------------------------------------------------------------------
// titles

/// Returns `text` when it has at most `max_length` code points, else a shortened copy.
///
///     skyutil::truncate_long_string("one two three four", 8);
///     // "one two ..."
///     skyutil::truncate_long_string("one two three four", 9, skyutil::truncate_mode::middle);
///     // "one...our"
///     skyutil::truncate_long_string("one two three four", 9, skyutil::truncate_mode::exact);
///     // "one tw..."
///
/// - `word`: adds up the lengths of the words, which are separated by single spaces, and keeps the
///   words before the one with which the sum reaches `max_length`. If that is less than the first
///   `max_length` code points, it keeps those instead. Then comes the placeholder. The result can
///   be longer than `max_length`, by the placeholder and by the spaces.
/// - `middle`: keeps the start and the end. What the placeholder leaves of `max_length` is shared
///   by both halves; an odd code point goes to the start. Where the placeholder leaves nothing, the
///   result is the placeholder alone.
/// - `exact`: keeps the start and appends the placeholder, so that the result is exactly
///   `max_length` long. Where the placeholder does not fit, the result is its start alone.
///
/// **Guarantees**
/// - No code point is cut. Ill-formed bytes count as one code point each and stay as they are.
///
/// **Cost**
/// - Grows with what has to be looked at, not with the length of the text.
[[nodiscard]] constexpr std::string truncate_long_string(std::string_view text,
                                                         truncate_options options);

[[nodiscard]] constexpr std::string truncate_long_string(std::string_view text,
                                                         std::size_t max_length = 35,
                                                         truncate_mode mode = truncate_mode::word) {
    return truncate_long_string(text, truncate_options{.max_length = max_length, .mode = mode});
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE

#include <skyutil/detail/strings/impl.hpp>  // IWYU pragma: keep
