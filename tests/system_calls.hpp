// SPDX-License-Identifier: MIT
//
// tests/system_calls.hpp: the system calls that the library makes, each shown to the test first. A
// program compiled with SKYUTIL_TEST_SYSTEM_CALLS="system_calls.hpp" defines fails():
//
//     bool skyutil_tests::fails(system_call& call) noexcept {
//         errno = ENOSPC;
//         return call.name == "fsync";
//     }
//
// What the tests themselves and the standard library call is left alone, and so is what a new
// process does before it becomes a program.

#pragma once

#include <skyutil/version.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#if defined(__GLIBC__)
// NOLINTNEXTLINE(*-reserved-identifier,*-identifier-naming)
extern "C" int __clone(int (*work)(void*), void* stack, int flags, void* argument, ...) noexcept;
#endif

namespace skyutil_tests {

struct system_call {
    std::string_view name;
    std::array<std::uint64_t, 8> arguments{};  ///< numbers and addresses; they may be changed
};

/// Whether a call is not made but fails with what is in errno then. Defined by each program.
bool fails(system_call& call) noexcept;

template <class Value>
std::uint64_t to_word(Value value) noexcept {
    if constexpr (std::is_pointer_v<Value>) {
        return reinterpret_cast<std::uintptr_t>(value);
    } else if constexpr (std::is_null_pointer_v<Value>) {
        return 0;
    } else {
        return static_cast<std::uint64_t>(value);
    }
}

template <class Value>
Value from_word(std::uint64_t word) noexcept {
    if constexpr (std::is_pointer_v<Value>) {
        return reinterpret_cast<Value>(static_cast<std::uintptr_t>(word));
    } else if constexpr (std::is_null_pointer_v<Value>) {
        return nullptr;
    } else {
        return static_cast<Value>(word);
    }
}

template <class Function, class... Arguments>
auto make_unless_it_fails(std::string_view name, Function function,
                          Arguments... arguments) noexcept {
    system_call call{name, {to_word(arguments)...}};
    if (fails(call)) {
        return from_word<decltype(function(arguments...))>(~std::uint64_t{0});
    }
    return [&]<std::size_t... Index>(std::index_sequence<Index...>) {
        return function(from_word<Arguments>(call.arguments[Index])...);
    }(std::index_sequence_for<Arguments...>());
}

}  // namespace skyutil_tests

// Objects, not functions: with these no function of the same name is found beside them by the types
// of the arguments. The library's own variables may have their names.
#pragma GCC diagnostic ignored "-Wshadow"
#define SKYUTIL_CALL_AS(name, shown_name) \
    inline constexpr auto name = [](auto... arguments) noexcept { \
        return skyutil_tests::make_unless_it_fails( \
            shown_name, [](auto... values) noexcept { return ::name(values...); }, arguments...); \
    };
#define SKYUTIL_CALL(name) SKYUTIL_CALL_AS(name, #name)

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"  // of arguments that were constants
#pragma GCC diagnostic ignored "-Wsign-conversion"

SKYUTIL_CALL(bind)
SKYUTIL_CALL(chmod)
SKYUTIL_CALL(clock_gettime)
SKYUTIL_CALL(close)
SKYUTIL_CALL(dup3)
SKYUTIL_CALL(epoll_create1)
SKYUTIL_CALL(epoll_ctl)
SKYUTIL_CALL(eventfd)
SKYUTIL_CALL(fchmod)
SKYUTIL_CALL(fchown)
SKYUTIL_CALL(fcntl)
SKYUTIL_CALL(fgetxattr)
SKYUTIL_CALL(fremovexattr)
SKYUTIL_CALL(fsetxattr)
SKYUTIL_CALL(fsync)
SKYUTIL_CALL(getpid)
SKYUTIL_CALL(getrandom)
SKYUTIL_CALL(getsockname)
SKYUTIL_CALL(inotify_add_watch)
SKYUTIL_CALL(inotify_init1)
SKYUTIL_CALL(inotify_rm_watch)
SKYUTIL_CALL(ioctl)
SKYUTIL_CALL(kill)
SKYUTIL_CALL(lgetxattr)
SKYUTIL_CALL(listen)
SKYUTIL_CALL(llistxattr)
SKYUTIL_CALL(lseek)
SKYUTIL_CALL(madvise)
SKYUTIL_CALL(mkdirat)
SKYUTIL_CALL(mmap)
SKYUTIL_CALL(munmap)
SKYUTIL_CALL(nanosleep)
SKYUTIL_CALL(open)
SKYUTIL_CALL(openat)
SKYUTIL_CALL(pipe2)
SKYUTIL_CALL(poll)
SKYUTIL_CALL(ppoll)
SKYUTIL_CALL(prctl)
SKYUTIL_CALL(pthread_sigmask)
SKYUTIL_CALL(read)
SKYUTIL_CALL(readlink)
SKYUTIL_CALL(readlinkat)
SKYUTIL_CALL(renameat)
SKYUTIL_CALL(setsockopt)
SKYUTIL_CALL(sigpending)
SKYUTIL_CALL(sigtimedwait)
SKYUTIL_CALL(socket)
SKYUTIL_CALL(syscall)
SKYUTIL_CALL(sysinfo)
SKYUTIL_CALL(timerfd_create)
SKYUTIL_CALL(timerfd_settime)
SKYUTIL_CALL(unlinkat)
SKYUTIL_CALL(wait4)
SKYUTIL_CALL(write)
#if defined(__GLIBC__)
SKYUTIL_CALL(__clone)
#else
SKYUTIL_CALL(clone)
#endif
#if defined(__GLIBC__) && !defined(__LP64__) && !defined(__USE_FILE_OFFSET64)
SKYUTIL_CALL_AS(fstat64, "fstat")
SKYUTIL_CALL_AS(fstatat64, "fstatat")
SKYUTIL_CALL_AS(fstatfs64, "fstatfs")
SKYUTIL_CALL_AS(ftruncate64, "ftruncate")
SKYUTIL_CALL_AS(getrlimit64, "getrlimit")
SKYUTIL_CALL_AS(pread64, "pread")
SKYUTIL_CALL_AS(setrlimit64, "setrlimit")
SKYUTIL_CALL_AS(stat64, "stat")
SKYUTIL_CALL_AS(statfs64, "statfs")
#else
SKYUTIL_CALL(fstat)
SKYUTIL_CALL(fstatat)
SKYUTIL_CALL(fstatfs)
SKYUTIL_CALL(ftruncate)
SKYUTIL_CALL(getrlimit)
SKYUTIL_CALL(pread)
SKYUTIL_CALL(setrlimit)
SKYUTIL_CALL(stat)
SKYUTIL_CALL(statfs)
#endif

#pragma GCC diagnostic pop

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys

#undef SKYUTIL_CALL
#undef SKYUTIL_CALL_AS
