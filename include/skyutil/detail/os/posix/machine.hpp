// SPDX-License-Identifier: MIT
//
// detail/os/posix/machine.hpp: the limits of a process, getrlimit(2).

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <system_error>

#include <sys/resource.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {
inline int number_of(resource which) noexcept {
    switch (which) {
        case resource::descriptors:
            return RLIMIT_NOFILE;
        case resource::address_space:
            return RLIMIT_AS;
        case resource::data:
        default:
            return RLIMIT_DATA;
    }
}

/// Returns the limits of this process.
inline resource_limit get_limit(resource which, std::error_code& error) noexcept {
    limit_info limit;  // NOLINT(*-member-init)
    if (get_limits(number_of(which), limit) == -1) {
        error = last_error();
        return {};
    }
    constexpr auto none = static_cast<decltype(limit.rlim_cur)>(-1);  // RLIM_INFINITY
    const auto bound = [](std::uint64_t value) {
        return value == none ? std::nullopt : std::optional(value);
    };
    return {bound(limit.rlim_cur), bound(limit.rlim_max)};
}
}  // namespace sys

inline void set_limit(resource which, const resource_limit& to, std::error_code& error) noexcept {
    using number = decltype(sys::limit_info::rlim_cur);
    constexpr std::uint64_t none = static_cast<number>(-1);  // RLIM_INFINITY
    const sys::limit_info limit{static_cast<number>((std::min)(to.soft.value_or(none), none)),
                                static_cast<number>((std::min)(to.hard.value_or(none), none))};
    if (sys::set_limits(sys::number_of(which), limit) == -1) {
        error = last_error();
    }
}

inline const char* limit_name(resource which) noexcept {
    switch (which) {
        case resource::descriptors:
            return "RLIMIT_NOFILE";
        case resource::address_space:
            return "RLIMIT_AS";
        case resource::data:
        default:
            return "RLIMIT_DATA";
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
