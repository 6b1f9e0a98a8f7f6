// SPDX-License-Identifier: MIT
//
// detail/system/limit_reader.hpp: reads the limits that get_cpu_count() and get_mem_size_gb() need,
// and remembers them for some milliseconds.
//
// No descriptor is kept open. One of /proc/self would refer to the parent after fork, and a program
// that closes every descriptor to become a daemon would close it, or have another file under its
// number by then. Reading only once in 10 milliseconds saves as much. Each name is looked up again
// when it is read, so that a move to another group, exec, setns and chroot need no care. Where
// nothing can be looked up (in a chroot without /proc, without descriptors left) the last answer
// stays, because a process does not leave its groups that way.

#pragma once

#include <skyutil/detail/os.hpp>
#include <skyutil/detail/os/linux/procfs/process_stat.hpp>
#include <skyutil/detail/system/cgroup_limits.hpp>
#include <skyutil/detail/system/cgroup_tree.hpp>
#include <skyutil/detail/system/cpu_list.hpp>
#include <skyutil/detail/system/file_reader.hpp>
#include <skyutil/detail/system/meminfo.hpp>
#include <skyutil/detail/text/scan.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Read instead of system calls: in copies, and where a filter refuses the call.
inline constexpr std::string_view status_file = "/proc/self/status";

/// Returns how many CPUs are in the affinity mask in the status file of the calling thread; in
/// copies in that of the process.
inline std::optional<int> affinity_by_status(file_reader& files) {
    const std::string status = files.own("status").value_or("");
    return count_cpu_list(find_value(status, "Cpus_allowed_list"));
}

/// Returns how many CPUs are in the affinity mask of the calling thread.
inline std::optional<int> read_affinity(file_reader& files) {
    const int count = files.root().is_real() ? os::affinity_count() : 0;
    return count == 0 ? affinity_by_status(files) : std::optional(count);
}

/// Returns whether the calling thread has a real-time policy, so that no quota binds it.
inline bool is_real_time(file_reader& files) {
    std::optional<std::uint64_t> policy;
    if (files.root().is_real()) {
        policy = os::scheduling_policy();
    }
    if (!policy) {
        const std::string text = files.own("stat").value_or("");
        const auto stat = os::sys::parse_process_stat(text);
        policy = stat ? std::optional(stat->policy) : std::nullopt;
    }
    return policy && os::is_real_time(*policy);
}

SKYUTIL_OWN inline constexpr std::string_view online_file = "/sys/devices/system/cpu/online";
SKYUTIL_OWN inline constexpr std::string_view statistics_file = "/proc/stat";

/// Returns how many CPUs are switched on: as /sys says, or where it does not, by the number of
/// lines in /proc/stat.
inline sourced<int> read_online(file_reader& files) {
    if (const auto online = count_cpu_list(files.text(online_file).value_or(""))) {
        return {online, std::string(online_file)};
    }
    return {count_cpu_lines(files.text(statistics_file).value_or("")),
            std::string(statistics_file)};
}

/// Returns how many bytes of memory the machine has: the lower one of the numbers of sysinfo(2) and
/// of /proc/meminfo, in which lxcfs writes the limit of its container, unknown to the system call.
/// `read_meminfo` returns the text of the file; it is not called where `call_tells_all`.
template <class Read>
sourced<std::uint64_t> read_physical(file_reader& files, bool call_tells_all, Read read_meminfo) {
    sourced<std::uint64_t> physical;
    if (files.root().is_real()) {
        if (const std::uint64_t bytes = os::memory().total; bytes != 0) {
            physical = {bytes, "sysinfo(2)"};
        }
    }
    if (!physical.value || !call_tells_all) {
        const std::optional<std::uint64_t> total = find_kib(read_meminfo(), "MemTotal");
        keep_lowest(physical, total && *total != 0 ? total : std::nullopt, "/proc/meminfo");
    }
    return physical;
}

/// What was read; `complete` is false when something could not be read.
template <class T>
struct reading {
    T value{};
    bool complete = false;
};

/// The limits on CPUs that are the same for each thread of a process.
struct cpu_limits {
    std::optional<int> cpus;
    std::optional<double> quota;
};

/// Reads the limits of one root, and remembers where its control groups are.
class limit_reader {
public:
    explicit limit_reader(root_directory root = {}) : root_(std::move(root)) {}

    [[nodiscard]] reading<cpu_limits> read_cpus() {
        file_reader files(root_);
        const bool found = find_groups(files);
        cpu_limits limits;
        // An affinity mask has no CPUs that are off, see sched_setaffinity(2): where the kernel
        // tells the mask, the CPUs that are on add nothing.
        if (!root_.is_real() || tree_.cpu_files_replaced() || os::affinity_count() == 0) {
            limits.cpus = read_online(files).value;
        }
        // It has no CPUs outside of the cpuset either, see cpuset(7), except for processes in the
        // root group when other groups have taken CPUs away from it (Linux 6.1).
        const auto cpuset = read_cpuset(tree_, files);
        if (cpuset.value && (!limits.cpus || *cpuset.value < *limits.cpus)) {
            limits.cpus = cpuset.value;
        }
        limits.quota = read_cpu_quota(tree_, files).value;
        return {limits, found && !files.starved()};
    }

    /// Returns bytes, 0 when nothing is known.
    [[nodiscard]] reading<std::uint64_t> read_memory() {
        file_reader files(root_);
        const bool found = find_groups(files);
        const std::optional<std::uint64_t> physical =
            read_physical(files, !tree_.memory_file_replaced(), [&] {
                return files.text("/proc/meminfo").value_or("");
            }).value;
        std::uint64_t bytes = physical.value_or(0);
        if (const auto limit = read_memory_limit(tree_, files);
            limit && (!physical || *limit < bytes)) {
            bytes = *limit;
        }
        return {bytes, found && !files.starved()};
    }

private:
    /// Finds where the groups are when the process has moved to others, and once a second. Mounts
    /// change seldom, and some machines have thousands.
    bool find_groups(file_reader& files) {
        constexpr std::uint64_t each = 1000;
        const std::uint64_t now = os::coarse_milliseconds();
        const bool due = now >= mounts_due_;
        const bool found = tree_.look_again(files, due);
        if (found && due) {
            mounts_due_ = now + each;
        }
        return found;
    }

    root_directory root_;
    cgroup_tree tree_;
    std::uint64_t mounts_due_ = 0;
};

/// Keeps readers that know where the groups are for the next thread that needs one. There is no
/// lock, so a child made by fork can use those that no other thread was using. They are not
/// thread_local, because a library with thread_local objects that have destructors cannot be
/// unloaded.
class reader_shelf {
public:
    constexpr reader_shelf() noexcept = default;
    reader_shelf(const reader_shelf&) = delete;
    reader_shelf& operator=(const reader_shelf&) = delete;
    ~reader_shelf() {
        while (take()) {
        }
    }

    /// Returns a reader, or nothing when none is kept.
    [[nodiscard]] std::unique_ptr<limit_reader> take() noexcept {
        for (std::atomic<limit_reader*>& place : places_) {
            if (place.load(std::memory_order_relaxed) != nullptr) {
                if (limit_reader* const taken = place.exchange(nullptr)) {
                    return std::unique_ptr<limit_reader>(taken);
                }
            }
        }
        return nullptr;
    }

    void put(std::unique_ptr<limit_reader> reader) noexcept {
        for (std::atomic<limit_reader*>& place : places_) {
            limit_reader* none = nullptr;
            if (place.compare_exchange_strong(none, reader.get())) {
                static_cast<void>(reader.release());  // NOLINT(bugprone-unused-return-value)
                return;
            }
        }
    }

private:
    std::array<std::atomic<limit_reader*>, 16> places_{};
};

SKYUTIL_OWN inline reader_shelf& kept_readers() {
    static reader_shelf shelf;
    return shelf;
}

/// Calls the function with a reader that no other thread uses meanwhile, and returns its result.
template <class Function>
auto with_kept_reader(Function function) {
    reader_shelf& shelf = kept_readers();
    std::unique_ptr<limit_reader> reader = shelf.take();
    if (!reader) {
        reader = std::make_unique<limit_reader>();
    }
    const auto result = function(*reader);
    shelf.put(std::move(reader));
    return result;
}

/// A value that is read again when it is older than some milliseconds, by a clock that can be up to
/// ten milliseconds behind.
template <class T>
class recent {
public:
    /// Returns the value that `read` has read. A reading that is not complete does not replace the
    /// value; when it is the first, `last` is called with it and returns the value instead.
    template <class Read, class Last>
    const T& get(std::uint64_t max_age, Read read, Last last) {
        const std::uint64_t now = os::coarse_milliseconds();
        if (now >= expires_) {
            reading<T> next = read();
            if (next.complete || !known_) {
                value_ = next.complete ? next.value : last(next.value);
            }
            known_ = true;
            expires_ = now + max_age;
        }
        return value_;
    }

private:
    T value_{};
    std::uint64_t expires_ = 0;
    bool known_ = false;
};

inline constexpr std::uint64_t default_max_age = 10;  // milliseconds

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
