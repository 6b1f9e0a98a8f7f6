// SPDX-License-Identifier: MIT
//
// detail/os/linux/procfs/process_stat.hpp: the text of /proc/PID/stat, see proc(5). Nothing is read
// here.

#pragma once

#include <skyutil/detail/text/scan.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

struct process_stat {
    char state;                // field 3, of the first thread
    std::uint64_t parent;      // field 4; 0 for one outside of the pid namespace
    std::uint64_t group;       // field 5
    std::uint64_t session;     // field 6
    std::uint64_t threads;     // field 20; a leader that has ended counts as long as others run
    std::uint64_t start_time;  // field 22, in clock ticks since the machine started
    std::uint64_t policy;      // field 41, of scheduling; 0 where the line ends before

    /// Whether any thread is left. The state is that of the first thread, which can end before
    /// the others.
    [[nodiscard]] constexpr bool running() const noexcept {
        return (state != 'Z' && state != 'X' && state != 'x') || threads > 1;
    }
};

/// Returns what the text says. The name in field 2 can hold spaces and parentheses too: the other
/// fields begin after the last closing parenthesis.
constexpr std::optional<process_stat> parse_process_stat(std::string_view text) noexcept {
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string_view::npos || name_end + 2 > only_line(text).size()) {
        return std::nullopt;
    }
    text = only_line(text);
    text.remove_prefix(name_end + 2);
    const std::string_view state = take_until(text, ' ');
    const auto number = [&text] { return parse_unsigned(take_until(text, ' ')); };
    const auto skip = [&text](int fields) {
        for (; fields != 0; --fields) {
            take_until(text, ' ');
        }
    };
    const std::uint64_t parent = number().value_or(0);
    const std::uint64_t group = number().value_or(0);
    const std::uint64_t session = number().value_or(0);
    skip(13);
    const std::optional<std::uint64_t> threads = number();
    if (state.size() != 1 || !threads) {
        return std::nullopt;
    }
    skip(1);
    const std::uint64_t start_time = number().value_or(0);
    skip(18);
    const std::uint64_t policy = number().value_or(0);
    return process_stat{state.front(), parent, group, session, *threads, start_time, policy};
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
