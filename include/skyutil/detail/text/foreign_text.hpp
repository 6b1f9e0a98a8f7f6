// SPDX-License-Identifier: MIT
//
// detail/text/foreign_text.hpp: text from outside (names, the output of programs) in a form that
// messages may quote.

#pragma once

#include <skyutil/detail/text/digits.hpp>
#include <skyutil/detail/text/utf8.hpp>

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Whether a terminal may take a code point for a command: C0, DEL and C1. The code point is
/// well-formed and has `size` bytes.
constexpr bool is_control(const char* at, unsigned size) noexcept {
    const auto lead = static_cast<unsigned char>(*at);
    return size == 1 ? lead < 0x20 || lead == 0x7f
                     : lead == 0xc2 && static_cast<unsigned char>(at[1]) < 0xa0;
}

/// Returns a text for a message: bytes of control characters and of ill-formed UTF-8 are written as
/// "\x" and two digits. A text of more than `most` bytes is cut between code points; dots follow.
constexpr std::string visible(std::string_view text,
                              std::size_t most = (std::numeric_limits<std::size_t>::max)()) {
    std::string out;
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at != end) {
        const unsigned size = well_formed_size(at, end);
        const unsigned bytes = size == 0 ? 1 : size;
        if (bytes > most) {
            return out + "...";
        }
        most -= bytes;
        if (size != 0 && !is_control(at, size)) {
            out.append(at, size);
            at += size;
            continue;
        }
        for (unsigned i = 0; i != bytes; ++i, ++at) {
            const auto byte = static_cast<unsigned char>(*at);
            out.append("\\x").append(1, digit_characters[byte >> 4]);
            out.append(1, digit_characters[byte & 15]);
        }
    }
    return out;
}

/// Returns the same in quotes, of no more than 200 bytes.
constexpr std::string visible_name(std::string_view name) { return "'" + visible(name, 200) + "'"; }

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
