// SPDX-License-Identifier: MIT
//
// detail/os/resources.hpp: all numbers about the CPUs, the memory and the descriptors of this
// process, and where they are from. What decides, and quickly, is in detail/os/limits.hpp.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/limit_types.hpp>
#include <skyutil/detail/os/limits.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/detail/text/scan.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

/// Return all numbers, read now.
inline cpu_numbers read_cpu_numbers(const limits_source& source);
inline memory_numbers read_memory_numbers(const limits_source& source);
inline stall_numbers read_stall_numbers(const limits_source& source);

/// Returns how many descriptors the process has open, without one that is opened to count them.
inline std::size_t count_open_descriptors(const limits_source& source, std::error_code& error);

// What the system is usually asked for the number of CPUs, those allowed, and the descriptors.

inline const char* online_name() noexcept;
inline const char* affinity_name() noexcept;
inline const char* open_descriptors_name() noexcept;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/linux/resources.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/resources.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/resources.hpp>  // IWYU pragma: export
#endif
