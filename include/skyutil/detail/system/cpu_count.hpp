// SPDX-License-Identifier: MIT
//
// detail/system/cpu_count.hpp: how many CPUs the calling thread may use, for get_cpu_count() and
// for functions that start threads. Needs no public type.

#pragma once

#include <skyutil/detail/base/compiler.hpp>
#include <skyutil/detail/os/limits.hpp>
#include <skyutil/detail/system/cpu_rule.hpp>
#include <skyutil/detail/system/kept_limits.hpp>
#include <skyutil/detail/system/override.hpp>
#include <skyutil/version.hpp>

#include <atomic>
#include <cmath>
#include <optional>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

// The last complete answers of any thread, for a thread that starts to ask when nothing can be
// read; 0 before there is one.
SKYUTIL_OWN inline std::atomic<int> last_cpus = 0;
SKYUTIL_OWN inline std::atomic<double> last_quota = 0;

/// Returns the limits, read by the calling thread at most 20 milliseconds ago.
SKYUTIL_OWN inline const os::cpu_limits& recent_cpu_limits() {
    thread_local constinit recent<os::cpu_limits> limits;
    return limits.get(
        default_max_age,
        [] {
            const auto now =
                with_kept_source([](os::limits_source& source) { return source.read_cpus(); });
            if (now.complete) {
                last_cpus.store(now.value.cpus.value_or(0), std::memory_order_relaxed);
                last_quota.store(now.value.quota.value_or(0), std::memory_order_relaxed);
            }
            return now;
        },
        [](os::cpu_limits now) {
            const int cpus = last_cpus.load(std::memory_order_relaxed);
            if (cpus != 0 && (!now.cpus || cpus < *now.cpus)) {
                now.cpus = cpus;
            }
            const double quota = last_quota.load(std::memory_order_relaxed);
            if (quota > 0 && (!now.quota || quota < *now.quota)) {
                now.quota = quota;
            }
            return now;
        });
}

/// Returns how many CPUs the calling thread may use: as many as the override says, if there is one,
/// else by the limits and by what is read of the thread itself.
inline int count_cpus(const std::optional<double>& setting, const os::cpu_limits& limits,
                      const os::limits_source& source) {
    if (setting) {
        return whole_cpus(std::floor(*setting));
    }
    const bool bound = limits.quota && source.obeys_quota();
    return whole_cpus(std::floor(lowest_cpus(limits.cpus, source.affinity(), std::nullopt,
                                             bound ? limits.quota : std::nullopt)));
}

inline int count_cpus(const override_setting& setting) {
    return count_cpus(setting.value, setting.value ? os::cpu_limits{} : recent_cpu_limits(),
                      os::limits_source());
}

/// The same as get_cpu_count().
inline int cpu_count(std::error_code& error) {
    const override_setting setting(cpu_overrides);
    error = setting.error();
    return count_cpus(setting);
}

inline int cpu_count() {
    const override_setting setting(cpu_overrides);
    setting.throw_if_malformed("skyutil::get_cpu_count");
    return count_cpus(setting);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
