// SPDX-License-Identifier: MIT
//
// detail/os/windows/processes.hpp: what detail/os/processes.hpp declares. An open handle keeps the
// id of its process from being given to another, also when the process has ended; so further rights
// are had by opening the id once more. A process that may not be opened is told from others by the
// time when it was started.
//
// Sources: Microsoft's reference of OpenProcess, "Process Security and Access Rights",
// TerminateProcess, IsProcessCritical, NtQueryInformationProcess.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/windows/api/processes.hpp>
#include <skyutil/detail/os/windows/close_windows.hpp>
#include <skyutil/detail/os/windows/handle_waits.hpp>
#include <skyutil/detail/os/windows/process_snapshot.hpp>
#include <skyutil/version.hpp>

#include <cstdint>
#include <limits>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline bool is_signal(int number) noexcept {
    return number == kill_signal || number == terminate_signal;
}

inline bool is_process_id(std::int64_t number) noexcept {
    return number > 0 && number <= (std::numeric_limits<std::uint32_t>::max)();
}

inline bool is_first_process(std::int64_t pid) noexcept { return pid == 4; }  // System

namespace sys {
/// The exit code of a process that was ended.
inline constexpr unsigned int killed_exit_code = 1;

/// Opens a process, at least to ask about it. errc::no_such_process,
/// errc::operation_not_permitted.
inline unique_fd open_process(std::int64_t pid, unsigned long wanted,
                              std::error_code& error) noexcept {
    constexpr unsigned long access_denied = 5;       // ERROR_ACCESS_DENIED
    constexpr unsigned long invalid_parameter = 87;  // ERROR_INVALID_PARAMETER
    if (!is_process_id(pid)) {
        error = make_error(std::errc::no_such_process);
        return {};
    }
    unique_fd process(
        OpenProcess(wanted | access::process_query_limited, 0, static_cast<unsigned long>(pid)));
    const unsigned long failed = process ? 0 : GetLastError();
    // Windows takes an id that is no multiple of four for the next lower one.
    const bool is_other = process ? static_cast<std::int64_t>(GetProcessId(process.get())) != pid
                                  : failed == access_denied && pid % 4 != 0;
    if (is_other || failed == invalid_parameter) {
        process.reset();
        error = make_error(std::errc::no_such_process);
    } else if (failed == access_denied) {
        error = make_error(std::errc::operation_not_permitted);
    } else if (!process) {
        error = error_of(failed);
    }
    return process;
}

/// Whether the process of a handle has ended. Its exit code does not tell: it can be 259, too.
inline bool has_ended(handle process) noexcept { return WaitForSingleObject(process, 0) == 0; }

/// In units of 100 ns, all 0 when nothing tells.
struct process_times {
    std::uint64_t created;  ///< as process_record::created
    std::uint64_t ended;
    std::uint64_t system;
    std::uint64_t user;
};

inline process_times times_of(handle process) noexcept {
    constexpr int times_class = 4;  // ProcessTimes
    process_times times{};
    std::error_code ignored;
    return succeeded(ZwQueryInformationProcess(process, times_class, &times, sizeof times, nullptr),
                     ignored)
               ? times
               : process_times{};
}

/// When the process of a handle was started, as process_record::created; 0 when nothing tells.
inline std::uint64_t start_of(handle process) noexcept { return times_of(process).created; }

/// Whether a process of a snapshot runs. One without threads may be new, or the system's own.
inline bool is_running(const process_record& record) noexcept {
    std::error_code ignored;
    const unique_fd process =
        record.threads != 0
            ? unique_fd()
            : open_process(static_cast<std::int64_t>(record.pid), access::synchronize, ignored);
    return !process || !has_ended(process.get());
}

/// Whether Windows stops when the process of a handle ends.
inline bool is_critical(handle process) noexcept {
    constexpr int break_on_termination = 29;  // ProcessBreakOnTermination
    std::uint32_t breaks = 0;
    std::error_code ignored;
    return succeeded(ZwQueryInformationProcess(process, break_on_termination, &breaks,
                                               sizeof breaks, nullptr),
                     ignored) &&
           breaks != 0;
}

/// Opens, with further rights, the process of a handle, or else the one that was started then. It
/// has not ended, or that is an error: errc::no_such_process.
inline unique_fd open_again(std::int64_t pid, handle held, std::uint64_t start,
                            unsigned long wanted, std::error_code& error) noexcept {
    std::error_code failed;
    unique_fd process = open_process(pid, wanted | access::synchronize, failed);
    const handle either = held != no_handle ? held : process.get();
    const bool is_gone = (held == no_handle && process && start_of(process.get()) != start) ||
                         (either != no_handle && has_ended(either));
    if (is_gone) {
        failed = make_error(std::errc::no_such_process);
        process.reset();
    }
    error = failed ? failed : error;
    return process;
}
}  // namespace sys

inline bool process_exists(std::int64_t pid) noexcept {
    std::error_code error;
    static_cast<void>(sys::open_process(pid, 0, error));
    return error != std::errc::no_such_process;
}

inline process_ref process_ref::open(std::int64_t pid, std::error_code& error) noexcept {
    std::error_code failed;
    unique_fd process = sys::open_process(pid, sys::access::synchronize, failed);
    if (failed == std::errc::operation_not_permitted) {
        return open_by_start(pid, error);
    }
    if (failed) {
        error = failed;
        return {};
    }
    return {pid, std::move(process)};
}

// One that exists and is in no list has ended: no list has one that was started at 0.
inline process_ref process_ref::open_by_start(std::int64_t pid, std::error_code& error) noexcept {
    if (!process_exists(pid)) {
        error = make_error(std::errc::no_such_process);
        return {};
    }
    std::error_code failed;
    const sys::process_snapshot all(failed);
    if (failed) {
        error = failed;
        return {};
    }
    const sys::process_record* const record = all.find(pid);
    return {pid, record == nullptr ? std::uint64_t{0} : record->created};
}

inline bool process_ref::alive(std::error_code& error) const noexcept {
    if (handle_) {
        const unsigned long result = sys::WaitForSingleObject(handle_.get(), 0);
        constexpr unsigned long timed_out = 258;  // WAIT_TIMEOUT
        if (result != 0 && result != timed_out) {
            error = last_error();
        }
        return result == timed_out;
    }
    if (pid_ == 0) {
        return false;
    }
    std::error_code failed;
    const sys::process_snapshot all(failed);
    error = failed ? failed : error;
    const sys::process_record* const record = all.find(pid_);
    return record != nullptr && record->created == start_ && sys::is_running(*record);
}

inline bool process_ref::wait_until(time_point deadline, std::error_code& error) const noexcept {
    return handle_ ? sys::wait_for(handle_.get(), deadline, error) : watch_until(deadline, error);
}

inline void process_ref::signal(int number, std::error_code& error) const noexcept {
    if (number == 0) {
        static_cast<void>(
            sys::open_again(pid_, handle_.get(), start_, sys::access::process_terminate, error));
    } else if (number == kill_signal) {
        kill(error);
    } else {
        ask(number, error);
    }
}

inline void process_ref::ask(int number, std::error_code& error) const noexcept {
    if (number == kill_signal) {
        kill(error);
        return;
    }
    std::error_code failed;
    const unique_fd process =
        sys::open_again(pid_, handle_.get(), start_, sys::access::process_query, failed);
    if (number != terminate_signal || !process ||
        !sys::close_windows(process.get(), static_cast<unsigned long>(pid_))) {
        failed.clear();
        signal(0, failed);  // it is gone, or may not be ended
        error = failed ? failed : make_error(std::errc::function_not_supported);
    }
}

inline void process_ref::kill(std::error_code& error) const noexcept {
    const unique_fd process =
        sys::open_again(pid_, handle_.get(), start_, sys::access::process_terminate, error);
    if (!process) {
        return;
    }
    constexpr unsigned long access_denied = 5;  // it may be ended, so it does end already
    if (sys::is_critical(process.get())) {
        error = make_error(std::errc::operation_not_permitted);
    } else if (sys::TerminateProcess(process.get(), sys::killed_exit_code) == 0 &&
               sys::GetLastError() != access_denied) {
        error = last_error();
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
