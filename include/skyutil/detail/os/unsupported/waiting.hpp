// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/waiting.hpp: what detail/os/waiting.hpp declares where nothing is known of
// the system.

#pragma once

#include <skyutil/version.hpp>

#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline void sleep_until(time_point, std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
}

inline no_signals::no_signals() noexcept : before_() { static_cast<void>(before_); }

inline no_signals::~no_signals() = default;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
