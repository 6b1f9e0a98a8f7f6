// SPDX-License-Identifier: MIT
//
// detail/os/posix/children.hpp: what wait statuses say, and process groups by their numbers.

#pragma once

#include <skyutil/version.hpp>

#include <system_error>

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::kill;
#endif

/// What a wait status says, see wait(2).
inline process_end decode_status(int status) noexcept {
    process_end end;
    end.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return end;
}

/// A signal to all of a process group, by its number.
inline void signal_group(pid_t group, int signal, std::error_code& error) noexcept {
    if (group <= 1) {
        error = make_error(std::errc::no_such_process);
    } else if (sys::kill(-group, signal) == -1) {
        error = last_error();
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
