// SPDX-License-Identifier: MIT
//
// skyutil/system.hpp: the CPUs, memory and descriptors this process may really use, and what limits
// them.
//
//     const int threads = skyutil::get_cpu_count();           // never 0, containers too
//     const double gib = skyutil::get_mem_size_gb();
//     std::cout << skyutil::describe_resources();             // each number, its file, which one
//     wins
//
// Nothing here fails because a file is missing, unreadable or garbled: such a file is no limit.
// Only what the kernel writes is read, to the end of the line; anything else is garbled. Where a
// system call is refused (a seccomp filter) or a file says nothing the next source is asked: for
// the machine's memory sysinfo(2) and /proc/meminfo, for its CPUs /sys/devices/system/cpu/online
// and /proc/stat, for the affinity mask, the scheduling policy and the limits of a process their
// system call and /proc/self. An override in the environment that is no positive number is an
// error: std::invalid_argument from the throwing forms, errc::invalid_argument from the others,
// which then answer as if it was not set. Overrides are ignored in setuid programs
// (secure_getenv(3)). Everything is safe to call from several threads at once, and after fork.

#pragma once

#include <skyutil/detail/base/error.hpp>
#include <skyutil/detail/os.hpp>
#include <skyutil/detail/system/cpu_budget.hpp>  // IWYU pragma: export
#include <skyutil/detail/system/cpu_count.hpp>
#include <skyutil/detail/system/limit_reader.hpp>
#include <skyutil/detail/system/override.hpp>
#include <skyutil/detail/system/sysroot.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// Every number that has to do with the memory of this process, in bytes; nullopt where there is
/// none.
struct memory_budget {
    std::optional<std::uint64_t> physical;  ///< memory of the machine
    /// The lowest limit of a control group (memory.max, memory.limit_in_bytes): above it the kernel
    /// kills.
    std::optional<std::uint64_t> limit;
    /// The lowest soft limit (memory.high, memory.soft_limit_in_bytes): above it the kernel takes
    /// memory back, and slows the process down in version 2.
    std::optional<std::uint64_t> soft_limit;
    /// Swap that the groups may have, 0 for none (memory.swap.max, or memory.memsw.limit_in_bytes
    /// less memory.limit_in_bytes). Never part of what is usable.
    std::optional<std::uint64_t> swap_limit;
    /// What the group with the lowest limit has (memory.current, memory.usage_in_bytes), page cache
    /// included; without a limit what the process's own group has.
    std::optional<std::uint64_t> usage;
    /// How much of `usage` is page cache and slabs that the kernel takes back when it needs them.
    std::optional<std::uint64_t> reclaimable;
    /// What each group between the process's own and the root has left below its limit, cache not
    /// counted as taken; the least of them. Siblings may take it at any time.
    std::optional<std::uint64_t> group_available;
    /// What the machine has left without swapping (MemAvailable); where no file tells it, what
    /// nothing uses (sysinfo(2)), which is less.
    std::optional<std::uint64_t> machine_available;
    std::optional<std::uint64_t> address_space_limit;  ///< RLIMIT_AS: mapped, used or not
    std::optional<std::uint64_t> data_limit;           ///< RLIMIT_DATA: private and writable
    /// What the two limits above leave.
    std::optional<std::uint64_t> process_available;
    std::optional<double>
        override_value;  ///< set in the environment: the other numbers do not count

    std::string physical_file;
    std::string limit_file;
    std::string soft_limit_file;
    std::string swap_limit_file;
    std::string usage_file;
    std::string group_available_file;  ///< of the limit
    std::string override_variable;
    std::string machine_available_file;

    /// Bytes that the process may ever use: the lower of the machine's and the limit, 0 when
    /// neither is known. Of an override whole bytes.
    [[nodiscard]] std::uint64_t usable() const noexcept {
        return override_value ? whole(*override_value) : lowest({physical, limit});
    }

    /// Bytes that the process can still take now before it is killed, refused or made to swap, 0
    /// when nothing is known. An override takes the place of the limit.
    [[nodiscard]] std::uint64_t available() const noexcept {
        const std::optional<std::uint64_t> machine =
            machine_available ? machine_available : physical;
        if (override_value) {
            const std::uint64_t taken = usage.value_or(0) - reclaimable.value_or(0);
            return lowest({machine, usable() - (std::min)(usable(), taken), process_available});
        }
        return lowest({machine, limit, group_available, process_available});
    }

    /// The number that decides what is usable; with equal ones the limit.
    [[nodiscard]] limit_source limiting_factor() const {
        if (override_value) {
            return {limit_kind::override_value, override_variable};
        }
        if (limit && (!physical || *limit <= *physical)) {
            return {limit_kind::memory_limit, limit_file};
        }
        return physical ? limit_source{limit_kind::machine, physical_file} : limit_source{};
    }

private:
    [[nodiscard]] static std::uint64_t whole(double bytes) noexcept {
        return bytes < 18446744073709551616.0 ? static_cast<std::uint64_t>(bytes)
                                              : (std::numeric_limits<std::uint64_t>::max)();
    }

    [[nodiscard]] static std::uint64_t lowest(
        std::initializer_list<std::optional<std::uint64_t>> numbers) noexcept {
        std::optional<std::uint64_t> least;
        for (const std::optional<std::uint64_t>& number : numbers) {
            if (number && (!least || *number < *least)) {
                least = number;
            }
        }
        return least.value_or(0);
    }
};

/// How much of the time tasks waited for a resource: percent of the last 10, 60 and 300 seconds,
/// and the sum since the group or the machine began.
struct pressure_averages {
    double avg10;
    double avg60;
    double avg300;
    std::chrono::microseconds total;
};

struct resource_pressure {
    std::optional<pressure_averages> some;  ///< time in which one task or more waited
    std::optional<pressure_averages> full;  ///< time in which all waited; of CPUs since Linux 5.13
    std::string file;
};

/// Pressure stall information; nullopt where the kernel has none.
struct pressure {
    std::optional<resource_pressure> cpu;
    std::optional<resource_pressure> memory;
    std::optional<resource_pressure> io;
};

/// How many descriptors the process may have open; nullopt is unlimited.
struct fd_limits {
    std::optional<std::uint64_t> soft;  ///< what counts
    std::optional<std::uint64_t> hard;  ///< as far as the soft limit may be raised
};

namespace detail {

// In detail/system/read_resources.hpp; overrides are not looked at there.
inline cpu_budget read_cpu_budget(const sysroot& root);
inline memory_budget read_memory_budget(const sysroot& root);
inline pressure read_pressure(const sysroot& root);
inline fd_limits read_fd_limits(const sysroot& root, std::error_code& error);
inline std::size_t count_open_fds(const sysroot& root, std::error_code& error);

// As last_cpus.
SKYUTIL_OWN inline std::atomic<std::uint64_t> last_memory = 0;

/// Bytes.
SKYUTIL_OWN inline std::uint64_t recent_memory() {
    thread_local constinit recent<std::uint64_t> memory;
    return memory.get(
        default_max_age,
        [] {
            const auto now =
                with_kept_reader([](limit_reader& reader) { return reader.read_memory(); });
            if (now.complete) {
                last_memory.store(now.value, std::memory_order_relaxed);
            }
            return now;
        },
        [](std::uint64_t now) {
            const std::uint64_t last = last_memory.load(std::memory_order_relaxed);
            return last == 0 ? now : now == 0 ? last : (std::min)(now, last);
        });
}

inline double measure_memory(const override_setting& setting) {
    return (setting.value ? *setting.value : static_cast<double>(recent_memory())) / bytes_per_gib;
}

}  // namespace detail

/// Returns the numbers that have to do with the CPUs of the calling thread, read now: CPUs switched
/// on, affinity mask (sched_getaffinity(2)), cpuset, the lowest quota of its control groups up to
/// the root, and what they ask for (cgroup v1 and v2).
[[nodiscard]] inline cpu_budget get_cpu_budget(const sysroot& root, std::error_code& error) {
    const detail::override_setting setting(detail::cpu_overrides);
    error = setting.error();
    cpu_budget budget = detail::read_cpu_budget(root);
    if (setting.value) {
        budget.override_value = setting.value;
        budget.override_variable = setting.name;
    }
    return budget;
}

[[nodiscard]] inline cpu_budget get_cpu_budget(const sysroot& root = {}) {
    detail::override_setting(detail::cpu_overrides).throw_if_malformed("skyutil::get_cpu_budget");
    std::error_code error;
    return get_cpu_budget(root, error);
}

/// Returns the numbers that have to do with the memory of this process, read now: the machine's,
/// the lowest limits of its control groups up to the root (cgroup v1 and v2), what they have in
/// use, and its own limits (getrlimit(2)).
[[nodiscard]] inline memory_budget get_memory_budget(const sysroot& root, std::error_code& error) {
    const detail::override_setting setting(detail::memory_overrides);
    error = setting.error();
    memory_budget budget = detail::read_memory_budget(root);
    if (setting.value) {
        budget.override_value = setting.value;
        budget.override_variable = setting.name;
    }
    return budget;
}

[[nodiscard]] inline memory_budget get_memory_budget(const sysroot& root = {}) {
    detail::override_setting(detail::memory_overrides)
        .throw_if_malformed("skyutil::get_memory_budget");
    std::error_code error;
    return get_memory_budget(root, error);
}

/// Returns how many CPUs the calling thread may use, at least 1: the lowest number of its
/// cpu_budget, rounded down. The first of these that is set wins instead: SKYUTIL_CPU_COUNT,
/// SKYPILOT_POD_CPU_CORE_LIMIT.
///
/// The affinity mask is the present one; the rest may be 20 milliseconds old, and where control
/// groups are mounted a second. Where it can no longer be read (no descriptors left, chroot without
/// /proc) the last answer stays.
[[nodiscard]] inline int get_cpu_count(std::error_code& error) { return detail::cpu_count(error); }

[[nodiscard]] inline int get_cpu_count() { return detail::cpu_count(); }

/// Returns how much memory this process may use, in GiB (2^30 bytes): the lowest number of its
/// memory_budget. The first of these that is set wins instead: SKYUTIL_MEMORY_BYTES,
/// SKYPILOT_POD_MEMORY_GB_LIMIT, SKYPILOT_POD_MEMORY_BYTES_LIMIT. May be 20 milliseconds old, and
/// stays as get_cpu_count() does.
[[nodiscard]] inline double get_mem_size_gb(std::error_code& error) {
    const detail::override_setting setting(detail::memory_overrides);
    error = setting.error();
    return detail::measure_memory(setting);
}

[[nodiscard]] inline double get_mem_size_gb() {
    const detail::override_setting setting(detail::memory_overrides);
    setting.throw_if_malformed("skyutil::get_mem_size_gb");
    return detail::measure_memory(setting);
}

/// Returns how long the tasks of this process's control group (version 2) waited for each resource,
/// or, where the group has no such file, those of the machine. Source: kernel documentation,
/// accounting/psi.
[[nodiscard]] inline pressure get_pressure(const sysroot& root = {}) {
    return detail::read_pressure(root);
}

/// Returns the limits on open descriptors, see getrlimit(2), RLIMIT_NOFILE.
[[nodiscard]] inline fd_limits get_fd_limits(std::error_code& error) {
    error.clear();
    return detail::read_fd_limits(sysroot{}, error);
}

[[nodiscard]] inline fd_limits get_fd_limits() {
    std::error_code error;
    const fd_limits limits = get_fd_limits(error);
    detail::throw_if(error, "skyutil::get_fd_limits: cannot read RLIMIT_NOFILE");
    return limits;
}

/// Raises the soft limit on open descriptors to the hard one, but not beyond `most`, and returns
/// the limits then; a limit that is higher already stays. Some containers have a hard limit of a
/// thousand million: a program that calls select(2), which takes descriptors below 1024 alone, or
/// starts others that close or look at every possible one, wants a `most`. Children inherit the
/// limit.
inline fd_limits raise_fd_limit(std::uint64_t most, std::error_code& error) {
    error.clear();
    fd_limits limits = get_fd_limits(error);
    const std::uint64_t wanted = (std::min)(most, limits.hard.value_or(most));
    if (error || !limits.soft || *limits.soft >= wanted) {
        return limits;
    }
    std::optional<std::uint64_t> soft = wanted;
    if (wanted == (std::numeric_limits<std::uint64_t>::max)()) {
        soft.reset();
    }
    detail::os::set_limit(detail::os::resource::descriptors, {soft, limits.hard}, error);
    if (!error) {
        limits.soft = soft;
    }
    return limits;
}

inline fd_limits raise_fd_limit(std::error_code& error) {
    return raise_fd_limit((std::numeric_limits<std::uint64_t>::max)(), error);
}

inline fd_limits raise_fd_limit(std::uint64_t most = (std::numeric_limits<std::uint64_t>::max)()) {
    std::error_code error;
    const fd_limits limits = raise_fd_limit(most, error);
    detail::throw_if(error, "skyutil::raise_fd_limit: cannot set RLIMIT_NOFILE");
    return limits;
}

/// Returns how many descriptors the calling thread's process has open, without the one it takes to
/// count them. Costs time with their number. Fails where there is no /proc, and where no descriptor
/// is left.
[[nodiscard]] inline std::size_t open_fd_count(std::error_code& error) {
    return detail::count_open_fds(sysroot{}, error);
}

[[nodiscard]] inline std::size_t open_fd_count() {
    std::error_code error;
    const std::size_t count = open_fd_count(error);
    detail::throw_if(error, "skyutil::open_fd_count: cannot list /proc/self/fd");
    return count;
}

enum class description_form { text, json };

/// Returns a page about what this process may use: CPUs, memory, pressure and descriptors, each
/// number with the file it is from, and which ones win; the same in JSON, in one line. Sizes are in
/// bytes there, pressure in percent. What `skyutil inspect` prints.
[[nodiscard]] std::string describe_resources(description_form form, const sysroot& root,
                                             std::error_code& error);
[[nodiscard]] std::string describe_resources(description_form form = description_form::text,
                                             const sysroot& root = {});

/// The numbers of get_cpu_count() and get_mem_size_gb() for those who want no state that belongs to
/// a thread: reads them anew when they are older than they may be, and remembers where they are.
///
/// Overrides are taken from the environment once, by the constructor. One object is for one thread
/// at a time; the affinity mask and policy are those of the thread that asks. Keeps no descriptor.
class resource_monitor {
public:
    /// Throws std::invalid_argument when an override is no positive number. The clock is up to ten
    /// milliseconds behind, so numbers can be that much older than `max_age`; with 0 each call
    /// reads.
    explicit resource_monitor(
        const sysroot& root = {},
        std::chrono::milliseconds max_age = std::chrono::milliseconds(detail::default_max_age))
        : root_(root),
          reader_(root),
          max_age_(static_cast<std::uint64_t>(
              (std::max)(max_age.count(), decltype(max_age.count()){0}))) {
        const detail::override_setting cpus(detail::cpu_overrides);
        cpus.throw_if_malformed("skyutil::resource_monitor");
        const detail::override_setting memory(detail::memory_overrides);
        memory.throw_if_malformed("skyutil::resource_monitor");
        cpu_override_ = cpus.value;
        memory_override_ = memory.value;
    }

    /// CPUs the calling thread may use, at least 1.
    [[nodiscard]] int cpu_count() {
        if (cpu_override_) {
            return detail::count_cpus(cpu_override_, {}, root_);
        }
        return detail::count_cpus(
            {},
            cpus_.get(max_age_, [this] { return reader_.read_cpus(); }, std::identity()), root_);
    }

    /// Memory the process may use, in GiB.
    [[nodiscard]] double mem_size_gb() {
        const double bytes =
            memory_override_
                ? *memory_override_
                : static_cast<double>(memory_.get(
                      max_age_, [this] { return reader_.read_memory(); }, std::identity()));
        return bytes / detail::bytes_per_gib;
    }

private:
    detail::file_reader root_;
    detail::limit_reader reader_;
    std::uint64_t max_age_;
    std::optional<double> cpu_override_;
    std::optional<double> memory_override_;
    detail::recent<detail::cpu_limits> cpus_;
    detail::recent<std::uint64_t> memory_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE

#include <skyutil/detail/system/describe_resources.hpp>
#include <skyutil/detail/system/read_resources.hpp>
