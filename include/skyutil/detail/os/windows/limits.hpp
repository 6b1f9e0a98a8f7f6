// SPDX-License-Identifier: MIT
//
// detail/os/windows/limits.hpp: what detail/os/limits.hpp declares: what detail/os/windows/jobs.hpp
// tells of this system, and of a copy of Linux what its files tell.

#pragma once

#include <skyutil/detail/os/limit_types.hpp>
#include <skyutil/detail/os/linux/limits_state.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/detail/os/windows/jobs.hpp>
#include <skyutil/version.hpp>

#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline limits_source::limits_source() noexcept
    : state_(sys::system_root([] { return sys::thread_ids(); })) {}

inline limits_source::limits_source(path_text directory) noexcept
    : state_(sys::system_root(std::move(directory))) {}

inline std::optional<int> limits_source::affinity() const {
    return state_.root().is_real() ? sys::count_affinity() : state_.affinity();
}

inline bool limits_source::obeys_quota() const {
    const auto policy = state_.root().is_real() ? std::nullopt : state_.policy();
    return !policy || !sys::is_real_time(*policy);
}

inline reading<cpu_limits> limits_source::read_cpus() {
    if (!state_.root().is_real()) {
        return state_.read_cpus(false);
    }
    const int active = sys::count_active(sys::all_groups);
    bool failed = false;
    const std::optional<double> quota = sys::read_quota(active, failed);
    return {{active > 0 ? std::optional(active) : std::nullopt, quota}, active > 0 && !failed};
}

inline reading<std::uint64_t> limits_source::read_memory() {
    if (!state_.root().is_real()) {
        return state_.read_memory({});
    }
    const std::uint64_t physical = sys::read_memory_status().physical;
    bool failed = false;
    const std::optional<std::uint64_t> limit = sys::read_bounds(failed).memory();
    return {limit && (physical == 0 || *limit < physical) ? *limit : physical,
            physical != 0 && !failed};
}

inline reading<limits_sample> limits_source::sample() {
    if (!state_.root().is_real()) {
        return state_.sample(false, {});
    }
    const reading<cpu_limits> cpus = read_cpus();
    const reading<std::uint64_t> memory = read_memory();
    bool ignored = false;
    const std::optional<std::uint64_t> usage =
        sys::use_of(sys::read_bounds(ignored), sys::read_commit(), sys::read_job_commit()).value;
    return {{cpus.value, memory.value, usage, std::nullopt}, cpus.complete && memory.complete};
}

inline resource_limit limits_source::limit(resource which, std::error_code&) const {
    if (!state_.root().is_real()) {
        return state_.limit(which).value_or(resource_limit());
    }
    if (which == resource::address_space && sizeof(void*) < 8) {
        const std::uint64_t bytes = sys::read_memory_status().address_space;
        return bytes != 0 ? resource_limit{bytes, bytes} : resource_limit();
    }
    return {};
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
