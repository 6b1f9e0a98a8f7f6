// SPDX-License-Identifier: MIT
//
// detail/process/child_identity.hpp: what tells a child of this process from others.

#pragma once

#include <skyutil/detail/os.hpp>

#include <cstdint>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// What tells a child of this process from a process that gets its id once the child has been
/// reaped. May be used in any thread, while the pidfd is open.
struct child_identity {
    std::int64_t pid = 0;
    int pidfd = -1;              ///< -1: there is none
    bool leads_group = false;    ///< the child made a process group of its own
    bool leads_session = false;  ///< and a session of its own

    /// Until then the child certainly had its id, in clock ticks since the machine started.
    std::uint64_t owned_until = 0;

    /// Whether the child still has its id: it runs, or has not been reaped.
    [[nodiscard]] bool has_its_id() const noexcept {
        return os::has_its_id(static_cast<pid_t>(pid), pidfd);
    }

    /// Whether other processes are in the group of the child, as far as the kernel tells. While
    /// they are, no new process gets the number.
    [[nodiscard]] bool has_group() const noexcept {
        std::error_code error;
        if (leads_group && pidfd != -1) {
            os::signal_group_of_pidfd(pidfd, 0, error);
        }
        return leads_group && pidfd != -1 &&
               (!error || error == std::errc::operation_not_permitted);
    }
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
