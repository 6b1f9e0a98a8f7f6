// SPDX-License-Identifier: MIT
//
// detail/base/deadline.hpp: points in time until which something waits.

#pragma once

#include <skyutil/version.hpp>

#include <chrono>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

using time_point = std::chrono::steady_clock::time_point;

/// The deadline of a wait without end.
inline constexpr time_point for_ever = (time_point::max)();

/// The longest time that is waited for as told: longer ones might not fit the clock.
inline constexpr auto hundred_years =
    std::chrono::duration_cast<std::chrono::hours>(std::chrono::years(100));

/// Returns the point in time after a duration of any type: now for a negative one, for_ever for one
/// of more than a hundred years.
template <class Rep, class Period>
time_point deadline_after(const std::chrono::duration<Rep, Period>& time) noexcept {
    using std::chrono::duration, std::chrono::hours, std::chrono::steady_clock;
    // In floating point, as the longest durations of some units do not fit the integers of others.
    if (!(duration<double, hours::period>(time) < hundred_years)) {
        return for_ever;
    }
    const time_point now = steady_clock::now();
    return time > duration<Rep, Period>::zero()
               ? now + std::chrono::ceil<steady_clock::duration>(time)
               : now;
}

/// How long a process may take to end after SIGKILL: the kernel frees its memory, and a call that
/// cannot be interrupted has to return first.
inline constexpr std::chrono::milliseconds kill_patience = std::chrono::seconds(10);

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
