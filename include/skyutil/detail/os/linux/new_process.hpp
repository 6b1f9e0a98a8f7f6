// SPDX-License-Identifier: MIT
//
// detail/os/linux/new_process.hpp: a new process until it becomes a program.

#pragma once

#include <skyutil/version.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

/// A set of signals as the kernel has it.
using signal_mask = std::array<unsigned long, (_NSIG - 1) / (8 * sizeof(unsigned long))>;

/// What a new process does before it becomes the program. Prepared by the parent, as the new
/// process may not allocate.
struct program_start {
    /// A descriptor that has none of the numbers of all of these, and the number that it gets.
    struct place {
        int source;
        int number;
    };

    const char* const* paths = nullptr;  ///< tried in this order; a null pointer ends them
    const char* const* arguments = nullptr;
    const char* const* variables = nullptr;
    const char* directory = nullptr;  ///< nullptr: the parent's
    int standard[3] = {-1, -1, -1};   ///< above 2; -1 is inherited  // NOLINT(*-c-arrays)
    bool merges_errors = false;       ///< standard error is what standard output is
    start_group group = start_group::session;
    bool detached = false;  ///< no child of the calling process
    bool dies_with_thread = false;
    const int* nice = nullptr;
    const unsigned long* cpus = nullptr;  ///< a mask
    std::size_t cpus_size = 0;            ///< of the mask, in bytes
    const start_limit* limits = nullptr;
    std::size_t limits_size = 0;
    /// Who it becomes; nullptr: what the parent is.
    struct identity {
        const std::uint32_t* user = nullptr;
        const std::uint32_t* group = nullptr;
        const std::uint32_t* groups = nullptr;
        std::size_t groups_size = 0;
        bool sets_groups = false;
        const unsigned* umask = nullptr;
        bool no_new_privileges = false;
    };

    const place* places = nullptr;  ///< of descriptors beside the standard ones
    std::size_t places_size = 0;
    identity who;
    bool keeps_descriptors = false;      ///< those without FD_CLOEXEC
    bool keeps_ignored_signals = false;  ///< else all have their default action
    signal_mask blocked{};

    /// What a program without a format the kernel knows is run by: the path of a shell, a place for
    /// the program's path, which the new process fills in, its arguments. nullptr: nothing.
    const char** shell_arguments = nullptr;

    // Set by try_program(), for the new process.
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

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys

#if defined(__GLIBC__)
/// clone(2) and vfork(2) under names that ThreadSanitizer does not turn into fork(2).
// NOLINTNEXTLINE(*-reserved-identifier,*-identifier-naming)
extern "C" int __clone(int (*work)(void*), void* stack, int flags, void* argument, ...) noexcept;
// NOLINTNEXTLINE(*-reserved-identifier,*-identifier-naming)
extern "C" [[gnu::__returns_twice__]] pid_t __vfork() noexcept;
#endif

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
#if defined(__GLIBC__)
using ::__clone;  // NOLINT(*-reserved-identifier)
#else
using ::clone;
#endif
#endif

// From here on: code of the new process, which shares the memory with the parent, and errno with
// its calling thread, which waits. It makes system calls only, and past the sanitizers, which would
// take what it does for the parent's doing.
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
        ::syscall(SYS_write, start.report, &report, sizeof report);
    }
}

[[noreturn]] SKYUTIL_NEW_PROCESS inline void give_up(program_start& start, start_failure step,
                                                     int reason) noexcept {
    start.reason = reason != 0 ? reason : ECANCELED;
    start.failed = step;
    send_report(start);
    for (;;) {
        ::syscall(SYS_exit_group, 127);
    }
}

SKYUTIL_NEW_PROCESS inline long open_descriptor_list() noexcept {
    return ::syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/// Whether a descriptor above the standard ones stays open.
SKYUTIL_NEW_PROCESS inline bool is_kept(const program_start& start, long fd) noexcept {
    for (std::size_t i = 0; i != start.places_size; ++i) {
        if (start.places[i].number == fd) {
            return true;
        }
    }
    return fd == start.report;
}

/// Closes what a list names above the standard descriptors, but for itself and what is kept; false
/// where it cannot be read.
SKYUTIL_NEW_PROCESS inline bool close_listed(const program_start& start, long list) noexcept {
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
        ::syscall(SYS_lseek, list, 0L, SEEK_SET);
        for (long size = 1; size != 0;) {
            size = ::syscall(SYS_getdents64, list, buffer, sizeof buffer);
            if (size == -1) {
                return false;
            }
            for (long at = 0; at < size;) {
                const entry* const each = reinterpret_cast<const entry*>(buffer + at);
                long fd = 0;
                for (const char* digit = each->name; *digit >= '0' && *digit <= '9'; ++digit) {
                    fd = fd * 10 + (*digit - '0');
                }
                if (fd > STDERR_FILENO && fd != list && !is_kept(start, fd)) {
                    ::syscall(SYS_close, fd);
                    again = true;
                }
                at += each->length;
            }
        }
    }
    return true;
}

/// Closes what is open above the standard descriptors, but for what is kept, where close_range(2)
/// is missing: as /proc names them, else up to 65535.
SKYUTIL_NEW_PROCESS inline void close_one_by_one(const program_start& start) noexcept {
    constexpr int first = STDERR_FILENO + 1;
    long list = open_descriptor_list();
    if (list == -1 && errno == EMFILE) {  // make room for one
        std::uint64_t limit[2] = {0, 0};  // NOLINT(*-c-arrays)
        ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, limit);
        const std::uint64_t most[2] = {limit[1], limit[1]};  // NOLINT(*-c-arrays)
        ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, most, nullptr);
        long any = first;
        while (is_kept(start, any)) {
            ++any;
        }
        ::syscall(SYS_close, any);
        list = open_descriptor_list();
        ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, limit, nullptr);
    }
    if (list != -1 && close_listed(start, list)) {
        ::syscall(SYS_close, list);
        return;
    }
    for (int fd = first; fd != 65536; ++fd) {
        if (!is_kept(start, fd)) {
            ::syscall(SYS_close, fd);
        }
    }
}

/// Returns the lowest number from the first one on that is kept; the highest one if there is none.
SKYUTIL_NEW_PROCESS inline unsigned next_kept(const program_start& start, unsigned first) noexcept {
    unsigned next = ~0U;
    for (std::size_t i = 0; i != start.places_size; ++i) {
        const auto number = static_cast<unsigned>(start.places[i].number);
        next = number >= first && number < next ? number : next;
    }
    const auto report = static_cast<unsigned>(start.report);  // -1 is above all
    return report >= first && report < next ? report : next;
}

/// Closes what is open above the standard descriptors, but for what is kept.
SKYUTIL_NEW_PROCESS inline void close_others(const program_start& start) noexcept {
#if defined(SYS_close_range)
    constexpr long close_range = SYS_close_range;
#else
    constexpr long close_range = 436;  // the same on all architectures
#endif
    constexpr unsigned last = ~0U;
    unsigned kept = STDERR_FILENO;
    while (kept != last) {
        const unsigned first = kept + 1;
        kept = next_kept(start, first);
        if (kept != first &&
            ::syscall(close_range, first, kept == last ? last : kept - 1, 0U) == -1) {
            close_one_by_one(start);
            return;
        }
    }
}

/// Gives the new process its standard descriptors and closes all others.
SKYUTIL_NEW_PROCESS inline void set_descriptors(program_start& start) noexcept {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        const bool merged = fd == STDERR_FILENO && start.merges_errors;
        const int source = merged ? STDOUT_FILENO : start.standard[fd];
        if (source == -1) {
            ::syscall(SYS_fcntl, fd, F_SETFD, 0);  // of a closed one nothing comes
        } else if (::syscall(SYS_dup3, source, fd, 0) == -1) {
            give_up(start, start_failure::handles, errno);
        }
    }
    for (std::size_t i = 0; i != start.places_size; ++i) {
        if (::syscall(SYS_dup3, start.places[i].source, start.places[i].number, 0) == -1) {
            give_up(start, start_failure::handles, errno);
        }
    }
    if (!start.keeps_descriptors) {
        close_others(start);
    }
}

/// Has the kernel end the new process with the thread that made it.
SKYUTIL_NEW_PROCESS inline void die_with_thread(program_start& start) noexcept {
    if (::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1) {
        give_up(start, start_failure::lifetime, errno);
    }
    // 0: it is in another pid namespace, where its children are not (unshare(2)).
    if (const long parent = ::syscall(SYS_getppid); parent != start.parent && parent != 0) {
        give_up(start, start_failure::lifetime, ESRCH);  // it has ended, and will not again
    }
}

/// Gives the new process its user and groups, in the order of setpriv(1).
SKYUTIL_NEW_PROCESS inline void set_identity(program_start& start) noexcept {
#if defined(SYS_setresuid32)  // the others take 16 bits
    constexpr long set_user = SYS_setresuid32;
    constexpr long set_group = SYS_setresgid32;
    constexpr long set_groups = SYS_setgroups32;
#else
    constexpr long set_user = SYS_setresuid;
    constexpr long set_group = SYS_setresgid;
    constexpr long set_groups = SYS_setgroups;
#endif
    const program_start::identity& who = start.who;
    if (who.umask != nullptr) {
        ::syscall(SYS_umask, *who.umask);
    }
    bool done =
        !who.no_new_privileges || ::syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
    if (done && who.group != nullptr) {
        done = ::syscall(set_group, *who.group, *who.group, *who.group) == 0;
    }
    if (done && who.sets_groups) {
        done = ::syscall(set_groups, who.groups_size, who.groups) == 0;
    }
    if (done && who.user != nullptr) {
        done = ::syscall(set_user, *who.user, *who.user, *who.user) == 0;
        if (done) {
            constexpr int ambient = 47;  // PR_CAP_AMBIENT; before Linux 4.3 there is none
            constexpr int clear_all = 4;
            ::syscall(SYS_prctl, ambient, clear_all, 0, 0, 0);
        }
    }
    if (!done) {
        give_up(start, start_failure::identity, errno);
    }
    if (start.dies_with_thread && who.group != nullptr) {
        die_with_thread(start);  // the kernel has forgotten
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
            ::syscall(SYS_rt_sigaction, signal, nullptr, action, mask_size);
        }
        if (action[handler] != ignored) {
            ::syscall(SYS_rt_sigaction, signal, nothing, nullptr, mask_size);
        }
    }
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, blocked, nullptr, mask_size);
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
    ::syscall(SYS_execve, path, start.arguments, start.variables);
    if (errno == ENOEXEC && start.shell_arguments != nullptr) {
        start.shell_arguments[1] = path;
        ::syscall(SYS_execve, start.shell_arguments[0], start.shell_arguments, start.variables);
        if (errno == ENOENT) {
            errno = ENOEXEC;  // it is the shell that is missing
        }
    }
}

[[noreturn]] SKYUTIL_NEW_PROCESS inline void become_program(program_start& start) noexcept {
    // Before all else, which can take a while.
    if (start.dies_with_thread) {
        die_with_thread(start);
    }
    if (start.group == start_group::session || start.detached) {
        if (::syscall(SYS_setsid) == -1) {
            give_up(start, start_failure::session, errno);
        }
    } else if (start.group == start_group::group && ::syscall(SYS_setpgid, 0, 0) == -1) {
        give_up(start, start_failure::session, errno);
    }
    if (start.nice != nullptr && ::syscall(SYS_setpriority, PRIO_PROCESS, 0, *start.nice) == -1) {
        give_up(start, start_failure::nice, errno);
    }
    if (start.cpus != nullptr &&
        ::syscall(SYS_sched_setaffinity, 0, start.cpus_size, start.cpus) == -1) {
        give_up(start, start_failure::cpus, errno);
    }
    if (start.directory != nullptr && ::syscall(SYS_chdir, start.directory) == -1) {
        give_up(start, start_failure::directory, errno);
    }
    // Before the limits: one on descriptors would hold here already.
    set_descriptors(start);
    for (std::size_t i = 0; i != start.limits_size; ++i) {
        const std::uint64_t limit[2] = {start.limits[i].soft, start.limits[i].hard};  // NOLINT
        if (::syscall(SYS_prlimit64, 0, start.limits[i].resource, limit, nullptr) == -1) {
            give_up(start, start_failure::limits, errno);
        }
    }
    set_identity(start);
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
    if (::syscall(SYS_getppid) == 0) {
        // In a pid namespace of its own, all of which ends with its first process.
        give_up(start, start_failure::process, ENOTSUP);
    }
    const pid_t program = make_process(be_program, start, start.stack, nullptr);
    if (program == -1) {
        give_up(start, start_failure::process, errno);
    }
    if (start.failed != start_failure::none) {
        while (::syscall(SYS_wait4, program, nullptr, 0, nullptr) == -1 && errno == EINTR) {
        }
    } else {
        start.detached_pid = program;
        send_report(start);
    }
    for (;;) {
        ::syscall(SYS_exit_group, 0);
    }
}

#undef SKYUTIL_NEW_PROCESS

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
