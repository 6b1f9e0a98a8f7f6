// SPDX-License-Identifier: MIT
//
// detail/os/linux/base.hpp: errors of system calls, calls that signals interrupt, and waiting.

#pragma once

#include <skyutil/detail/interruption.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <system_error>

#include <poll.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline std::error_code last_error() noexcept { return {errno, std::generic_category()}; }

inline std::error_code make_error(std::errc code) noexcept { return std::make_error_code(code); }

/// Repeats a system call for as long as signals interrupt it and the thread is not to end what it
/// does: that is EINTR.
template <class Call>
auto retry(Call call) noexcept -> decltype(call()) {
    for (bool signalled = false; !interruption::requested(signalled); signalled = true) {
        const auto result = call();
        if (result != -1 || errno != EINTR) {
            return result;
        }
    }
    errno = EINTR;
    return -1;
}

using time_point = std::chrono::steady_clock::time_point;

/// What is left until a point in time; 0 when it is past.
inline timespec time_until(time_point deadline) noexcept {
    const std::chrono::nanoseconds left = deadline - std::chrono::steady_clock::now();
    const auto count = (std::max)(left.count(), std::chrono::nanoseconds::rep{0});
    timespec time{};
    time.tv_sec = static_cast<time_t>(count / 1'000'000'000);
    time.tv_nsec = static_cast<decltype(time.tv_nsec)>(count % 1'000'000'000);
    return time;
}

/// poll(2) of one descriptor until a point in time; its maximum is for ever.
inline int poll_until(pollfd& entry, time_point deadline) noexcept {
    for (;;) {
        // A signal just before the call does not interrupt it.
        const time_point until =
            interruption::possible()
                ? (std::min)(deadline, std::chrono::steady_clock::now() + interruption_interval)
                : deadline;
        const int count = retry([&] {
            const timespec time = time_until(until);
            return ::ppoll(&entry, 1, until == (time_point::max)() ? nullptr : &time, nullptr);
        });
        if (count != 0 || until == deadline) {
            return count;
        }
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
