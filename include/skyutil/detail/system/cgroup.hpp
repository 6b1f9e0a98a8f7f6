// SPDX-License-Identifier: MIT
//
// detail/system/cgroup.hpp: the texts in which the kernel describes control groups. No input or
// output here.
//
// Sources: cgroups(7), cgroup_namespaces(7), proc(5), kernel documentation admin-guide/cgroup-v1
// and admin-guide/cgroup-v2. Text that is not as described there is no limit, never an error.

#pragma once

#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Takes the text up to the next separator, or all, off the front.
constexpr std::string_view take_until(std::string_view& text, char separator) noexcept {
    const std::size_t end = text.find(separator);
    const std::string_view front = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return front;
}

constexpr std::string_view trim(std::string_view text) noexcept {
    constexpr std::string_view white = " \t\r\n\v\f";
    const std::size_t first = text.find_first_not_of(white);
    return first == std::string_view::npos
               ? std::string_view()
               : text.substr(first, text.find_last_not_of(white) - first + 1);
}

/// A decimal number as the kernel writes it, without leading zeros, and nothing else, up to
/// 2^64 - 1.
constexpr std::optional<std::uint64_t> parse_unsigned(std::string_view text) noexcept {
    constexpr std::uint64_t highest = (std::numeric_limits<std::uint64_t>::max)();
    if (text.empty() || (text.front() == '0' && text.size() != 1)) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') {
            return std::nullopt;
        }
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (value > (highest - digit) / 10) {
            return std::nullopt;
        }
        value = value * 10 + digit;
    }
    return value;
}

/// The text of a file that has one line, without the end of it.
constexpr std::string_view only_line(std::string_view text) noexcept {
    text.remove_suffix(text.ends_with('\n') ? 1 : 0);
    return text;
}

/// Whether a list separated by commas has an item.
constexpr bool list_contains(std::string_view list, std::string_view item) noexcept {
    while (!list.empty()) {
        if (take_until(list, ',') == item) {
            return true;
        }
    }
    return false;
}

/// How many CPUs a list names, such as "0-3,8,10-11" or "0-1023:2/256" (of every 256 the first 2);
/// nullopt for none and for anything else. The format is that of the kernel's bitmap lists, see
/// cpuset(7) and admin-guide/kernel-parameters; lists are ascending and have nothing but commas
/// between, as the kernel prints them.
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

/// CPUs that a quota and a period in microseconds allow.
constexpr std::optional<double> parse_quota(std::string_view quota,
                                            std::string_view period) noexcept {
    const std::optional<std::uint64_t> time = parse_unsigned(quota);
    const std::optional<std::uint64_t> each = parse_unsigned(period);
    if (!time || !each || *time == 0 || *each == 0) {
        return std::nullopt;  // "max", -1, garbled
    }
    return static_cast<double>(*time) / static_cast<double>(*each);
}

/// CPUs that the text of cpu.max allows: "QUOTA PERIOD" or "max PERIOD", one space between.
constexpr std::optional<double> parse_cpu_max(std::string_view text) noexcept {
    text = only_line(text);
    const std::string_view quota = take_until(text, ' ');
    return parse_quota(quota, text);
}

/// Bytes that memory.max or memory.limit_in_bytes allows. Without a limit the one says "max", the
/// other the largest multiple of the page size in 63 bits; from 2^60 on nothing is a limit.
constexpr std::optional<std::uint64_t> parse_memory_limit(std::string_view text) noexcept {
    constexpr std::uint64_t no_limit = std::uint64_t{1} << 60;
    const std::optional<std::uint64_t> value = parse_unsigned(only_line(text));
    return value && *value < no_limit ? value : std::nullopt;
}

/// CPUs that a group of version 1 asks for, in the words of Kubernetes: 1024 shares are one CPU.
/// The kernel gives every group 1024, so that number asks for nothing.
///
/// Source: kernel documentation, scheduler/sched-design-CFS; Kubernetes, "Resource Management for
/// Pods and Containers".
constexpr std::optional<double> cpus_of_shares(std::string_view text) noexcept {
    const std::optional<std::uint64_t> shares = parse_unsigned(only_line(text));
    if (!shares || *shares < 2 || *shares > 262144 || *shares == 1024) {
        return std::nullopt;
    }
    return static_cast<double>(*shares) / 1024;
}

/// CPUs that a group of version 2 asks for: its weight, 1 to 10000, is first turned back into
/// shares, 2 to 262144, along the straight line by which container runtimes made it
///
///     weight = 1 + (shares - 2) * 9999 / 262142
///
/// so that 39 is about one CPU. The kernel gives every group 100, so that number asks for nothing.
/// From runc 1.3.2 and crun 1.23 on they use a curve instead, through 2 and 1, 1024 and 100, 262144
/// and 10000:
///
///     log10(weight) = (l * l + 125 * l) / 612 - 7 / 34, where l = log2(shares)
///
/// No file tells which one was used. A weight made by the curve is read here as more CPUs than were
/// asked for: as 4.3 where they were 2.
///
/// Source: kernel documentation, admin-guide/cgroup-v2, "Weights"; Kubernetes enhancement proposal
/// 2254 and its blog, "New Conversion from cgroup v1 CPU Shares to v2 CPU Weight", 2026-01-30.
constexpr std::optional<double> cpus_of_weight(std::string_view text) noexcept {
    const std::optional<std::uint64_t> weight = parse_unsigned(only_line(text));
    if (!weight || *weight < 1 || *weight > 10000 || *weight == 100) {
        return std::nullopt;
    }
    return (2 + static_cast<double>(*weight - 1) * 262142 / 9999) / 1024;
}

/// What stands after a name at the start of a line: after one space, "hierarchical_memory_limit
/// 1073741824", or after a colon and the blanks that align a column, "MemTotal:       16 kB". Empty
/// where no line has the name.
constexpr std::string_view find_value(std::string_view text, std::string_view name) noexcept {
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        if (!line.starts_with(name) || line.size() == name.size()) {
            continue;
        }
        const char separator = line[name.size()];
        if (separator == ' ' || separator == ':') {
            line.remove_prefix(name.size() + 1);
            const std::size_t blanks = line.find_first_not_of(" \t");
            return separator == ' ' ? line : line.substr((std::min)(blanks, line.size()));
        }
    }
    return {};
}

/// A line of /proc/PID/cgroup, "ID:CONTROLLERS:PATH".
struct cgroup_membership {
    bool v2;
    std::string_view controllers;  // of v1, separated by commas
    std::string_view path;
};

constexpr std::optional<cgroup_membership> parse_cgroup_line(std::string_view line) noexcept {
    const std::string_view id = take_until(line, ':');
    if (!parse_unsigned(id) || line.find(':') == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view controllers = take_until(line, ':');
    if (!line.starts_with('/')) {
        return std::nullopt;
    }
    return cgroup_membership{id == "0" && controllers.empty(), controllers, line};
}

/// A line of /proc/PID/mountinfo about a mounted cgroup hierarchy; names are still escaped.
struct cgroup_mount {
    bool v2;
    std::string_view device;  // the hierarchy
    std::string_view root;    // the group that stands at the mount point
    std::string_view mount_point;
    std::string_view controllers;  // of v1, among other options, separated by commas
};

/// nullopt for other file systems. Some of those (9p under WSL) write spaces that are not escaped;
/// a line is looked at from its separator, and its first fields are numbers.
constexpr std::optional<cgroup_mount> parse_mount_line(std::string_view line) noexcept {
    constexpr std::string_view separator = " - ";
    const std::size_t middle = line.find(separator);
    if (middle == std::string_view::npos) {
        return std::nullopt;
    }
    std::string_view tail = line.substr(middle + separator.size());
    const std::string_view type = take_until(tail, ' ');
    if (type != "cgroup" && type != "cgroup2") {
        return std::nullopt;
    }
    take_until(tail, ' ');  // the source
    std::string_view head = line.substr(0, middle);
    take_until(head, ' ');  // the mount's id
    take_until(head, ' ');  // its parent's
    const std::string_view device = take_until(head, ' ');
    const std::string_view root = take_until(head, ' ');
    const std::string_view mount_point = take_until(head, ' ');
    if (!root.starts_with('/') || !mount_point.starts_with('/')) {
        return std::nullopt;
    }
    return cgroup_mount{type == "cgroup2", device, root, mount_point, tail};
}

/// A name of mountinfo without its escapes: backslash and three octal digits.
constexpr std::string unescape(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    const auto digit = [&](std::size_t i) {
        return i < text.size() && text[i] >= '0' && text[i] <= '7' ? text[i] - '0' : -1;
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && digit(i + 1) >= 0 && digit(i + 1) <= 3 && digit(i + 2) >= 0 &&
            digit(i + 3) >= 0) {
            out += static_cast<char>(
                static_cast<unsigned char>(digit(i + 1) * 64 + digit(i + 2) * 8 + digit(i + 3)));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

/// Where a group stands below a mount point: `unknown` directories that no file names, then `rest`,
/// which is empty or starts with a slash.
struct cgroup_location {
    std::size_t unknown;
    std::string_view rest;
};

/// nullopt when the mount does not show the group. Seen from a cgroup namespace, groups above its
/// root are
/// "/..", "/../.." and so on: such a root tells how far above ours the mount's root is, but not the
/// names of the groups between.
constexpr std::optional<cgroup_location> locate_cgroup(std::string_view root,
                                                       std::string_view path) noexcept {
    const auto take_ups = [](std::string_view& text) {
        std::size_t count = 0;
        while (text == "/.." || text.starts_with("/../")) {
            text.remove_prefix(3);
            ++count;
        }
        if (text == "/") {
            text = {};
        }
        return count;
    };
    const std::size_t root_ups = take_ups(root);
    const std::size_t path_ups = take_ups(path);
    if (path.find("/../") != std::string_view::npos || path.ends_with("/..")) {
        return std::nullopt;
    }
    if (root_ups == path_ups) {
        if (!path.starts_with(root) || (path.size() > root.size() && path[root.size()] != '/')) {
            return std::nullopt;
        }
        return cgroup_location{0, path.substr(root.size())};
    }
    if (root_ups > path_ups && root.empty()) {
        return cgroup_location{root_ups - path_ups, path};
    }
    return std::nullopt;
}

/// Bytes that the kernel can take back from a group before it is out of memory: its page cache
/// (what is on the lists of file pages; shared memory is not) and, where version 2 tells, the slabs
/// that give way. They are what the kernel counts as available in MemAvailable too.
///
/// Source: memory.stat in kernel documentation, admin-guide/cgroup-v2 and cgroup-v1/memory (where
/// total_ is with the groups below, as usage_in_bytes is); MemAvailable in filesystems/proc.
constexpr std::uint64_t count_reclaimable(std::string_view statistics, bool v2) noexcept {
    constexpr std::array<std::string_view, 3> in_v2{"active_file", "inactive_file",
                                                    "slab_reclaimable"};
    constexpr std::array<std::string_view, 3> in_v1{"total_active_file", "total_inactive_file", ""};
    std::uint64_t sum = 0;
    for (const std::string_view name : v2 ? in_v2 : in_v1) {
        const std::uint64_t bytes =
            name.empty() ? 0 : parse_memory_limit(find_value(statistics, name)).value_or(0);
        sum += bytes;  // each below 2^60
    }
    return sum;
}

/// A number that a line of /proc/PID/status or /proc/meminfo gives in "kB", which are 1024 bytes.
constexpr std::optional<std::uint64_t> find_kib(std::string_view text,
                                                std::string_view name) noexcept {
    std::string_view value = find_value(text, name);
    const std::optional<std::uint64_t> kib = parse_unsigned(take_until(value, ' '));
    if (!kib || value != "kB" || *kib > (std::numeric_limits<std::uint64_t>::max)() / 1024) {
        return std::nullopt;
    }
    return *kib * 1024;
}

/// A line of /proc/PID/limits: what a process may have of something; nullopt where it is unlimited.
struct process_limit {
    std::optional<std::uint64_t> soft;
    std::optional<std::uint64_t> hard;
};

/// nullopt when there is no such line, or it is not what the kernel writes: a name, two numbers or
/// "unlimited", and a unit, in columns.
constexpr std::optional<process_limit> find_process_limit(std::string_view text,
                                                          std::string_view name) noexcept {
    const auto take_column = [](std::string_view& line) {
        line.remove_prefix((std::min)(line.find_first_not_of(' '), line.size()));
        return take_until(line, ' ');
    };
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        if (!line.starts_with(name) || !line.substr(name.size()).starts_with("  ")) {
            continue;
        }
        line.remove_prefix(name.size());
        const std::string_view soft = take_column(line);
        const std::string_view hard = take_column(line);
        const std::string_view unit = take_column(line);
        const process_limit limit{parse_unsigned(soft), parse_unsigned(hard)};
        const bool known = (limit.soft || soft == "unlimited") &&
                           (limit.hard || hard == "unlimited") && !unit.empty() &&
                           line.find_first_not_of(' ') == std::string_view::npos;
        return known ? std::optional(limit) : std::nullopt;
    }
    return std::nullopt;
}

/// How many CPUs /proc/stat has a line of, "cpu3 ...", which are those that are switched on;
/// nullopt for none.
constexpr std::optional<int> count_cpu_lines(std::string_view text) noexcept {
    int count = 0;
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        const std::string_view name = take_until(line, ' ');
        count += name.starts_with("cpu") && parse_unsigned(name.substr(3)) && !line.empty() ? 1 : 0;
    }
    return count == 0 ? std::nullopt : std::optional(count);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
