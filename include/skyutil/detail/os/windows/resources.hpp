// SPDX-License-Identifier: MIT
//
// detail/os/windows/resources.hpp: what detail/os/resources.hpp declares. Descriptors are handles
// of every kind: of files, events, threads, keys...

#pragma once

#include <skyutil/detail/os/limit_types.hpp>
#include <skyutil/detail/os/limits.hpp>
#include <skyutil/detail/os/linux/procfs/resources.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/detail/os/windows/jobs.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {
inline constexpr char memory_status_name[] = "GlobalMemoryStatusEx";

template <class T>
sourced<T> from(const char* source, const std::optional<T>& value) {
    return value ? sourced<T>{value, source} : sourced<T>();
}

/// What the process, and its job, use and have left.
inline void add_use(memory_numbers& numbers, const job_bounds& bounds) {
    const std::optional<std::uint64_t> of_process = read_commit();
    const std::optional<std::uint64_t> of_job = read_job_commit();
    numbers.usage = use_of(bounds, of_process, of_job);
    const auto leave = [&](const std::optional<std::uint64_t>& limit,
                           const std::optional<std::uint64_t>& used) {
        if (limit && used) {
            const std::uint64_t left = *limit - (std::min)(*limit, *used);
            numbers.group_available = {
                (std::min)(left, numbers.group_available.value.value_or(left)), job_name};
        }
    };
    leave(bounds.of_job, of_job);
    leave(bounds.of_process, of_process);
}
}  // namespace sys

inline cpu_numbers read_cpu_numbers(const limits_source& source) {
    const sys::limits_state& state = source.state();
    if (!state.root().is_real()) {
        cpu_numbers numbers = sys::read_cpu_numbers(state.root(), source.obeys_quota());
        numbers.affinity = {state.affinity(), std::string(sys::status_file)};
        return numbers;
    }
    const int active = sys::count_active(sys::all_groups);
    bool ignored = false;
    cpu_numbers numbers;
    numbers.online.value = active > 0 ? std::optional(active) : std::nullopt;
    numbers.affinity.value = source.affinity();
    numbers.cpuset = sys::from(sys::job_name, sys::read_bounds(ignored).cpus);
    numbers.quota = sys::from(sys::job_name, sys::read_quota(active, ignored));
    return numbers;
}

inline memory_numbers read_memory_numbers(const limits_source& source) {
    const bool real = source.state().root().is_real();
    memory_numbers numbers;
    if (real) {
        const sys::memory_status status = sys::read_memory_status();
        if (status.physical != 0) {
            numbers.physical = {status.physical, sys::memory_status_name};
            // Memory is refused when no more may be committed, however much is free.
            numbers.machine_available = {
                (std::min)(status.available_physical, status.available_commit),
                sys::memory_status_name};
        }
        bool ignored = false;
        const sys::job_bounds bounds = sys::read_bounds(ignored);
        numbers.limit = sys::from(sys::job_name, bounds.memory());
        numbers.soft_limit = sys::from(sys::job_name, bounds.working_set);
        sys::add_use(numbers, bounds);
        numbers.address_space_used = status.address_space - status.available_address_space;
    } else {
        numbers = sys::read_memory_numbers(source.state().root(), {});
    }
    std::error_code none;
    numbers.address_space_limit = source.limit(resource::address_space, none).soft;
    numbers.data_limit = source.limit(resource::data, none).soft;
    return numbers;
}

inline stall_numbers read_stall_numbers(const limits_source& source) {
    const sys::system_root& root = source.state().root();
    return root.is_real() ? stall_numbers() : sys::read_stall_numbers(root);
}

inline std::size_t count_open_descriptors(const limits_source& source, std::error_code& error) {
    const sys::system_root& root = source.state().root();
    if (!root.is_real()) {
        return sys::count_descriptors(root, error);
    }
    unsigned long count = 0;
    if (sys::GetProcessHandleCount(sys::this_process(), &count) == 0) {
        error = last_error();
    } else if (count == 0) {  // every process has some
        error = make_error(std::errc::function_not_supported);
    }
    return count;
}

inline const char* online_name() noexcept { return "GetActiveProcessorCount"; }

inline const char* affinity_name() noexcept { return "affinity mask"; }

inline const char* open_descriptors_name() noexcept { return "handles of the process"; }

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
