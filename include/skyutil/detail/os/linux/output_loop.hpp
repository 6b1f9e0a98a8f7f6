// SPDX-License-Identifier: MIT
//
// detail/os/linux/output_loop.hpp: what posix/output_loop.hpp needs that POSIX lacks: events with
// one descriptor, and a write without SIGPIPE that no other thread notices.

#pragma once

#include <skyutil/version.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string_view>
#include <system_error>

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::eventfd, ::pthread_sigmask, ::read, ::sigpending, ::sigtimedwait, ::write;
#endif

/// Counts what was written to it; readable while that is not 0 (eventfd(2)).
inline int open_event(std::error_code& error) noexcept {
    const int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd == -1) {
        error = last_error();
    }
    return fd;
}

inline void signal_event(int fd) noexcept {
    const std::uint64_t one = 1;
    static_cast<void>(retry([&] { return write(fd, &one, sizeof one); }));
}

inline void reset_event(int fd) noexcept {
    std::uint64_t count = 0;
    static_cast<void>(retry([&] { return read(fd, &count, sizeof count); }));
}

/// One write(2) that raises no SIGPIPE: no process reading is an error, errc::broken_pipe.
/// would_block is set, and 0 returned, where there is no room.
inline std::size_t write_some(int fd, std::string_view text, bool& would_block,
                              std::error_code& error) noexcept {
    sigset_t pipe_signal;
    sigset_t before;
    sigset_t pending;
    ::sigemptyset(&pipe_signal);
    ::sigaddset(&pipe_signal, SIGPIPE);
    ::sigemptyset(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    const bool was_blocked = ::sigismember(&before, SIGPIPE) == 1;
    if (was_blocked) {
        sigpending(&pending);
    }
    const auto count = retry([&] { return write(fd, text.data(), text.size()); });
    const int code = count == -1 ? errno : 0;
    if (code == EPIPE && ::sigismember(&pending, SIGPIPE) != 1) {
        const timespec now{};
        static_cast<void>(retry([&] { return sigtimedwait(&pipe_signal, nullptr, &now); }));
    }
    if (!was_blocked) {
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    would_block = code == EAGAIN;
    if (code != 0 && !would_block) {
        error = {code, std::generic_category()};
    }
    return count > 0 ? static_cast<std::size_t>(count) : 0;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys

#include <skyutil/detail/os/posix/output_loop.hpp>  // IWYU pragma: export
