// SPDX-License-Identifier: MIT
//
// detail/os/linux/resources.hpp: what detail/os/resources.hpp declares.

#pragma once

#include <skyutil/detail/os/limit_types.hpp>
#include <skyutil/detail/os/limits.hpp>
#include <skyutil/detail/os/linux/procfs/resources.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <string>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline cpu_numbers read_cpu_numbers(const limits_source& source) {
    const sys::system_root& root = source.state().root();
    cpu_numbers numbers = sys::read_cpu_numbers(root, source.obeys_quota());
    if (root.is_real()) {
        numbers.affinity.value = sys::count_affinity();
    }
    if (!numbers.affinity.value) {
        numbers.affinity = {source.state().affinity(), std::string(sys::status_file)};
    }
    return numbers;
}

inline memory_numbers read_memory_numbers(const limits_source& source) {
    const sys::system_root& root = source.state().root();
    memory_numbers numbers = sys::read_memory_numbers(
        root, root.is_real() ? sys::count_memory() : sys::machine_memory());
    std::error_code ignored;
    numbers.address_space_limit = source.limit(resource::address_space, ignored).soft;
    numbers.data_limit = source.limit(resource::data, ignored).soft;
    return numbers;
}

inline stall_numbers read_stall_numbers(const limits_source& source) {
    return sys::read_stall_numbers(source.state().root());
}

inline std::size_t count_open_descriptors(const limits_source& source, std::error_code& error) {
    const sys::system_root& root = source.state().root();
    const std::size_t count = sys::count_descriptors(root, error);
    return count == 0 || !root.is_real() ? count : count - 1;  // not the one that counts
}

inline const char* online_name() noexcept { return sys::online_file.data(); }

inline const char* affinity_name() noexcept { return "sched_getaffinity(2)"; }

inline const char* open_descriptors_name() noexcept { return "/proc/self/fd"; }

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
