// SPDX-License-Identifier: MIT
//
// detail/os/windows/sockets.hpp: what detail/os/sockets.hpp declares.
//
// A socket without options does not keep its port: another that sets SO_REUSEADDR gets it too, and
// any other the address of one interface beside a socket that is bound to all of them. With
// SO_EXCLUSIVEADDRUSE, set before a socket is bound, it has its port alone.
//
// Source: "Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE" of Microsoft's reference of Winsock.

#pragma once

#include <skyutil/detail/os/windows/api/sockets.hpp>
#include <skyutil/detail/os/windows/errors.hpp>
#include <skyutil/version.hpp>

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {
inline constexpr std::uint16_t family_ipv4 = 2;   // AF_INET
inline constexpr std::uint16_t family_ipv6 = 23;  // AF_INET6

/// sockaddr_in, of which there are 16 bytes, and sockaddr_in6.
struct socket_address {
    std::uint16_t family = 0;
    std::uint16_t port = 0;               ///< in network byte order
    std::array<std::uint8_t, 24> rest{};  ///< an IPv4 address first; an IPv6 address after 4 bytes
};

inline std::error_code last_socket_error() noexcept {
    return error_of(static_cast<unsigned long>(WSAGetLastError()));
}

/// Has Winsock loaded, which stays so until the process ends, as released sockets may live on.
inline void start_sockets(std::error_code& error) noexcept {
    static constinit std::atomic<bool> started = false;
    if (started.load(std::memory_order_acquire)) {
        return;
    }
    constexpr unsigned short version = 0x202;
    alignas(void*) std::array<std::byte, 512> data;  // WSADATA, of at most 408 bytes
    const int failure = WSAStartup(version, reinterpret_cast<::WSAData*>(data.data()));
    if (failure != 0) {
        error = error_of(static_cast<unsigned long>(failure));
    } else {
        started.store(true, std::memory_order_release);
    }
}

inline void set_option(native_socket socket, int level, int option, int value,
                       std::error_code& error) noexcept {
    if (setsockopt(socket, level, option, reinterpret_cast<const char*>(&value), sizeof value) !=
        0) {
        error = last_socket_error();
    }
}

/// Between the byte orders of the network and of Windows, which is always little-endian.
constexpr std::uint16_t swap_bytes(std::uint16_t number) noexcept { return std::rotl(number, 8); }
}  // namespace sys

inline native_socket open_socket(const socket_type& type, std::error_code& error) noexcept {
    std::error_code failure;
    sys::start_sockets(failure);
    native_socket socket = no_socket;
    if (!failure) {
        constexpr int stream = 1;    // SOCK_STREAM
        constexpr int datagram = 2;  // SOCK_DGRAM
        constexpr unsigned long overlapped = 0x1;
        constexpr unsigned long no_inherit = 0x80;
        socket =
            sys::WSASocketW(type.ipv6 ? sys::family_ipv6 : sys::family_ipv4,
                            type.udp ? datagram : stream, 0, nullptr, 0, overlapped | no_inherit);
        if (socket == no_socket) {
            failure = sys::last_socket_error();
        }
    }
    if (!failure) {
        constexpr int of_socket = 0xffff;          // SOL_SOCKET
        constexpr int exclusive_address_use = ~4;  // SO_EXCLUSIVEADDRUSE
        sys::set_option(socket, of_socket, exclusive_address_use, 1, failure);
    }
    if (!failure && type.ipv6) {
        constexpr int of_ipv6 = 41;    // IPPROTO_IPV6
        constexpr int ipv6_only = 27;  // IPV6_V6ONLY
        sys::set_option(socket, of_ipv6, ipv6_only, type.ipv4 ? 0 : 1, failure);
    }
    if (failure) {
        error = failure;
        if (socket != no_socket) {
            close_socket(socket);
        }
        return no_socket;
    }
    return socket;
}

inline void close_socket(native_socket socket) noexcept { sys::closesocket(socket); }

/// No port is for the superuser alone. WSAEACCES is what the system says of a port that somebody
/// holds alone, and of those that it keeps for virtual machines and services.
inline void bind(native_socket socket, const socket_type& type, std::uint16_t port,
                 std::error_code& error) noexcept {
    sys::socket_address address;
    address.family = type.ipv6 ? sys::family_ipv6 : sys::family_ipv4;
    address.port = sys::swap_bytes(port);
    if (type.loopback && type.ipv6) {
        address.rest[4 + 15] = 1;  // ::1
    } else if (type.loopback) {
        address.rest[0] = 127;  // 127.0.0.1
        address.rest[3] = 1;
    }
    const int size = type.ipv6 ? sizeof address : 16;
    if (sys::bind(socket, reinterpret_cast<const ::sockaddr*>(&address), size) != 0) {
        const std::error_code failure = sys::last_socket_error();
        error = failure == std::errc::permission_denied ? make_error(std::errc::address_in_use)
                                                        : failure;
    }
}

inline std::uint16_t bound_port(native_socket socket, std::error_code& error) noexcept {
    sys::socket_address address;
    int size = sizeof address;
    if (sys::getsockname(socket, reinterpret_cast<::sockaddr*>(&address), &size) != 0) {
        error = sys::last_socket_error();
        return 0;
    }
    return sys::swap_bytes(address.port);
}

/// It has its port alone from the start.
inline guard_sockets hold_alone(native_socket, const socket_type&, std::error_code&) noexcept {
    return {no_socket, no_socket};
}

/// With SO_REUSEADDR on both sides anybody could take the port, and who of them gets connections is
/// not defined; set after bind() it has no effect.
inline void lend(native_socket, std::error_code& error) noexcept {
    error = make_error(std::errc::operation_not_supported);
}

inline int default_backlog() noexcept { return 0x7fffffff; }  // SOMAXCONN: what is reasonable

/// Connections in TIME_WAIT keep no server without options from the port.
inline void listen(native_socket socket, int backlog, std::error_code& error) noexcept {
    if (sys::listen(socket, backlog) != 0) {
        error = sys::last_socket_error();
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
