// SPDX-License-Identifier: MIT
//
// The functions that --wrap puts in place of those of the C library.

#include "files/faults.hpp"

#include <cstddef>

#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

// NOLINTBEGIN(*-reserved-identifier, *-identifier-naming)
// SKYUTIL_WRAP(<result>, <failure>, <name>, (<parameters>), (<arguments>))
#define SKYUTIL_WRAP(result, failure, name, parameters, arguments) \
    extern "C" result __real_##name parameters; \
    extern "C" result __wrap_##name parameters; \
    result __wrap_##name parameters { \
        if (skyutil_tests::fault::strikes(#name)) { \
            return failure; \
        } \
        return __real_##name arguments; \
    }

#define SKYUTIL_LIMIT(size) skyutil_tests::fault::limit(size)

SKYUTIL_WRAP(int, -1, fstat, (int fd, struct stat* info), (fd, info))
SKYUTIL_WRAP(int, -1, fstatat, (int fd, const char* name, struct stat* info, int flags),
             (fd, name, info, flags))
SKYUTIL_WRAP(int, -1, stat, (const char* name, struct stat* info), (name, info))
SKYUTIL_WRAP(int, -1, fstatfs, (int fd, struct statfs* info), (fd, info))
SKYUTIL_WRAP(ssize_t, -1, read, (int fd, void* data, std::size_t size),
             (fd, data, SKYUTIL_LIMIT(size)))
SKYUTIL_WRAP(ssize_t, -1, pread, (int fd, void* data, std::size_t size, off_t offset),
             (fd, data, SKYUTIL_LIMIT(size), offset))
SKYUTIL_WRAP(ssize_t, -1, write, (int fd, const void* data, std::size_t size),
             (fd, data, SKYUTIL_LIMIT(size)))
SKYUTIL_WRAP(ssize_t, -1, getrandom, (void* data, std::size_t size, unsigned flags),
             (data, size, flags))
SKYUTIL_WRAP(ssize_t, -1, readlink, (const char* name, char* data, std::size_t size),
             (name, data, size))
SKYUTIL_WRAP(int, -1, poll, (pollfd * entries, nfds_t count, int timeout),
             (entries, count, timeout))
SKYUTIL_WRAP(void*, MAP_FAILED, mmap,
             (void* address, std::size_t size, int protection, int flags, int fd, off_t offset),
             (address, size, protection, flags, fd, offset))
SKYUTIL_WRAP(int, -1, fsync, (int fd), (fd))
SKYUTIL_WRAP(int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
SKYUTIL_WRAP(int, -1, chmod, (const char* name, mode_t mode), (name, mode))
SKYUTIL_WRAP(int, -1, fchown, (int fd, uid_t user, gid_t group), (fd, user, group))
SKYUTIL_WRAP(int, -1, renameat, (int from_fd, const char* from, int to_fd, const char* to),
             (from_fd, from, to_fd, to))
SKYUTIL_WRAP(int, -1, unlinkat, (int fd, const char* name, int flags), (fd, name, flags))
SKYUTIL_WRAP(int, -1, mkdirat, (int fd, const char* name, mode_t mode), (fd, name, mode))
SKYUTIL_WRAP(off_t, -1, lseek, (int fd, off_t offset, int whence), (fd, offset, whence))

extern "C" int __real_open(const char* name, int flags, ...);
extern "C" int __wrap_open(const char* name, int flags, unsigned mode);
int __wrap_open(const char* name, int flags, unsigned mode) {
    return skyutil_tests::fault::strikes("open") ? -1 : __real_open(name, flags, mode);
}

extern "C" int __real_openat(int directory, const char* name, int flags, ...);
extern "C" int __wrap_openat(int directory, const char* name, int flags, unsigned mode);
int __wrap_openat(int directory, const char* name, int flags, unsigned mode) {
    return skyutil_tests::fault::strikes("openat") ? -1
                                                   : __real_openat(directory, name, flags, mode);
}

extern "C" long __real_syscall(long number, ...);
extern "C" long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f) {
    return skyutil_tests::fault::strikes("syscall") ? -1 : __real_syscall(number, a, b, c, d, e, f);
}

/// Closes the descriptor whatever is said, as Linux does.
extern "C" int __real_close(int fd);
extern "C" int __wrap_close(int fd);
int __wrap_close(int fd) {
    const int result = __real_close(fd);
    return skyutil_tests::fault::strikes("close") ? -1 : result;
}

#undef SKYUTIL_LIMIT
#undef SKYUTIL_WRAP
// NOLINTEND(*-reserved-identifier, *-identifier-naming)
