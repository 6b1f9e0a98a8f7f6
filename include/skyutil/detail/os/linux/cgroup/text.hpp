// SPDX-License-Identifier: MIT
//
// detail/os/linux/cgroup/text.hpp: the texts in which the kernel describes control groups. Nothing
// is read here.
//
// Sources: cgroups(7), cgroup_namespaces(7), proc(5), kernel documentation admin-guide/cgroup-v1
// and admin-guide/cgroup-v2. Text that is not as described there is no limit, and never an error.

#pragma once

#include <skyutil/detail/os/limit_types.hpp>
#include <skyutil/detail/text/scan.hpp>
#include <skyutil/version.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

/// Returns how many CPUs a quota and a period, both in microseconds, allow.
constexpr std::optional<double> parse_quota(std::string_view quota,
                                            std::string_view period) noexcept {
    const std::optional<std::uint64_t> time = parse_unsigned(quota);
    const std::optional<std::uint64_t> each = parse_unsigned(period);
    if (!time || !each || *time == 0 || *each == 0) {
        return std::nullopt;  // "max", -1, garbled
    }
    return static_cast<double>(*time) / static_cast<double>(*each);
}

/// Returns how many CPUs the text of cpu.max allows: "QUOTA PERIOD" or "max PERIOD", with one space
/// between.
constexpr std::optional<double> parse_cpu_max(std::string_view text) noexcept {
    text = only_line(text);
    const std::string_view quota = take_until(text, ' ');
    return parse_quota(quota, text);
}

/// Returns what cpu.stat says of the quota; nullopt where a number is missing or garbled. Version 1
/// has the time in nanoseconds.
///
/// Source: kernel documentation, admin-guide/cgroup-v2 and scheduler/sched-bwc.
constexpr std::optional<throttling> parse_throttling(std::string_view text, bool v2) noexcept {
    const auto periods = parse_unsigned(find_value(text, "nr_periods"));
    const auto throttled = parse_unsigned(find_value(text, "nr_throttled"));
    const auto time = parse_unsigned(find_value(text, v2 ? "throttled_usec" : "throttled_time"));
    if (!periods || !throttled || !time) {
        return std::nullopt;
    }
    return os::throttling{*periods, *throttled, v2 ? *time : *time / 1000};
}

/// Returns how many bytes memory.max or memory.limit_in_bytes allows. Without a limit the first
/// says "max", and the second the largest multiple of the page size in 63 bits: a number from 2^60
/// on is no limit.
constexpr std::optional<std::uint64_t> parse_memory_limit(std::string_view text) noexcept {
    constexpr std::uint64_t unlimited = std::uint64_t{1} << 60;
    const std::optional<std::uint64_t> value = parse_unsigned(only_line(text));
    return value && *value < unlimited ? value : std::nullopt;
}

/// Returns how many CPUs the text of cpu.shares (version 1) asks for. Kubernetes writes 1024 shares
/// for one CPU. The kernel gives every group 1024, so that number asks for nothing.
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

/// Returns how many CPUs the text of cpu.weight (version 2) asks for. The weight, 1 to 10000, is
/// first turned back into shares, 2 to 262144, along the straight line with which container
/// runtimes made it from them
///
///     weight = 1 + (shares - 2) * 9999 / 262142
///
/// so that 39 is about one CPU. The kernel gives every group 100, so that number asks for nothing.
/// Since runc 1.3.2 and crun 1.23 they use a curve instead, which makes 2 shares a weight of 1,
/// 1024 shares 100, and 262144 shares 10000:
///
///     log10(weight) = (l * l + 125 * l) / 612 - 7 / 34, where l = log2(shares)
///
/// No file tells which of the two was used. A weight that was made with the curve is read here as
/// more CPUs than were asked for: as 4.3 where they were 2.
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

/// A line of /proc/PID/mountinfo about a mounted cgroup hierarchy. Names are still escaped.
struct cgroup_mount {
    bool v2;
    std::string_view device;  // the same for all mounts of one hierarchy
    std::string_view root;    // the group that is shown at the mount point
    std::string_view mount_point;
    std::string_view controllers;  // of v1, among other options, separated by commas
};

/// Returns nullopt for other file systems. Some of those (9p under WSL) write spaces that are not
/// escaped: the type is found by the separator in front of it, not by counting fields.
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

/// Returns a name of mountinfo without its escapes, which are a backslash and three octal digits.
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

/// Where a group is below a mount point: first `unknown` directories whose names no file tells,
/// then `rest`, which is empty or starts with a slash.
struct cgroup_location {
    std::size_t unknown;
    std::string_view rest;
};

/// Returns where the group `path` is below a mount of the group `root`; nullopt when the mount does
/// not show it. Seen from a cgroup namespace, the groups above its root are "/..", "/../.." and so
/// on. Such a name tells how far above our root the root of the mount is, but not the names of the
/// groups between them.
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

/// Returns how many bytes the kernel can take back from a group before it is out of memory: its
/// page cache (the lists of file pages, which do not have shared memory) and, where version 2 tells
/// them, its reclaimable slabs. The kernel counts the same as available in MemAvailable.
///
/// Source: memory.stat in kernel documentation, admin-guide/cgroup-v2 and cgroup-v1/memory (where
/// the numbers with total_ include the groups below, as usage_in_bytes does); MemAvailable in
/// filesystems/proc.
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

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
