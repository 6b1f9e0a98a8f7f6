// SPDX-License-Identifier: MIT

#include <skyutil/detail/os/sockets.hpp>
#include <skyutil/detail/ports/port_search.hpp>

#include <cstdint>
#include <system_error>

#include "os_contract/answers.hpp"

using namespace skyutil_tests;
using skyutil::detail::unique_socket;

namespace {

constexpr os::socket_type tcp{.ipv6 = false, .ipv4 = true, .udp = false, .loopback = false};
constexpr os::socket_type udp{.ipv6 = false, .ipv4 = true, .udp = true, .loopback = false};
constexpr os::socket_type local{.ipv6 = false, .ipv4 = true, .udp = false, .loopback = true};
constexpr os::socket_type both{.ipv6 = true, .ipv4 = true, .udp = false, .loopback = false};

unique_socket open(const os::socket_type& type) {
    return unique_socket(
        done([&](std::error_code& error) { return os::open_socket(type, error); }));
}

std::error_code bind(const unique_socket& socket, const os::socket_type& type, std::uint16_t port) {
    std::error_code error;
    os::bind(socket.get(), type, port, error);
    return error;
}

std::uint16_t bind_any(const unique_socket& socket, const os::socket_type& type) {
    CHECK_FALSE(bind(socket, type, 0));
    return done([&](std::error_code& error) { return os::bound_port(socket.get(), error); });
}

bool has_ipv6() {
    std::error_code error;
    const unique_socket socket(os::open_socket(both, error));
    return !error && !bind(socket, both, 0);
}

}  // namespace

TEST_CASE("a port is taken while a socket has it, and free when that is closed") {
    for (const os::socket_type& type : {tcp, udp, local}) {
        CAPTURE(type.udp, type.loopback);
        unique_socket first = open(type);
        CHECK(first);
        const std::uint16_t port = bind_any(first, type);
        CHECK(port != 0);
        const unique_socket second = open(type);
        CHECK(bind(second, type, port) == std::errc::address_in_use);
        first.reset();
        CHECK_FALSE(bind(second, type, port));
        CHECK(done([&](std::error_code& error) { return os::bound_port(second.get(), error); }) ==
              port);
    }
}

TEST_CASE("a port is taken for a part of its addresses, and for all") {
    const unique_socket part = open(local);
    const unique_socket all = open(tcp);
    CHECK(bind(all, tcp, bind_any(part, local)) == std::errc::address_in_use);
    const unique_socket other = open(local);
    CHECK(bind(other, local, bind_any(all, tcp)) == std::errc::address_in_use);
    const unique_socket another = open(udp);
    CHECK_FALSE(bind(another, udp, 0));
}

TEST_CASE("one socket of IPv6 takes IPv4 as well, if it is to") {
    if (!has_ipv6()) {
        SKYUTIL_SKIP("the machine has no IPv6");
    }
    constexpr os::socket_type alone{.ipv6 = true, .ipv4 = false, .udp = false, .loopback = false};
    const unique_socket one = open(both);
    const std::uint16_t port = bind_any(one, both);
    CHECK(bind(open(tcp), tcp, port) == std::errc::address_in_use);
    CHECK(bind(open(alone), alone, port) == std::errc::address_in_use);
    const unique_socket six = open(alone);
    const std::uint16_t of_six = bind_any(six, alone);
    const std::error_code beside = bind(open(tcp), tcp, of_six);
    CHECK((!beside || beside == std::errc::address_in_use));  // by another program
}

TEST_CASE("a port that is held alone is taken, before and after its socket listens") {
    const unique_socket holder = open(tcp);
    const std::uint16_t port = bind_any(holder, tcp);
    const os::guard_sockets guards =
        done([&](std::error_code& error) { return os::hold_alone(holder.get(), tcp, error); });
    CHECK(bind(open(tcp), tcp, port) == std::errc::address_in_use);
    CHECK(bind(open(local), local, port) == std::errc::address_in_use);
    for (const os::native_socket guard : guards) {
        unique_socket(guard).reset();
    }
    done([&](std::error_code& error) { os::listen(holder.get(), os::default_backlog(), error); });
    CHECK(bind(open(tcp), tcp, port) == std::errc::address_in_use);
    CHECK(bind(open(local), local, port) == std::errc::address_in_use);
}

TEST_CASE("a port that is lent is still taken for a socket that asks for nothing") {
    const unique_socket holder = open(tcp);
    const std::uint16_t port = bind_any(holder, tcp);
    std::error_code error;
    os::lend(holder.get(), error);
    CHECK((!error || error == std::errc::operation_not_supported));
    CHECK(bind(open(tcp), tcp, port) == std::errc::address_in_use);
}

TEST_CASE("what is no socket is an error") {
    unique_socket closed = open(tcp);
    const os::native_socket socket = closed.get();
    closed.reset();
    std::error_code error;
    os::bind(socket, tcp, 0, error);
    CHECK(error);
    CHECK(error_of([&](std::error_code& e) { return os::bound_port(socket, e); }));
    error.clear();
    os::listen(socket, 1, error);
    CHECK(error);
    const unique_socket of_udp = open(udp);
    bind_any(of_udp, udp);
    error.clear();
    os::listen(of_udp.get(), 1, error);
    CHECK(error == std::errc::operation_not_supported);
}
