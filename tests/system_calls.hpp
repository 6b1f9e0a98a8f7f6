// SPDX-License-Identifier: MIT
//
// tests/system_calls.hpp: the system calls of the library on Linux, shown to the test first:
// shown_calls.hpp.

#pragma once

#include <skyutil/version.hpp>

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

#include "shown_calls.hpp"

#if defined(__GLIBC__)
// NOLINTNEXTLINE(*-reserved-identifier,*-identifier-naming)
extern "C" int __clone(int (*work)(void*), void* stack, int flags, void* argument, ...) noexcept;
#endif

#define SKYUTIL_CALL_AS(name, shown_name) SKYUTIL_SHOW_CALL(, name, shown_name)
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
SKYUTIL_CALL_AS(__clone, "clone")
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
