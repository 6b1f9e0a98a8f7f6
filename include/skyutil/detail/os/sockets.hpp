// SPDX-License-Identifier: MIT
//
// detail/os/sockets.hpp: sockets that hold ports.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/version.hpp>

#include <array>
#include <cstdint>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

struct socket_type {
    bool ipv6;
    bool ipv4;  ///< with ipv6: both through one socket
    bool udp;
    bool loopback;
};

/// Returns a socket that is not bound yet; no_socket on failure. std::errc::
/// address_family_not_supported where there is no IPv6. When it is bound it shares its port with no
/// other socket, whatever options that has, as far as options of its own can see to it.
inline native_socket open_socket(const socket_type& type, std::error_code& error) noexcept;

/// Closes a socket; not no_socket.
inline void close_socket(native_socket socket) noexcept;

/// Binds to a port, 0 for any that is free. std::errc::address_in_use whenever others have the
/// port, or the system keeps it for them; std::errc::permission_denied where the caller may not
/// bind it.
inline void bind(native_socket socket, const socket_type& type, std::uint16_t port,
                 std::error_code& error) noexcept;

/// The port a socket is bound to.
inline std::uint16_t bound_port(native_socket socket, std::error_code& error) noexcept;

/// Sockets that only keep others away; no_socket those that are not needed.
using guard_sockets = std::array<native_socket, 2>;

/// Keeps all other sockets from the port of a socket that is bound, whatever options they set.
/// Where the options of one socket cannot do that for all addresses, others are bound to some of
/// them: the guards, which must be closed before the socket listens or is given away.
inline guard_sockets hold_alone(native_socket socket, const socket_type& type,
                                std::error_code& error) noexcept;

/// Lets servers bind the port of a socket that is bound, and listen on it, if they set SO_REUSEADDR
/// as most do. std::errc::operation_not_supported where others would get more than that.
inline void lend(native_socket socket, std::error_code& error) noexcept;

/// The backlog when the caller names none: as much as the system allows.
inline int default_backlog() noexcept;

/// Makes a socket of TCP listen: no other socket can bind the port any more. A server that is
/// started again can have it while connections of this socket are in TIME_WAIT.
inline void listen(native_socket socket, int backlog, std::error_code& error) noexcept;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/linux/sockets.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/sockets.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/sockets.hpp>  // IWYU pragma: export
#endif
