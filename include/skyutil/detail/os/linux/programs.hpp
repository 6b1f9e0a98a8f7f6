// SPDX-License-Identifier: MIT
//
// detail/os/linux/programs.hpp: pipes and the start of programs.

#pragma once

#include <skyutil/detail/os/linux/base.hpp>
#include <skyutil/detail/os/linux/files.hpp>
#include <skyutil/detail/os/linux/machine.hpp>
#include <skyutil/detail/os/linux/processes.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

/// Two ends of a pipe, above the standard descriptors; {-1, -1} on failure.
struct pipe_ends {
    int read = -1;
    int write = -1;
};

/// The same descriptor with a number above 2, where starting a program puts it in place without
/// overwriting another; -1 on failure.
inline int above_standard(int fd, std::error_code& error) noexcept {
    if (fd < 0 || fd > STDERR_FILENO) {
        return fd;
    }
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved == -1) {
        error = last_error();
    }
    close(fd);
    return moved;
}

inline pipe_ends open_pipe(std::error_code& error) noexcept {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) == -1) {
        error = last_error();
        return {};
    }
    pipe_ends result{above_standard(ends[0], error), above_standard(ends[1], error)};
    if (error) {
        for (const int fd : {result.read, result.write}) {
            if (fd != -1) {
                close(fd);
            }
        }
        result = {};
    }
    return result;
}

/// Reads and writes of this end return at once.
inline void set_nonblocking(int fd, std::error_code& error) noexcept {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags == -1 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1) {
        error = last_error();
    }
}

inline int open_null(std::error_code& error) noexcept {
    return above_standard(open("/dev/null", O_RDWR, error), error);
}

/// A file to add lines to, made if it is not there.
inline int open_log(const std::string& name, std::error_code& error) noexcept {
    if (name.find('\0') != std::string::npos) {
        error = make_error(std::errc::invalid_argument);
        return -1;
    }
    const int fd = retry([&] {
        return ::open(name.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    });
    if (fd == -1) {
        error = last_error();
    }
    return above_standard(fd, error);
}

/// Another descriptor of the same, above the standard ones; -1 on failure.
inline int duplicate(int fd, std::error_code& error) noexcept {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (copy == -1) {
        error = last_error();
    }
    return copy;
}

/// Counts what was written to it; readable while that is not 0 (eventfd(2)).
inline int open_event(std::error_code& error) noexcept {
    const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd == -1) {
        error = last_error();
    }
    return fd;
}

inline void signal_event(int fd) noexcept {
    const std::uint64_t one = 1;
    static_cast<void>(retry([&] { return ::write(fd, &one, sizeof one); }));
}

inline void reset_event(int fd) noexcept {
    std::uint64_t count = 0;
    static_cast<void>(retry([&] { return ::read(fd, &count, sizeof count); }));
}

/// One write(2) that raises no SIGPIPE: nobody reading is an error, errc::broken_pipe. would_block
/// is set, and 0 returned, where there is no room.
inline std::size_t write_some(int fd, std::string_view text, bool& would_block,
                              std::error_code& error) noexcept {
    sigset_t pipe_signal;
    sigset_t before;
    sigset_t pending;
    ::sigemptyset(&pipe_signal);
    ::sigaddset(&pipe_signal, SIGPIPE);
    ::sigemptyset(&pending);
    ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    const bool was_blocked = ::sigismember(&before, SIGPIPE) == 1;
    if (was_blocked) {
        ::sigpending(&pending);
    }
    const auto count = retry([&] { return ::write(fd, text.data(), text.size()); });
    const int code = count == -1 ? errno : 0;
    if (code == EPIPE && ::sigismember(&pending, SIGPIPE) != 1) {
        const timespec now{};
        static_cast<void>(retry([&] { return ::sigtimedwait(&pipe_signal, nullptr, &now); }));
    }
    if (!was_blocked) {
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    would_block = code == EAGAIN;
    if (code != 0 && !would_block) {
        error = {code, std::generic_category()};
    }
    return count > 0 ? static_cast<std::size_t>(count) : 0;
}

/// Bytes that can be read at once.
inline std::size_t readable_bytes(int fd) noexcept {
    int count = 0;
    return ::ioctl(fd, FIONREAD, &count) == 0 && count > 0 ? static_cast<std::size_t>(count) : 0;
}

/// Something to wait for: that a descriptor can be read or written. -1 is none.
struct wait_entry {
    int fd = -1;
    bool writable = false;  ///< wait for room to write, not for something to read
    bool ready = false;     ///< set when there is, or when the other side is gone
};

/// Waits for any of them until a point in time; its maximum is for ever. `polled` is scratch.
template <class Entries, class Polled>
void wait_any(Entries& entries, Polled& polled, time_point deadline, std::error_code& error) {
    polled.clear();
    for (const wait_entry& each : entries) {
        polled.push_back(pollfd{each.fd, static_cast<short>(each.writable ? POLLOUT : POLLIN), 0});
    }
    const int count = retry([&] {
        const timespec time = time_until(deadline);
        return ::ppoll(polled.data(), polled.size(),
                       deadline == (time_point::max)() ? nullptr : &time, nullptr);
    });
    if (count == -1) {
        error = last_error();
    }
    auto entry = polled.begin();
    for (wait_entry& each : entries) {
        each.ready = count > 0 && (entry++)->revents != 0;
    }
}

using poll_entry = pollfd;

/// Blocks all signals of the calling thread until the end of the scope: threads that it starts
/// meanwhile take no signal that the program waits for.
class no_signals {
public:
    no_signals() noexcept {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    no_signals(const no_signals&) = delete;
    no_signals& operator=(const no_signals&) = delete;
    ~no_signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

/// How a process ended.
struct process_end {
    int exit_code = -1;  ///< -1 after a signal
    int signal = 0;      ///< 0 after an exit
    std::uint64_t peak_memory = 0;
};

enum class waiting { look, block };
enum class reaping { leave, take };

/// Whether a child has ended, and how; it is told by its pidfd where that is not -1 (Linux 5.4),
/// else by its id. errc::no_child_process when somebody else has reaped it, or SIGCHLD is ignored.
inline bool wait_child(pid_t pid, int pidfd, waiting how, reaping what, process_end& end,
                       std::error_code& error) noexcept {
    constexpr int by_pidfd = 3;  // P_PIDFD
    siginfo_t info{};
    rusage usage{};
    const int options =
        WEXITED | (how == waiting::look ? WNOHANG : 0) | (what == reaping::leave ? WNOWAIT : 0);
    const auto wait = [&](int type, int id) {  // the wrapper has no rusage
        return retry([&] { return ::syscall(SYS_waitid, type, id, &info, options, &usage); });
    };
    long result = pidfd == -1 ? wait(P_PID, pid) : wait(by_pidfd, pidfd);
    if (result == -1 && errno == EINVAL && pidfd != -1) {
        result = wait(P_PID, pid);
    }
    if (result == -1) {
        error = last_error();
        return false;
    }
    if (info.si_pid == 0) {
        return false;
    }
    const bool exited = info.si_code == CLD_EXITED;
    end.exit_code = exited ? info.si_status : -1;
    end.signal = exited ? 0 : info.si_status;
    end.peak_memory = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
    return true;
}

/// A signal to all of a process group.
inline void signal_group(pid_t group, int signal) noexcept {
    if (group > 1) {
        static_cast<void>(::kill(-group, signal));
    }
}

/// Where starting a program failed.
enum class start_step {
    none,
    process,
    session,
    death_signal,
    nice,
    cpus,
    limits,
    directory,
    descriptors,
    program
};

struct start_limit {
    int resource;
    std::uint64_t soft;
    std::uint64_t hard;
};

enum class start_group { session, group, same };

/// What a new process does before it becomes the program. Prepared by the parent, as the new
/// process may not allocate.
struct program_start {
    const char* const* paths = nullptr;  ///< tried in this order; a null pointer ends them
    const char* const* arguments = nullptr;
    const char* const* variables = nullptr;
    const char* directory = nullptr;  ///< nullptr: the parent's
    int standard[3] = {-1, -1, -1};   ///< above 2; -1 is inherited  // NOLINT(*-c-arrays)
    start_group group = start_group::session;
    bool detached = false;  ///< no child of the calling process
    bool dies_with_thread = false;
    const int* nice = nullptr;
    const unsigned long* cpus = nullptr;  ///< a mask
    std::size_t cpus_size = 0;            ///< of the mask, in bytes
    const start_limit* limits = nullptr;
    std::size_t limits_size = 0;

    // Set by the new process, which shares the memory.
    start_step failed = start_step::none;
    int reason = 0;
    pid_t detached_pid = 0;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__GLIBC__)
/// vfork(2) under a name that ThreadSanitizer does not turn into fork(2).
// NOLINTNEXTLINE(*-reserved-identifier,*-identifier-naming)
extern "C" [[gnu::__returns_twice__]] pid_t __vfork() noexcept;
#endif

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

// From here to start_program(): code of the new process, which shares the memory with the parent
// and borrows the stack of its calling thread. It makes system calls only, and past the sanitizers,
// which would take what it does for the parent's doing.
#if defined(__clang__)
#define SKYUTIL_NEW_PROCESS __attribute__((__noinline__, __disable_sanitizer_instrumentation__))
#else
#define SKYUTIL_NEW_PROCESS \
    __attribute__((__noinline__, __no_sanitize__("thread"), __no_sanitize__("address"), \
                   no_sanitize("undefined")))
#endif

[[noreturn]] SKYUTIL_NEW_PROCESS inline void give_up(program_start& start,
                                                     start_step step) noexcept {
    start.reason = errno;
    start.failed = step;
    for (;;) {
        ::syscall(SYS_exit_group, 127);
    }
}

/// Closes what is open above the standard descriptors where close_range(2) is missing: as /proc
/// names them, else up to the limit, at most 65536.
SKYUTIL_NEW_PROCESS inline void close_one_by_one() noexcept {
    struct entry {
        std::uint64_t inode;
        std::int64_t offset;
        std::uint16_t length;
        std::uint8_t type;
        char name[1];  // NOLINT(*-c-arrays)
    };
    alignas(entry) char buffer[1024];  // NOLINT(*-c-arrays)
    const long directory =
        ::syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        for (bool again = true; again;) {
            again = false;
            ::syscall(SYS_lseek, directory, 0L, SEEK_SET);
            for (;;) {
                const long size = ::syscall(SYS_getdents64, directory, buffer, sizeof buffer);
                if (size <= 0) {
                    break;
                }
                for (long at = 0; at < size;) {
                    const entry* const each = reinterpret_cast<const entry*>(buffer + at);
                    long fd = 0;
                    for (const char* digit = each->name; *digit >= '0' && *digit <= '9'; ++digit) {
                        fd = fd * 10 + (*digit - '0');
                    }
                    if (fd > STDERR_FILENO && fd != directory) {
                        ::syscall(SYS_close, fd);
                        again = true;
                    }
                    at += each->length;
                }
            }
        }
        ::syscall(SYS_close, directory);
        return;
    }
    std::uint64_t limit[2] = {0, 0};  // NOLINT(*-c-arrays)
    ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, limit);
    const std::uint64_t most = limit[0] < 65536 ? limit[0] : 65536;
    for (std::uint64_t fd = STDERR_FILENO + 1; fd < most; ++fd) {
        ::syscall(SYS_close, fd);
    }
}

[[noreturn]] SKYUTIL_NEW_PROCESS inline void become_program(program_start& start,
                                                            pid_t parent) noexcept {
#if defined(SYS_close_range)
    constexpr long close_range = SYS_close_range;
#else
    constexpr long close_range = 436;  // the same on all architectures
#endif
    // Before all else, which can take a while.
    if (start.dies_with_thread) {
        if (::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1) {
            give_up(start, start_step::death_signal);
        }
        if (::syscall(SYS_getppid) != parent) {
            give_up(start, start_step::death_signal);  // it has ended, and will not again
        }
    }
    if (start.group == start_group::session || start.detached) {
        if (::syscall(SYS_setsid) == -1) {
            give_up(start, start_step::session);
        }
    } else if (start.group == start_group::group && ::syscall(SYS_setpgid, 0, 0) == -1) {
        give_up(start, start_step::session);
    }
    if (start.nice != nullptr && ::syscall(SYS_setpriority, PRIO_PROCESS, 0, *start.nice) == -1) {
        give_up(start, start_step::nice);
    }
    if (start.cpus != nullptr &&
        ::syscall(SYS_sched_setaffinity, 0, start.cpus_size, start.cpus) == -1) {
        give_up(start, start_step::cpus);
    }
    for (std::size_t i = 0; i != start.limits_size; ++i) {
        const std::uint64_t limit[2] = {start.limits[i].soft, start.limits[i].hard};  // NOLINT
        if (::syscall(SYS_prlimit64, 0, start.limits[i].resource, limit, nullptr) == -1) {
            give_up(start, start_step::limits);
        }
    }
    if (start.directory != nullptr && ::syscall(SYS_chdir, start.directory) == -1) {
        give_up(start, start_step::directory);
    }
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (start.standard[fd] != -1 && ::syscall(SYS_dup3, start.standard[fd], fd, 0) == -1) {
            give_up(start, start_step::descriptors);
        }
    }
    if (::syscall(close_range, STDERR_FILENO + 1U, ~0U, 0U) == -1) {
        close_one_by_one();
    }
    // Handlers first: none may run here, on the parent's memory.
    const unsigned long nothing[16] = {};  // NOLINT(*-c-arrays) SIG_DFL, no flags, no mask
    for (int signal = 1; signal < _NSIG; ++signal) {
        ::syscall(SYS_rt_sigaction, signal, nothing, nullptr, (_NSIG - 1) / 8);
    }
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, nothing, nullptr, (_NSIG - 1) / 8);
    // As execvp(3): a name that is no program here may be one in the next directory, and one that
    // may not be executed is worth telling if there is no other.
    int reason = ENOENT;
    for (const char* const* path = start.paths; *path != nullptr; ++path) {
        ::syscall(SYS_execve, *path, start.arguments, start.variables);
        if (path == start.paths && path[1] == nullptr) {
            reason = errno;
        } else if (errno == EACCES || errno == EPERM) {
            reason = EACCES;
        } else if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP && errno != ENAMETOOLONG) {
            reason = errno;
            break;
        }
    }
    errno = reason;
    give_up(start, start_step::program);
}

SKYUTIL_NEW_PROCESS inline pid_t start_sharing(program_start& start, pid_t parent) noexcept {
#if defined(__GLIBC__)
    const pid_t pid = ::__vfork();
#else
    const pid_t pid = ::vfork();
#endif
    if (pid == 0) {
        become_program(start, parent);
    }
    return pid;
}

/// Starts a process that starts the program and ends, so that the program's parent is init.
SKYUTIL_NEW_PROCESS inline pid_t start_detached(program_start& start, pid_t parent) noexcept {
#if defined(__GLIBC__)
    const pid_t pid = ::__vfork();
#else
    const pid_t pid = ::vfork();
#endif
    if (pid == 0) {
        const pid_t program = start_sharing(start, parent);
        if (program == -1) {
            give_up(start, start_step::process);
        }
        if (start.failed != start_step::none) {
            while (::syscall(SYS_wait4, program, nullptr, 0, nullptr) == -1 && errno == EINTR) {
            }
        }
        start.detached_pid = program;
        for (;;) {
            ::syscall(SYS_exit_group, 0);
        }
    }
    return pid;
}

#undef SKYUTIL_NEW_PROCESS

/// Starts a program and returns its process id once it runs; -1 on failure, with start.failed and
/// nothing left of the process. The parent's memory is never copied (vfork(2)): the calling thread
/// waits until the program runs, others go on.
inline pid_t start_program(program_start& start, std::error_code& error) noexcept {
    // No handler of the parent may run in the new process. By system call: the wrapper leaves out
    // two signals of the C library, which change the user or cancel threads.
    constexpr std::size_t mask_size = (_NSIG - 1) / 8;
    std::array<unsigned long, 4> all;
    std::array<unsigned long, 4> before{};
    all.fill(~0UL);
    ::syscall(SYS_rt_sigprocmask, SIG_BLOCK, all.data(), before.data(), mask_size);
    const pid_t parent = ::getpid();
    const pid_t pid = start.detached ? start_detached(start, parent) : start_sharing(start, parent);
    const int reason = errno;
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, before.data(), nullptr, mask_size);
    if (pid == -1) {
        start.failed = start_step::process;
        error = {reason, std::generic_category()};
        return -1;
    }
    if (start.detached || start.failed != start_step::none) {
        process_end ignored;
        std::error_code reaped_by_others;
        wait_child(pid, -1, waiting::block, reaping::take, ignored, reaped_by_others);
    }
    if (start.failed != start_step::none) {
        error = {start.reason, std::generic_category()};
        return -1;
    }
    return start.detached ? start.detached_pid : pid;
}

/// The variables of this process, ended by a null pointer.
inline const char* const* environment_block() noexcept { return environ; }

/// Where programs are when PATH is not set (confstr(3)).
inline constexpr std::string_view default_path = "/bin:/usr/bin";

/// How many numbers a mask of CPUs of that size has place for.
inline constexpr std::size_t bits_of_word = 8 * sizeof(unsigned long);

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
