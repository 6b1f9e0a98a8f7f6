// SPDX-License-Identifier: MIT
//
// detail/os/windows/waiting.hpp: what detail/os/waiting.hpp declares. No signal comes to a thread.

#pragma once

#include <skyutil/detail/base/interruption.hpp>
#include <skyutil/detail/os/base.hpp>
#include <skyutil/version.hpp>

#include <chrono>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline void sleep_until(time_point time, std::error_code& error) noexcept {
    // Without a question to ask it wakes up for nothing now and then, as a wait has a limit.
    constexpr std::chrono::milliseconds longest = std::chrono::hours(24);
    const bool asked = interruption::possible();
    while (sys::pause(asked ? interruption_interval : longest, time)) {
    }
    if (interruption::requested()) {
        error = make_error(std::errc::interrupted);
    }
}

inline no_signals::no_signals() noexcept : before_() { static_cast<void>(before_); }

inline no_signals::~no_signals() = default;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
