// SPDX-License-Identifier: MIT
//
// detail/os/linux/processes.hpp: processes and signals.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/files.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <limits>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
namespace sys {
using ::getpid, ::kill, ::lseek, ::open, ::openat, ::poll, ::read, ::readlinkat, ::syscall;
}  // namespace sys
#endif

inline std::int64_t process_id() noexcept { return sys::getpid(); }

inline std::int64_t thread_id() noexcept { return sys::syscall(SYS_gettid); }

/// Whether a pid from outside is one that the kernel could have given: never 0, which means the
/// caller's process group in kill(2), nor a negative one, which means another group.
inline bool fits_pid(std::int64_t pid) noexcept {
    return pid > 0 && pid <= (std::numeric_limits<pid_t>::max)();
}

/// Whether the id is a process's, dead or alive. tgkill(2) with signal 0, not kill(2): that one
/// says yes to the id of any thread.
inline bool pid_exists(pid_t pid) noexcept {
    return sys::syscall(SYS_tgkill, pid, pid, 0) == 0 || errno == EPERM;
}

/// A descriptor of the process (pidfd_open(2), Linux 5.3), -1 with an error: no_such_process for
/// the id of a thread too, function_not_supported where the kernel has none or a filter forbids it.
inline int open_pidfd(pid_t pid, std::error_code& error) noexcept {
#if defined(SYS_pidfd_open)
    constexpr long pidfd_open = SYS_pidfd_open;
#else
    constexpr long pidfd_open = 434;  // the same on all architectures
#endif
    const auto fd = static_cast<int>(sys::syscall(pidfd_open, pid, 0));
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

/// Whether the kernel has pidfds, and no filter forbids them.
inline bool has_pidfd() noexcept {
    std::error_code error;
    if (const int fd = open_pidfd(sys::getpid(), error); fd != -1) {
        close(fd);
    }
    return error != std::errc::function_not_supported;
}

/// Why poll(2) of one descriptor failed: it counts what it is given, not what is open.
inline std::error_code poll_error() noexcept {
    return errno == EINVAL ? make_error(std::errc::too_many_files_open) : last_error();
}

/// Whether the process of a pidfd has ended: it becomes readable when the last thread has.
inline bool has_ended(int pidfd, std::error_code& error) noexcept {
    pollfd entry{pidfd, POLLIN, 0};
    const int count = sys::retry([&] { return sys::poll(&entry, 1, 0); });
    if (count == -1) {
        error = poll_error();
    }
    return count > 0;
}

/// The same, waiting for it until a point in time; its maximum is for ever.
inline bool wait_until_ended(int pidfd, time_point deadline, std::error_code& error) noexcept {
    pollfd entry{pidfd, POLLIN, 0};
    const int count = sys::poll_until(entry, deadline);
    if (count == -1) {
        error = poll_error();
    }
    return count > 0;
}

enum class process_state { running, ended, unknown };

/// Through a pidfd of its own. Unknown where the kernel has none or a filter forbids it.
inline process_state pidfd_state(pid_t pid, std::error_code& error) noexcept {
    const int fd = open_pidfd(pid, error);
    if (fd == -1) {
        if (error == std::errc::no_such_process) {
            error.clear();
            return process_state::ended;
        }
        if (error == std::errc::function_not_supported) {
            error.clear();
        }
        return process_state::unknown;
    }
    const bool ended = has_ended(fd, error);
    close(fd);
    return ended ? process_state::ended : process_state::running;
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

/// kill(2) for one process: 0 and negative ids, which mean groups there, are no process here.
inline void send_signal(pid_t pid, int signal, std::error_code& error) noexcept {
    if (pid <= 0) {
        error = make_error(std::errc::no_such_process);
    } else if (sys::kill(pid, signal) == -1) {
        error = last_error();
    }
}

/// Whether a signal can have that number; 0 is none.
inline bool is_signal(int number) noexcept { return number > 0 && number < _NSIG; }

inline constexpr int terminate_signal = SIGTERM;
inline constexpr int kill_signal = SIGKILL;
inline constexpr int stop_signal = SIGSTOP;
inline constexpr int continue_signal = SIGCONT;

/// /proc, -1 with an error; function_not_supported where it is missing or another pid namespace's,
/// whose numbers mean other processes here.
inline int open_proc(std::error_code& error) noexcept {
    const int fd =
        sys::retry([] { return sys::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (fd == -1) {
        error = errno == ENOENT || errno == ENOTDIR || errno == EACCES
                    ? make_error(std::errc::function_not_supported)
                    : last_error();
        return -1;
    }
    std::array<char, 16> self{};
    std::array<char, 16> own{};
    const auto size = sys::readlinkat(fd, "self", self.data(), self.size());
    const char* const end = std::to_chars(own.data(), own.data() + own.size(), sys::getpid()).ptr;
    if (size <= 0 || std::string_view(self.data(), static_cast<std::size_t>(size)) !=
                         std::string_view(own.data(), end)) {
        error = make_error(std::errc::function_not_supported);
        close(fd);
        return -1;
    }
    return fd;
}

/// Goes back to the first entry of a directory.
inline void rewind(int directory, std::error_code& error) noexcept {
    if (sys::lseek(directory, 0, SEEK_SET) == -1) {
        error = last_error();
    }
}

/// The first bytes of a small file below a directory.
inline std::size_t read_at(int directory, const char* name, char* buffer, std::size_t size,
                           std::error_code& error) noexcept {
    const int fd = sys::retry([&] { return sys::openat(directory, name, O_RDONLY | O_CLOEXEC); });
    if (fd == -1) {
        error = last_error();
        return 0;
    }
    const auto count = sys::retry([&] { return sys::read(fd, buffer, size); });
    if (count == -1) {
        error = last_error();
    }
    close(fd);
    return static_cast<std::size_t>((std::max)(count, ssize_t{0}));
}

/// The inode number of a name below a directory, 0 when there is none.
inline std::uint64_t inode_at(int directory, const char* name) noexcept {
    sys::file_info info;  // NOLINT(*-member-init)
    return sys::get_info(directory, name, info, 0) == 0 ? info.st_ino : 0;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
