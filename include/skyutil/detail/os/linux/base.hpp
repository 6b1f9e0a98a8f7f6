// SPDX-License-Identifier: MIT
//
// detail/os/linux/base.hpp: errors of system calls, and calls that signals interrupt.

#pragma once

#include <skyutil/version.hpp>

#include <cerrno>
#include <system_error>

namespace skyutil::inline v0::detail::os {

inline std::error_code last_error() noexcept { return {errno, std::generic_category()}; }

inline std::error_code make_error(std::errc code) noexcept { return std::make_error_code(code); }

/// Repeats a system call for as long as signals interrupt it.
template <class Call>
auto retry(Call call) noexcept {
    for (;;) {
        const auto result = call();
        if (result != -1 || errno != EINTR) {
            return result;
        }
    }
}

}  // namespace skyutil::inline v0::detail::os
