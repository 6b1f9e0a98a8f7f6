// SPDX-License-Identifier: MIT
//
// detail/os/linux/limits_state.hpp: what the files of /proc and /sys tell of limits, or copies of
// them. Where system calls tell something too, or first, it is handed in: nothing is called here.
//
// No descriptor is kept open. One of /proc/self would refer to the parent after fork, and a program
// that closes every descriptor to become a daemon would close it, or have another file under its
// number by then. Each name is looked up again when it is read, so that a move to another group,
// exec, setns and chroot need no care.

#pragma once

#include <skyutil/detail/base/compiler.hpp>
#include <skyutil/detail/os/limit_types.hpp>
#include <skyutil/detail/os/linux/cgroup/limits.hpp>
#include <skyutil/detail/os/linux/cgroup/tree.hpp>
#include <skyutil/detail/os/linux/procfs/cpu_list.hpp>
#include <skyutil/detail/os/linux/procfs/file_reader.hpp>
#include <skyutil/detail/os/linux/procfs/meminfo.hpp>
#include <skyutil/detail/os/linux/procfs/process_limits.hpp>
#include <skyutil/detail/os/linux/procfs/process_stat.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/detail/text/scan.hpp>
#include <skyutil/version.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

SKYUTIL_OWN inline constexpr std::string_view online_file = "/sys/devices/system/cpu/online";
SKYUTIL_OWN inline constexpr std::string_view statistics_file = "/proc/stat";
SKYUTIL_OWN inline constexpr std::string_view memory_file = "/proc/meminfo";
SKYUTIL_OWN inline constexpr std::string_view status_file = "/proc/self/status";
SKYUTIL_OWN inline constexpr std::string_view memory_call = "sysinfo(2)";

/// What a call tells of the memory of the machine, in bytes; 0 where it does not.
struct machine_memory {
    std::uint64_t total = 0;
    std::uint64_t free = 0;  // that nothing uses
};

/// Returns whether a policy is SCHED_FIFO, SCHED_RR or SCHED_DEADLINE, which the bandwidth control
/// of fair scheduling does not bind (kernel documentation, scheduler/sched-bwc).
constexpr bool is_real_time(std::uint64_t policy) noexcept {
    return policy == 1 || policy == 2 || policy == 6;
}

/// Returns how many CPUs are switched on: as /sys says, or where it does not, by the number of
/// lines in /proc/stat.
inline located<int> read_online(file_reader& files) {
    if (const auto online = count_cpu_list(files.text(online_file).value_or(""))) {
        return {online, online_file};
    }
    return {count_cpu_lines(files.text(statistics_file).value_or("")), statistics_file};
}

/// Returns how many bytes of memory the machine has: the lower one of the numbers that a call has
/// told and that of /proc/meminfo, in which lxcfs writes the limit of its container, unknown to the
/// call. `read_meminfo` returns the text of the file; it is not called where `call_tells_all`.
template <class Read>
located<std::uint64_t> read_physical(const machine_memory& told, bool call_tells_all,
                                     Read read_meminfo) {
    located<std::uint64_t> physical;
    if (told.total != 0) {
        physical = {told.total, memory_call};
    }
    if (told.total == 0 || !call_tells_all) {
        const std::optional<std::uint64_t> total = find_kib(read_meminfo(), "MemTotal");
        keep_lowest(physical, total && *total != 0 ? total : std::nullopt, memory_file, {});
    }
    return physical;
}

/// The files of one system, and where its control groups were when they were last looked for.
class limits_state {
public:
    explicit limits_state(system_root root) noexcept : files_(std::move(root)) {}

    [[nodiscard]] const system_root& root() const noexcept { return files_.root(); }

    /// Returns how many CPUs are in the affinity mask of the calling thread; in copies in that of
    /// the process.
    [[nodiscard]] std::optional<int> affinity() const {
        const std::string_view status = files_.own("status").value_or("");
        return count_cpu_list(find_value(status, "Cpus_allowed_list"));
    }

    /// Returns the scheduling policy in the same way.
    [[nodiscard]] std::optional<std::uint64_t> policy() const {
        const std::string_view text = files_.own("stat").value_or("");
        const auto stat = parse_process_stat(text);
        return stat ? std::optional(stat->policy) : std::nullopt;
    }

    /// Returns the limits of the process.
    [[nodiscard]] std::optional<resource_limit> limit(resource which) const {
        const char* const name = which == resource::descriptors     ? "Max open files"
                                 : which == resource::address_space ? "Max address space"
                                                                    : "Max data size";
        return find_process_limit(files_.own("limits").value_or(""), name);
    }

    /// `mask_told`: whether a call tells the affinity mask.
    [[nodiscard]] reading<cpu_limits> read_cpus(bool mask_told) {
        const bool found = find_groups();
        const cpu_limits limits = read_cpu_limits(mask_told);
        return {limits, found && !files_.starved()};
    }

    /// Returns bytes, 0 when nothing is known. `told`: by a call, of the machine.
    [[nodiscard]] reading<std::uint64_t> read_memory(const machine_memory& told) {
        const bool found = find_groups();
        const std::uint64_t bytes = memory_below(read_memory_limit(tree_, files_), told);
        return {bytes, found && !files_.starved()};
    }

    [[nodiscard]] reading<limits_sample> sample(bool mask_told, const machine_memory& told) {
        const bool found = find_groups();
        limits_sample sample;
        sample.cpus = read_cpu_limits(mask_told);
        const memory_bound bound = read_memory_limit(tree_, files_);
        sample.memory_usage = read_memory_usage(bound.v2, bound.group, files_);
        sample.memory = memory_below(bound, told);
        sample.throttled = read_throttling(tree_, files_).value;
        return {sample, found && !files_.starved()};
    }

private:
    [[nodiscard]] cpu_limits read_cpu_limits(bool mask_told) {
        cpu_limits limits;
        // An affinity mask has no CPUs that are off, see sched_setaffinity(2): where the kernel
        // tells the mask, the CPUs that are on add nothing.
        if (!mask_told || tree_.cpu_files_replaced()) {
            limits.cpus = read_online(files_).value;
        }
        // It has no CPUs outside of the cpuset either, see cpuset(7), except for processes in the
        // root group when other groups have taken CPUs away from it (Linux 6.1).
        const std::optional<int> cpuset = read_cpuset(tree_, files_).value;
        if (cpuset && (!limits.cpus || *cpuset < *limits.cpus)) {
            limits.cpus = cpuset;
        }
        limits.quota = read_cpu_quota(tree_, files_).value;
        return limits;
    }

    [[nodiscard]] std::uint64_t memory_below(const memory_bound& bound,
                                             const machine_memory& told) {
        const std::optional<std::uint64_t> physical =
            read_physical(told, !tree_.memory_file_replaced(), [&] {
                return files_.text(memory_file).value_or("");
            }).value;
        return bound.bytes && (!physical || *bound.bytes < *physical) ? *bound.bytes
                                                                      : physical.value_or(0);
    }

    /// Finds where the groups are when the process has moved to others, and once a second. Mounts
    /// change seldom, and some machines have thousands.
    bool find_groups() {
        files_.forget_failures();
        const auto now = std::chrono::steady_clock::now();
        const bool due = now >= mounts_due_;
        const bool found = tree_.look_again(files_, due);
        if (found && due) {
            mounts_due_ = now + std::chrono::seconds(1);
        }
        return found;
    }

    mutable file_reader files_;  // one object is for one thread at a time
    cgroup_tree tree_;
    std::chrono::steady_clock::time_point mounts_due_{};
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
