// SPDX-License-Identifier: MIT
//
// detail/process/terminate.hpp: ending one process, but not what it started.

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/os/processes.hpp>
#include <skyutil/version.hpp>

#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// What terminate() did to a process.
struct process_ending {
    bool ended = false;   ///< the process is gone, or a zombie
    bool asked = false;   ///< the signal that asks to end was sent
    bool killed = false;  ///< it was killed
};

/// Asks a process to end, waits until the deadline, and then kills it; at once if nothing asks it.
[[nodiscard]] inline process_ending terminate(const os::process_ref& process, time_point deadline,
                                              std::error_code& error) noexcept {
    process_ending result;
    // Waits until the process has ended after what was done to it; whether it goes on.
    const auto goes_on = [&](bool& done, time_point until) {
        done = !error;
        if (error == std::errc::no_such_process) {
            error.clear();
            result.ended = true;
        }
        result.ended = result.ended || (done && process.wait_until(until, error));
        return !error && !result.ended;
    };
    if (os::is_first_process(process.pid()) || process.pid() == os::process_id()) {
        error = os::make_error(std::errc::operation_not_permitted);
        return result;
    }
    result.ended = !process.alive(error) && !error;
    if (!error && !result.ended) {
        process.ask(os::terminate_signal, error);
        const bool is_deaf = error == std::errc::function_not_supported;
        if (is_deaf) {
            error.clear();
        }
        if (is_deaf || goes_on(result.asked, deadline)) {
            process.kill(error);
            goes_on(result.killed, deadline_after(kill_patience));
        }
    }
    return result;
}

struct process_handle_access;  // what the machinery may do with process_handle, in impl.hpp

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
