// SPDX-License-Identifier: MIT
//
// detail/os/linux/machine.hpp: what detail/os/machine.hpp declares.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/posix/machine.hpp>  // IWYU pragma: export
#include <skyutil/version.hpp>

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>

#include <time.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
namespace sys {
using ::clock_gettime;
}  // namespace sys
#endif

inline std::optional<std::string> environment(const char* name) {
    const char* const value = ::secure_getenv(name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

inline std::uint64_t coarse_milliseconds() noexcept {
    timespec now;  // NOLINT(*-member-init)
    sys::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
