// SPDX-License-Identifier: MIT

#include "numbers.hpp"

#include <charconv>
#include <cmath>
#include <stdexcept>
#include <string>
#include <system_error>

namespace program {

namespace {

[[noreturn]] void refuse(const argument& value, const std::string& why,
                         const std::string& allowed) {
    throw std::invalid_argument(value.name + ": '" + value.text + "' " + why +
                                "; allowed: " + allowed);
}

template <class T>
T to_integer(const argument& value, T least, T most) {
    const std::string allowed =
        "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    std::string_view digits = value.text;
    const bool negative = digits.starts_with('-');
    digits.remove_prefix(negative ? 1 : 0);
    if (value.text.empty()) {
        refuse(value, "is empty", allowed);
    }
    if (digits.empty() || digits.find_first_not_of("0123456789") != digits.npos) {
        refuse(value, "is no decimal number", allowed);
    }
    if (negative && least >= 0 && digits.find_first_not_of('0') != digits.npos) {
        refuse(value, "is negative", allowed);
    }
    const std::string_view text = negative && least >= 0 ? digits : std::string_view(value.text);
    T number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < least || number > most) {
        const bool small = error == std::errc() ? number < least : negative;
        refuse(value, small ? "is too small" : "is too large", allowed);
    }
    return number;
}

}  // namespace

std::int64_t detail::to_signed(const argument& value, std::int64_t least, std::int64_t most) {
    return to_integer(value, least, most);
}

std::uint64_t detail::to_unsigned(const argument& value, std::uint64_t least, std::uint64_t most) {
    return to_integer(value, least, most);
}

seconds to_time(const argument& value) {
    constexpr double most = 1e9;
    const std::string allowed =
        "a number of seconds from 0 to 1e9, or one with the unit s, m, h or d";
    if (value.text.empty()) {
        refuse(value, "is empty", allowed);
    }
    double unit = 1;
    std::string_view number = value.text;
    switch (number.back()) {
        case 's':
            break;
        case 'm':
            unit = 60;
            break;
        case 'h':
            unit = 60 * 60;
            break;
        case 'd':
            unit = 24 * 60 * 60;
            break;
        default:
            unit = 0;
    }
    if (unit == 0) {
        unit = 1;
    } else {
        number.remove_suffix(1);
    }
    const bool negative = number.starts_with('-');
    number.remove_prefix(negative ? 1 : 0);
    // Digits, a point and an exponent only: neither "nan" nor "inf", which from_chars knows.
    double time = 0;
    const char* const begin = number.data();
    const char* const end = begin + number.size();
    const bool plain = number.find_first_not_of("0123456789.eE+-") == number.npos;
    const auto [parsed, error] = std::from_chars(begin, end, time);
    if (number.empty() || !plain || parsed != end || error == std::errc::invalid_argument ||
        number.starts_with('-')) {
        refuse(value, "is no time", allowed);
    }
    if (error == std::errc::result_out_of_range) {
        // Too small for a double is nothing; too large has no exponent with a minus.
        time = number.find("e-") != number.npos || number.find("E-") != number.npos
                   ? 0
                   : std::numeric_limits<double>::infinity();
    }
    if (negative && time > 0) {
        refuse(value, "is negative", allowed);
    }
    if (!(time * unit <= most)) {
        refuse(value, "is too long", allowed);
    }
    return seconds(time * unit);
}

}  // namespace program
