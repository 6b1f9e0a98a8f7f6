// SPDX-License-Identifier: MIT
//
// detail/os/posix/waiting.hpp: what detail/os/waiting.hpp declares.

#pragma once

#include <skyutil/version.hpp>

#include <system_error>

#include <poll.h>
#include <signal.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
namespace sys {
using ::pthread_sigmask;
}  // namespace sys
#endif

inline void sleep_until(time_point time, std::error_code& error) noexcept {
    pollfd nothing{};
    if (sys::poll_until(nothing, time, 0) == -1) {
        error = last_error();
    }
}

inline no_signals::no_signals() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    sys::pthread_sigmask(SIG_SETMASK, &all, &before_);
}

inline no_signals::~no_signals() { sys::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
