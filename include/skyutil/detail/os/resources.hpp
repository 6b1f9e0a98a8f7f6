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

/// All numbers about the CPUs of the calling thread. A source that is the usual one of the system
/// is empty, see online_name() and affinity_name().
struct cpu_numbers {
    sourced<int> online;      ///< CPUs of the machine that are switched on
    sourced<int> affinity;    ///< CPUs on which the thread may run
    sourced<int> cpuset;      ///< CPUs that an administrator has left the process
    sourced<double> quota;    ///< CPUs' worth of time; nullopt also for a thread that none binds
    sourced<double> request;  ///< CPUs' worth of time that was asked for
};

/// All numbers about the memory of the process, in bytes. A group is what the system limits
/// together: a control group, a job.
struct memory_numbers {
    sourced<std::uint64_t> physical;           ///< memory of the machine
    sourced<std::uint64_t> machine_available;  ///< what the machine has left without swapping
    sourced<std::uint64_t> limit;              ///< the lowest one of a group
    sourced<std::uint64_t> soft_limit;         ///< above it the system takes memory back
    sourced<std::uint64_t> swap_limit;
    sourced<std::uint64_t> usage;            ///< of the group with the limit, else of the own group
    sourced<std::uint64_t> reclaimable;      ///< of it; the system can take it back
    sourced<std::uint64_t> group_available;  ///< the least that is left below a limit
    std::optional<std::uint64_t> address_space_limit;
    std::optional<std::uint64_t> address_space_used;
    std::optional<std::uint64_t> data_limit;
    std::optional<std::uint64_t> data_used;
};

/// How much of the time tasks waited: in percent of the last 10, 60 and 300 seconds, and in
/// microseconds since the group or the machine started.
struct stall_times {
    double avg10;
    double avg60;
    double avg300;
    std::uint64_t total;
};

/// How long tasks waited for a resource, of the own group or of the machine.
struct stalls {
    std::optional<stall_times> some;  ///< at least one task
    std::optional<stall_times> full;  ///< all tasks
    std::string source;
};

struct stall_numbers {
    stalls cpu;
    stalls memory;
    stalls io;
};

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
#else
#include <skyutil/detail/os/unsupported/resources.hpp>  // IWYU pragma: export
#endif
