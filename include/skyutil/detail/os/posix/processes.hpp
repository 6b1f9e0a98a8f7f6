// SPDX-License-Identifier: MIT
//
// detail/os/posix/processes.hpp: the part of detail/os/processes.hpp that needs no more than
// kill(2).

#pragma once

#include <skyutil/version.hpp>

#include <cstdint>
#include <limits>
#include <system_error>

#include <signal.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
namespace sys {
using ::kill;
}  // namespace sys
#endif

static_assert(kill_signal == SIGKILL && terminate_signal == SIGTERM);

inline bool is_process_id(std::int64_t number) noexcept {
    return number > 0 && number <= (std::numeric_limits<pid_t>::max)();
}

inline bool is_first_process(std::int64_t pid) noexcept { return pid == 1; }

inline void process_ref::ask(int number, std::error_code& error) const noexcept {
    std::error_code failed;
    signal(number, failed);
    if (failed) {
        error = failed;
    } else {
        signal(SIGCONT, failed);
    }
}

inline void process_ref::kill(std::error_code& error) const noexcept { signal(SIGKILL, error); }

namespace sys {
/// kill(2) for one process: 0 and negative ids, which mean groups there, are no process here.
inline void send_signal(std::int64_t pid, int number, std::error_code& error) noexcept {
    if (!is_process_id(pid)) {
        error = make_error(std::errc::no_such_process);
    } else if (sys::kill(static_cast<pid_t>(pid), number) == -1) {
        error = last_error();
    }
}
}  // namespace sys

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
