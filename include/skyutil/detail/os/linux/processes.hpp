// SPDX-License-Identifier: MIT
//
// detail/os/linux/processes.hpp: what detail/os/processes.hpp declares: with pidfds, and with the
// start time in /proc/PID/stat where there are none.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/linux/procfs/process_files.hpp>
#include <skyutil/detail/os/posix/processes.hpp>  // IWYU pragma: export
#include <skyutil/version.hpp>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
namespace sys {
using ::getpid, ::poll, ::syscall;
}  // namespace sys
#endif

inline bool is_signal(int number) noexcept { return number > 0 && number < _NSIG; }

// tgkill(2) with signal 0, not kill(2): that one says yes to the id of any thread.
inline bool process_exists(std::int64_t pid) noexcept {
    const auto id = static_cast<pid_t>(pid);
    return is_process_id(pid) && (sys::syscall(SYS_tgkill, id, id, 0) == 0 || errno == EPERM);
}

namespace sys {
/// A descriptor of the process (pidfd_open(2), Linux 5.3), -1 with an error: no_such_process for
/// the id of a thread too, function_not_supported where the kernel has none or a filter forbids it.
inline int open_pidfd(std::int64_t pid, std::error_code& error) noexcept {
#if defined(SYS_pidfd_open)
    constexpr long pidfd_open = SYS_pidfd_open;
#else
    constexpr long pidfd_open = 434;  // the same on all architectures
#endif
    const auto fd = static_cast<int>(sys::syscall(pidfd_open, static_cast<pid_t>(pid), 0));
    if (fd == -1) {
        switch (errno) {
            case ESRCH:
            case EINVAL:  // the id of a thread that leads no process
            case ENOENT:  // the same, in later kernels
                error = make_error(std::errc::no_such_process);
                break;
            case EMFILE:
            case ENFILE:
            case ENOMEM:
                error = last_error();
                break;
            default:
                error = make_error(std::errc::function_not_supported);
        }
    }
    return fd;
}

/// Why poll(2) of one descriptor failed: it counts what it is given, not what is open.
inline std::error_code poll_error() noexcept {
    return errno == EINVAL ? make_error(std::errc::too_many_files_open) : last_error();
}

/// Whether the process of a pidfd has ended: it becomes readable when the last thread has.
inline bool has_ended(int pidfd, std::error_code& error) noexcept {
    pollfd entry{pidfd, POLLIN, 0};
    const int count = retry([&] { return sys::poll(&entry, 1, 0); });
    if (count == -1) {
        error = poll_error();
    }
    return count > 0;
}

/// The same, waiting for it until a point in time; its maximum is for ever.
inline bool wait_until_ended(int pidfd, time_point deadline, std::error_code& error) noexcept {
    pollfd entry{pidfd, POLLIN, 0};
    const int count = poll_until(entry, deadline);
    if (count == -1) {
        error = poll_error();
    }
    return count > 0;
}

/// Signals the process of a pidfd (pidfd_send_signal(2), Linux 5.1).
inline void send_signal_to_pidfd(int pidfd, int signal, std::error_code& error,
                                 unsigned flags = 0) noexcept {
#if defined(SYS_pidfd_send_signal)
    constexpr long pidfd_send_signal = SYS_pidfd_send_signal;
#else
    constexpr long pidfd_send_signal = 424;  // the same on all architectures
#endif
    if (sys::syscall(pidfd_send_signal, pidfd, signal, nullptr, flags) == -1) {
        error = last_error();
    }
}

/// What the kernel says now of the process that was started then, nullopt when it is gone.
inline std::optional<process_stat> read_stat_of(std::int64_t pid, std::uint64_t start,
                                                std::error_code& error) noexcept {
    if (!process_exists(pid)) {
        return std::nullopt;
    }
    std::error_code failed;
    const unique_fd proc = open_proc(failed);
    const auto stat = failed ? std::nullopt : read_stat(proc.get(), pid, failed);
    if (failed && failed != std::errc::no_such_process) {
        error = failed;
    }
    return stat && stat->start_time == start ? stat : std::nullopt;
}
}  // namespace sys

inline process_ref process_ref::open(std::int64_t pid, std::error_code& error) noexcept {
    if (!is_process_id(pid)) {
        error = make_error(std::errc::no_such_process);
        return {};
    }
    std::error_code failed;
    unique_fd pidfd(sys::open_pidfd(pid, failed));
    if (failed == std::errc::function_not_supported) {
        return open_by_start(pid, error);
    }
    if (failed) {
        error = failed;
        return {};
    }
    return {pid, std::move(pidfd)};
}

// /proc/ID is there for the ids of threads too, so process_exists() is asked as well.
inline process_ref process_ref::open_by_start(std::int64_t pid, std::error_code& error) noexcept {
    std::error_code failed;
    if (process_exists(pid)) {
        const unique_fd proc = sys::open_proc(failed);
        const auto stat = failed ? std::nullopt : sys::read_stat(proc.get(), pid, failed);
        if (stat) {
            return {pid, stat->start_time};
        }
    }
    const bool is_hidden = process_exists(pid);  // from this user; or else it is gone
    error = is_starved(failed) ? failed
            : is_hidden        ? make_error(std::errc::function_not_supported)
                               : make_error(std::errc::no_such_process);
    return {};
}

inline bool process_ref::alive(std::error_code& error) const noexcept {
    std::error_code failed;
    bool is_alive = false;
    if (handle_) {
        is_alive = !sys::has_ended(handle_.get(), failed) && !failed;
    } else {
        const auto stat = sys::read_stat_of(pid_, start_, failed);
        is_alive = stat && stat->running();
    }
    error = failed ? failed : error;
    return is_alive;
}

inline bool process_ref::wait_until(time_point deadline, std::error_code& error) const noexcept {
    return handle_ ? sys::wait_until_ended(handle_.get(), deadline, error)
                   : watch_until(deadline, error);
}

inline void process_ref::signal(int number, std::error_code& error) const noexcept {
    std::error_code failed;
    if (handle_) {
        sys::send_signal_to_pidfd(handle_.get(), number, failed);
        if (!failed) {
            return;
        }
        if (failed == std::errc::no_such_process) {
            error = failed;
            return;
        }
        failed.clear();  // a filter can forbid this call, with any error, and allow kill(2)
    }
    const bool is_there =
        handle_ ? alive(failed) : sys::read_stat_of(pid_, start_, failed).has_value();
    if (is_there) {
        sys::send_signal(pid_, number, error);
    } else {
        error = failed ? failed : make_error(std::errc::no_such_process);
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
