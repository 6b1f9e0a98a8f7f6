// SPDX-License-Identifier: MIT
//
// detail/system/limit_reader.hpp: reads the limits that get_cpu_count() and get_mem_size_gb() need,
// and remembers them for some milliseconds.
//
// No descriptor is kept. One of /proc/self names the parent after fork; all are lost, or worse, are
// somebody else's files by then, in a program that closes every descriptor when it becomes a
// daemon; and what they would save is saved by reading once in 10 milliseconds. A name is looked up
// again each time, so a move to another group, exec, setns and chroot need no care. Where nothing
// can be looked up, in a chroot without /proc or without descriptors left, the last answer stays: a
// process does not leave its groups by that.

#pragma once

#include <skyutil/detail/os.hpp>
#include <skyutil/detail/process/proc_stat.hpp>
#include <skyutil/detail/system/cgroup.hpp>
#include <skyutil/detail/system/cgroup_limits.hpp>
#include <skyutil/detail/system/sysroot.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Where nothing says what a system call says: in copies, and where a filter refuses the call.
inline constexpr std::string_view status_file = "/proc/self/status";

/// CPUs in the calling thread's affinity mask by its status; in copies by that of the process.
inline std::optional<int> affinity_by_status(file_reader& files) {
    const std::string status = files.own("status").value_or("");
    return count_cpu_list(find_value(status, "Cpus_allowed_list"));
}

inline std::optional<int> read_affinity(file_reader& files) {
    const int count = files.root().is_real() ? os::affinity_count() : 0;
    return count == 0 ? affinity_by_status(files) : std::optional(count);
}

/// Whether quotas do not bind the calling thread.
inline bool is_real_time(file_reader& files) {
    std::optional<std::uint64_t> policy;
    if (files.root().is_real()) {
        policy = os::scheduling_policy();
    }
    if (!policy) {
        const std::string text = files.own("stat").value_or("");
        const std::optional<process_stat> stat = parse_process_stat(text);
        policy = stat ? std::optional(stat->policy) : std::nullopt;
    }
    return policy && os::is_real_time(*policy);
}

SKYUTIL_OWN inline constexpr std::string_view online_file = "/sys/devices/system/cpu/online";
SKYUTIL_OWN inline constexpr std::string_view statistics_file = "/proc/stat";

/// CPUs that are switched on, by /sys, else by /proc/stat, which has a line of each.
inline sourced<int> read_online(file_reader& files) {
    if (const auto online = count_cpu_list(files.text(online_file).value_or(""))) {
        return {online, std::string(online_file)};
    }
    return {count_cpu_lines(files.text(statistics_file).value_or("")),
            std::string(statistics_file)};
}

/// Bytes of memory of the machine, by sysinfo(2) and by the text of /proc/meminfo, which
/// `read_meminfo` is asked for unless the call tells all. lxcfs puts the limit of its container
/// there, of which the call knows nothing: the lower number counts.
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

/// What was read; `complete` is false when something could not be looked at.
template <class T>
struct reading {
    T value{};
    bool complete = false;
};

/// What limits the CPUs of a process, whichever thread asks.
struct cpu_limits {
    std::optional<int> cpus;
    std::optional<double> quota;
};

class limit_reader {
public:
    explicit limit_reader(sysroot root = {}) : root_(std::move(root)) {}

    [[nodiscard]] reading<cpu_limits> read_cpus() {
        file_reader files(root_);
        const bool found = find_groups(files);
        cpu_limits limits;
        // A mask has no CPUs that are off, see sched_setaffinity(2): there is nothing to learn
        // where the kernel tells both.
        if (!root_.is_real() || tree_.cpu_files_replaced() || os::affinity_count() == 0) {
            limits.cpus = read_online(files).value;
        }
        // It has CPUs of no other cpuset either, see cpuset(7), but for processes in the root group
        // that others took CPUs from (Linux 6.1).
        const auto cpuset = tree_.cpuset(files);
        if (cpuset.value && (!limits.cpus || *cpuset.value < *limits.cpus)) {
            limits.cpus = cpuset.value;
        }
        limits.quota = tree_.cpu_quota(files).value;
        return {limits, found && !files.starved()};
    }

    /// Bytes, 0 when nothing is known.
    [[nodiscard]] reading<std::uint64_t> read_memory() {
        file_reader files(root_);
        const bool found = find_groups(files);
        const std::optional<std::uint64_t> physical =
            read_physical(files, !tree_.memory_file_replaced(), [&] {
                return files.text("/proc/meminfo").value_or("");
            }).value;
        std::uint64_t bytes = physical.value_or(0);
        if (const auto limit = tree_.memory_limit(files); limit && (!physical || *limit < bytes)) {
            bytes = *limit;
        }
        return {bytes, found && !files.starved()};
    }

private:
    /// Where the groups are is looked up when the process is in others, and once a second: mounts
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

    sysroot root_;
    cgroup_tree tree_;
    std::uint64_t mounts_due_ = 0;
};

/// Readers that know where the groups are, for whoever asks next: no lock, and a child made by fork
/// goes on with those that no other thread was using. Kept here and not by each thread, as a
/// library with thread_local objects that have destructors cannot be unloaded.
class reader_shelf {
public:
    constexpr reader_shelf() noexcept = default;
    reader_shelf(const reader_shelf&) = delete;
    reader_shelf& operator=(const reader_shelf&) = delete;
    ~reader_shelf() {
        while (take()) {
        }
    }

    /// Empty when there is none.
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

/// Calls with a reader that others may have used before, but none uses now.
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

/// A value that is read anew when it is older than some milliseconds by a clock that is up to ten
/// behind.
template <class T>
class recent {
public:
    /// `last` is asked when the first reading is not complete.
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

inline constexpr std::uint64_t default_max_age = 10;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
