// SPDX-License-Identifier: MIT
//
// detail/os/posix/pipes.hpp: what detail/os/pipes.hpp declares. The system's own file defines
// sys::make_pipe() before.

#pragma once

#include <skyutil/version.hpp>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {
#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::fcntl, ::open;
#endif

/// A copy with a number above 2. fcntl(2) calls that number invalid where the limit on descriptors
/// is below it.
inline int copy_above_standard(int fd, std::error_code& error) noexcept {
    const int copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (copy == -1) {
        error = errno == EINVAL ? make_error(std::errc::too_many_files_open) : last_error();
    }
    return copy;
}

/// The same descriptor with a number above 2, where starting a program puts it in place without
/// overwriting another; -1 on failure.
inline int above_standard(int fd, std::error_code& error) noexcept {
    if (fd < 0 || fd > STDERR_FILENO) {
        return fd;
    }
    const int moved = copy_above_standard(fd, error);
    os::close(fd);
    return moved;
}

inline int open_above_standard(const char* name, int flags, unsigned permissions,
                               std::error_code& error) noexcept {
    const int fd =
        retry([&] { return open(name, flags | O_CLOEXEC | O_NOCTTY | large_file, permissions); });
    if (fd == -1) {
        error = last_error();
    }
    return above_standard(fd, error);
}

inline int open_above_standard(const path_text& name, int flags, unsigned permissions,
                               std::error_code& error) noexcept {
    if (name.find('\0') != std::string::npos) {
        error = make_error(std::errc::invalid_argument);
        return no_handle;
    }
    return open_above_standard(name.c_str(), flags, permissions, error);
}

/// Closes the ends that there are.
inline void close_ends(const pipe_ends& ends) noexcept {
    for (const int fd : {ends.read, ends.write}) {
        if (fd != no_handle) {
            os::close(fd);
        }
    }
}

/// A pipe for programs.
inline pipe_ends open_pipe(std::error_code& error) noexcept {
    std::array<int, 2> ends{};
    if (make_pipe(ends) == -1) {
        error = last_error();
        return {};
    }
    const pipe_ends result{above_standard(ends[0], error), above_standard(ends[1], error)};
    if (error) {
        close_ends(result);
        return {};
    }
    return result;
}

}  // namespace sys

inline pipe_ends open_pipe(pipe_use reading, pipe_use writing, std::error_code& error) noexcept {
    const pipe_ends result = sys::open_pipe(error);
    const auto prepare = [&](int fd, pipe_use use) {
        if (!error && use == pipe_use::loop) {
            use_in_loop(fd, error);
        }
    };
    prepare(result.read, reading);
    prepare(result.write, writing);
    if (error) {
        sys::close_ends(result);
        return {};
    }
    return result;
}

inline void use_in_loop(native_handle pipe, std::error_code& error) noexcept {
    if (sys::fcntl(pipe, F_SETFL, O_NONBLOCK) == -1) {
        error = last_error();
    }
}

inline native_handle open_null(std::error_code& error) noexcept {
    return sys::open_above_standard("/dev/null", O_RDWR, 0, error);
}

inline native_handle open_output(const path_text& name, output_start start, unsigned permissions,
                                 std::error_code& error) noexcept {
    const int how = start == output_start::append ? O_APPEND : O_TRUNC;
    return sys::open_above_standard(name, O_WRONLY | O_CREAT | how, permissions, error);
}

inline native_handle open_input(const path_text& name, std::error_code& error) noexcept {
    return sys::open_above_standard(name, O_RDONLY, 0, error);
}

inline native_handle duplicate(native_handle fd, std::error_code& error) noexcept {
    return sys::copy_above_standard(fd, error);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
