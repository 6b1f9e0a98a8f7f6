// SPDX-License-Identifier: MIT
//
// detail/system/read_resources.hpp: makes the types of system.hpp of the numbers that the system
// tells; overrides are not looked at here. Included at the end of skyutil/system.hpp.

#pragma once

#include <skyutil/detail/os/limits.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/detail/os/resources.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

inline os::limits_source limits_of(const sysroot& root) {
    return root.is_real() ? os::limits_source() : os::limits_source(root.path.native());
}

/// Moves a number and its source to two members of a budget.
template <class T>
void take(os::sourced<T>& found, std::optional<T>& number, std::string& file) {
    number = found.value;
    file = std::move(found.source);
}

inline std::chrono::microseconds to_microseconds(std::uint64_t count) noexcept {
    constexpr auto most = static_cast<std::uint64_t>((std::chrono::microseconds::max)().count());
    return std::chrono::microseconds((std::min)(count, most));
}

inline std::optional<cpu_throttling> to_throttling(
    const std::optional<os::throttling>& found) noexcept {
    return found ? std::optional<cpu_throttling>(
                       {found->periods, found->throttled, to_microseconds(found->microseconds)})
                 : std::nullopt;
}

inline cpu_budget read_cpu_budget(const os::limits_source& source) {
    os::cpu_numbers numbers = os::read_cpu_numbers(source);
    cpu_budget budget;
    take(numbers.online, budget.online, budget.online_file);
    take(numbers.affinity, budget.affinity, budget.affinity_file);
    take(numbers.cpuset, budget.cpuset, budget.cpuset_file);
    take(numbers.quota, budget.quota, budget.quota_file);
    take(numbers.request, budget.request, budget.request_file);
    budget.throttled = to_throttling(numbers.throttled.value);
    budget.throttled_file = std::move(numbers.throttled.source);
    return budget;
}

inline memory_budget read_memory_budget(const os::limits_source& source) {
    os::memory_numbers numbers = os::read_memory_numbers(source);
    memory_budget budget;
    take(numbers.physical, budget.physical, budget.physical_file);
    take(numbers.machine_available, budget.machine_available, budget.machine_available_file);
    take(numbers.limit, budget.limit, budget.limit_file);
    take(numbers.soft_limit, budget.soft_limit, budget.soft_limit_file);
    take(numbers.swap_limit, budget.swap_limit, budget.swap_limit_file);
    take(numbers.usage, budget.usage, budget.usage_file);
    take(numbers.reclaimable, budget.reclaimable, budget.reclaimable_file);
    take(numbers.group_available, budget.group_available, budget.group_available_file);
    budget.address_space_limit = numbers.address_space_limit;
    budget.data_limit = numbers.data_limit;
    const auto leave = [&](const std::optional<std::uint64_t>& limit,
                           const std::optional<std::uint64_t>& used) {
        if (limit && used) {
            const std::uint64_t left = *limit - (std::min)(*limit, *used);
            budget.process_available = (std::min)(left, budget.process_available.value_or(left));
        }
    };
    leave(numbers.address_space_limit, numbers.address_space_used);
    leave(numbers.data_limit, numbers.data_used);
    return budget;
}

inline std::optional<resource_pressure> to_pressure(os::stalls&& found) {
    if (!found.some && !found.full) {
        return std::nullopt;
    }
    const auto averages = [](const std::optional<os::stall_times>& times) {
        return times ? std::optional<pressure_averages>({times->avg10, times->avg60, times->avg300,
                                                         to_microseconds(times->total)})
                     : std::nullopt;
    };
    return resource_pressure{averages(found.some), averages(found.full), std::move(found.source)};
}

inline pressure read_pressure(const os::limits_source& source) {
    os::stall_numbers found = os::read_stall_numbers(source);
    return {to_pressure(std::move(found.cpu)), to_pressure(std::move(found.memory)),
            to_pressure(std::move(found.io))};
}

inline fd_limits read_fd_limits(const os::limits_source& source, std::error_code& error) {
    const os::resource_limit limit = source.limit(os::resource::descriptors, error);
    return {limit.soft, limit.hard};
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
