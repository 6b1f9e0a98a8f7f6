// SPDX-License-Identifier: MIT
//
// detail/subprocess/start_in_thread.hpp: a start that does not tie the life of the child to the
// calling thread.

#pragma once

#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/output_loop.hpp>
#include <skyutil/detail/os/pipes.hpp>
#include <skyutil/detail/os/programs.hpp>
#include <skyutil/detail/os/waiting.hpp>
#include <skyutil/process.hpp>

#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Starts a program in a thread of its own, `keeper`, which lives as long as the program: the
/// kernel's signal (program_start::dies_with_thread) comes when the thread that started the program
/// ends, not when the process does. The thread allocates nothing. On failure there is no thread.
inline os::started_program start_in_thread(os::program_start& start, std::thread& keeper,
                                           std::error_code& error) {
    // A place for the thread's own pidfd, taken while the start can still fail.
    unique_fd place(os::sys::above_standard(os::sys::open_event(error), error));
    if (error) {
        start.failed = os::start_failure::descriptors;
        return {};
    }
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    os::started_program program;
    auto keep = [&, own_pidfd = std::move(place)]() mutable noexcept {
        program = os::start_program(start, error);
        const os::started_program own = program;
        if (own.pidfd == -1 || os::sys::dup3(own.pidfd, own_pidfd.get(), O_CLOEXEC) == -1) {
            own_pidfd.reset();
        }
        {
            const std::lock_guard lock(mutex);
            done = true;
            changed.notify_one();
        }
        // What was captured by reference may be gone from here on.
        std::error_code unknown;
        if (own_pidfd) {
            os::wait_until_ended(own_pidfd.get(), for_ever, unknown);
        } else if (own.pid != -1) {
            os::process_end ignored;
            os::wait_child(own.pid, -1, os::waiting::block, ignored, unknown);
        }
    };
    catch_std_exception(
        [&] {
            const os::no_signals during_start;
            keeper = std::thread(std::move(keep));
        },
        [&] { error = os::make_error(std::errc::resource_unavailable_try_again); });
    if (!keeper.joinable()) {
        start.failed = os::start_failure::process;
        return {};
    }
    {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return done; });
    }
    if (error) {
        keeper.join();
    }
    return program;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
