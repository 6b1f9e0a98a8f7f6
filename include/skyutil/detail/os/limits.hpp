// SPDX-License-Identifier: MIT
//
// detail/os/limits.hpp: what binds the CPUs and the memory of this process.
//
// Only numbers: which of them decides is said in detail/system/. A number that the system does not
// tell is nullopt, and never an error.

#pragma once

#include <skyutil/detail/base/compiler.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/detail/os/limit_types.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/detail/text/integer_text.hpp>
#include <skyutil/detail/text/scan.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/linux/limits_state.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/linux/limits_state.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/limits_state.hpp>  // IWYU pragma: export
#endif

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

/// Tells what binds this process and the calling thread; or, of a system whose files have been
/// copied, what bound the process that copied them. Holds no handle, and remembers nothing but
/// where things are, so it stays right after fork. One object is for one thread at a time.
class limits_source {
public:
    /// This system.
    limits_source() noexcept;

    /// The copy of a Linux system's /proc and /sys below a directory.
    explicit limits_source(path_text directory) noexcept;

    /// Returns how many CPUs the calling thread may run on.
    [[nodiscard]] std::optional<int> affinity() const;

    /// Returns whether a quota binds the calling thread: none binds one with a real-time policy.
    [[nodiscard]] bool obeys_quota() const;

    /// Returns the limits on CPUs, as quickly as it can. A change of the places where the limits
    /// are is noticed within a second.
    [[nodiscard]] reading<cpu_limits> read_cpus();

    /// Returns how many bytes of memory the process may use, in the same way; 0 when nothing is
    /// known.
    [[nodiscard]] reading<std::uint64_t> read_memory();

    /// Returns both and what is in use. Allocates no memory unless groups or mounts have changed.
    [[nodiscard]] reading<limits_sample> sample();

    /// Returns the limits that set_limit() sets; without any where the system knows none.
    [[nodiscard]] resource_limit limit(resource which, std::error_code& error) const;

    /// For the backend.
    [[nodiscard]] const sys::limits_state& state() const noexcept { return state_; }

private:
    sys::limits_state state_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/linux/limits.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/limits.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/limits.hpp>  // IWYU pragma: export
#endif
