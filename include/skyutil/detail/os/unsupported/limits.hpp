// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/limits.hpp: what detail/os/limits.hpp declares where nothing is known of
// the system.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/limit_numbers.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
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

inline cpu_numbers limits_source::explain_cpus() const { return {}; }

inline memory_numbers limits_source::explain_memory() const { return {}; }

inline stall_numbers limits_source::read_stalls() const { return {}; }

inline resource_limit limits_source::limit(resource, std::error_code& error) const {
    error = make_error(std::errc::function_not_supported);
    return {};
}

inline std::size_t limits_source::count_open_descriptors(std::error_code& error) const {
    error = make_error(std::errc::function_not_supported);
    return 0;
}

inline const char* limits_source::online_name() noexcept { return ""; }

inline const char* limits_source::affinity_name() noexcept { return ""; }

inline const char* limits_source::open_descriptors_name() noexcept { return "descriptors"; }

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
