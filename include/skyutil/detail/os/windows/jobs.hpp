// SPDX-License-Identifier: MIT
//
// detail/os/windows/jobs.hpp: what binds this process and the calling thread: processor groups,
// affinity masks, and the job that the process is in. Of nested jobs the innermost one can be asked
// alone.
//
// Sources: Microsoft's reference: "Processor Groups", "Job Objects", "Nested Jobs",
// QueryInformationJobObject, JOBOBJECT_CPU_RATE_CONTROL_INFORMATION,
// JOBOBJECT_EXTENDED_LIMIT_INFORMATION, GlobalMemoryStatusEx.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/limit_types.hpp>
#include <skyutil/detail/os/windows/api/machine.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

inline constexpr char job_name[] = "job object";

/// Returns how many CPUs of a processor group, or of all, are switched on; 0 when that cannot be
/// told.
inline constexpr unsigned short all_groups = 0xffff;
inline int count_active(unsigned short group) noexcept {
    return static_cast<int>(GetActiveProcessorCount(group));
}

/// Returns how many CPUs the calling thread may run on.
///
/// A mask is of one group, of 64 CPUs at most. Since Windows 11 and Windows Server 2022 a thread
/// that nobody has bound runs on every group of its process, and its mask is all of the first one.
inline std::optional<int> count_affinity() noexcept {
    group_affinity own{};
    if (GetThreadGroupAffinity(this_thread(), reinterpret_cast<::_GROUP_AFFINITY*>(&own)) == 0 ||
        own.mask == 0) {
        return std::nullopt;
    }
    const int in_mask = std::popcount(own.mask);
    std::array<unsigned short, 64> groups{};
    auto count = static_cast<unsigned short>(groups.size());
    if (in_mask < count_active(own.group) ||
        GetProcessGroupAffinity(this_process(), &count, groups.data()) == 0) {
        return in_mask;
    }
    int in_groups = 0;
    for (std::size_t i = 0; i < (std::min)(std::size_t{count}, groups.size()); ++i) {
        in_groups += count_active(groups[i]);
    }
    return (std::max)(in_mask, in_groups);
}

/// Asks the job of this process. Returns false where there is none or it does not know; sets
/// `failed` where it could not be asked.
template <class Answer>
bool ask_job(int what, Answer& answer, bool& failed) noexcept {
    int in_job = 0;
    if (IsProcessInJob(this_process(), nullptr, &in_job) == 0) {
        failed = true;
    }
    if (in_job == 0) {
        return false;
    }
    const nt_status status =
        ZwQueryInformationJobObject(nullptr, what, &answer, sizeof answer, nullptr);
    failed = failed || (status < 0 && !is_unknown_call(status));
    return status >= 0;
}

/// Returns how many CPUs' worth of time a job may use, of a machine with so many CPUs: as a rate is
/// in parts of ten thousand of all of them.
constexpr std::optional<double> quota_of(const job_cpu_rate& control, int cpus) noexcept {
    constexpr std::uint32_t enabled = 1;
    constexpr std::uint32_t hard_cap = 4;
    constexpr std::uint32_t between_two = 0x10;
    constexpr std::uint32_t whole = 10'000;
    const std::uint32_t rate = (control.flags & between_two) != 0 ? control.rate >> 16
                               : (control.flags & hard_cap) != 0  ? control.rate
                                                                  : 0;
    if ((control.flags & enabled) == 0 || rate == 0 || rate > whole || cpus <= 0) {
        return std::nullopt;
    }
    return static_cast<double>(cpus) * rate / whole;
}

inline std::optional<double> read_quota(int cpus, bool& failed) noexcept {
    job_cpu_rate control{};
    return ask_job(15, control, failed) ? quota_of(control, cpus) : std::nullopt;
}

/// What a job limits, in bytes and in CPUs.
struct job_bounds {
    std::optional<std::uint64_t> of_job;      ///< memory that all its processes may commit
    std::optional<std::uint64_t> of_process;  ///< and each of them
    std::optional<std::uint64_t> working_set;
    std::optional<int> cpus;

    [[nodiscard]] std::optional<std::uint64_t> memory() const noexcept {
        return of_job && of_process ? (std::min)(of_job, of_process) : of_job ? of_job : of_process;
    }
};

constexpr job_bounds bounds_of(const job_limits& limits) noexcept {
    const auto set = [&](std::uint32_t flag, auto value) {
        return (limits.flags & flag) != 0 && value != 0 ? std::optional(value) : std::nullopt;
    };
    return {set(0x200, std::uint64_t{limits.job_memory}),
            set(0x100, std::uint64_t{limits.process_memory}),
            set(0x1, std::uint64_t{limits.most_working_set}),
            set(0x10, std::popcount(limits.affinity))};
}

inline job_bounds read_bounds(bool& failed) noexcept {
    job_limits limits{};
    return ask_job(9, limits, failed) ? bounds_of(limits) : job_bounds();
}

/// Returns zeros when nothing can be told.
inline memory_status read_memory_status() noexcept {
    memory_status status{};
    status.size = sizeof status;
    return GlobalMemoryStatusEx(reinterpret_cast<::_MEMORYSTATUSEX*>(&status)) == 0
               ? memory_status{}
               : status;
}

/// Returns the memory that this process has committed.
inline std::optional<std::uint64_t> read_commit() noexcept {
    process_memory counters{};
    counters.size = sizeof counters;
    return K32GetProcessMemoryInfo(this_process(),
                                   reinterpret_cast<::_PROCESS_MEMORY_COUNTERS*>(&counters),
                                   sizeof counters) != 0 &&
                   counters.commit != 0
               ? std::optional<std::uint64_t>(counters.commit)
               : std::nullopt;
}

/// Returns the memory that the processes of the job have committed.
inline std::optional<std::uint64_t> read_job_commit() noexcept {
    job_use use{};
    bool ignored = false;
    return ask_job(13, use, ignored) && use.memory != 0 ? std::optional(use.memory) : std::nullopt;
}

/// Returns what is in use of what the lower one of the bounds is on; without one, of the job.
inline sourced<std::uint64_t> use_of(const job_bounds& bounds,
                                     const std::optional<std::uint64_t>& of_process,
                                     const std::optional<std::uint64_t>& of_job) {
    const bool process_decides = bounds.of_process && bounds.memory() == bounds.of_process;
    if (of_job && !process_decides) {
        return {of_job, job_name};
    }
    return of_process ? sourced<std::uint64_t>{of_process, "GetProcessMemoryInfo"}
                      : sourced<std::uint64_t>();
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
