// SPDX-License-Identifier: MIT
//
// detail/os/linux/procfs/cpu_list.hpp: the texts in which the kernel lists CPUs. Nothing is read
// here.
//
// Text that is not as described here lists no CPUs, and is never an error.

#pragma once

#include <skyutil/detail/text/scan.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

/// Returns how many CPUs a list names, such as "0-3,8,10-11" or "0-1023:2/256" (the first 2 of
/// every 256); nullopt for an empty list and for any other text.
///
/// The kernel prints its lists in ascending order, with nothing but commas between.
///
/// Source: cpuset(7), "List format"; kernel documentation, admin-guide/kernel-parameters.
constexpr std::optional<int> count_cpu_list(std::string_view list) noexcept {
    constexpr std::uint64_t most = 1U << 24;
    std::uint64_t count = 0;
    std::uint64_t next = 0;
    list = only_line(list);
    for (bool last_group = false; !last_group;) {
        last_group = list.find(',') == std::string_view::npos;
        std::string_view group = take_until(list, ',');
        const bool strided = group.find(':') != std::string_view::npos;
        std::string_view range = take_until(group, ':');
        const bool single = range.find('-') == std::string_view::npos;
        const std::optional<std::uint64_t> first = parse_unsigned(take_until(range, '-'));
        const std::optional<std::uint64_t> last = single ? first : parse_unsigned(range);
        if (!first || !last || *first < next || *last < *first || *last >= most) {
            return std::nullopt;
        }
        const std::uint64_t size = *last - *first + 1;
        next = *last + 1;
        if (!strided) {
            count += size;
            continue;
        }
        const std::optional<std::uint64_t> used = parse_unsigned(take_until(group, '/'));
        const std::optional<std::uint64_t> each = parse_unsigned(group);
        if (!used || !each || *used > *each || *each == 0 || *each >= most) {
            return std::nullopt;
        }
        count += size / *each * *used + (std::min)(size % *each, *used);
    }
    return count == 0 ? std::nullopt : std::optional(static_cast<int>(count));
}

/// Returns how many CPUs have a line in the text of /proc/stat, such as "cpu3 ...": those that are
/// switched on. nullopt when no CPU has one.
constexpr std::optional<int> count_cpu_lines(std::string_view text) noexcept {
    int count = 0;
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        const std::string_view name = take_until(line, ' ');
        count += name.starts_with("cpu") && parse_unsigned(name.substr(3)) && !line.empty() ? 1 : 0;
    }
    return count == 0 ? std::nullopt : std::optional(count);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
