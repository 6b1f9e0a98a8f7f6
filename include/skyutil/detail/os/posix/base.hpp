// SPDX-License-Identifier: MIT
//
// detail/os/posix/base.hpp: what detail/os/base.hpp declares, and for the files beside it in `sys`:
// the system calls, those that signals interrupt, waiting.

#pragma once

#include <skyutil/detail/base/cast.hpp>
#include <skyutil/detail/base/interruption.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(SKYUTIL_TEST_SYSTEM_CALLS)
#include SKYUTIL_TEST_SYSTEM_CALLS  // sys, with calls that fail when a test wants them to
#endif

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
/// The system calls of this file, as every file of a backend has a list of its own.
namespace sys {
#if defined(__GLIBC__) && !defined(__LP64__) && !defined(__USE_FILE_OFFSET64)
using ::fstat64, ::fstatat64, ::ftruncate64, ::getrlimit64, ::pread64, ::setrlimit64, ::stat64;
#else
using ::fstat, ::fstatat, ::ftruncate, ::getrlimit, ::pread, ::setrlimit, ::stat;
#endif
using ::close, ::getpid, ::ppoll;
}  // namespace sys
#endif

inline std::error_code last_error() noexcept { return {errno, std::generic_category()}; }

inline std::int64_t process_id() noexcept { return sys::getpid(); }

inline bool append_path_text(path_text& name, std::string_view text) {
    name.append(text);
    return true;
}

inline void close(native_handle fd) noexcept {
    sys::close(fd);  // not repeated: Linux frees the descriptor even when interrupted, see close(2)
}

namespace sys {
/// Repeats a system call for as long as signals interrupt it and the thread is not to end what it
/// does: that is EINTR.
template <class Call>
auto retry(Call call) noexcept -> decltype(call()) {
    for (bool signalled = false; !interruption::requested(signalled); signalled = true) {
        const auto result = call();
        if (result != -1 || errno != EINTR) {
            return result;
        }
    }
    errno = EINTR;
    return -1;
}

// What the system knows of files and limits in 64 bits. With glibc on 32-bit systems those have
// names of their own unless the program was compiled with _FILE_OFFSET_BITS=64, and the plain ones
// fail for files of 2 GiB.
#if defined(__GLIBC__) && !defined(__LP64__) && !defined(__USE_FILE_OFFSET64)
using file_info = struct ::stat64;
using limit_info = struct ::rlimit64;

inline constexpr int large_file = O_LARGEFILE;

inline int get_info(int fd, file_info& info) noexcept { return fstat64(fd, &info); }
inline int get_info(const char* name, file_info& info) noexcept { return stat64(name, &info); }
inline int get_info(int directory, const char* name, file_info& info, int flags) noexcept {
    return fstatat64(directory, name, &info, flags);
}
inline ssize_t read_from(int fd, char* buffer, std::size_t size, std::uint64_t offset) noexcept {
    return pread64(fd, buffer, size, static_cast<off64_t>(offset));
}
inline int resize_file(int fd, std::uint64_t size) noexcept {
    return ftruncate64(fd, static_cast<off64_t>(size));
}
inline int get_limits(int which, limit_info& limit) noexcept {
    return getrlimit64(static_cast<decltype(RLIMIT_AS)>(which), &limit);
}
inline int set_limits(int which, const limit_info& limit) noexcept {
    return setrlimit64(static_cast<decltype(RLIMIT_AS)>(which), &limit);
}
#else
using file_info = struct ::stat;
using limit_info = struct ::rlimit;

inline constexpr int large_file = 0;

inline int get_info(int fd, file_info& info) noexcept { return fstat(fd, &info); }
inline int get_info(const char* name, file_info& info) noexcept { return stat(name, &info); }
inline int get_info(int directory, const char* name, file_info& info, int flags) noexcept {
    return fstatat(directory, name, &info, flags);
}
inline ssize_t read_from(int fd, char* buffer, std::size_t size, std::uint64_t offset) noexcept {
    return pread(fd, buffer, size, static_cast<off_t>(offset));
}
inline int resize_file(int fd, std::uint64_t size) noexcept {
    return ftruncate(fd, static_cast<off_t>(size));
}
inline int get_limits(int which, limit_info& limit) noexcept {
    return getrlimit(static_cast<decltype(RLIMIT_AS)>(which), &limit);
}
inline int set_limits(int which, const limit_info& limit) noexcept {
    return setrlimit(static_cast<decltype(RLIMIT_AS)>(which), &limit);
}
#endif

/// What is left until a point in time; 0 when it is past.
inline timespec time_until(time_point deadline) noexcept {
    const std::chrono::nanoseconds left = deadline - std::chrono::steady_clock::now();
    const auto count = (std::max)(left.count(), std::chrono::nanoseconds::rep{0});
    timespec time{};
    time.tv_sec = cast_to<time_t>(count / 1'000'000'000);
    time.tv_nsec = cast_to<decltype(time.tv_nsec)>(count % 1'000'000'000);
    return time;
}

/// poll(2) of descriptors until a point in time; its maximum is for ever.
inline int poll_until(pollfd& first, time_point deadline, nfds_t count = 1) noexcept {
    for (;;) {
        // A signal just before the call does not interrupt it.
        const time_point until =
            interruption::possible()
                ? (std::min)(deadline, std::chrono::steady_clock::now() + interruption_interval)
                : deadline;
        const int ready = retry([&] {
            const timespec time = time_until(until);
            return ppoll(&first, count, until == (time_point::max)() ? nullptr : &time, nullptr);
        });
        if (ready != 0 || until == deadline) {
            return ready;
        }
    }
}

}  // namespace sys

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
