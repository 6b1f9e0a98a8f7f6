// SPDX-License-Identifier: MIT
//
// CPUs and memory from one system call, from their files, and from libuv.

#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#if defined(SKYUTIL_BENCH_LIBUV)
#include <uv.h>
#endif

namespace rivals {

/// The bytes of the mask that the kernel has filled.
inline long affinity() {
    std::array<unsigned long, 128> mask{};
    return ::syscall(SYS_sched_getaffinity, 0, sizeof mask, mask.data());
}

/// The CPUs the calling thread may use, without any limit of its groups.
inline int affinity_count() {
    cpu_set_t mask;
    ::sched_getaffinity(0, sizeof mask, &mask);
    return CPU_COUNT(&mask);
}

inline double memory_in_gib() {
    struct sysinfo info;  // NOLINT(*-member-init)
    ::sysinfo(&info);
    return static_cast<double>(info.totalram) * info.mem_unit / (1 << 30);
}

inline std::size_t read_files(std::initializer_list<const char*> names) {
    static std::array<char, 1 << 16> buffer;
    std::size_t total = 0;
    for (const char* const name : names) {
        const int fd = ::open(name, O_RDONLY | O_CLOEXEC);
        for (ssize_t count = 0;
             fd != -1 && (count = ::read(fd, buffer.data(), buffer.size())) > 0;) {
            total += static_cast<std::size_t>(count);
        }
        ::close(fd);
    }
    return total;
}

}  // namespace rivals
