// SPDX-License-Identifier: MIT
//
// detail/os/linux/children.hpp: how children end, and whose their ids are.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/linux/processes.hpp>

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
using ::clock_gettime, ::fcntl, ::getpid, ::ioctl, ::kill, ::nanosleep, ::prctl, ::readlinkat,
    ::syscall, ::wait4;
}  // namespace sys
#endif

/// How a process ended.
struct process_end {
    int exit_code = -1;  ///< -1 after a signal, or when nothing tells
    int signal = 0;      ///< 0 after an exit
    std::uint64_t peak_memory = 0;
};

/// What a wait status says, see wait(2).
inline process_end decode_status(int status) noexcept {
    process_end end;
    end.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return end;
}

enum class waiting { look, block };

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
            end.peak_memory = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
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
    end.peak_memory = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
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
        if (sys::ioctl(pidfd, _IOWR(0xFF, 11, pidfd_info), &info) == -1 && errno != ESRCH) {
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

/// Returns whether the child still has its id: it runs, or is a zombie that nobody has reaped. Then
/// the id, and the group and session of that number, are nobody else's.
inline bool has_its_id(pid_t pid, int pidfd) noexcept {
    std::error_code unknown;
    if (pidfd != -1 && !has_ended(pidfd, unknown) && !unknown) {
        return true;
    }
    siginfo_t info{};
    rusage usage{};
    return wait_id(pid, pidfd, WEXITED | WNOHANG | WNOWAIT, info, usage) != -1;
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

/// A signal to all of a process group, by its number.
inline void signal_group(pid_t group, int signal, std::error_code& error) noexcept {
    if (group <= 1) {
        error = make_error(std::errc::no_such_process);
    } else if (sys::kill(-group, signal) == -1) {
        error = last_error();
    }
}

/// Whether orphans below this process become its children: it is process 1, or has asked for it
/// (prctl(2), PR_SET_CHILD_SUBREAPER).
inline bool adopts_orphans() noexcept {
    int subreaper = 0;
    return sys::getpid() == 1 ||
           (sys::prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0) == 0 && subreaper != 0);
}

/// Calls the function with the id of the process of every pidfd that this process has open.
template <class Function>
void for_each_pidfd(Function function, std::error_code& error) {
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
            const std::size_t count = read_at(-1, name.data(), buffer.data(), buffer.size(), gone);
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

/// The time since the machine started as /proc/PID/stat counts it.
inline std::uint64_t clock_ticks_since_start() noexcept {
    timespec now{};
    sys::clock_gettime(CLOCK_BOOTTIME, &now);
    const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
    return static_cast<std::uint64_t>(now.tv_sec) * ticks +
           static_cast<std::uint64_t>(now.tv_nsec) * ticks / 1'000'000'000;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
