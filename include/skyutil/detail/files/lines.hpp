// SPDX-License-Identifier: MIT
//
// detail/files/lines.hpp: the lines of a text, one after the other or searched for from the end.

#pragma once

#include <skyutil/detail/os/files.hpp>

#include <cstddef>
#include <optional>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// What ends a line: "\n", or also "\r", where both together are one end.
enum class line_ends { lf, any };

/// Calls `use(line, end_size)` for each line of a text: with the line without its end, and with how
/// many bytes that end has. A last line without one has 0.
template <class Use>
void for_each_line(std::string_view text, line_ends ends, Use use) {
    while (!text.empty()) {
        const std::size_t found =
            ends == line_ends::any ? text.find_first_of("\r\n") : text.find('\n');
        if (found == std::string_view::npos) {
            use(text, std::size_t{0});
            return;
        }
        const bool two = ends == line_ends::any && text.substr(found).starts_with("\r\n");
        const std::size_t end_size = two ? 2 : 1;
        use(text.substr(0, found), end_size);
        text.remove_prefix(found + end_size);
    }
}

/// Searches backwards, block by block, for where the last lines of a text start.
class line_finder {
public:
    /// `lines` is 1 or more. `last` is the last byte of the text, which ends the last line whether
    /// it is a line end or not; the first block to search is what stands before it.
    line_finder(std::size_t lines, line_ends ends, char last) noexcept
        : wanted_(lines), ends_(ends), next_(last) {}

    /// Returns where the lines start in the block before those searched so far; nullopt if they
    /// start before it.
    std::optional<std::size_t> search(std::string_view block) noexcept {
        return ends_ == line_ends::lf ? search_lf(block) : search_any(block);
    }

private:
    std::optional<std::size_t> search_lf(std::string_view block) noexcept {
        for (;;) {
            const char* const found = os::find_last(block, '\n');
            if (found == nullptr) {
                return std::nullopt;
            }
            const auto position = static_cast<std::size_t>(found - block.data());
            if (--wanted_ == 0) {
                return position + 1;
            }
            block = block.substr(0, position);
        }
    }

    std::optional<std::size_t> search_any(std::string_view block) noexcept {
        for (std::size_t i = block.size(); i-- != 0;) {
            const bool ends = block[i] == '\n' || (block[i] == '\r' && next_ != '\n');
            next_ = block[i];
            if (ends && --wanted_ == 0) {
                return i + 1;
            }
        }
        return std::nullopt;
    }

    std::size_t wanted_;
    line_ends ends_;
    char next_;  // the byte after the block
};

/// Returns where the last lines of a text start; nullopt when it has no more lines than these.
inline std::optional<std::size_t> find_last_lines(std::string_view text, std::size_t lines,
                                                  line_ends ends) noexcept {
    return text.empty()
               ? std::nullopt
               : line_finder(lines, ends, text.back()).search(text.substr(0, text.size() - 1));
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
