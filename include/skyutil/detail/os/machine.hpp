// SPDX-License-Identifier: MIT
//
// detail/os/machine.hpp: the environment, a clock that costs little, and setting the limits of this
// process. What limits there are is told in detail/os/limits.hpp.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

/// Returns the value of an environment variable, in UTF-8 where the system tells its encoding;
/// nullopt where it is not set, and in a program with more rights than its caller.
inline std::optional<std::string> environment(const char* name);

/// Returns milliseconds of a clock that only goes forward, a few milliseconds behind.
inline std::uint64_t coarse_milliseconds() noexcept;

/// What a process may have no more of than its limits say.
enum class resource {
    descriptors,    ///< open files, pipes, sockets...
    address_space,  ///< bytes of mapped memory, whether it is used or not
    data,           ///< bytes of private writable memory
};

/// nullopt is no limit.
struct resource_limit {
    std::optional<std::uint64_t> soft;  ///< what the system enforces
    std::optional<std::uint64_t> hard;  ///< how far the process may raise the soft limit
};

/// Sets both limits of this process and of those that it starts.
inline void set_limit(resource which, const resource_limit& to, std::error_code& error) noexcept;

/// Returns what the system calls a limit, for people: "RLIMIT_NOFILE".
inline const char* limit_name(resource which) noexcept;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/linux/machine.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/machine.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/machine.hpp>  // IWYU pragma: export
#endif
