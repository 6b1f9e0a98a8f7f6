// SPDX-License-Identifier: MIT
//
// What the sockets of Windows are to other sockets.

#include <winsock2.h>
#include <ws2tcpip.h>

#include <skyutil/ports.hpp>

#include <array>
#include <cstdint>
#include <cstring>
#include <system_error>

#include <windows.h>

#include "catch.hpp"

using skyutil::is_port_available;
using skyutil::port_address;
using skyutil::port_family;
using skyutil::port_protocol;
using skyutil::reserved_port;

namespace {

/// A socket of another program. Its maker has had a port, so Winsock is there.
class other_socket {
public:
    explicit other_socket(int option = 0, int type = SOCK_STREAM)
        : socket_(::socket(AF_INET, type, 0)) {
        const int on = 1;
        if (option != 0) {
            ::setsockopt(socket_, SOL_SOCKET, option, reinterpret_cast<const char*>(&on),
                         sizeof on);
        }
    }
    other_socket(const other_socket&) = delete;
    other_socket& operator=(const other_socket&) = delete;
    ~other_socket() { ::closesocket(socket_); }

    /// Returns the error, 0 without one.
    int bind(std::uint16_t port, unsigned long address) const {
        const sockaddr_in name = named(port, address);
        return ::bind(socket_, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0
                   ? 0
                   : ::WSAGetLastError();
    }
    bool connects(std::uint16_t port) const {
        const sockaddr_in name = named(port, INADDR_LOOPBACK);
        return ::connect(socket_, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
    }

private:
    static sockaddr_in named(std::uint16_t port, unsigned long address) {
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_port = ::htons(port);
        name.sin_addr.s_addr = ::htonl(address);
        return name;
    }

    SOCKET socket_;
};

int option_of(SOCKET socket, int level, int option) {
    int value = 0;  // of which a BOOL can be the first byte
    int size = sizeof value;
    return ::getsockopt(socket, level, option, reinterpret_cast<char*>(&value), &size) == 0 ? value
                                                                                            : -1;
}

}  // namespace

TEST_CASE("a held port has the option that keeps others away, and is not inherited") {
    for (const port_protocol protocol : {port_protocol::tcp, port_protocol::udp}) {
        const reserved_port held(0, {.protocol = protocol});
        CHECK(option_of(held.native_handle(), SOL_SOCKET, SO_EXCLUSIVEADDRUSE) == 1);
        DWORD flags = HANDLE_FLAG_INHERIT;
        CHECK(::GetHandleInformation(reinterpret_cast<HANDLE>(held.native_handle()), &flags) != 0);
        CHECK((flags & HANDLE_FLAG_INHERIT) == 0);
    }
}

TEST_CASE("no other socket can bind a held port, whatever options it sets") {
    for (const port_address address : {port_address::any, port_address::loopback}) {
        for (const bool listens : {false, true}) {
            reserved_port held(0, {.address = address});
            if (listens) {
                held.listen();
            }
            for (const int option : {0, SO_REUSEADDR, SO_EXCLUSIVEADDRUSE}) {
                CAPTURE(static_cast<int>(address), listens, option);
                const int error = other_socket(option).bind(held.port(), INADDR_LOOPBACK);
                CHECK((error == WSAEACCES || error == WSAEADDRINUSE));
            }
        }
    }
}

TEST_CASE("a port that another socket has is taken, whatever options that has set") {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        for (const int option : {0, SO_REUSEADDR, SO_EXCLUSIVEADDRUSE}) {
            for (const unsigned long address :
                 std::array<unsigned long, 2>{INADDR_ANY, INADDR_LOOPBACK}) {
                CAPTURE(type, option, address);
                const std::uint16_t port = reserved_port(0).port();
                const other_socket other(option, type);
                REQUIRE(other.bind(port, address) == 0);
                std::error_code error;
                CHECK_FALSE(is_port_available(
                    port,
                    {.protocol = type == SOCK_STREAM ? port_protocol::tcp : port_protocol::udp},
                    error));
                CHECK_FALSE(error);
            }
        }
    }
}

TEST_CASE("one socket serves IPv4 and IPv6") {
    reserved_port held;
    held.listen();
    WSAPROTOCOL_INFOW info{};
    int size = sizeof info;
    REQUIRE(::getsockopt(held.native_handle(), SOL_SOCKET, SO_PROTOCOL_INFOW,
                         reinterpret_cast<char*>(&info), &size) == 0);
    if (info.iAddressFamily == AF_INET6) {
        CHECK(option_of(held.native_handle(), IPPROTO_IPV6, IPV6_V6ONLY) == 0);
    }
    CHECK(other_socket().connects(held.port()));
    const SOCKET accepted = ::accept(held.native_handle(), nullptr, nullptr);
    CHECK(accepted != INVALID_SOCKET);
    ::closesocket(accepted);
}

TEST_CASE("a socket that is released is the caller's, and holds its port") {
    reserved_port held;
    const SOCKET mine = held.release();
    CHECK_FALSE(held);
    CHECK(held.native_handle() == INVALID_SOCKET);
    CHECK_FALSE(is_port_available(held.port()));
    CHECK(::closesocket(mine) == 0);
    CHECK(is_port_available(held.port()));
}
