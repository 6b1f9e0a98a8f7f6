// SPDX-License-Identifier: MIT
//
// detail/base/stoppable_wait.hpp: waiting for time to pass, or for a stop.

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Waits at least that long, but no longer than a hundred years, or until a stop is requested.
inline void wait_unless_stopped(std::chrono::nanoseconds time, const std::stop_token& stop) {
    constexpr std::chrono::nanoseconds longest = hundred_years;
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, (std::min)(time, longest), [] { return false; });
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
