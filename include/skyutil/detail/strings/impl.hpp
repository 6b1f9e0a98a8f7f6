// SPDX-License-Identifier: MIT
//
// detail/strings/impl.hpp: the functions of skyutil/strings.hpp, at whose end this is included.

#pragma once

#include <skyutil/detail/text/base36.hpp>
#include <skyutil/detail/text/decimal.hpp>
#include <skyutil/detail/text/digits.hpp>
#include <skyutil/detail/text/long_base36.hpp>
#include <skyutil/detail/text/text_error.hpp>
#include <skyutil/detail/text/utf8.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

// -------------------------------------------------------------------------------------------------
// base 36

constexpr std::string base36_encode(std::string_view hex) {
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

template <detail::unsigned_integer T>
constexpr std::string base36_encode(T value) {
    std::array<char, 26> buffer{};  // 25 base-36 digits hold 128 bits
    char* const end = buffer.data() + buffer.size();
    char* begin = detail::write_integer<36>(end, value);
    if (begin == end) {
        *--begin = '0';
    }
    return std::string(begin, end);
}

constexpr std::string base36_decode(std::string_view text) {
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

template <detail::unsigned_integer T>
constexpr T base36_decode(std::string_view text) {
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

// -------------------------------------------------------------------------------------------------
// numbers

constexpr std::string format_float(double x, int precision) {
    return detail::format_parts(detail::split(x), precision);
}

template <std::same_as<float> T>
constexpr std::string format_float(T x, int precision) {
    return detail::format_parts(detail::split(x), precision);
}

template <detail::any_integer T>
constexpr std::string format_float(T x, int precision) {
    static_cast<void>(precision);
    return detail::decimal_digits(x);
}

constexpr std::string format_compact(double x, int precision) {
    return detail::format_compact_parts(detail::split(x), precision);
}

template <std::same_as<float> T>
constexpr std::string format_compact(T x, int precision) {
    return detail::format_compact_parts(detail::split(x), precision);
}

// -------------------------------------------------------------------------------------------------
// titles

namespace detail {

/// Returns a text of more than `max_length` bytes, cut between words if it has more code points
/// too.
constexpr std::string truncate_at_word(std::string_view text, std::size_t max_length,
                                       std::string_view placeholder) {
    const auto [cut, spaces] = walk_counting_spaces(text, max_length);
    if (cut == text.size()) {
        return to_string(text);
    }
    // The sum of word lengths reaches max_length as many characters after `cut` as there are
    // spaces before it.
    return replace_middle(text, last_space(text, cut, spaces), placeholder, text.size());
}

}  // namespace detail

constexpr std::string truncate_long_string(std::string_view text, truncate_options options) {
    const std::size_t max_length = options.max_length;
    const truncate_mode mode = options.mode;
    const std::string_view placeholder = options.placeholder;
    if (text.size() <= max_length) {
        return detail::to_string(text);
    }
    if (mode == truncate_mode::word) {
        return detail::truncate_at_word(text, max_length, placeholder);
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

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
