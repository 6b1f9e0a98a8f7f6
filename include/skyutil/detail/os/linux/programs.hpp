// SPDX-License-Identifier: MIT
//
// detail/os/linux/programs.hpp: pipes and the start of programs.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/detail/os/linux/children.hpp>
#include <skyutil/detail/os/linux/machine.hpp>
#include <skyutil/detail/os/linux/processes.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

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

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
namespace sys {
using ::clone, ::dup3, ::eventfd, ::fcntl, ::getpid, ::ioctl, ::nanosleep, ::open, ::pipe2, ::ppoll,
    ::pthread_sigmask, ::read, ::sigpending, ::sigtimedwait, ::syscall, ::write;
}  // namespace sys
#endif

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
    const int moved = sys::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved == -1) {
        error = last_error();
    }
    close(fd);
    return moved;
}

inline pipe_ends open_pipe(std::error_code& error) noexcept {
    std::array<int, 2> ends{-1, -1};
    if (sys::pipe2(ends.data(), O_CLOEXEC) == -1) {
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
    const int flags = sys::fcntl(fd, F_GETFL);
    if (flags == -1 || sys::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1) {
        error = last_error();
    }
}

inline int open_null(std::error_code& error) noexcept {
    return above_standard(sys::open_name("/dev/null", O_RDWR, error), error);
}

/// A file to add lines to, made if it is not there.
inline int open_log(const std::string& name, std::error_code& error) noexcept {
    if (name.find('\0') != std::string::npos) {
        error = make_error(std::errc::invalid_argument);
        return -1;
    }
    const int fd = sys::retry([&] {
        return sys::open(name.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    });
    if (fd == -1) {
        error = last_error();
    }
    return above_standard(fd, error);
}

/// Another descriptor of the same, above the standard ones; -1 on failure.
inline int duplicate(int fd, std::error_code& error) noexcept {
    const int copy = sys::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (copy == -1) {
        error = last_error();
    }
    return copy;
}

/// Has a number stand for the same as another descriptor; what it stood for is closed.
inline bool replace(int fd, int other) noexcept {
    return sys::retry([&] { return sys::dup3(other, fd, O_CLOEXEC); }) != -1;
}

/// Counts what was written to it; readable while that is not 0 (eventfd(2)).
inline int open_event(std::error_code& error) noexcept {
    const int fd = sys::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd == -1) {
        error = last_error();
    }
    return fd;
}

inline void signal_event(int fd) noexcept {
    const std::uint64_t one = 1;
    static_cast<void>(sys::retry([&] { return sys::write(fd, &one, sizeof one); }));
}

inline void reset_event(int fd) noexcept {
    std::uint64_t count = 0;
    static_cast<void>(sys::retry([&] { return sys::read(fd, &count, sizeof count); }));
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
    sys::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    const bool was_blocked = ::sigismember(&before, SIGPIPE) == 1;
    if (was_blocked) {
        sys::sigpending(&pending);
    }
    const auto count = sys::retry([&] { return sys::write(fd, text.data(), text.size()); });
    const int code = count == -1 ? errno : 0;
    if (code == EPIPE && ::sigismember(&pending, SIGPIPE) != 1) {
        const timespec now{};
        static_cast<void>(
            sys::retry([&] { return sys::sigtimedwait(&pipe_signal, nullptr, &now); }));
    }
    if (!was_blocked) {
        sys::pthread_sigmask(SIG_SETMASK, &before, nullptr);
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
    return sys::ioctl(fd, FIONREAD, &count) == 0 && count > 0 ? static_cast<std::size_t>(count) : 0;
}

/// Something to wait for: that a descriptor can be read or written. -1 is none.
struct wait_entry {
    int fd = -1;
    bool writable = false;  ///< wait for room to write, not for something to read
    bool ready = false;     ///< set when there is, or when the other side is gone
};

/// Waits for any of them until a point in time; its maximum is for ever. `polled` is scratch. Where
/// poll(2) takes no more so many, as the limit on descriptors was lowered below what is open, all
/// are said to be ready after a short while.
template <class Entries, class Polled>
void wait_any(Entries& entries, Polled& polled, time_point deadline, std::error_code& error) {
    polled.clear();
    for (const wait_entry& each : entries) {
        polled.push_back(pollfd{each.fd, static_cast<short>(each.writable ? POLLOUT : POLLIN), 0});
    }
    const int count = sys::retry([&] {
        const timespec time = sys::time_until(deadline);
        return sys::ppoll(polled.data(), polled.size(),
                          deadline == (time_point::max)() ? nullptr : &time, nullptr);
    });
    const bool too_many = count == -1 && errno == EINVAL;
    if (too_many) {
        constexpr timespec pause{0, 2'000'000};
        sys::nanosleep(&pause, nullptr);
    } else if (count == -1) {
        error = last_error();
    }
    auto entry = polled.begin();
    for (wait_entry& each : entries) {
        each.ready = too_many ? each.fd != -1 : count > 0 && (entry++)->revents != 0;
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
        sys::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    no_signals(const no_signals&) = delete;
    no_signals& operator=(const no_signals&) = delete;
    ~no_signals() { sys::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

struct start_limit {
    int resource;
    std::uint64_t soft;
    std::uint64_t hard;
};

enum class start_group { session, group, same };

/// What the start of a program failed at, in the order in which it is done.
enum class start_failure {
    none,
    process,       ///< making a process, or a thread that starts it
    death_signal,  ///< having the child killed when the thread that started it ends
    session,       ///< making a session or group
    nice,
    cpus,
    directory,
    descriptors,
    limits,
    program,  ///< execve(2)
};

/// A set of signals as the kernel has it.
using signal_mask = std::array<unsigned long, (_NSIG - 1) / (8 * sizeof(unsigned long))>;

/// Adds a signal; false for a number that is none.
inline bool add_signal(signal_mask& mask, int signal) noexcept {
    constexpr int bits = 8 * sizeof(unsigned long);
    if (is_signal(signal)) {
        mask[static_cast<std::size_t>((signal - 1) / bits)] |= 1UL << (signal - 1) % bits;
    }
    return is_signal(signal);
}

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
    bool keeps_descriptors = false;      ///< those without FD_CLOEXEC
    bool keeps_ignored_signals = false;  ///< else all have their default action
    signal_mask blocked{};

    /// What a program without a format the kernel knows is run by: the path of a shell, a place for
    /// the program's path, which the new process fills in, its arguments. nullptr: nothing.
    const char** shell_arguments = nullptr;

    // Set by start_program(), for the new process.
    pid_t parent = 0;
    int report = -1;        ///< where it tells what it sets below, -1: nowhere
    char* stack = nullptr;  ///< the end of one for a process that it starts itself

    // Set by the new process, and seen by the parent where they share the memory.
    bool shares_memory = false;
    start_failure failed = start_failure::none;
    int reason = 0;
    pid_t detached_pid = 0;
};

/// What a new process that does not share the memory says of itself through a pipe.
struct start_report {
    start_failure failed = start_failure::none;
    int reason = 0;
    pid_t detached_pid = 0;
};

/// Whether a new process of this one has been seen to share its memory, as vfork(2) and CLONE_VM
/// have it on Linux. Under valgrind, qemu-user and other emulations it never is: there vfork is
/// fork.
inline std::atomic<bool>& memory_is_shared() noexcept {
    static std::atomic<bool> shared = false;
    return shared;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__GLIBC__)
/// clone(2) and vfork(2) under names that ThreadSanitizer does not turn into fork(2).
// NOLINTNEXTLINE(*-reserved-identifier,*-identifier-naming)
extern "C" int __clone(int (*work)(void*), void* stack, int flags, void* argument, ...) noexcept;
// NOLINTNEXTLINE(*-reserved-identifier,*-identifier-naming)
extern "C" [[gnu::__returns_twice__]] pid_t __vfork() noexcept;
#endif

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS) && defined(__GLIBC__)
namespace sys {
using ::__clone;
}  // namespace sys
#endif

// From here to start_program(): code of the new process, which shares the memory with the parent,
// and errno with its calling thread, which waits. It makes system calls only, and past the
// sanitizers, which would take what it does for the parent's doing.
#if defined(__clang__)
#define SKYUTIL_NEW_PROCESS __attribute__((__noinline__, __disable_sanitizer_instrumentation__))
#else
#define SKYUTIL_NEW_PROCESS \
    __attribute__((__noinline__, __no_sanitize__("thread"), __no_sanitize__("address"), \
                   no_sanitize("undefined")))
#endif

/// Tells the parent where it does not see start.failed and the others itself.
SKYUTIL_NEW_PROCESS inline void send_report(const program_start& start) noexcept {
    if (start.report != -1) {
        const start_report report{start.failed, start.reason, start.detached_pid};
        sys::syscall(SYS_write, start.report, &report, sizeof report);
    }
}

[[noreturn]] SKYUTIL_NEW_PROCESS inline void give_up(program_start& start, start_failure step,
                                                     int reason) noexcept {
    start.reason = reason != 0 ? reason : ECANCELED;
    start.failed = step;
    send_report(start);
    for (;;) {
        sys::syscall(SYS_exit_group, 127);
    }
}

SKYUTIL_NEW_PROCESS inline long open_descriptor_list() noexcept {
    return sys::syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/// Closes what a list names above the standard descriptors, but for itself and one other; false
/// where it cannot be read.
SKYUTIL_NEW_PROCESS inline bool close_listed(long list, int kept) noexcept {
    struct entry {
        std::uint64_t inode;
        std::int64_t offset;
        std::uint16_t length;
        std::uint8_t type;
        char name[1];  // NOLINT(*-c-arrays)
    };
    alignas(entry) char buffer[1024];  // NOLINT(*-c-arrays)
    for (bool again = true; again;) {
        again = false;
        sys::syscall(SYS_lseek, list, 0L, SEEK_SET);
        for (long size = 1; size != 0;) {
            size = sys::syscall(SYS_getdents64, list, buffer, sizeof buffer);
            if (size == -1) {
                return false;
            }
            for (long at = 0; at < size;) {
                const entry* const each = reinterpret_cast<const entry*>(buffer + at);
                long fd = 0;
                for (const char* digit = each->name; *digit >= '0' && *digit <= '9'; ++digit) {
                    fd = fd * 10 + (*digit - '0');
                }
                if (fd > STDERR_FILENO && fd != list && fd != kept) {
                    sys::syscall(SYS_close, fd);
                    again = true;
                }
                at += each->length;
            }
        }
    }
    return true;
}

/// Closes what is open above the standard descriptors, but for one, where close_range(2) is
/// missing: as /proc names them, else up to 65535.
SKYUTIL_NEW_PROCESS inline void close_one_by_one(int kept) noexcept {
    constexpr int first = STDERR_FILENO + 1;
    long list = open_descriptor_list();
    if (list == -1 && errno == EMFILE) {  // make room for one
        std::uint64_t limit[2] = {0, 0};  // NOLINT(*-c-arrays)
        sys::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, limit);
        const std::uint64_t most[2] = {limit[1], limit[1]};  // NOLINT(*-c-arrays)
        sys::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, most, nullptr);
        sys::syscall(SYS_close, kept == first ? first + 1 : first);
        list = open_descriptor_list();
        sys::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, limit, nullptr);
    }
    if (list != -1 && close_listed(list, kept)) {
        sys::syscall(SYS_close, list);
        return;
    }
    for (int fd = first; fd != 65536; ++fd) {
        if (fd != kept) {
            sys::syscall(SYS_close, fd);
        }
    }
}

/// Closes what is open above the standard descriptors, but for one; -1 is none.
SKYUTIL_NEW_PROCESS inline void close_others(int kept) noexcept {
#if defined(SYS_close_range)
    constexpr long close_range = SYS_close_range;
#else
    constexpr long close_range = 436;  // the same on all architectures
#endif
    constexpr unsigned first = STDERR_FILENO + 1;
    constexpr unsigned last = ~0U;
    const auto number = static_cast<unsigned>(kept);
    const bool below_is_closed =
        kept <= STDERR_FILENO + 1 || sys::syscall(close_range, first, number - 1, 0U) == 0;
    if (!below_is_closed ||
        sys::syscall(close_range, kept == -1 ? first : number + 1, last, 0U) == -1) {
        close_one_by_one(kept);
    }
}

/// Gives the new process its standard descriptors and closes all others.
SKYUTIL_NEW_PROCESS inline void set_descriptors(program_start& start) noexcept {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (start.standard[fd] == -1) {
            sys::syscall(SYS_fcntl, fd, F_SETFD, 0);  // of a closed one nothing comes
        } else if (sys::syscall(SYS_dup3, start.standard[fd], fd, 0) == -1) {
            give_up(start, start_failure::descriptors, errno);
        }
    }
    if (!start.keeps_descriptors) {
        close_others(start.report);
    }
}

/// Gives signals their default action, or leaves them ignored, and unblocks all but some.
SKYUTIL_NEW_PROCESS inline void reset_signals(bool keep_ignored,
                                              const unsigned long* blocked) noexcept {
#if defined(__mips__)
    constexpr std::size_t handler = 1;  // the flags are first there
#else
    constexpr std::size_t handler = 0;
#endif
    constexpr std::size_t mask_size = (_NSIG - 1) / 8;
    constexpr unsigned long ignored = 1;  // SIG_IGN
    // Handlers first: none may run here, on the parent's memory.
    const unsigned long nothing[16] = {};  // NOLINT(*-c-arrays) SIG_DFL, no flags, no mask
    for (int signal = 1; signal < _NSIG; ++signal) {
        unsigned long action[16] = {};  // NOLINT(*-c-arrays)
        if (keep_ignored) {
            sys::syscall(SYS_rt_sigaction, signal, nullptr, action, mask_size);
        }
        if (action[handler] != ignored) {
            sys::syscall(SYS_rt_sigaction, signal, nothing, nullptr, mask_size);
        }
    }
    sys::syscall(SYS_rt_sigprocmask, SIG_SETMASK, blocked, nullptr, mask_size);
}

/// Whether the search for a program goes on in the next directory of PATH after execve(2) failed
/// so: what has the name there is no program, or the directory cannot be reached.
SKYUTIL_NEW_PROCESS constexpr bool search_goes_on(int reason) noexcept {
    switch (reason) {
        case EACCES:
        case ELOOP:
        case ENAMETOOLONG:
        case ENODEV:
        case ENOENT:
        case ENOTDIR:
        case EPERM:
        case ESTALE:
        case ETIMEDOUT:
            return true;
        default:
            return false;
    }
}

/// How much such a reason tells: most, that it was not allowed; little, that there is no program.
SKYUTIL_NEW_PROCESS constexpr int telling(int reason) noexcept {
    switch (reason) {
        case EACCES:
        case EPERM:
            return 2;
        case ENODEV:
        case ESTALE:
        case ETIMEDOUT:
            return 1;
        default:
            return 0;
    }
}

/// Runs a program; returns when that fails, with errno.
SKYUTIL_NEW_PROCESS inline void execute(program_start& start, const char* path) noexcept {
    sys::syscall(SYS_execve, path, start.arguments, start.variables);
    if (errno == ENOEXEC && start.shell_arguments != nullptr) {
        start.shell_arguments[1] = path;
        sys::syscall(SYS_execve, start.shell_arguments[0], start.shell_arguments, start.variables);
        if (errno == ENOENT) {
            errno = ENOEXEC;  // it is the shell that is missing
        }
    }
}

[[noreturn]] SKYUTIL_NEW_PROCESS inline void become_program(program_start& start) noexcept {
    // Before all else, which can take a while.
    if (start.dies_with_thread) {
        if (sys::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1) {
            give_up(start, start_failure::death_signal, errno);
        }
        // 0: it is in another pid namespace, where its children are not (unshare(2)).
        if (const long parent = sys::syscall(SYS_getppid); parent != start.parent && parent != 0) {
            give_up(start, start_failure::death_signal, ESRCH);  // it has ended, and will not again
        }
    }
    if (start.group == start_group::session || start.detached) {
        if (sys::syscall(SYS_setsid) == -1) {
            give_up(start, start_failure::session, errno);
        }
    } else if (start.group == start_group::group && sys::syscall(SYS_setpgid, 0, 0) == -1) {
        give_up(start, start_failure::session, errno);
    }
    if (start.nice != nullptr &&
        sys::syscall(SYS_setpriority, PRIO_PROCESS, 0, *start.nice) == -1) {
        give_up(start, start_failure::nice, errno);
    }
    if (start.cpus != nullptr &&
        sys::syscall(SYS_sched_setaffinity, 0, start.cpus_size, start.cpus) == -1) {
        give_up(start, start_failure::cpus, errno);
    }
    if (start.directory != nullptr && sys::syscall(SYS_chdir, start.directory) == -1) {
        give_up(start, start_failure::directory, errno);
    }
    // Before the limits: one on descriptors would hold here already.
    set_descriptors(start);
    for (std::size_t i = 0; i != start.limits_size; ++i) {
        const std::uint64_t limit[2] = {start.limits[i].soft, start.limits[i].hard};  // NOLINT
        if (sys::syscall(SYS_prlimit64, 0, start.limits[i].resource, limit, nullptr) == -1) {
            give_up(start, start_failure::limits, errno);
        }
    }
    reset_signals(start.keeps_ignored_signals, start.blocked.data());
    // As execvp(3): a name that is no program here may be one in the next directory.
    int reason = ENOENT;
    for (const char* const* path = start.paths; *path != nullptr; ++path) {
        execute(start, *path);
        if ((path == start.paths && path[1] == nullptr) || !search_goes_on(errno)) {
            give_up(start, start_failure::program, errno);
        }
        if (telling(errno) > telling(reason)) {
            reason = errno;
        }
    }
    give_up(start, start_failure::program, reason == EPERM ? EACCES : reason);
}

/// Makes a process that shares the memory, as the calling thread waits until it ends or becomes a
/// program, with a stack that ends there. Its pidfd is given where that is wanted and the kernel
/// has it (CLONE_PIDFD, Linux 5.2): then there is none only if there is no process either.
SKYUTIL_NEW_PROCESS inline pid_t make_process(int (*work)(void*), program_start& start, char* stack,
                                              int* pidfd) noexcept {
    constexpr int with_pidfd = 0x1000;  // CLONE_PIDFD
    const int flags = CLONE_VM | CLONE_VFORK | SIGCHLD | (pidfd != nullptr ? with_pidfd : 0);
#if defined(__GLIBC__)
    pid_t pid = sys::__clone(work, stack, flags, &start, pidfd);
#else
    pid_t pid = sys::clone(work, stack, flags, &start, pidfd);
#endif
    if (pid == -1 && (errno == EINVAL || errno == ENOSYS || errno == EPERM)) {
        // An emulation or a filter that does not know the flags. On the stack of this thread:
#if defined(__GLIBC__)
        pid = ::__vfork();
#else
        pid = ::vfork();
#endif
        if (pid == 0) {
            for (;;) {
                work(&start);
            }
        }
    }
    return pid;
}

SKYUTIL_NEW_PROCESS inline int be_program(void* argument) noexcept {
    auto& start = *static_cast<program_start*>(argument);
    start.shares_memory = true;
    become_program(start);
}

/// Starts the program and ends, so that the program's parent is init.
SKYUTIL_NEW_PROCESS inline int be_parent(void* argument) noexcept {
    auto& start = *static_cast<program_start*>(argument);
    start.shares_memory = true;
    if (sys::syscall(SYS_getppid) == 0) {
        // In a pid namespace of its own, all of which ends with its first process.
        give_up(start, start_failure::process, ENOTSUP);
    }
    const pid_t program = make_process(be_program, start, start.stack, nullptr);
    if (program == -1) {
        give_up(start, start_failure::process, errno);
    }
    if (start.failed != start_failure::none) {
        while (sys::syscall(SYS_wait4, program, nullptr, 0, nullptr) == -1 && errno == EINTR) {
        }
    } else {
        start.detached_pid = program;
        send_report(start);
    }
    for (;;) {
        sys::syscall(SYS_exit_group, 0);
    }
}

#undef SKYUTIL_NEW_PROCESS

inline void close(const pipe_ends& ends) noexcept {
    for (const int fd : {ends.read, ends.write}) {
        if (fd != -1) {
            close(fd);
        }
    }
}

/// Takes what new processes say of themselves until the last one ends or becomes the program.
inline void take_reports(program_start& start, int fd) noexcept {
    start_report report;
    while (sys::retry([&] { return sys::read(fd, &report, sizeof report); }) ==
           static_cast<ssize_t>(sizeof report)) {
        if (report.failed != start_failure::none) {
            start.failed = report.failed;
            start.reason = report.reason;
        } else {
            start.detached_pid = report.detached_pid;
        }
    }
}

/// A process of a program.
struct started_program {
    pid_t pid = -1;
    int pidfd = -1;  ///< -1 for a detached one, and where the kernel has none
};

/// Starts a program once; see start_program().
inline started_program try_program(program_start& start, std::error_code& error) noexcept {
    constexpr std::size_t stack_size = 8192;
    alignas(16) std::array<char, 2 * stack_size> stacks;  // NOLINT(*-member-init)
    start.parent = sys::getpid();
    start.stack = stacks.data() + stack_size;
    start.shares_memory = false;
    start.failed = start_failure::none;
    start.detached_pid = 0;
    pipe_ends report;
    if (!memory_is_shared()) {
        report = open_pipe(error);
        if (error) {
            start.failed = start_failure::descriptors;
            return {};
        }
    }
    start.report = report.write;

    // No handler of the parent may run in the new process. By system call: the wrapper leaves out
    // two signals of the C library, which change the user or cancel threads.
    constexpr std::size_t mask_size = (_NSIG - 1) / 8;
    std::array<unsigned long, 4> all;
    std::array<unsigned long, 4> before{};
    all.fill(~0UL);
    sys::syscall(SYS_rt_sigprocmask, SIG_BLOCK, all.data(), before.data(), mask_size);
    started_program result;
    result.pid = make_process(start.detached ? be_parent : be_program, start,
                              stacks.data() + 2 * stack_size, &result.pidfd);
    const int reason = errno;
    sys::syscall(SYS_rt_sigprocmask, SIG_SETMASK, before.data(), nullptr, mask_size);

    if (result.pid == -1) {
        close(report);
        const bool no_descriptor = reason == EMFILE || reason == ENFILE;
        start.failed = no_descriptor ? start_failure::descriptors : start_failure::process;
        error = {reason, std::generic_category()};
        return {};
    }
    if (report.read != -1) {
        close(std::exchange(report.write, -1));
        if (start.shares_memory) {
            memory_is_shared() = true;
        } else {
            take_reports(start, report.read);
        }
        close(report);
    }
    if (result.pidfd == -1) {
        std::error_code none;  // the program runs already: it goes on without
        result.pidfd = open_pidfd(result.pid, none);
    }
    if (result.pidfd >= 0 && result.pidfd <= STDERR_FILENO) {
        // A standard descriptor is closed here: it stays so, also for those that inherit it.
        if (const int moved = sys::fcntl(result.pidfd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
            moved != -1) {
            close(std::exchange(result.pidfd, moved));
        }
    }
    const bool failed = start.failed != start_failure::none;
    if (failed || start.detached) {
        process_end ignored;
        std::error_code reaped_by_others;
        if (wait_child(result.pid, result.pidfd, waiting::block, ignored, reaped_by_others)) {
            reap_child(result.pid, result.pidfd, ignored);
        }
        if (result.pidfd != -1) {
            close(result.pidfd);
        }
        result = {start.detached_pid, -1};
    }
    if (failed) {
        error = {start.reason, std::generic_category()};
        return {};
    }
    if (result.pid == 0) {  // who was to start it has been killed
        start.failed = start_failure::process;
        error = make_error(std::errc::operation_canceled);
        return {};
    }
    return result;
}

/// Starts a program and returns once it runs; pid -1 on failure, with start.failed and nothing left
/// of the process. The parent's memory is never copied, where the kernel can do without: the
/// calling thread waits until the program runs, others go on. A program that is being written is
/// tried again for a second: the descriptor it is written through is soon closed where it was
/// copied by the start of another program.
inline started_program start_program(program_start& start, std::error_code& error) noexcept {
    using std::chrono::milliseconds;
    constexpr milliseconds longest(64);
    const time_point deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    for (milliseconds pause(1);; pause = (std::min)(2 * pause, longest)) {
        error.clear();
        const started_program result = try_program(start, error);
        if (start.failed != start_failure::program || error != std::errc::text_file_busy ||
            std::chrono::steady_clock::now() >= deadline) {
            return result;
        }
        std::this_thread::sleep_for(pause);
    }
}

/// The variables of this process, ended by a null pointer.
inline const char* const* environment_block() noexcept { return environ; }

/// Where programs are when PATH is not set (confstr(3)).
inline constexpr std::string_view default_path = "/bin:/usr/bin";

/// How many numbers a mask of CPUs of that size has place for.
inline constexpr std::size_t bits_of_word = 8 * sizeof(unsigned long);

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
