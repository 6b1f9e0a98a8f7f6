// SPDX-License-Identifier: MIT
//
// detail/os/posix/sockets.hpp: sockets that are descriptors.

#pragma once

#include <skyutil/version.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <system_error>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {
#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::bind, ::close, ::getsockname, ::listen, ::setsockopt, ::socket;
#endif

/// Sets SO_REUSEADDR, see socket(7).
inline void allow_address_reuse(int fd, std::error_code& error) noexcept {
    const int on = 1;
    if (sys::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1) {
        error = last_error();
    }
}
}  // namespace sys

inline native_socket open_socket(const socket_type& type, std::error_code& error) noexcept {
    const int fd = sys::socket(type.ipv6 ? AF_INET6 : AF_INET,
                               (type.udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        error = last_error();
        return no_socket;
    }
    const int only = type.ipv4 ? 0 : 1;  // the default is a system setting, see ipv6(7)
    if (type.ipv6 && sys::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) == -1) {
        error = last_error();
        close_socket(fd);
        return no_socket;
    }
    return fd;
}

inline void close_socket(native_socket socket) noexcept { sys::close(socket); }

inline void bind(native_socket socket, const socket_type& type, std::uint16_t port,
                 std::error_code& error) noexcept {
    int result = 0;
    if (type.ipv6) {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(port);
        address.sin6_addr = type.loopback ? in6addr_loopback : in6addr_any;
        result = sys::retry([&] {
            return sys::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
        });
    } else {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(type.loopback ? INADDR_LOOPBACK : INADDR_ANY);
        result = sys::retry([&] {
            return sys::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
        });
    }
    if (result == -1) {
        error = last_error();
    }
}

inline std::uint16_t bound_port(native_socket socket, std::error_code& error) noexcept {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (sys::getsockname(socket, reinterpret_cast<sockaddr*>(&storage), &size) == -1) {
        error = last_error();
        return 0;
    }
    in_port_t port = 0;  // at the same place in both kinds of address
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    std::memcpy(&port, reinterpret_cast<const char*>(&storage) + offsetof(sockaddr_in, sin_port),
                sizeof port);
    return ntohs(port);
}

inline int default_backlog() noexcept {
    return SOMAXCONN;
}  // the kernel lowers it to its somaxconn

inline void listen(native_socket socket, int backlog, std::error_code& error) noexcept {
    if (sys::listen(socket, backlog) == -1) {
        error = last_error();
        return;
    }
    sys::allow_address_reuse(socket, error);  // no other socket can bind the port as one listens
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
