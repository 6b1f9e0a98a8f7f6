// SPDX-License-Identifier: MIT
//
// detail/os/windows/handle_waits.hpp: waiting for what has a handle, until a point in time.

#pragma once

#include <skyutil/detail/base/interruption.hpp>
#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/windows/api/processes.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

inline constexpr unsigned long no_limit = 0xffffffff;  // INFINITE

/// What is left until a point in time, as the system takes it: never too little, but for what it
/// has no number for.
inline unsigned long milliseconds_until(time_point deadline) noexcept {
    if (deadline == (time_point::max)()) {
        return no_limit;
    }
    const auto now = std::chrono::steady_clock::now();
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - (std::min)(deadline, now));
    return static_cast<unsigned long>(
        (std::min)(static_cast<std::uint64_t>(left.count()), std::uint64_t{no_limit - 1}));
}

/// The end of a wait of a thread that is to ask now and then whether it goes on.
inline time_point until_asked(time_point deadline) noexcept {
    return interruption::possible()
               ? (std::min)(deadline, std::chrono::steady_clock::now() + interruption_interval)
               : deadline;
}

/// Waits until something has happened or ended, and returns whether so.
inline bool wait_for(handle what, time_point deadline, std::error_code& error) noexcept {
    for (;;) {
        const time_point until = until_asked(deadline);
        const unsigned long result = WaitForSingleObject(what, milliseconds_until(until));
        if (result == 0) {
            return true;
        }
        constexpr unsigned long failed = 0xffffffff;  // WAIT_FAILED
        if (result == failed) {
            error = last_error();
            return false;
        }
        if (std::chrono::steady_clock::now() >= deadline) {
            return false;
        }
        if (interruption::requested()) {
            error = make_error(std::errc::interrupted);
            return false;
        }
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
