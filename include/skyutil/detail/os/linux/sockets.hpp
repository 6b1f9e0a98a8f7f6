// SPDX-License-Identifier: MIT
//
// detail/os/linux/sockets.hpp: sockets and ports.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/files.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <system_error>

#include <netinet/in.h>
#include <sys/socket.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
namespace sys {
using ::bind, ::getsockname, ::listen, ::setsockopt, ::socket;
}  // namespace sys
#endif

struct socket_type {
    bool ipv6;
    bool ipv4;  ///< with ipv6: both through one socket
    bool udp;
    bool loopback;
};

/// A socket not bound yet; -1 on failure. std::errc::address_family_not_supported where there is no
/// IPv6.
inline int open_socket(const socket_type& type, std::error_code& error) noexcept {
    const int fd = sys::socket(type.ipv6 ? AF_INET6 : AF_INET,
                               (type.udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        error = last_error();
        return -1;
    }
    const int only = type.ipv4 ? 0 : 1;  // the default is a system setting, see ipv6(7)
    if (type.ipv6 && sys::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) == -1) {
        error = last_error();
        close(fd);
        return -1;
    }
    return fd;
}

/// Binds to a port, 0 for any that is free.
inline void bind(int fd, const socket_type& type, std::uint16_t port,
                 std::error_code& error) noexcept {
    int result = 0;
    if (type.ipv6) {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(port);
        address.sin6_addr = type.loopback ? in6addr_loopback : in6addr_any;
        result = sys::retry([&] {
            return sys::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
        });
    } else {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(type.loopback ? INADDR_LOOPBACK : INADDR_ANY);
        result = sys::retry([&] {
            return sys::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
        });
    }
    if (result == -1) {
        error = last_error();
    }
}

/// What listen(2) takes for a backlog when the caller names none; the kernel lowers it to its
/// somaxconn.
inline constexpr int default_backlog = SOMAXCONN;

inline void listen(int fd, int backlog, std::error_code& error) noexcept {
    if (sys::listen(fd, backlog) == -1) {
        error = last_error();
    }
}

/// Sets SO_REUSEADDR, see socket(7).
inline void allow_address_reuse(int fd, std::error_code& error) noexcept {
    const int on = 1;
    if (sys::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1) {
        error = last_error();
    }
}

/// The port a socket is bound to.
inline std::uint16_t bound_port(int fd, std::error_code& error) noexcept {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (sys::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) == -1) {
        error = last_error();
        return 0;
    }
    in_port_t port = 0;  // at the same place in both kinds of address
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    std::memcpy(&port, reinterpret_cast<const char*>(&storage) + offsetof(sockaddr_in, sin_port),
                sizeof port);
    return ntohs(port);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
