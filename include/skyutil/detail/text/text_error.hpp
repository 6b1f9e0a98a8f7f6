// SPDX-License-Identifier: MIT
//
// detail/text/text_error.hpp: the exceptions for malformed text arguments. Not constexpr on
// purpose: reaching one at compile time is the compile error.

#pragma once

#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/text/integer_text.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Returns at most 40 bytes of a text from outside, in quotes: printable ASCII as it is, other
/// bytes as "\x" and two digits.
inline std::string quoted(std::string_view text) {
    constexpr std::size_t most = 40;
    constexpr std::string_view hex = "0123456789abcdef";
    std::string out = "'";
    for (const char c : text.substr(0, most)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            out += c;
        } else {
            out.append("\\x").append({hex[byte >> 4], hex[byte & 15]});
        }
    }
    out += text.size() > most ? "'..." : "'";
    return out;
}

[[noreturn]] inline void throw_invalid_text(std::string_view function, std::string_view kind,
                                            std::string_view text, std::size_t position) {
    std::string what(function);
    if (position < text.size()) {
        what.append(": ")
            .append(quoted(text.substr(position, 1)))
            .append(" does not belong in a ")
            .append(kind);
        what.append(" number, at position ")
            .append(integer_text(position))
            .append(" of ")
            .append(quoted(text));
    } else {
        what.append(": a ")
            .append(kind)
            .append(" digit is missing at position ")
            .append(integer_text(position));
        what.append(" of ").append(quoted(text));
    }
    throw_exception(std::invalid_argument(what));
}

[[noreturn]] inline void throw_out_of_range(std::string_view function, std::string_view text,
                                            std::size_t bits) {
    std::string what(function);
    what.append(": ")
        .append(quoted(text))
        .append(" does not fit ")
        .append(integer_text(bits))
        .append(" bits");
    throw_exception(std::out_of_range(what));
}

[[noreturn]] inline void throw_negative_precision(std::string_view function, int precision) {
    std::string what(function);
    what.append(": the precision must not be negative, but is ").append(integer_text(precision));
    throw_exception(std::invalid_argument(what));
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
