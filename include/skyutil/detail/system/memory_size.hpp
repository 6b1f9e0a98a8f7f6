// SPDX-License-Identifier: MIT
//
// detail/system/memory_size.hpp: how much memory this process may use, for get_mem_size_gb().

#pragma once

#include <skyutil/detail/base/compiler.hpp>
#include <skyutil/detail/os/limits.hpp>
#include <skyutil/detail/system/kept_limits.hpp>
#include <skyutil/detail/system/override.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

// In bytes, kept for the same reason as last_cpus; 0 before there is one.
SKYUTIL_OWN inline std::atomic<std::uint64_t> last_memory = 0;

/// Returns bytes, read by the calling thread at most 20 milliseconds ago.
SKYUTIL_OWN inline std::uint64_t recent_memory() {
    thread_local constinit recent<std::uint64_t> memory;
    return memory.get(
        default_max_age,
        [] {
            const auto now =
                with_kept_source([](os::limits_source& source) { return source.read_memory(); });
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

/// The same as get_mem_size_gb().
inline double mem_size_gb(std::error_code& error) {
    const override_setting setting(memory_overrides);
    error = setting.error();
    return measure_memory(setting);
}

inline double mem_size_gb() {
    const override_setting setting(memory_overrides);
    setting.throw_if_malformed("skyutil::get_mem_size_gb");
    return measure_memory(setting);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
