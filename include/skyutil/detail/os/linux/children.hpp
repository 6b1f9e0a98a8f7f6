// SPDX-License-Identifier: MIT
//
// detail/os/linux/children.hpp: what detail/os/children.hpp declares, on Linux: by pidfds where the
// kernel has them.

#pragma once

#include <skyutil/detail/os/files.hpp>
#include <skyutil/detail/os/posix/children.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string_view>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
namespace sys {
using ::clock_gettime, ::fcntl, ::getpid, ::nanosleep, ::prctl, ::readlinkat, ::syscall, ::wait4;
}  // namespace sys
#endif

namespace sys {

enum class waiting { look, block };

inline void set_usage(process_end& end, const rusage& usage) noexcept {
    const auto time_of = [](const timeval& time) {
        return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
    };
    end.peak_memory = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
    end.user_time = time_of(usage.ru_utime);
    end.system_time = time_of(usage.ru_stime);
    end.voluntary_switches = static_cast<std::uint64_t>(usage.ru_nvcsw);
    end.involuntary_switches = static_cast<std::uint64_t>(usage.ru_nivcsw);
}

/// waitid(2) with its fifth argument, which the C library hides: by the pidfd where that is not -1
/// (Linux 5.4), else by the id.
inline long wait_id(pid_t pid, int pidfd, int options, siginfo_t& info, rusage& usage) noexcept {
    constexpr int by_pidfd = 3;  // P_PIDFD
    const auto wait = [&](int type, int id) {
        info = {};
        return sys::retry(
            [&] { return sys::syscall(SYS_waitid, type, id, &info, options, &usage); });
    };
    long result = pidfd == -1 ? -1 : wait(by_pidfd, pidfd);
    if (pidfd == -1 || (result == -1 && errno == EINVAL)) {
        result = wait(P_PID, pid);
    }
    return result;
}

/// Returns whether a child has ended, and how; it is not reaped. errc::no_child_process when
/// somebody else has reaped it, or SIGCHLD is ignored.
///
/// A child that a thread of this process traces (ptrace(2)) is reported whenever it stops, whatever
/// is asked for: that is no end, and left to the tracer.
inline bool wait_child(pid_t pid, int pidfd, waiting how, process_end& end,
                       std::error_code& error) noexcept {
    using std::chrono::milliseconds, std::chrono::steady_clock;
    for (milliseconds pause(1);; pause = (std::min)(2 * pause, milliseconds(16))) {
        siginfo_t info{};
        rusage usage{};
        const int options = WEXITED | WNOWAIT | (how == waiting::look ? WNOHANG : 0);
        if (wait_id(pid, pidfd, options, info, usage) == -1) {
            error = last_error();
            return false;
        }
        if (info.si_pid != 0 && (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED ||
                                 info.si_code == CLD_DUMPED)) {
            const bool exited = info.si_code == CLD_EXITED;
            end.exit_code = exited ? info.si_status : -1;
            end.signal = exited ? 0 : info.si_status;
            set_usage(end, usage);
            return true;
        }
        if (how == waiting::look) {
            return false;
        }
        pollfd ended{pidfd, POLLIN, 0};  // a stop is reported at once, again and again
        sys::poll_until(ended, steady_clock::now() + pause);
    }
}

/// Reaps a child that has ended; false when it has not, or another has reaped it. By wait4(2) where
/// a filter forbids waitid(2).
inline bool reap_child(pid_t pid, int pidfd, process_end& end) noexcept {
    siginfo_t info{};
    rusage usage{};
    const long result = wait_id(pid, pidfd, WEXITED | WNOHANG, info, usage);
    if (result != -1 || errno == ECHILD) {
        return result != -1 && info.si_pid != 0;
    }
    int status = 0;
    if (sys::retry([&] { return sys::wait4(pid, &status, WNOHANG, &usage); }) != pid) {
        return false;
    }
    end = decode_status(status);
    set_usage(end, usage);
    return true;
}

/// Returns whether a pidfd tells how its process ended when another has reaped it (PIDFD_GET_INFO
/// with PIDFD_INFO_EXIT, Linux 6.15). The kernel keeps that from a moment after the end on, which
/// is waited for.
inline bool read_exit_info(int pidfd, process_end& end) noexcept {
    struct pidfd_info {  // <linux/pidfd.h>, as it was at first
        std::uint64_t mask;
        std::uint64_t cgroup;
        std::uint32_t ids[11];  // NOLINT(*-c-arrays)
        std::int32_t status;
    };
    constexpr std::uint64_t exit_info = 1U << 3;  // PIDFD_INFO_EXIT
    constexpr timespec pause{0, 1'000'000};
    for (int tries = 0; pidfd != -1 && tries != 100; ++tries) {
        pidfd_info info{};
        info.mask = exit_info;
        // By system call: the type of a request is the C library's choice.
        constexpr unsigned long get_info = _IOWR(0xFF, 11, pidfd_info);
        if (sys::syscall(SYS_ioctl, pidfd, get_info, &info) == -1 && errno != ESRCH) {
            return false;
        }
        if ((info.mask & exit_info) != 0) {
            end = decode_status(info.status);
            return true;
        }
        sys::nanosleep(&pause, nullptr);
    }
    return false;
}

/// Returns false when nothing has that number any more: no process, no group, no session.
/// (fcntl(2) takes any number that something has as an owner of signals, which nothing sends here.)
inline bool is_id_in_use(pid_t pid, int any_fd) noexcept {
    const f_owner_ex owner{F_OWNER_PID, pid};
    return sys::fcntl(any_fd, F_SETOWN_EX, &owner) != -1 || errno != ESRCH;
}

/// Signals the process group that the process of a pidfd leads or has led, by what the pidfd refers
/// to and not by its number (PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9).
inline void signal_group_of_pidfd(int pidfd, int signal, std::error_code& error) noexcept {
    constexpr unsigned process_group = 1U << 2;
    send_signal_to_pidfd(pidfd, signal, error, process_group);
}

/// The time since the machine started as /proc/PID/stat counts it.
inline std::uint64_t clock_ticks_since_start() noexcept {
    timespec now{};
    sys::clock_gettime(CLOCK_BOOTTIME, &now);
    const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    return static_cast<std::uint64_t>(now.tv_sec) * ticks +
           static_cast<std::uint64_t>(now.tv_nsec) * ticks / 1'000'000'000;
}

/// Says how a child ended, where a filter forbids waitid(2): the pidfd tells that it has, and
/// wait4(2) how. That reaps it.
inline child_state look_without_waitid(pid_t pid, int pidfd, waiting how,
                                       process_end& end) noexcept {
    for (;;) {
        std::error_code unknown;
        const bool has_end = pidfd != -1 && has_ended(pidfd, unknown) && !unknown;
        if (reap_child(pid, pidfd, end)) {
            return child_state::reaped;
        }
        if (has_end) {  // other code has reaped it, or it cannot be reaped
            read_exit_info(pidfd, end);
            return child_state::reaped;
        }
        if (how == waiting::look) {
            return child_state::running;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

inline child_state look_at(const child& which, waiting how, process_end& end) noexcept {
    const auto pid = static_cast<pid_t>(which.pid);
    std::error_code error;
    if (wait_child(pid, which.handle, how, end, error)) {
        return child_state::ended;
    }
    if (error == std::errc::no_child_process) {  // other code of this process has reaped it
        read_exit_info(which.handle, end);       // else nothing says how it ended
        return child_state::reaped;
    }
    const bool forbidden = error && error != std::errc::interrupted;
    return forbidden ? look_without_waitid(pid, which.handle, how, end) : child_state::running;
}

/// A signal to a child and to the group that it leads. Where a pidfd does not do, by their numbers
/// as long as the child has its id.
inline void signal_child(const child& which, int signal, std::error_code& error) noexcept {
    const auto pid = static_cast<pid_t>(which.pid);
    if (which.leads_group) {
        std::error_code without;
        signal_group_of_pidfd(which.handle, signal, without);
        if (without && which.has_its_id()) {  // before Linux 6.9, or the group is empty
            signal_group(pid, signal, without);
        }
    }
    std::error_code failed;
    if (which.handle != no_handle) {
        send_signal_to_pidfd(which.handle, signal, failed);
    }
    if ((which.handle == no_handle || (failed && failed != std::errc::no_such_process)) &&
        which.has_its_id()) {
        failed.clear();
        send_signal(pid, signal, failed);
    }
    error = failed ? failed : error;
}

}  // namespace sys

inline child_state child::look(process_end& end) noexcept {
    const child_state state = sys::look_at(*this, sys::waiting::look, end);
    if (state == child_state::running) {
        owned_until = sys::clock_ticks_since_start();
    }
    return state;
}

inline child_state child::look_until(time_point deadline, process_end& end) noexcept {
    using std::chrono::milliseconds, std::chrono::steady_clock;
    if (deadline == (time_point::max)()) {
        return sys::look_at(*this, sys::waiting::block, end);
    }
    std::error_code error;
    if (handle != no_handle) {
        sys::wait_until_ended(handle, deadline, error);
    }
    for (milliseconds pause(1);; pause = (std::min)(2 * pause, milliseconds(16))) {
        const child_state state = look(end);
        const bool has_waited = handle != no_handle && !error;
        if (state != child_state::running || has_waited || steady_clock::now() >= deadline) {
            return state;
        }
        std::this_thread::sleep_until((std::min)(deadline, steady_clock::now() + pause));
    }
}

inline void child::reap(process_end& end) noexcept {
    owned_until = sys::clock_ticks_since_start();
    sys::reap_child(static_cast<pid_t>(pid), handle, end);
}

inline bool child::wait_for_end(time_point deadline) const noexcept {
    using std::chrono::milliseconds, std::chrono::steady_clock;
    const auto how = deadline == (time_point::max)() ? sys::waiting::block : sys::waiting::look;
    for (;;) {
        std::error_code error;
        if (handle != no_handle && sys::wait_until_ended(handle, deadline, error)) {
            return true;
        }
        process_end end;
        error.clear();
        if (sys::wait_child(static_cast<pid_t>(pid), handle, how, end, error) ||
            error == std::errc::no_child_process) {
            return true;
        }
        if (steady_clock::now() >= deadline) {
            return false;
        }
        std::this_thread::sleep_until((std::min)(deadline, steady_clock::now() + milliseconds(5)));
    }
}

inline bool child::wait_for_tree(time_point deadline) const noexcept {
    return wait_for_end(deadline);
}

inline bool child::has_its_id() const noexcept {
    std::error_code unknown;
    if (handle != no_handle && !sys::has_ended(handle, unknown) && !unknown) {
        return true;
    }
    siginfo_t info{};
    rusage usage{};
    return sys::wait_id(static_cast<pid_t>(pid), handle, WEXITED | WNOHANG | WNOWAIT, info,
                        usage) != -1;
}

inline bool child::has_group() const noexcept {
    if (!leads_group || handle == no_handle) {
        return false;
    }
    std::error_code error;
    sys::signal_group_of_pidfd(handle, 0, error);
    return !error || error == std::errc::operation_not_permitted;
}

inline bool child::may_have_left_processes() const noexcept {
    return leads_group &&
           (handle == no_handle || sys::is_id_in_use(static_cast<pid_t>(pid), handle));
}

inline void child::ask(int signal, std::error_code& error) const noexcept {
    sys::signal_child(*this, signal, error);
    std::error_code ignored;
    sys::signal_child(*this, SIGCONT, ignored);
}

inline void child::kill(std::error_code& error) const noexcept {
    sys::signal_child(*this, SIGKILL, error);
}

inline void child::release() noexcept {
    if (handle != no_handle) {
        close(handle);
    }
    *this = {};
}

// It is process 1, or has asked for it (prctl(2), PR_SET_CHILD_SUBREAPER).
inline bool adopts_orphans() noexcept {
    int subreaper = 0;
    return sys::getpid() == 1 ||
           (sys::prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0) == 0 && subreaper != 0);
}

inline bool has_process_handles() noexcept {
    std::error_code error;
    if (const int fd = sys::open_pidfd(sys::getpid(), error); fd != -1) {
        close(fd);
    }
    return error != std::errc::function_not_supported;  // no pidfds, or a filter forbids them
}

inline bool reap_adopted(std::int64_t pid, process_end& end) noexcept {
    const auto id = static_cast<pid_t>(pid);
    std::error_code ignored;
    return sys::wait_child(id, -1, sys::waiting::look, end, ignored) &&
           sys::reap_child(id, -1, end);
}

template <class Function>
void for_each_held_process(Function function, std::error_code& error) {
    const int directory = open_directory("/proc/self/fd", error);
    if (directory == -1) {
        return;
    }
    sys::for_each_entry(
        directory,
        [&](const directory_entry& entry) {
            std::array<char, 32> link{};
            const auto size = sys::readlinkat(directory, entry.name, link.data(), link.size());
            const std::string_view target(link.data(),
                                          size > 0 ? static_cast<std::size_t>(size) : 0);
            if (!target.starts_with("anon_inode:[pidfd]") && !target.starts_with("pidfd:[")) {
                return;
            }
            std::array<char, 64> name{};
            constexpr std::string_view folder = "/proc/self/fdinfo/";
            const std::string_view number = entry.name;
            if (folder.size() + number.size() < name.size()) {
                std::copy(number.begin(), number.end(),
                          std::copy(folder.begin(), folder.end(), name.begin()));
            }
            std::array<char, 1024> buffer;  // NOLINT(*-member-init)
            std::error_code gone;
            const std::size_t count =
                sys::read_at(-1, name.data(), buffer.data(), buffer.size(), gone);
            const std::string_view text(buffer.data(), count);
            constexpr std::string_view key = "\nPid:\t";
            if (const std::size_t at = text.find(key); at != std::string_view::npos) {
                std::int64_t pid = 0;
                std::from_chars(text.data() + at + key.size(), text.data() + text.size(), pid);
                function(pid);
            }
        },
        error);
    close(directory);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
