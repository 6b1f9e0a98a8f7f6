// SPDX-License-Identifier: MIT
//
// detail/os/linux/sockets.hpp: who else can bind a port, see socket(7).

#pragma once

#include <skyutil/detail/os/posix/sockets.hpp>  // IWYU pragma: export
#include <skyutil/version.hpp>

#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

/// A socket without SO_REUSEADDR has its port alone: on all addresses when it is bound to all.
inline guard_sockets hold_alone(native_socket, const socket_type&, std::error_code&) noexcept {
    return {no_socket, no_socket};
}

/// After bind(): a socket that has the option while it is bound would share the port of another
/// that has it.
inline void lend(native_socket socket, std::error_code& error) noexcept {
    sys::allow_address_reuse(socket, error);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
