// SPDX-License-Identifier: MIT
//
// detail/os/linux/cgroup/limits.hpp: reads the limits of a process's control groups, from its own
// up to the root.
//
// The lowest limit on the way binds, so each one is looked at: a group without a limit can be in
// one with a limit, and the files of a group can be missing, unreadable or gone meanwhile.

#pragma once

#include <skyutil/detail/base/compiler.hpp>
#include <skyutil/detail/os/limit_types.hpp>
#include <skyutil/detail/os/linux/cgroup/text.hpp>
#include <skyutil/detail/os/linux/cgroup/tree.hpp>
#include <skyutil/detail/os/linux/procfs/cpu_list.hpp>
#include <skyutil/detail/os/linux/procfs/file_reader.hpp>
#include <skyutil/detail/text/scan.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

/// A number, if there is one, and the file of a directory that it was read from.
template <class T>
struct located {
    std::optional<T> value{};
    std::string_view directory{};
    std::string_view name{};

    [[nodiscard]] sourced<T> named() const { return {value, std::string(directory).append(name)}; }
};

/// Keeps the value if it is lower than the one before or the first; returns whether it is.
template <class T>
bool keep_lowest(located<T>& lowest, const std::optional<T>& value, std::string_view directory,
                 std::string_view name) {
    if (!value || (lowest.value && *value >= *lowest.value)) {
        return false;
    }
    lowest = {value, directory, name};
    return true;
}

/// Calls visit(v2, directory, own) for the process's own group and those above it whose memory
/// limits bind it. A group of version 1 binds those below only if it is hierarchical; then all
/// groups below it are hierarchical too.
template <class Visit>
void for_each_memory_group(const cgroup_tree& groups, file_reader& files, Visit visit) {
    groups.for_each_group(controller::memory, [&](bool v2, std::string_view group, bool own) {
        const bool separate =
            !v2 && !own &&
            only_line(files.text(group, "/memory.use_hierarchy").value_or("")) == "0";
        return separate ? next_group::none : visit(v2, group, own);
    });
}

/// The line of memory.stat with the lowest limit of a group of version 1 and all groups above it,
/// also those above the mount.
SKYUTIL_OWN inline constexpr std::string_view hierarchical_name = "hierarchical_memory_limit";

inline std::optional<std::uint64_t> hierarchical_limit(std::string_view statistics) noexcept {
    return parse_memory_limit(find_value(statistics, hierarchical_name));
}

/// Returns how many CPUs the quotas allow.
inline located<double> read_cpu_quota(const cgroup_tree& groups, file_reader& files) {
    located<double> lowest;
    groups.for_each_group(controller::cpu, [&](bool v2, std::string_view group, bool) {
        const std::string_view name = v2 ? "/cpu.max" : "/cpu.cfs_quota_us";
        const std::optional<std::string_view> text = files.text(group, name);
        if (text && v2) {
            keep_lowest(lowest, parse_cpu_max(*text), group, name);
        } else if (text && !text->starts_with('-')) {
            const std::string quota(only_line(*text));
            const std::string_view period = files.text(group, "/cpu.cfs_period_us").value_or("");
            keep_lowest(lowest, parse_quota(quota, only_line(period)), group, name);
        }
        return text ? next_group::read_here : next_group::nothing_here;
    });
    return lowest;
}

/// Returns how many CPUs the nearest group with a list of CPUs has; those above have no fewer.
inline located<int> read_cpuset(const cgroup_tree& groups, file_reader& files) {
    located<int> found;
    groups.for_each_group(controller::cpuset, [&](bool v2, std::string_view group, bool) {
        for (const std::string_view name :
             {v2 ? "/cpuset.cpus.effective" : "/cpuset.effective_cpus", "/cpuset.cpus"}) {
            const std::optional<int> count = count_cpu_list(files.text(group, name).value_or(""));
            if (count) {
                keep_lowest(found, count, group, name);
                return next_group::none;
            }
        }
        return next_group::nothing_here;
    });
    return found;
}

/// Returns how the group was throttled that was so for the longest time; the nearest one where
/// several were so equally long.
inline located<throttling> read_throttling(const cgroup_tree& groups, file_reader& files) {
    located<throttling> longest;
    groups.for_each_group(controller::cpu, [&](bool v2, std::string_view group, bool) {
        const std::string_view name = "/cpu.stat";
        const std::optional<std::string_view> text = files.text(group, name);
        const std::optional<throttling> found =
            text ? parse_throttling(*text, v2) : std::optional<throttling>();
        if (found && (!longest.value || found->microseconds > longest.value->microseconds)) {
            longest = {found, group, name};
        }
        return text ? next_group::read_here : next_group::nothing_here;
    });
    return longest;
}

/// How many bytes of memory the limits allow, and the group with the lowest one; without a limit
/// the nearest one that could have one.
struct memory_bound {
    std::optional<std::uint64_t> bytes{};
    std::string_view group{};
    bool v2 = false;
};

inline memory_bound read_memory_limit(const cgroup_tree& groups, file_reader& files) {
    memory_bound lowest;
    const auto keep = [&](const std::optional<std::uint64_t>& limit, std::string_view group,
                          bool v2) {
        if (lowest.group.empty() || (limit && (!lowest.bytes || *limit < *lowest.bytes))) {
            lowest = {limit, group, v2};
        }
    };
    for_each_memory_group(groups, files, [&](bool v2, std::string_view group, bool own) {
        if (!v2 && own) {
            const std::string_view text = files.text(group, "/memory.stat").value_or("");
            if (!text.empty()) {
                keep(hierarchical_limit(text), group, v2);
            }
            if (files.root().is_real() && parse_unsigned(find_value(text, hierarchical_name))) {
                return next_group::none;  // the kernel says that it is the lowest
            }
        }
        const std::optional<std::string_view> text =
            files.text(group, v2 ? "/memory.max" : "/memory.limit_in_bytes");
        if (text) {
            keep(parse_memory_limit(*text), group, v2);
        }
        return text ? next_group::read_here : next_group::nothing_here;
    });
    return lowest;
}

/// Returns how many bytes of memory a group uses.
inline std::optional<std::uint64_t> read_memory_usage(bool v2, std::string_view group,
                                                      file_reader& files) {
    return group.empty() ? std::nullopt
                         : parse_memory_limit(
                               files.text(group, v2 ? "/memory.current" : "/memory.usage_in_bytes")
                                   .value_or(""));
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
