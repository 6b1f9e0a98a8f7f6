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
inline located<double> read_cpu_request(const cgroup_tree& groups, file_reader& files) {
    located<double> request;
    groups.for_each_group(controller::cpu, [&](bool v2, std::string_view group, bool) {
        const std::string_view name = v2 ? "/cpu.weight" : "/cpu.shares";
        const std::optional<std::string_view> text = files.text(group, name);
        if (!text) {
            return next_group::nothing_here;
        }
        keep_lowest(request, v2 ? cpus_of_weight(*text) : cpus_of_shares(*text), group, name);
        return next_group::none;
    });
    return request;
}

/// Returns what the memory controller says: the limits, what is in use and what is left.
inline memory_numbers read_group_memory(const cgroup_tree& groups, file_reader& files) {
    located<std::uint64_t> lowest;
    located<std::uint64_t> soft_limit;
    located<std::uint64_t> swap_limit;
    located<std::uint64_t> left;
    located<std::uint64_t> above;
    located<std::uint64_t> usage;  // of the group with the lowest limit, else of the own group
    located<std::uint64_t> reclaimable;
    located<std::uint64_t> used;  // of the group looked at last
    located<std::uint64_t> of_it_reclaimable;
    const auto keep_limit = [&](const std::optional<std::uint64_t>& limit, std::string_view group,
                                std::string_view name) {
        if (keep_lowest(lowest, limit, group, name) || !usage.value) {
            usage = used;
            reclaimable = of_it_reclaimable;
        }
        if (limit && used.value) {
            const std::uint64_t taken = *used.value - *of_it_reclaimable.value;
            keep_lowest(left, std::optional(*limit - (std::min)(*limit, taken)), group, name);
        }
    };
    for_each_memory_group(groups, files, [&](bool v2, std::string_view group, bool own) {
        const auto number = [&](std::string_view name) {
            return parse_memory_limit(files.text(group, name).value_or(""));
        };
        const std::string_view limit_name = v2 ? "/memory.max" : "/memory.limit_in_bytes";
        const std::string_view soft_name = v2 ? "/memory.high" : "/memory.soft_limit_in_bytes";
        const std::string_view usage_name = v2 ? "/memory.current" : "/memory.usage_in_bytes";
        const std::string_view swap_name = v2 ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes";
        const std::string_view stat_name = "/memory.stat";
        const std::string_view statistics = files.text(group, stat_name).value_or("");
        const std::uint64_t can_be_reclaimed = count_reclaimable(statistics, v2);
        const auto of_all_above = !v2 && own ? hierarchical_limit(statistics) : std::nullopt;
        used = {};
        of_it_reclaimable = {};
        if (const auto bytes = number(usage_name)) {
            used = {bytes, group, usage_name};
            of_it_reclaimable = {(std::min)(*bytes, can_be_reclaimed), group, stat_name};
        }
        const std::optional<std::uint64_t> limit = number(limit_name);
        keep_limit(limit, group, limit_name);
        keep_lowest(above, of_all_above, group, stat_name);
        keep_lowest(soft_limit, number(soft_name), group, soft_name);
        std::optional<std::uint64_t> swap = number(swap_name);
        if (!v2 && swap) {  // of memory and swap together
            swap = limit ? std::optional(*swap - (std::min)(*swap, *limit)) : std::nullopt;
        }
        keep_lowest(swap_limit, swap, group, swap_name);
        return limit || used.value ? next_group::read_here : next_group::nothing_here;
    });
    if (above.value && (!lowest.value || *above.value < *lowest.value)) {
        keep_limit(above.value, above.directory, above.name);
    }
    memory_numbers result;
    result.limit = lowest.named();
    result.soft_limit = soft_limit.named();
    result.swap_limit = swap_limit.named();
    result.usage = usage.named();
    result.reclaimable = reclaimable.named();
    result.group_available = left.named();
    return result;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
