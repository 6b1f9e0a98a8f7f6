// SPDX-License-Identifier: MIT
//
// detail/os/windows/text.hpp: UTF-8 from UTF-16 and back.
//
// Names of Windows are any 16-bit units, also surrogates without their other half. Such a unit
// becomes three bytes as any other code point of its size does, so that every name comes back as it
// was: WTF-8.
//
// Source: https://simonsapin.github.io/wtf-8/, The Unicode Standard, table 3-7.

#pragma once

#include <skyutil/version.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

constexpr bool is_high_surrogate(char32_t unit) noexcept { return unit >= 0xd800 && unit < 0xdc00; }
constexpr bool is_low_surrogate(char32_t unit) noexcept { return unit >= 0xdc00 && unit < 0xe000; }

/// Appends a code point.
constexpr void append_utf8(std::string& text, char32_t point) {
    const auto add = [&](char32_t byte) { text += static_cast<char>(byte); };
    if (point < 0x80) {
        add(point);
    } else if (point < 0x800) {
        add(0xc0 | point >> 6);
        add(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        add(0xe0 | point >> 12);
        add(0x80 | (point >> 6 & 0x3f));
        add(0x80 | (point & 0x3f));
    } else {
        add(0xf0 | point >> 18);
        add(0x80 | (point >> 12 & 0x3f));
        add(0x80 | (point >> 6 & 0x3f));
        add(0x80 | (point & 0x3f));
    }
}

/// Returns UTF-16 in UTF-8, lone surrogates as WTF-8 has them.
template <class Unit>
constexpr std::string to_utf8(std::basic_string_view<Unit> units) {
    std::string text;
    text.reserve(units.size());
    for (std::size_t i = 0; i < units.size(); ++i) {
        char32_t point = static_cast<char16_t>(units[i]);
        if (is_high_surrogate(point) && i + 1 < units.size()) {
            const char32_t low = static_cast<char16_t>(units[i + 1]);
            if (is_low_surrogate(low)) {
                point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
                ++i;
            }
        }
        append_utf8(text, point);
    }
    return text;
}

/// Returns what to_utf8() makes such a text of; nullopt for what it never makes.
template <class Unit>
constexpr std::optional<std::basic_string<Unit>> to_utf16(std::string_view text) {
    std::basic_string<Unit> units;
    units.reserve(text.size());
    bool after_high = false;
    for (std::size_t i = 0; i < text.size();) {
        const char32_t first = static_cast<unsigned char>(text[i++]);
        const std::size_t more = first < 0x80                    ? 0
                                 : first >= 0xc2 && first < 0xe0 ? 1
                                 : first >= 0xe0 && first < 0xf0 ? 2
                                 : first >= 0xf0 && first < 0xf5 ? 3
                                                                 : text.size();
        if (more > text.size() - i) {
            return std::nullopt;
        }
        char32_t point = more == 0 ? first : first & (0x3fU >> more);
        for (const std::size_t end = i + more; i < end; ++i) {
            const char32_t next = static_cast<unsigned char>(text[i]);
            if ((next & 0xc0) != 0x80) {
                return std::nullopt;
            }
            point = point << 6 | (next & 0x3f);
        }
        // Overlong, beyond Unicode, or two halves that to_utf8() would have put together.
        if ((more == 2 && point < 0x800) || (more == 3 && (point < 0x10000 || point > 0x10ffff)) ||
            (after_high && is_low_surrogate(point))) {
            return std::nullopt;
        }
        after_high = is_high_surrogate(point);
        if (point < 0x10000) {
            units += static_cast<Unit>(point);
        } else {
            units += static_cast<Unit>(0xd800 + ((point - 0x10000) >> 10));
            units += static_cast<Unit>(0xdc00 + ((point - 0x10000) & 0x3ff));
        }
    }
    return units;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
