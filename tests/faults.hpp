// SPDX-License-Identifier: MIT
//
// tests/faults.hpp: makes system calls of the calling thread fail, be interrupted or do less than
// asked. The linker's --wrap hands the calls of the test program to the functions here; what the
// C++ library itself calls is left alone. One source file of a program may include it.
//
//     const fault fault("fsync", 0, EIO);  // the first fsync from here on
//     skyutil::write_file_atomic(path, "text", error);

#pragma once

#include <cerrno>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace skyutil_tests {

/// In its scope one system call fails, or does something before it is made, or all are disturbed.
class fault {
public:
    /// Counts calls only.
    fault() { install(); }

    /// The call of that name after `before` others of the name fails; nothing is done.
    fault(std::string call, int before, int error)
        : call_(std::move(call)), before_(before), error_(error) {
        install();
    }

    /// For `before`: not one call, but every one.
    static constexpr int every_call = -1;

    /// The call is made after `action`.
    fault(std::string call, int before, std::function<void()> action)
        : call_(std::move(call)), before_(before), action_(std::move(action)) {
        install();
    }

    enum class disturbance {
        interrupted,  ///< each call fails with EINTR before it is made
        trickling,    ///< no more than 3 bytes are read or written at once
    };
    explicit fault(disturbance kind) : all_(true), kind_(kind) { install(); }

    fault(const fault&) = delete;
    fault& operator=(const fault&) = delete;
    ~fault() { current() = nullptr; }

    /// Calls made so far, by name.
    const std::map<std::string, int>& calls() const { return calls_; }
    bool happened() const { return happened_; }

    /// Whether the call is to fail; errno says why.
    static bool strikes(const char* call) {
        fault* const self = current();
        if (self == nullptr) {
            return false;
        }
        current() = nullptr;  // what follows may itself make system calls
        const bool result = self->decide(call);
        const int error = self->all_ ? EINTR : self->error_;
        current() = self;
        if (result) {
            errno = error;
        }
        return result;
    }

    static std::size_t limit(std::size_t size) {
        const fault* const self = current();
        const bool trickling =
            self != nullptr && self->all_ && self->kind_ == disturbance::trickling;
        return trickling && size > 3 ? 3 : size;
    }

private:
    static fault*& current() {
        static thread_local fault* installed = nullptr;
        return installed;
    }

    void install() { current() = this; }

    bool decide(const char* call) {
        const int seen = calls_[call]++;
        if (all_) {
            happened_ = true;
            // mmap(2) is never interrupted.
            return kind_ == disturbance::interrupted && seen % 2 == 0 &&
                   std::string_view(call) != "mmap";
        }
        if (call_ != call || (seen != before_ && before_ != every_call)) {
            return false;
        }
        happened_ = true;
        if (action_) {
            action_();
            return false;
        }
        return true;
    }

    std::string call_;
    int before_ = 0;
    int error_ = 0;
    std::function<void()> action_;
    bool all_ = false;
    disturbance kind_ = disturbance::interrupted;
    bool happened_ = false;
    std::map<std::string, int> calls_;
};

}  // namespace skyutil_tests

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
