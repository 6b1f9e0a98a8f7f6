// SPDX-License-Identifier: MIT
//
// detail/files/terminal_line.hpp: what a terminal shows of a line that contains carriage returns.
//
//     std::string shown;
//     append_shown(shown, "copying  9%\rcopying 10%\rdone\x1b[K");  // "done"
//
// After a "\r" a terminal goes on at the first column and overwrites what is there. So the line is
// looked at from its last piece to its first: each piece adds what stands to the right of the
// pieces after it.
//
// Source: ECMA-48 (Control Functions for Coded Character Sets), 5.4 and 8.3.41.

#pragma once

#include <skyutil/version.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Returns the control sequence (such as that of a colour) or the code point that a text starts
/// with. A byte and all continuation bytes after it count as a code point, well-formed or not.
constexpr std::string_view first_unit(std::string_view text) noexcept {
    const auto within = [&](std::size_t i, char low, char high) {
        return i < text.size() && text[i] >= low && text[i] <= high;
    };
    std::size_t end = 1;
    if (text.starts_with("\x1b[")) {
        for (end = 2; within(end, ' ', '?'); ++end) {
        }
        if (within(end, '@', '~')) {
            return text.substr(0, end + 1);
        }
        end = 1;  // the sequence is not complete
    }
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) {
        ++end;
    }
    return text.substr(0, end);
}

/// Appends what a terminal of any width shows of a line: see line_end::terminal.
inline void append_shown(std::string& out, std::string_view line) {
    std::size_t covered = 0;  // columns that later pieces take
    for (;;) {
        const std::size_t before = line.rfind('\r');
        std::string_view piece = line.substr(before + 1);  // npos + 1 is 0
        const std::size_t start = out.size();
        std::size_t column = 0;
        std::size_t blanks = 0;  // before what comes next
        bool erased = false;
        while (!piece.empty()) {
            const std::string_view unit = first_unit(piece);
            piece.remove_prefix(unit.size());
            const bool control = unit.size() > 2 && unit.starts_with("\x1b[");
            if (unit == "\x1b[K" || unit == "\x1b[0K") {
                erased = true;
            } else if (unit == "\x1b[2K") {
                erased = true;
                out.resize(start);
                blanks = (std::max)(column, covered) - covered;
            } else {
                if (column >= covered) {
                    out.append(std::exchange(blanks, 0), ' ').append(unit);
                }
                column += control ? 0 : 1;
            }
        }
        if (erased || before == std::string_view::npos) {
            return;
        }
        covered = (std::max)(covered, column);
        line = line.substr(0, before);
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
