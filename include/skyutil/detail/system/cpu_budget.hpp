// SPDX-License-Identifier: MIT
//
// detail/system/cpu_budget.hpp: the CPUs that a thread may use; public through system.hpp.

#pragma once

#include <skyutil/detail/system/limit_reader.hpp>
#include <skyutil/detail/system/override.hpp>
#include <skyutil/detail/system/sysroot.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

enum class rounding { floor, ceil, nearest };

enum class limit_kind { none, machine, affinity, cpuset, quota, memory_limit, override_value };

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
        case limit_kind::override_value:
            return "override";
        default:
            return "unknown";
    }
}

/// Which number of a budget won, and the file, system call or environment variable it came from.
struct limit_source {
    limit_kind kind = limit_kind::none;
    std::string file;
};

/// Every number that has to do with the CPUs of the calling thread; nullopt where there is none.
struct cpu_budget {
    std::optional<int> online;    ///< CPUs of the machine that are switched on
    std::optional<int> affinity;  ///< CPUs in the thread's affinity mask
    std::optional<int> cpuset;    ///< CPUs of the process's cpuset
    std::optional<double>
        quota;  ///< CPUs the lowest quota allows; none for a thread with real-time policy
    /// CPUs that were asked for (cpu.shares, cpu.weight): a share when CPUs are scarce, never a
    /// limit. For version 2 about: see detail::cpus_of_weight. None where the kernel's default is.
    std::optional<double> request;
    std::optional<double>
        override_value;  ///< set in the environment: the other numbers do not count

    std::string cpuset_file;
    std::string quota_file;
    std::string request_file;
    std::string override_variable;
    std::string online_file;    ///< empty: /sys/devices/system/cpu/online
    std::string affinity_file;  ///< empty: it is from sched_getaffinity(2)

    /// Whole CPUs, at least 1: the lowest number but the request, with fractions rounded.
    [[nodiscard]] int usable(rounding mode = rounding::floor) const noexcept {
        const double exact = override_value ? *override_value : lowest();
        const double rounded = mode == rounding::floor  ? std::floor(exact)
                               : mode == rounding::ceil ? std::ceil(exact)
                                                        : std::floor(exact + 0.5);
        return static_cast<int>(
            (std::clamp)(rounded, 1.0, double{(std::numeric_limits<int>::max)()}));
    }

    /// The number that decides; with equal ones the first of machine, quota, cpuset, affinity.
    [[nodiscard]] limit_source limiting_factor() const {
        if (override_value) {
            return {limit_kind::override_value, override_variable};
        }
        const double least = lowest();
        if (online == least) {
            return {limit_kind::machine, online_source()};
        }
        if (quota == least) {
            return {limit_kind::quota, quota_file};
        }
        if (cpuset == least) {
            return {limit_kind::cpuset, cpuset_file};
        }
        if (affinity == least) {
            return {limit_kind::affinity, affinity_source()};
        }
        return {};
    }

    /// The file or system call that `online` is from.
    [[nodiscard]] std::string online_source() const {
        return online_file.empty() ? std::string(detail::online_file) : online_file;
    }

    /// The same of `affinity`.
    [[nodiscard]] std::string affinity_source() const {
        return affinity_file.empty() ? "sched_getaffinity(2)" : affinity_file;
    }

private:
    [[nodiscard]] double lowest() const noexcept {
        int count = (std::numeric_limits<int>::max)();
        for (const std::optional<int>& each : {online, affinity, cpuset}) {
            count = (std::min)(count, each.value_or(count));
        }
        if (count == (std::numeric_limits<int>::max)() && !quota) {
            return 1;
        }
        const double least = count;
        return (std::min)(least, quota.value_or(least));
    }
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
