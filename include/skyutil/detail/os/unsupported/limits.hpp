// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/limits.hpp: what detail/os/limits.hpp declares where nothing is known of
// the system.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/limit_types.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/version.hpp>

#include <cstdint>
#include <optional>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline limits_source::limits_source() noexcept = default;

inline limits_source::limits_source(path_text) noexcept {}

inline std::optional<int> limits_source::affinity() const { return std::nullopt; }

inline bool limits_source::obeys_quota() const { return false; }

inline reading<cpu_limits> limits_source::read_cpus() { return {}; }

inline reading<std::uint64_t> limits_source::read_memory() { return {}; }

inline reading<limits_sample> limits_source::sample() { return {}; }

inline resource_limit limits_source::limit(resource, std::error_code& error) const {
    error = make_error(std::errc::function_not_supported);
    return {};
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
