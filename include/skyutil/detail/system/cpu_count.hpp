// SPDX-License-Identifier: MIT
//
// detail/system/cpu_count.hpp: how many CPUs the calling thread may use, for get_cpu_count() and
// for what starts threads.

#pragma once

#include <skyutil/detail/system/cpu_budget.hpp>
#include <skyutil/detail/system/limit_reader.hpp>
#include <skyutil/detail/system/override.hpp>

#include <atomic>
#include <optional>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

// The last complete answers of any thread, for one that begins when nothing can be looked at; 0 for
// none.
SKYUTIL_OWN inline std::atomic<int> last_cpus = 0;
SKYUTIL_OWN inline std::atomic<double> last_quota = 0;

SKYUTIL_OWN inline const cpu_limits& recent_cpu_limits() {
    thread_local constinit recent<cpu_limits> limits;
    return limits.get(
        default_max_age,
        [] {
            const auto now =
                with_kept_reader([](limit_reader& reader) { return reader.read_cpus(); });
            if (now.complete) {
                last_cpus.store(now.value.cpus.value_or(0), std::memory_order_relaxed);
                last_quota.store(now.value.quota.value_or(0), std::memory_order_relaxed);
            }
            return now;
        },
        [](cpu_limits now) {
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

inline int count_cpus(const std::optional<double>& setting, const cpu_limits& limits,
                      file_reader& files) {
    cpu_budget budget;
    budget.override_value = setting;
    if (!setting) {
        budget.online = limits.cpus;
        budget.affinity = read_affinity(files);
        if (limits.quota && !is_real_time(files)) {
            budget.quota = limits.quota;
        }
    }
    return budget.usable();
}

inline int count_cpus(const override_setting& setting) {
    file_reader files{sysroot{}};
    return count_cpus(setting.value, setting.value ? cpu_limits{} : recent_cpu_limits(), files);
}

/// As get_cpu_count() says.
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
