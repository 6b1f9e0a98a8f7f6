// SPDX-License-Identifier: MIT
//
// detail/os/limit_types.hpp: the types of what detail/os/limits.hpp and detail/os/resources.hpp
// tell.

#pragma once

#include <skyutil/version.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

/// A number, if there is one, and what it was read from, for people: the name of a file, of a call
/// to the system, "job object".
template <class T>
struct sourced {
    std::optional<T> value{};
    std::string source{};
};

/// What was read. `complete` is false when something could not be looked at (no handles or memory
/// are left, the process may no longer see it), so that an earlier answer is the better one.
template <class T>
struct reading {
    T value{};
    bool complete = false;
};

/// How often and how long the lack of quota has held tasks of a group back since it was made.
struct throttling {
    std::uint64_t periods;       ///< in which tasks of the group ran
    std::uint64_t throttled;     ///< of them, those in which the quota was used up
    std::uint64_t microseconds;  ///< that tasks waited, the sum of all CPUs
};

/// The limits on CPUs that are the same for each thread of the process.
struct cpu_limits {
    std::optional<int> cpus;  ///< nullopt where the number of allowed CPUs tells as much
    std::optional<double> quota;
};

/// What can change while a process runs, for looks many times a second.
struct limits_sample {
    cpu_limits cpus;
    std::uint64_t memory = 0;                   ///< bytes, 0 when nothing is known
    std::optional<std::uint64_t> memory_usage;  ///< bytes, as memory_numbers has it
    std::optional<os::throttling> throttled;    ///< as cpu_numbers has it
};

/// All numbers about the CPUs of the calling thread. A source that is the usual one of the system
/// is empty, see online_name() and affinity_name().
struct cpu_numbers {
    sourced<int> online;      ///< CPUs of the machine that are switched on
    sourced<int> affinity;    ///< CPUs on which the thread may run
    sourced<int> cpuset;      ///< CPUs that an administrator has left the process
    sourced<double> quota;    ///< CPUs' worth of time; nullopt also for a thread that none binds
    sourced<double> request;  ///< CPUs' worth of time that was asked for
    sourced<throttling> throttled;  ///< of the group that was held back longest
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

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
