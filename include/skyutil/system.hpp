// SPDX-License-Identifier: MIT
//
// skyutil/system.hpp: the CPUs and the memory this process may really use, and what limits them.
//
//     const int threads = skyutil::get_cpu_count();                        // never 0, containers
//     too const double gib = skyutil::get_mem_size_gb(); std::cout <<
//     skyutil::get_cpu_budget().limiting_factor().file;       // why
//
// Nothing here fails because a file is missing, unreadable or garbled: such a file is no limit. The
// only error is an override in the environment that is no positive number: std::invalid_argument
// from the throwing forms, errc::invalid_argument from the others, which then answer as if it was
// not set. Overrides are ignored in setuid programs (secure_getenv(3)). Everything is safe to call
// from several threads at once, and after fork.

#pragma once

#include <skyutil/detail/cgroup.hpp>
#include <skyutil/detail/cgroup_limits.hpp>
#include <skyutil/detail/os.hpp>
#include <skyutil/detail/sysroot.hpp>
#include <skyutil/detail/text_error.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace skyutil::inline v0 {

enum class rounding { floor, ceil, nearest };

enum class limit_kind { none, machine, affinity, cpuset, quota, memory_limit, override_ };

[[nodiscard]] constexpr std::string_view to_string(limit_kind kind) noexcept {
    switch (kind) {
        case limit_kind::none:
            return "none";
        case limit_kind::machine:
            return "machine";
        case limit_kind::affinity:
            return "affinity mask";
        case limit_kind::cpuset:
            return "cpuset";
        case limit_kind::quota:
            return "CPU quota";
        case limit_kind::memory_limit:
            return "memory limit";
        case limit_kind::override_:
            return "override";
    }
    return "unknown";
}

/// Which number of a budget won, and the file, system call or environment variable it came from.
struct limit_source {
    limit_kind kind = limit_kind::none;
    std::string file;
};

/// Every number that limits the CPUs of the calling thread; nullopt where there is none.
struct cpu_budget {
    std::optional<int> online;    ///< CPUs of the machine that are switched on
    std::optional<int> affinity;  ///< CPUs in the thread's affinity mask
    std::optional<int> cpuset;    ///< CPUs of the process's cpuset
    std::optional<double>
        quota;  ///< CPUs the lowest quota allows; none for a thread with real-time policy
    std::optional<double> override_;  ///< set in the environment: the other numbers do not count

    std::string cpuset_file;
    std::string quota_file;
    std::string override_variable;

    /// Whole CPUs, at least 1: the lowest number, with fractions rounded.
    [[nodiscard]] int usable(rounding mode = rounding::floor) const noexcept {
        const double exact = override_ ? *override_ : lowest();
        const double rounded = mode == rounding::floor  ? std::floor(exact)
                               : mode == rounding::ceil ? std::ceil(exact)
                                                        : std::floor(exact + 0.5);
        return static_cast<int>(
            std::clamp(rounded, 1.0, double{(std::numeric_limits<int>::max)()}));
    }

    /// The number that decides; with equal ones the first of machine, quota, cpuset, affinity.
    [[nodiscard]] limit_source limiting_factor() const {
        if (override_) {
            return {limit_kind::override_, override_variable};
        }
        const double least = lowest();
        if (online == least) {
            return {limit_kind::machine, "/sys/devices/system/cpu/online"};
        }
        if (quota == least) {
            return {limit_kind::quota, quota_file};
        }
        if (cpuset == least) {
            return {limit_kind::cpuset, cpuset_file};
        }
        if (affinity == least) {
            return {limit_kind::affinity, "sched_getaffinity(2)"};
        }
        return {};
    }

private:
    [[nodiscard]] double lowest() const noexcept {
        double least = (std::numeric_limits<int>::max)();
        for (const std::optional<int>& count : {online, affinity, cpuset}) {
            least = (std::min)(
                least, static_cast<double>(count.value_or((std::numeric_limits<int>::max)())));
        }
        if (least == (std::numeric_limits<int>::max)() && !quota) {
            return 1;
        }
        return (std::min)(least, quota.value_or(least));
    }
};

/// Every number that limits the memory of this process, in bytes; nullopt where there is none.
struct memory_budget {
    std::optional<std::uint64_t> physical;  ///< memory of the machine
    std::optional<std::uint64_t> limit;     ///< the lowest limit of a control group
    std::optional<double> override_;  ///< set in the environment: the other numbers do not count

    std::string limit_file;
    std::string override_variable;

    /// Bytes: the lowest number, 0 when there is none.
    [[nodiscard]] double usable() const noexcept {
        if (override_) {
            return *override_;
        }
        if (!physical && !limit) {
            return 0;
        }
        constexpr std::uint64_t all = (std::numeric_limits<std::uint64_t>::max)();
        return static_cast<double>((std::min)(physical.value_or(all), limit.value_or(all)));
    }

    [[nodiscard]] limit_source limiting_factor() const {
        if (override_) {
            return {limit_kind::override_, override_variable};
        }
        if (limit && (!physical || *limit <= *physical)) {
            return {limit_kind::memory_limit, limit_file};
        }
        return physical ? limit_source{limit_kind::machine, "sysinfo(2)"} : limit_source{};
    }
};

namespace detail {

struct override_variable {
    const char* name;
    double unit;
};

inline constexpr double bytes_per_gib = 1024.0 * 1024.0 * 1024.0;
inline constexpr std::array cpu_overrides{
    override_variable{"SKYUTIL_CPU_COUNT", 1},
    override_variable{"SKYPILOT_POD_CPU_CORE_LIMIT", 1},
};
inline constexpr std::array memory_overrides{
    override_variable{"SKYUTIL_MEMORY_BYTES", 1},
    override_variable{"SKYPILOT_POD_MEMORY_GB_LIMIT", bytes_per_gib},
    override_variable{"SKYPILOT_POD_MEMORY_BYTES_LIMIT", 1},
};

/// A positive decimal number, with white space around and one plus sign; any locale.
inline std::optional<double> parse_positive(std::string_view text) noexcept {
    text = trim(text);
    if (text.starts_with('+')) {
        text.remove_prefix(1);
        if (text.starts_with('-')) {
            return std::nullopt;
        }
    }
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value) ||
        value <= 0) {
        return std::nullopt;
    }
    return value;
}

/// The first variable that is set.
struct override_setting {
    const char* name = nullptr;
    const char* text = nullptr;
    std::optional<double> value;  // nullopt when none is set, or the text is no positive number

    template <std::size_t Count>
    explicit override_setting(const std::array<override_variable, Count>& variables) noexcept {
        for (const auto& [variable, unit] : variables) {
            text = os::environment(variable);
            if (text != nullptr) {
                name = variable;
                value = parse_positive(text);
                if (value) {
                    *value *= unit;
                    if (!std::isfinite(*value)) {
                        value.reset();
                    }
                }
                return;
            }
        }
    }

    [[nodiscard]] std::error_code error() const noexcept {
        return text != nullptr && !value ? std::make_error_code(std::errc::invalid_argument)
                                         : std::error_code();
    }

    void throw_if_malformed(const char* function) const {
        if (error()) {
            throw std::invalid_argument(std::string(function) + ": the environment variable " +
                                        name + " is " + quoted(text) +
                                        ", which is no positive number");
        }
    }
};

/// Everything but the override.
inline cpu_budget read_cpu_budget(const sysroot& root) {
    cpu_budget budget;
    const cgroup_tree groups(root);
    budget.online = count_cpu_list(read_text(root, "/sys/devices/system/cpu/online").value_or(""));
    if (auto cpuset = groups.cpuset()) {
        budget.cpuset = cpuset->value;
        budget.cpuset_file = std::move(cpuset->file);
    }
    if (!root.is_real() || !os::is_real_time()) {
        if (auto quota = groups.cpu_quota()) {
            budget.quota = quota->value;
            budget.quota_file = std::move(quota->file);
        }
    }
    if (!root.is_real()) {
        const std::string status = read_text(root, "/proc/self/status").value_or("");
        budget.affinity = count_cpu_list(find_value(status, "Cpus_allowed_list"));
    } else if (const int affinity = os::affinity_count(); affinity != 0) {
        budget.affinity = affinity;
    }
    return budget;
}

/// Everything but the override.
inline memory_budget read_memory_budget(const sysroot& root) {
    memory_budget budget;
    if (auto limit = cgroup_tree(root).memory_limit()) {
        budget.limit = limit->value;
        budget.limit_file = std::move(limit->file);
    }
    std::uint64_t physical = 0;
    if (root.is_real()) {
        physical = os::physical_memory();
    } else {
        const std::string text = read_text(root, "/proc/meminfo").value_or("");
        std::string_view kib = find_value(text, "MemTotal");
        physical = parse_unsigned(take_until(kib, ' ')).value_or(0) * 1024;
    }
    if (physical != 0) {
        budget.physical = physical;
    }
    return budget;
}

/// Keeps what a function read for ten milliseconds by a clock that is up to ten more behind. One a
/// thread: no lock, nothing shared, and a child made by fork goes on with a copy.
template <class Value>
class recent {
public:
    template <class Read>
    const Value& get(Read read) {
        const std::uint64_t now = os::coarse_milliseconds();
        if (now >= expires_) {
            value_ = read();
            expires_ = now + 10;
        }
        return value_;
    }

private:
    Value value_{};
    std::uint64_t expires_ = 0;
};

inline int count_cpus(const override_setting& setting) {
    cpu_budget budget;
    if (setting.value) {
        budget.override_ = setting.value;
        return budget.usable();
    }
    struct limits {
        std::optional<int> cpus;
        std::optional<double> quota;
    };
    thread_local recent<limits> known;
    const limits& now = known.get([] {
        const sysroot real;
        const cgroup_tree groups(real);
        std::optional<int> cpus =
            count_cpu_list(read_text(real, "/sys/devices/system/cpu/online").value_or(""));
        if (const auto cpuset = groups.cpuset(); cpuset && (!cpus || cpuset->value < *cpus)) {
            cpus = cpuset->value;
        }
        const auto quota = groups.cpu_quota();
        return limits{cpus, quota ? std::optional(quota->value) : std::nullopt};
    });
    budget.online = now.cpus;
    if (const int affinity = os::affinity_count(); affinity != 0) {
        budget.affinity = affinity;
    }
    if (now.quota && !os::is_real_time()) {
        budget.quota = now.quota;
    }
    return budget.usable();
}

inline double measure_memory(const override_setting& setting) {
    if (setting.value) {
        return *setting.value / bytes_per_gib;
    }
    thread_local recent<double> known;
    return known.get([] { return read_memory_budget(sysroot{}).usable(); }) / bytes_per_gib;
}

}  // namespace detail

/// Returns the numbers that limit the CPUs of the calling thread, read now: CPUs switched on,
/// affinity mask (sched_getaffinity(2)), cpuset, and the lowest quota of its control groups up to
/// the root (cgroup v1 and v2).
[[nodiscard]] inline cpu_budget get_cpu_budget(const sysroot& root, std::error_code& error) {
    const detail::override_setting setting(detail::cpu_overrides);
    error = setting.error();
    cpu_budget budget = detail::read_cpu_budget(root);
    if (setting.value) {
        budget.override_ = setting.value;
        budget.override_variable = setting.name;
    }
    return budget;
}

[[nodiscard]] inline cpu_budget get_cpu_budget(const sysroot& root = {}) {
    detail::override_setting(detail::cpu_overrides).throw_if_malformed("skyutil::get_cpu_budget");
    std::error_code error;
    return get_cpu_budget(root, error);
}

/// Returns the numbers that limit the memory of this process, read now: the machine's and the
/// lowest limit of its control groups up to the root (cgroup v1 and v2).
[[nodiscard]] inline memory_budget get_memory_budget(const sysroot& root, std::error_code& error) {
    const detail::override_setting setting(detail::memory_overrides);
    error = setting.error();
    memory_budget budget = detail::read_memory_budget(root);
    if (setting.value) {
        budget.override_ = setting.value;
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
/// The affinity mask is the present one; the rest may be 20 milliseconds old.
[[nodiscard]] inline int get_cpu_count(std::error_code& error) {
    const detail::override_setting setting(detail::cpu_overrides);
    error = setting.error();
    return detail::count_cpus(setting);
}

[[nodiscard]] inline int get_cpu_count() {
    const detail::override_setting setting(detail::cpu_overrides);
    setting.throw_if_malformed("skyutil::get_cpu_count");
    return detail::count_cpus(setting);
}

/// Returns how much memory this process may use, in GiB (2^30 bytes): the lowest number of its
/// memory_budget. The first of these that is set wins instead: SKYUTIL_MEMORY_BYTES,
/// SKYPILOT_POD_MEMORY_GB_LIMIT, SKYPILOT_POD_MEMORY_BYTES_LIMIT. May be 20 milliseconds old.
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

}  // namespace skyutil::inline v0
