// SPDX-License-Identifier: MIT
//
// detail/os/linux/cgroup/resources.hpp: reads what else the control groups of a process tell: what
// was asked for, and how much memory is in use and left.

#pragma once

#include <skyutil/detail/os/limit_types.hpp>
#include <skyutil/detail/os/linux/cgroup/limits.hpp>
#include <skyutil/detail/os/linux/cgroup/text.hpp>
#include <skyutil/detail/os/linux/cgroup/tree.hpp>
#include <skyutil/detail/os/linux/procfs/file_reader.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

/// Returns how many CPUs the nearest group with a weight asks for.
inline sourced<double> read_cpu_request(const cgroup_tree& groups, file_reader& files) {
    sourced<double> request;
    groups.for_each_group(controller::cpu, [&](bool v2, const std::string& group, bool) {
        const std::string file = group + (v2 ? "/cpu.weight" : "/cpu.shares");
        const std::optional<std::string> text = files.text(file);
        if (!text) {
            return next_group::nothing_here;
        }
        keep_lowest(request, v2 ? cpus_of_weight(*text) : cpus_of_shares(*text), file);
        return next_group::none;
    });
    return request;
}

/// Returns what the memory controller says: the limits, what is in use and what is left.
inline memory_numbers read_group_memory(const cgroup_tree& groups, file_reader& files) {
    memory_numbers result;
    sourced<std::uint64_t> above;
    sourced<std::uint64_t> usage;  // of the group looked at last
    sourced<std::uint64_t> reclaimable;
    const auto keep_limit = [&](const std::optional<std::uint64_t>& limit,
                                const std::string& file) {
        if (keep_lowest(result.limit, limit, file) || !result.usage.value) {
            result.usage = usage;
            result.reclaimable = reclaimable;
        }
        if (limit && usage.value) {
            const std::uint64_t taken = *usage.value - *reclaimable.value;
            keep_lowest(result.group_available, std::optional(*limit - (std::min)(*limit, taken)),
                        file);
        }
    };
    for_each_memory_group(groups, files, [&](bool v2, const std::string& group, bool own) {
        const auto number = [&](const char* name) {
            return parse_memory_limit(files.text(group + name).value_or(""));
        };
        const char* const limit_name = v2 ? "/memory.max" : "/memory.limit_in_bytes";
        const char* const soft_name = v2 ? "/memory.high" : "/memory.soft_limit_in_bytes";
        const char* const usage_name = v2 ? "/memory.current" : "/memory.usage_in_bytes";
        const char* const swap_name = v2 ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes";
        const std::string stat_name = group + "/memory.stat";
        const std::string statistics = files.text(stat_name).value_or("");
        usage = {};
        reclaimable = {};
        if (const auto used = number(usage_name)) {
            usage = {used, group + usage_name};
            reclaimable = {(std::min)(*used, count_reclaimable(statistics, v2)), stat_name};
        }
        const std::optional<std::uint64_t> limit = number(limit_name);
        keep_limit(limit, group + limit_name);
        if (!v2 && own) {
            keep_lowest(above, hierarchical_limit(statistics), stat_name);
        }
        keep_lowest(result.soft_limit, number(soft_name), group + soft_name);
        std::optional<std::uint64_t> swap = number(swap_name);
        if (!v2 && swap) {  // of memory and swap together
            swap = limit ? std::optional(*swap - (std::min)(*swap, *limit)) : std::nullopt;
        }
        keep_lowest(result.swap_limit, swap, group + swap_name);
        return limit || usage.value ? next_group::read_here : next_group::nothing_here;
    });
    if (above.value && (!result.limit.value || *above.value < *result.limit.value)) {
        keep_limit(above.value, above.source);
    }
    return result;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
