// SPDX-License-Identifier: MIT
//
// detail/os/waiting.hpp: a thread that waits, and that leaves the program's signals to others.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/version.hpp>

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/posix/waiting_types.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/waiting_types.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/waiting_types.hpp>  // IWYU pragma: export
#endif

#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

/// Waits until a point in time. errc::interrupted, see detail::interruption.
inline void sleep_until(time_point time, std::error_code& error) noexcept;

/// Has the calling thread take no signals until the end of the scope, nor any thread that it starts
/// meanwhile, for as long as that one lives: those are the program's.
class no_signals {
public:
    inline no_signals() noexcept;
    no_signals(const no_signals&) = delete;
    no_signals& operator=(const no_signals&) = delete;
    inline ~no_signals();

private:
    sys::signal_set before_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/posix/waiting.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/waiting.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/waiting.hpp>  // IWYU pragma: export
#endif
