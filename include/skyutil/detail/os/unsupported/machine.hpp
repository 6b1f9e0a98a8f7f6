// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/machine.hpp: what detail/os/machine.hpp declares where nothing is known of
// the system.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/version.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline std::optional<std::string> environment(const char*) { return std::nullopt; }

inline std::uint64_t coarse_milliseconds() noexcept {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

inline void set_limit(resource, const resource_limit&, std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
}

inline const char* limit_name(resource) noexcept { return "the limit"; }

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
