// SPDX-License-Identifier: MIT
//
// detail/os/windows/children.hpp: what detail/os/children.hpp declares, on Windows. The handle of a
// child keeps its id until that is closed; a job keeps the child and all that it starts together.
//
// Sources: "Job Objects", GenerateConsoleCtrlEvent, GetExitCodeProcess, GetProcessMemoryInfo of
// Microsoft's reference.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/processes.hpp>
#include <skyutil/detail/os/windows/api/programs.hpp>
#include <skyutil/detail/os/windows/close_windows.hpp>
#include <skyutil/detail/os/windows/handle_waits.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {

/// How many processes of a job run; at least one where nothing tells.
inline std::uint32_t processes_in(handle job) noexcept {
    constexpr int accounting_class = 1;  // JobObjectBasicAccountingInformation
    job_accounting known{};
    std::error_code unknown;
    return succeeded(
               ZwQueryInformationJobObject(job, accounting_class, &known, sizeof known, nullptr),
               unknown)
               ? known.active
               : 1;
}

/// Has the system end the processes of a job when its last handle is closed, or not.
inline void set_end_with_handle(handle job, bool ends, std::error_code& error) noexcept {
    constexpr int limits_class = 9;                  // JobObjectExtendedLimitInformation
    constexpr std::uint32_t kill_on_close = 0x2000;  // JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
    job_limits limits{};
    limits.flags = ends ? kill_on_close : 0;
    succeeded(ZwSetInformationJobObject(job, limits_class, &limits, sizeof limits), error);
}

inline process_end end_of(handle process) noexcept {
    process_end end;
    unsigned long code = 0;
    if (GetExitCodeProcess(process, &code) != 0) {
        end.exit_code = static_cast<int>(code);
    }
    process_memory memory{};
    memory.size = sizeof memory;
    if (K32GetProcessMemoryInfo(process, reinterpret_cast<::_PROCESS_MEMORY_COUNTERS*>(&memory),
                                sizeof memory) != 0) {
        end.peak_memory = memory.peak_working_set;
    }
    const process_times times = times_of(process);
    end.user_time = std::chrono::microseconds(times.user / 10);
    end.system_time = std::chrono::microseconds(times.system / 10);
    return end;
}

}  // namespace sys

inline child_state child::look(process_end& end) noexcept {
    return look_until(std::chrono::steady_clock::now(), end);
}

inline child_state child::look_until(time_point deadline, process_end& end) noexcept {
    if (!wait_for_end(deadline)) {
        return child_state::running;
    }
    end = sys::end_of(handle);
    return child_state::ended;
}

/// The handle keeps what is known of the child, and its id.
inline void child::reap(process_end&) noexcept {}

inline bool child::wait_for_end(time_point deadline) const noexcept {
    std::error_code unknown;
    return sys::wait_for(handle, deadline, unknown);
}

inline bool child::wait_for_tree(time_point deadline) const noexcept {
    using std::chrono::milliseconds;
    for (milliseconds pause(1); sys::processes_in(tree) != 0;
         pause = (std::min)(2 * pause, milliseconds(16))) {
        if (!sys::pause(pause, deadline)) {
            return sys::processes_in(tree) == 0;
        }
    }
    return wait_for_end(deadline);
}

inline bool child::has_its_id() const noexcept { return handle != no_handle; }

inline bool child::has_group() const noexcept {
    return tree != no_handle && sys::processes_in(tree) > (sys::has_ended(handle) ? 0U : 1U);
}

inline bool child::may_have_left_processes() const noexcept { return has_group(); }

/// Ctrl-Break is for the group, which no other one hears, and the windows are the child's alone.
inline void child::ask(int signal, std::error_code& error) const noexcept {
    constexpr unsigned long ctrl_break = 1;  // CTRL_BREAK_EVENT; a group hears no Ctrl-C
    if (signal == kill_signal) {
        kill(error);
        return;
    }
    const auto id = static_cast<unsigned long>(pid);
    const bool heard = leads_group && sys::GenerateConsoleCtrlEvent(ctrl_break, id) != 0;
    if (!sys::close_windows(handle, id) && !heard) {
        error = make_error(std::errc::function_not_supported);
    }
}

inline void child::kill(std::error_code& error) const noexcept {
    const bool done = tree != no_handle ? sys::TerminateJobObject(tree, sys::killed_exit_code) != 0
                                        : sys::TerminateProcess(handle, sys::killed_exit_code) != 0;
    if (!done && !sys::has_ended(handle)) {
        error = last_error();
    }
}

/// The job of a child that runs on, and is to end with this process, stays open until then.
inline void child::release() noexcept {
    std::error_code failed;
    const bool ends = tied && !sys::has_ended(handle);
    if (tied && !ends) {
        sys::set_end_with_handle(tree, false, failed);
    }
    if (tree != no_handle && !ends && !failed) {
        close(tree);
    }
    if (handle != no_handle) {
        close(handle);
    }
    *this = {};
}

inline bool adopts_orphans() noexcept { return false; }

inline bool has_process_handles() noexcept { return true; }

/// No process is given another one's children.
inline bool reap_adopted(std::int64_t, process_end&) noexcept { return false; }

template <class Function>
void for_each_held_process(Function, std::error_code& error) {
    error = make_error(std::errc::function_not_supported);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
