// SPDX-License-Identifier: MIT
//
// skyutil/system.hpp: the CPUs, memory and descriptors this process may really use, and what limits
// them.
//
//     const int threads = skyutil::get_cpu_count();           // never 0, containers too
//     const double gib = skyutil::get_mem_size_gb();
//     std::cout << skyutil::describe_resources();             // each number and where it is from
//
// A file that is missing, unreadable or garbled is not an error; it sets no limit. Text is garbled
// unless it is exactly what the kernel writes, up to the end of the line. Where a system call is
// refused (by a seccomp filter) or a file says nothing, the next source is used:
//
// - for the memory of the machine: sysinfo(2), /proc/meminfo
// - for its CPUs: /sys/devices/system/cpu/online, /proc/stat
// - for the affinity mask, the scheduling policy and the limits of a process: the system call,
//   /proc/self
//
// On Windows the numbers are those of processor groups, affinity masks and the job that the process
// is in; the sources are named "affinity mask" and "job object".
//
// Environment variables can override the numbers of CPUs and of memory; setuid programs ignore them
// (secure_getenv(3)), which Windows does not have. An override that is not a positive number is an
// error. The throwing forms throw std::invalid_argument; the other forms set
// errc::invalid_argument, and their result is that without the override. All forms with a
// std::error_code clear it on success.
//
// Everything can be called from several threads at once, and after fork.

#pragma once

#include <skyutil/detail/os/limits.hpp>
#include <skyutil/detail/system/kept_limits.hpp>
#include <skyutil/version.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// The directory below which /proc and /sys are read: "/" for the running system, another directory
/// for a copy of them.
///
///     skyutil::get_cpu_budget(skyutil::sysroot{"/copy"});
///
/// The copy is one of Linux, on every system that has files. With a copy, what system calls
/// otherwise tell (the affinity mask, the scheduling policy) is read
/// from the copy too, or is unknown. A sysroot always has this one member.
struct sysroot {
    std::filesystem::path path = "/";

    /// Returns whether this is the running system.
    [[nodiscard]] bool is_real() const {
        return path.native() == std::filesystem::path::string_type(1, '/');
    }
};

/// How cpu_budget::usable() rounds a number of CPUs.
enum class rounding { floor, ceil, nearest };

/// The kinds of numbers that can decide how much is usable.
enum class limit_kind {
    none,            ///< nothing is known
    machine,         ///< the CPUs or the memory that the machine has
    affinity,        ///< the affinity mask of the thread
    cpuset,          ///< the cpuset of the process
    quota,           ///< the lowest CPU quota of a control group
    memory_limit,    ///< the lowest memory limit of a control group
    override_value,  ///< an environment variable
};

/// Returns the name of a kind in English, such as "CPU quota"; "unknown" for a value that is none
/// of the enumerators.
[[nodiscard]] constexpr std::string_view to_string(limit_kind kind) noexcept;

/// The number that decides in a budget. A limit_source always has these two members, so it can be
/// decomposed: `const auto [kind, file] = budget.limiting_factor();`.
struct limit_source {
    limit_kind kind = limit_kind::none;
    /// The file, system call or environment variable it was read from, or on Windows "job object"
    /// or "affinity mask".
    std::string file;
};

/// How often and how long the lack of CPU quota has held back the tasks of a control group since
/// it was made. Threads that wait although CPUs are idle show here and nowhere else: two readings
/// tell whether it goes on. Later versions can add members: use them by name.
struct cpu_throttling {
    std::uint64_t periods = 0;                    ///< periods of the quota in which tasks ran
    std::uint64_t throttled_periods = 0;          ///< those of them in which the quota was used up
    std::chrono::microseconds throttled_time{0};  ///< how long tasks waited, the sum of all CPUs
};

/// All numbers about the CPUs of the calling thread; nullopt where there is no such number.
///
/// Later versions can add members anywhere: use them by name, not by structured bindings or by
/// their order.
struct cpu_budget {
    std::optional<int> online;    ///< CPUs of the machine that are switched on
    std::optional<int> affinity;  ///< CPUs in the affinity mask of the thread
    std::optional<int> cpuset;    ///< CPUs in the cpuset of the process
    /// CPUs that the lowest quota allows; nullopt for a thread with a real-time policy, which no
    /// quota binds.
    std::optional<double> quota;
    /// CPUs that were asked for (cpu.shares, cpu.weight): the share when CPUs are scarce, never a
    /// limit. With version 2 an estimate, since container runtimes turn CPUs into a weight in two
    /// ways and no file tells which was used. nullopt where the value is the kernel's default.
    std::optional<double> request;
    /// What the quota has cost (cpu.stat): of the groups from the process's own up to the root the
    /// one that was held back longest.
    std::optional<cpu_throttling> throttled;
    /// CPUs set in the environment; the other numbers then do not count.
    std::optional<double> override_value;

    std::string cpuset_file;
    std::string quota_file;
    std::string request_file;
    std::string throttled_file;
    std::string override_variable;
    /// Empty: /sys/devices/system/cpu/online; on Windows GetActiveProcessorCount.
    std::string online_file;
    std::string affinity_file;  ///< empty: sched_getaffinity(2); on Windows "affinity mask"

    /// Returns the lowest number except the request, or the override, as whole CPUs; at least 1,
    /// and 1 when nothing is known.
    [[nodiscard]] int usable(rounding mode = rounding::floor) const noexcept;

    /// Returns which number decides. Among equal numbers it is the first in the order machine,
    /// quota, cpuset, affinity mask.
    [[nodiscard]] limit_source limiting_factor() const;

    /// Returns the file that `online` was read from.
    [[nodiscard]] std::string online_source() const;

    /// Returns the file or system call that `affinity` was read from.
    [[nodiscard]] std::string affinity_source() const;
};

/// All numbers about the memory of this process, in bytes; nullopt where there is no such number.
///
/// Later versions can add members anywhere: use them by name, not by structured bindings or by
/// their order.
struct memory_budget {
    std::optional<std::uint64_t> physical;  ///< memory of the machine
    /// The lowest limit of a control group (memory.max, memory.limit_in_bytes). Above it the kernel
    /// kills processes.
    std::optional<std::uint64_t> limit;
    /// The lowest soft limit of a control group (memory.high, memory.soft_limit_in_bytes). Above it
    /// the kernel takes memory back and, with version 2, slows the process down.
    std::optional<std::uint64_t> soft_limit;
    /// The swap that the groups may use, 0 if none (memory.swap.max, or memory.memsw.limit_in_bytes
    /// less memory.limit_in_bytes). It is never part of what is usable.
    std::optional<std::uint64_t> swap_limit;
    /// What the group with the lowest limit uses (memory.current, memory.usage_in_bytes), including
    /// page cache; without a limit what the process's own group uses.
    std::optional<std::uint64_t> usage;
    /// The part of `usage` that is page cache and slabs, which the kernel takes back when it needs
    /// memory.
    std::optional<std::uint64_t> reclaimable;
    /// What is left below a limit, where reclaimable memory counts as left: the lowest such number
    /// of the groups from the process's own up to the root. Sibling groups can take it at any time.
    std::optional<std::uint64_t> group_available;
    /// What the machine has left without swapping (MemAvailable). Where no file tells it, the
    /// memory that nothing uses (sysinfo(2)), which is less.
    std::optional<std::uint64_t> machine_available;
    /// RLIMIT_AS: the limit on mapped memory, whether it is used or not.
    std::optional<std::uint64_t> address_space_limit;
    /// RLIMIT_DATA: the limit on private writable memory.
    std::optional<std::uint64_t> data_limit;
    /// What is left below the two limits of the process; the lower number.
    std::optional<std::uint64_t> process_available;
    /// Bytes set in the environment; the other numbers then do not count.
    std::optional<double> override_value;

    std::string physical_file;
    std::string limit_file;
    std::string soft_limit_file;
    std::string swap_limit_file;
    std::string usage_file;
    std::string reclaimable_file;
    std::string group_available_file;  ///< the file of the limit
    std::string override_variable;
    std::string machine_available_file;

    /// Returns the bytes that the process may ever use: the memory of the machine or the limit,
    /// whichever is lower, or the override as whole bytes; 0 when nothing is known.
    [[nodiscard]] std::uint64_t usable() const noexcept;

    /// Returns the bytes that the process can still take now before it is killed, refused memory or
    /// made to swap; 0 when nothing is known. An override replaces the limit.
    [[nodiscard]] std::uint64_t available() const noexcept;

    /// Returns which number decides what is usable. If the machine's memory and the limit are
    /// equal, it is the limit.
    [[nodiscard]] limit_source limiting_factor() const;
};

/// How much of the time tasks waited for a resource: in percent of the last 10, 60 and 300 seconds,
/// and the total since the control group or the machine started. Always has these four members, so
/// it can be decomposed.
struct pressure_averages {
    double avg10;
    double avg60;
    double avg300;
    std::chrono::microseconds total;
};

/// The pressure on one resource. Later versions can add members: use them by name.
struct resource_pressure {
    std::optional<pressure_averages> some;  ///< the time in which at least one task waited
    /// The time in which all tasks waited; for CPUs since Linux 5.13.
    std::optional<pressure_averages> full;
    std::string file;  ///< the file that was read
};

/// Pressure stall information (PSI); nullopt where the kernel has none. Later versions can add
/// members: use them by name.
struct pressure {
    std::optional<resource_pressure> cpu;
    std::optional<resource_pressure> memory;
    std::optional<resource_pressure> io;
};

/// How many descriptors the process may have open; nullopt is unlimited. Always has these two
/// members, so it can be decomposed.
struct fd_limits {
    std::optional<std::uint64_t> soft;  ///< the limit that the kernel enforces
    std::optional<std::uint64_t> hard;  ///< how far the process may raise the soft limit
};

/// Returns how many CPUs the calling thread may use, at least 1.
///
/// It is the lowest of these, rounded down: the CPUs that are switched on, the affinity mask of the
/// thread, the cpuset, and the CPU quotas of the control groups from the process's own up to the
/// root; see cpu_budget. The first of these environment variables that is set overrides it, rounded
/// down too: SKYUTIL_CPU_COUNT, SKYPILOT_POD_CPU_CORE_LIMIT.
///
/// **Errors**
/// - `errc::invalid_argument` (std::invalid_argument from the throwing form): the override is not a
///   positive number.
///
/// **Guarantees**
/// - The affinity mask is the present one, and the other numbers are at most 20 milliseconds old. A
///   change of the places where control groups are mounted is noticed within a second.
/// - Where the numbers can no longer be read (no descriptors left, chroot without /proc) the last
///   answer stays.
///
/// **Limits**
/// - Windows: of nested jobs only the innermost one can be asked. A rate that is no hard cap, and
/// CPU
///   sets, are no limit. A thread that is bound to all CPUs of one group of several counts as not
///   bound.
[[nodiscard]] int get_cpu_count(std::error_code& error);
[[nodiscard]] int get_cpu_count();

/// Returns how much memory this process may use, in GiB (2^30 bytes); 0 when nothing is known.
///
/// It is the memory of the machine, or the lowest memory limit of the control groups from the
/// process's own up to the root, whichever is lower; see memory_budget. The first of these
/// environment variables that is set overrides it: SKYUTIL_MEMORY_BYTES,
/// SKYPILOT_POD_MEMORY_GB_LIMIT, SKYPILOT_POD_MEMORY_BYTES_LIMIT.
///
/// **Errors**
/// - `errc::invalid_argument` (std::invalid_argument from the throwing form): the override is not a
///   positive number.
///
/// **Guarantees**
/// - The number is at most 20 milliseconds old. A change of the places where control groups are
///   mounted is noticed within a second.
/// - Where it can no longer be read (no descriptors left, chroot without /proc) the last answer
///   stays.
///
/// **Limits**
/// - Windows: the limit is the lower one of the job's on the memory that all its processes, or each
///   of them, may commit. Of nested jobs only the innermost one can be asked.
[[nodiscard]] double get_mem_size_gb(std::error_code& error);
[[nodiscard]] double get_mem_size_gb();

/// Returns all numbers about the CPUs of the calling thread, read now: the CPUs that are switched
/// on, the affinity mask, the cpuset, the lowest quota of the control groups from the process's own
/// up to the root, and the CPUs that the group asks for (cgroup v1 and v2). The overrides are those
/// of get_cpu_count().
///
///     const skyutil::cpu_budget budget = skyutil::get_cpu_budget();
///     const int threads = budget.usable(skyutil::rounding::ceil);
///
/// **Errors**
/// - `errc::invalid_argument` (std::invalid_argument from the throwing form): the override is not a
///   positive number.
///
/// **Limits**
/// - Windows: the quota is the hard cap of the job's CPU rate, the cpuset the job's affinity mask;
///   nothing tells what was asked for. Of nested jobs only the innermost one can be asked.
///
/// **Source**
/// sched_getaffinity(2), cgroups(7), cpuset(7); Windows: "Processor Groups", "Job Objects"
[[nodiscard]] cpu_budget get_cpu_budget(const sysroot& root, std::error_code& error);
[[nodiscard]] cpu_budget get_cpu_budget(const sysroot& root = {});

/// Returns all numbers about the memory of this process, read now: the memory of the machine, the
/// lowest limits of the control groups from the process's own up to the root (cgroup v1 and v2),
/// what the groups use, and the limits of the process itself. The overrides are those of
/// get_mem_size_gb().
///
/// **Errors**
/// - `errc::invalid_argument` (std::invalid_argument from the throwing form): the override is not a
///   positive number.
///
/// **Limits**
/// - Windows: limits and use are of memory that is committed, in use or not. The soft limit is the
///   working set that the job allows each process. Nothing tells of swap and of what can be taken
///   back. Of nested jobs only the innermost one can be asked.
///
/// **Source**
/// sysinfo(2), cgroups(7), getrlimit(2); Windows: GlobalMemoryStatusEx, "Job Objects"
[[nodiscard]] memory_budget get_memory_budget(const sysroot& root, std::error_code& error);
[[nodiscard]] memory_budget get_memory_budget(const sysroot& root = {});

/// Returns how long tasks waited for each resource: the tasks of this process's control group
/// (version 2) or, where the group has no such file, those of the whole machine.
///
/// **Limits**
/// - Windows: there is none.
///
/// **Source**
/// kernel documentation, accounting/psi
[[nodiscard]] pressure get_pressure(const sysroot& root = {});

/// Returns the limits on open descriptors.
///
/// **Errors**
/// - Those of getrlimit(2), where /proc/self/limits cannot be read either.
///
/// **Limits**
/// - Windows: handles have no limit that a program could reach before memory ends, so that there is
///   none here, and none to raise.
///
/// **Source**
/// getrlimit(2), RLIMIT_NOFILE
[[nodiscard]] fd_limits get_fd_limits(std::error_code& error);
[[nodiscard]] fd_limits get_fd_limits();

/// Raises the soft limit on open descriptors to the hard limit, but not above `most`, and returns
/// the limits that are in force then. A soft limit that is already higher stays. Child processes
/// inherit the limit.
///
/// Some containers have a hard limit of a thousand million. Give a `most` in a program that calls
/// select(2), which accepts only descriptors below 1024, or that starts programs which close or
/// look at every possible descriptor.
///
/// **Errors**
/// - Those of getrlimit(2) and setrlimit(2).
///
/// **Limits**
/// - Windows: there is no limit to raise: it does nothing, and succeeds.
fd_limits raise_fd_limit(std::uint64_t most, std::error_code& error);
fd_limits raise_fd_limit(std::error_code& error);
fd_limits raise_fd_limit(std::uint64_t most = (std::numeric_limits<std::uint64_t>::max)());

/// Returns how many descriptors the calling thread's process has open, without the one that is
/// opened to count them.
///
/// **Errors**
/// - Those of opening and reading /proc/self/fd: there is no /proc, or no descriptor is left.
///
/// **Limits**
/// - Windows: handles of every kind count, those of events, threads and keys too.
///
/// **Cost**
/// Grows with the number of open descriptors.
[[nodiscard]] std::size_t open_fd_count(std::error_code& error);
[[nodiscard]] std::size_t open_fd_count();

/// What describe_resources() returns: a page for people, JSON, or metrics for Prometheus and others
/// that read OpenMetrics.
enum class description_form { text, json, openmetrics };

/// Returns a page about what this process may use, as `skyutil inspect` prints it: CPUs, memory,
/// pressure and descriptors, each number with the file it was read from, and which number decides.
///
/// The JSON form has the same in one line, with sizes in bytes and pressure in percent.
///
/// The OpenMetrics form has each number that is known as a metric, with the label `source`. Units
/// are bytes, seconds and ratios of 1. All are gauges, those that only grow (with "throttled" or
/// "waiting" in their names) too, because the two formats disagree on the names of counters: so the
/// same page is OpenMetrics and the text format of Prometheus, and can be a file for the textfile
/// collector of its node exporter.
///
/// **Errors**
/// - `errc::invalid_argument` (std::invalid_argument from the throwing form): an override is not a
///   positive number.
///
/// **Source**
/// OpenMetrics 1.0; Prometheus, "Exposition formats"
[[nodiscard]] std::string describe_resources(description_form form, const sysroot& root,
                                             std::error_code& error);
[[nodiscard]] std::string describe_resources(description_form form = description_form::text,
                                             const sysroot& root = {});

/// What resource_monitor::sample() returns. Later versions can add members: use them by name.
struct resource_sample {
    int cpus = 1;                               ///< as get_cpu_count() returns them
    std::uint64_t memory = 0;                   ///< usable bytes; 0 when nothing is known
    std::optional<std::uint64_t> memory_usage;  ///< bytes, as memory_budget::usage
    std::optional<cpu_throttling> throttled;    ///< as cpu_budget::throttled
};

/// The numbers of get_cpu_count() and get_mem_size_gb() without state that belongs to a thread. It
/// remembers where the numbers are, and reads them again when they are older than allowed.
///
///     skyutil::resource_monitor monitor;
///     pool.resize(monitor.cpu_count());  // at most 20 milliseconds old
///
/// **Guarantees**
/// - The affinity mask and the scheduling policy are those of the thread that calls.
/// - Overrides are read from the environment once, by the constructor.
/// - It keeps no descriptor open.
///
/// **Limits**
/// - One object is for one thread at a time.
class resource_monitor {
public:
    /// Starts with numbers that are not read yet. They are read again when they are older than
    /// `max_age`, by a clock that can be ten milliseconds behind, so they can be that much older;
    /// with 0 each call reads them.
    ///
    /// **Errors**
    /// - std::invalid_argument: an override is not a positive number.
    explicit resource_monitor(
        const sysroot& root = {},
        std::chrono::milliseconds max_age = std::chrono::milliseconds(detail::default_max_age));

    /// Returns how many CPUs the calling thread may use, at least 1.
    [[nodiscard]] int cpu_count();

    /// Returns how much memory the process may use, in GiB.
    [[nodiscard]] double mem_size_gb();

    /// Reads now, whatever `max_age` is, how much may be used and how much is in use.
    ///
    ///     monitor.on_change([&](const auto&, const auto& now) { pool.resize(now.cpus); });
    ///     while (!stopping.wait_for(1s)) {
    ///         export_metrics(monitor.sample());
    ///     }
    ///
    /// **Guarantees**
    /// - Where something can no longer be read (no descriptors left) the sample before it stays.
    ///
    /// **Cost**
    /// Some files of the control groups are read, for tens of microseconds. On Linux no memory is
    /// allocated, except in the first call and after a change of groups or mounts.
    resource_sample sample();

    /// Sets what sample() calls when the CPUs or the memory that may be used are others than in the
    /// sample before, such as after a container was resized in place. It is called by the thread
    /// that samples, before sample() returns, with both samples; what it throws comes out of
    /// sample(). An empty function calls nothing.
    void on_change(
        std::function<void(const resource_sample& before, const resource_sample& now)> callback);

private:
    detail::os::limits_source source_;
    std::uint64_t max_age_;
    std::optional<double> cpu_override_;
    std::optional<double> memory_override_;
    detail::recent<detail::os::cpu_limits> cpus_;
    detail::recent<std::uint64_t> memory_;
    std::optional<resource_sample> last_;
    std::function<void(const resource_sample&, const resource_sample&)> on_change_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE

#include <skyutil/detail/system/impl.hpp>  // IWYU pragma: keep
