// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/resources.hpp: what detail/os/resources.hpp declares where nothing is known
// of the system.

#pragma once

#include <skyutil/detail/os/limit_types.hpp>
#include <skyutil/detail/os/limits.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline cpu_numbers read_cpu_numbers(const limits_source&) { return {}; }

inline memory_numbers read_memory_numbers(const limits_source&) { return {}; }

inline stall_numbers read_stall_numbers(const limits_source&) { return {}; }

inline std::size_t count_open_descriptors(const limits_source&, std::error_code& error) {
    error = make_error(std::errc::function_not_supported);
    return 0;
}

inline const char* online_name() noexcept { return ""; }

inline const char* affinity_name() noexcept { return ""; }

inline const char* open_descriptors_name() noexcept { return "descriptors"; }

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
