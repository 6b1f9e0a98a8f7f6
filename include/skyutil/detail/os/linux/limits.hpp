// SPDX-License-Identifier: MIT
//
// detail/os/linux/limits.hpp: what detail/os/limits.hpp declares. System calls tell what they can
// of the running system; the files of detail/os/linux/limits_state.hpp tell the rest, and what a
// filter forbids to ask.

#pragma once

#include <skyutil/detail/os/limit_types.hpp>
#include <skyutil/detail/os/linux/limits_state.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/detail/text/integer_text.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <sched.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {
#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::getpid, ::syscall, ::sysinfo;
#endif

inline thread_ids own_ids() { return {integer_text(syscall(SYS_gettid)), integer_text(getpid())}; }

/// Returns how many CPUs are in the affinity mask of the calling thread.
///
/// The mask must be as large as the kernel's (sched_setaffinity(2)), which no call tells: it is
/// doubled until it is. The system call, unlike its wrapper, returns how many bytes it wrote.
inline std::optional<int> count_affinity() noexcept {
    constexpr std::size_t most = 1U << 19;
    const auto count_in = [](cpu_set_t* set, std::size_t size) {
        const long written = syscall(SYS_sched_getaffinity, 0, size, set);
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
    return count > 0 ? std::optional(count) : std::nullopt;
}

/// Returns the scheduling policy of the calling thread.
inline std::optional<std::uint64_t> scheduling_policy() noexcept {
    const long policy = syscall(SYS_sched_getscheduler, 0);  // musl's function knows none
    return policy < 0 ? std::nullopt
                      : std::optional(static_cast<std::uint64_t>(policy & ~SCHED_RESET_ON_FORK));
}

inline machine_memory count_memory() noexcept {
    struct ::sysinfo info;  // NOLINT(*-member-init)
    if (sysinfo(&info) == -1) {
        return {};
    }
    return {std::uint64_t{info.totalram} * info.mem_unit,
            (std::uint64_t{info.freeram} + info.bufferram) * info.mem_unit};
}
}  // namespace sys

inline limits_source::limits_source() noexcept : state_(sys::system_root(sys::own_ids)) {}

inline limits_source::limits_source(path_text directory) noexcept
    : state_(sys::system_root(std::move(directory))) {}

inline std::optional<int> limits_source::affinity() const {
    const auto told = state_.root().is_real() ? sys::count_affinity() : std::nullopt;
    return told ? told : state_.affinity();
}

inline bool limits_source::obeys_quota() const {
    const auto told = state_.root().is_real() ? sys::scheduling_policy() : std::nullopt;
    const auto policy = told ? told : state_.policy();
    return !policy || !sys::is_real_time(*policy);
}

inline reading<cpu_limits> limits_source::read_cpus() {
    return state_.read_cpus(state_.root().is_real() && sys::count_affinity());
}

inline reading<std::uint64_t> limits_source::read_memory() {
    return state_.read_memory(state_.root().is_real() ? sys::count_memory()
                                                      : sys::machine_memory());
}

inline reading<limits_sample> limits_source::sample() {
    return state_.root().is_real()
               ? state_.sample(sys::count_affinity().has_value(), sys::count_memory())
               : state_.sample(false, sys::machine_memory());
}

inline resource_limit limits_source::limit(resource which, std::error_code& error) const {
    std::error_code refused;
    if (state_.root().is_real()) {
        const resource_limit told = sys::get_limit(which, refused);
        if (!refused) {
            return told;
        }
    }
    const std::optional<resource_limit> read = state_.limit(which);
    if (!read && refused) {
        error = refused;
    }
    return read.value_or(resource_limit());
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
