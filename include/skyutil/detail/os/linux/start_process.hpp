// SPDX-License-Identifier: MIT
//
// detail/os/linux/start_process.hpp: makes a process that becomes a program, and waits until it
// has.

#pragma once

#include <skyutil/detail/base/interruption.hpp>
#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/os/linux/new_process.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::close, ::dup3, ::eventfd, ::fcntl, ::getpid, ::read, ::syscall;
#endif

/// Whether a new process of this one has been seen to share its memory, as vfork(2) and CLONE_VM
/// have it on Linux. Under valgrind, qemu-user and other emulations it never is: there vfork is
/// fork.
inline std::atomic<bool>& memory_is_shared() noexcept {
    static std::atomic<bool> shared = false;
    return shared;
}

/// Takes what new processes say of themselves until the last one ends or becomes the program.
inline void take_reports(program_start& start, int fd) noexcept {
    start_report report;
    while (retry([&] { return sys::read(fd, &report, sizeof report); }) ==
           static_cast<ssize_t>(sizeof report)) {
        if (report.failed != start_failure::none) {
            start.failed = report.failed;
            start.reason = report.reason;
        } else {
            start.detached_pid = report.detached_pid;
        }
    }
}

/// The pidfd of a new process, above the standard descriptors: one of those that is closed here
/// stays so, also for those that inherit it. -1 where there is none.
inline int keep_pidfd(int pidfd, pid_t pid) noexcept {
    if (pidfd == -1) {
        std::error_code none;  // the program runs already: it goes on without
        pidfd = open_pidfd(pid, none);
    }
    if (pidfd != -1 && pidfd <= STDERR_FILENO) {
        const int moved = sys::fcntl(pidfd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (moved != -1) {
            sys::close(std::exchange(pidfd, moved));
        }
    }
    return pidfd;
}

/// A copy of a descriptor that has none of the numbers that the places have; -1 on failure.
inline int copy_beside(int fd, std::span<const program_start::place> places,
                       std::error_code& error) noexcept {
    for (int from = STDERR_FILENO + 1;;) {
        const int copy = sys::fcntl(fd, F_DUPFD_CLOEXEC, from);
        if (copy == -1) {
            error = last_error();
            return -1;
        }
        if (std::none_of(places.begin(), places.end(),
                         [&](const auto& each) { return each.number == copy; })) {
            return copy;
        }
        sys::close(copy);
        from = copy + 1;
    }
}

/// Starts a program once. On failure there is no child, and `start.failed` tells what failed.
inline child try_program(program_start& start, std::error_code& error) noexcept {
    constexpr std::size_t stack_size = 8192;
    alignas(16) std::array<char, 2 * stack_size> stacks;  // NOLINT(*-member-init)
    const uninterrupted until_known;  // whether it runs, and until what failed is reaped
    start.parent = sys::getpid();
    start.stack = stacks.data() + stack_size;
    start.shares_memory = false;
    start.failed = start_failure::none;
    start.detached_pid = 0;
    pipe_ends report;
    if (!memory_is_shared()) {
        report = sys::open_pipe(error);
        if (start.places_size != 0 && !error) {
            const int moved = copy_beside(report.write, {start.places, start.places_size}, error);
            sys::close(std::exchange(report.write, moved));
            if (error) {
                sys::close(report.read);
            }
        }
        if (error) {
            start.failed = start_failure::handles;
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
    int pidfd = -1;
    const pid_t pid = make_process(start.detached ? be_parent : be_program, start,
                                   stacks.data() + 2 * stack_size, &pidfd);
    const int reason = errno;
    sys::syscall(SYS_rt_sigprocmask, SIG_SETMASK, before.data(), nullptr, mask_size);

    if (report.write != -1) {
        sys::close(report.write);
        if (start.shares_memory) {
            memory_is_shared() = true;
        } else if (pid != -1) {
            take_reports(start, report.read);
        }
        sys::close(report.read);
    }
    if (pid == -1) {
        const bool no_descriptor = reason == EMFILE || reason == ENFILE;
        start.failed = no_descriptor ? start_failure::handles : start_failure::process;
        error = {reason, std::generic_category()};
        return {};
    }
    child made{.pid = pid,
               .handle = keep_pidfd(pidfd, pid),
               .leads_group = start.group != start_group::same,
               .leads_session = start.group == start_group::session,
               .owned_until = clock_ticks_since_start()};
    if (start.failed == start_failure::none && !start.detached) {
        return made;
    }
    process_end ignored;
    if (made.look_until((time_point::max)(), ignored) == child_state::ended) {
        made.reap(ignored);
    }
    made.release();
    if (start.failed != start_failure::none) {
        error = {start.reason, std::generic_category()};
        return {};
    }
    if (start.detached_pid == 0) {  // who was to start it has been killed
        start.failed = start_failure::process;
        error = make_error(std::errc::operation_canceled);
    }
    return {.pid = start.detached_pid};
}

/// Starts a program; tries again one that is being written.
inline child start_process(program_start& start, std::error_code& error) noexcept {
    using std::chrono::milliseconds;
    constexpr milliseconds longest(64);
    const time_point deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    for (milliseconds pause(1);; pause = (std::min)(2 * pause, longest)) {
        std::error_code failed;
        const child started = try_program(start, failed);
        if (start.failed != start_failure::program || failed != std::errc::text_file_busy ||
            std::chrono::steady_clock::now() >= deadline) {
            error = failed ? failed : error;
            return started;
        }
        std::this_thread::sleep_for(pause);
    }
}

/// Starts a program in a thread of its own, which lives as long as the program: the kernel's signal
/// (program_start::dies_with_thread) comes when the thread that started the program ends, not when
/// the process does. The thread allocates nothing. On failure there is no thread.
inline started_program start_in_thread(program_start& start, std::error_code& error) {
    // A place for the thread's own pidfd, taken while the start can still fail.
    int place = sys::eventfd(0, EFD_CLOEXEC);
    if (place == -1) {
        error = last_error();
    }
    place = above_standard(place, error);
    if (error) {
        start.failed = start_failure::handles;
        return {};
    }
    started_program program;
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    const auto keep = [&, place]() noexcept {
        std::error_code failed;
        child own = start_process(start, failed);
        {
            const std::lock_guard lock(mutex);
            program.child = own;
            error = failed ? failed : error;
            done = true;
            const bool is_placed =
                own.handle != no_handle &&
                retry([&] { return sys::dup3(own.handle, place, O_CLOEXEC); }) != -1;
            own.handle = is_placed ? place : no_handle;
            changed.notify_one();
        }
        // What was captured by reference may be gone from here on.
        if (own.pid != 0) {
            static_cast<void>(own.wait_for_end((time_point::max)()));
        }
        sys::close(place);
    };
    catch_std_exception(
        [&] {
            const no_signals during_start;
            program.keeper = std::thread(keep);
        },
        [&] { error = make_error(std::errc::resource_unavailable_try_again); });
    if (!program.keeper.joinable()) {
        sys::close(place);
        start.failed = start_failure::process;
        return program;
    }
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return done; });
    }
    if (start.failed != start_failure::none) {
        program.keeper.join();
    }
    return program;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
