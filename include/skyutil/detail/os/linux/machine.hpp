// SPDX-License-Identifier: MIT
//
// detail/os/linux/machine.hpp: processors, memory, limits and clocks.

#pragma once

#include <skyutil/detail/os/base.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <system_error>

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
namespace sys {
using ::clock_gettime, ::sched_getscheduler, ::syscall, ::sysinfo;
}  // namespace sys
#endif

/// CPUs in the calling thread's affinity mask, 0 when the kernel does not say.
///
/// The mask must be as large as the kernel's (sched_setaffinity(2)), which no call tells: it is
/// doubled until it is. The system call, unlike its wrapper, returns how many bytes it wrote.
inline int affinity_count() noexcept {
    constexpr std::size_t most = 1U << 19;
    const auto count_in = [](cpu_set_t* set, std::size_t size) {
        const long written = sys::syscall(SYS_sched_getaffinity, 0, size, set);
        return written > 0       ? CPU_COUNT_S(static_cast<std::size_t>(written), set)
               : errno == EINVAL ? -1
                                 : 0;
    };
    std::array<cpu_set_t, 8> sets;  // NOLINT(*-member-init)
    int count = count_in(sets.data(), sizeof(sets));
    for (std::size_t cpus = 2 * CPU_SETSIZE * sets.size(); count == -1 && cpus <= most; cpus *= 2) {
        cpu_set_t* const large = CPU_ALLOC(cpus);
        if (large == nullptr) {
            break;
        }
        count = count_in(large, CPU_ALLOC_SIZE(cpus));
        CPU_FREE(large);
    }
    return (std::max)(count, 0);
}

/// Whether a scheduling policy is SCHED_FIFO, SCHED_RR or SCHED_DEADLINE, which the bandwidth
/// control of fair scheduling does not bind (kernel documentation, scheduler/sched-bwc).
inline bool is_real_time(std::uint64_t policy) noexcept {
    return policy == SCHED_FIFO || policy == SCHED_RR ||
           policy == 6;  // SCHED_DEADLINE, not in <sched.h>
}

/// The scheduling policy of the calling thread, nullopt when the kernel does not say.
inline std::optional<std::uint64_t> scheduling_policy() noexcept {
    const int policy = sys::sched_getscheduler(0);
    return policy < 0 ? std::nullopt
                      : std::optional(static_cast<std::uint64_t>(policy & ~SCHED_RESET_ON_FORK));
}

/// Bytes of memory of the machine, and those that nothing uses; 0 when the kernel does not say.
struct machine_memory {
    std::uint64_t total = 0;
    std::uint64_t free = 0;
};

inline machine_memory memory() noexcept {
    struct sysinfo info;  // NOLINT(*-member-init)
    if (sys::sysinfo(&info) == -1) {
        return {};
    }
    return {std::uint64_t{info.totalram} * info.mem_unit,
            (std::uint64_t{info.freeram} + info.bufferram) * info.mem_unit};
}

/// What setrlimit(2) limits.
enum class resource : int {
    descriptors = RLIMIT_NOFILE,
    address_space = RLIMIT_AS,
    data = RLIMIT_DATA,
};

/// In descriptors or bytes; nullopt when there is no limit.
struct resource_limit {
    std::optional<std::uint64_t> soft;
    std::optional<std::uint64_t> hard;
};

inline resource_limit get_limit(resource which, std::error_code& error) noexcept {
    sys::limit_info limit;  // NOLINT(*-member-init)
    if (sys::get_limits(static_cast<int>(which), limit) == -1) {
        error = last_error();
        return {};
    }
    constexpr auto none = static_cast<decltype(limit.rlim_cur)>(-1);  // RLIM_INFINITY
    const auto bound = [](std::uint64_t value) {
        return value == none ? std::nullopt : std::optional(value);
    };
    return {bound(limit.rlim_cur), bound(limit.rlim_max)};
}

inline void set_limit(resource which, const resource_limit& to, std::error_code& error) noexcept {
    using number = decltype(sys::limit_info::rlim_cur);
    constexpr std::uint64_t none = static_cast<number>(-1);  // RLIM_INFINITY
    const sys::limit_info limit{static_cast<number>((std::min)(to.soft.value_or(none), none)),
                                static_cast<number>((std::min)(to.hard.value_or(none), none))};
    if (sys::set_limits(static_cast<int>(which), limit) == -1) {
        error = last_error();
    }
}

/// Soft limit on open descriptors; nullopt when there is none.
inline std::optional<std::uint64_t> soft_fd_limit(std::error_code& error) noexcept {
    return get_limit(resource::descriptors, error).soft;
}

/// An environment variable; none at all in a program with more rights than its caller.
inline const char* environment(const char* name) noexcept { return ::secure_getenv(name); }

/// Milliseconds of a clock that only goes forward, a few milliseconds behind.
inline std::uint64_t coarse_milliseconds() noexcept {
    timespec now;  // NOLINT(*-member-init)
    sys::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
