// SPDX-License-Identifier: MIT
//
// A free port by hand: one socket, whose bind is tried again for the next port.

#pragma once

#include <skyutil/ports.hpp>

#include <cerrno>
#include <cstdint>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rivals {

inline int make_socket(const skyutil::port_options& options) {
    if (options.family == skyutil::port_family::ipv4) {
        return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
    const int fd = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int off = 0;
    ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    return fd;
}

inline bool bind_to(int fd, const skyutil::port_options& options, std::uint16_t port) {
    if (options.family == skyutil::port_family::ipv4) {
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_port = htons(port);
        return ::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
    }
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    name.sin6_port = htons(port);
    return ::bind(fd, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
}

inline std::uint16_t port_of(int fd) {
    sockaddr_in6 name{};
    socklen_t size = sizeof name;
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size);
    return ntohs(name.sin6_port);  // at the same place in both kinds of address
}

/// 0 when there is none.
inline std::uint16_t find_by_hand(std::uint16_t start, const skyutil::port_options& options) {
    const int fd = make_socket(options);
    std::uint32_t port = start;
    while (port <= options.last && !bind_to(fd, options, static_cast<std::uint16_t>(port)) &&
           errno == EADDRINUSE) {
        ++port;
    }
    const std::uint16_t found = port > options.last
                                    ? std::uint16_t{0}
                                    : (start == 0 ? port_of(fd) : static_cast<std::uint16_t>(port));
    ::close(fd);
    return found;
}

}  // namespace rivals
