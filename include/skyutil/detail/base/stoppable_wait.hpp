// SPDX-License-Identifier: MIT
//
// detail/base/stoppable_wait.hpp: waiting for time to pass, or for a stop.

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/stop_token.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Waits at least that long, but no longer than a hundred years, or until a stop is requested.
inline void wait_unless_stopped(std::chrono::nanoseconds time, const stop_token& stop) {
    constexpr std::chrono::nanoseconds longest = hundred_years;
    std::mutex mutex;
    std::condition_variable change;
    bool stopped = false;
    const stop_callback wake(stop, [&] {
        const std::scoped_lock lock(mutex);
        stopped = true;
        change.notify_one();
    });
    std::unique_lock lock(mutex);
    change.wait_for(lock, (std::min)(time, longest), [&] { return stopped; });
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
