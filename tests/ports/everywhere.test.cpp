// SPDX-License-Identifier: MIT
//
// Ports on any system, beside what other programs have there.

#include <skyutil/ports.hpp>

#include <atomic>
#include <cstdint>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"

using skyutil::find_free_port;
using skyutil::is_port_available;
using skyutil::port_address;
using skyutil::port_family;
using skyutil::port_options;
using skyutil::port_protocol;
using skyutil::reserve_ports;
using skyutil::reserved_port;

namespace {

/// Each kind of socket that a port can be held with, but for those of IPv6 alone.
std::vector<port_options> all_options() {
    std::vector<port_options> all;
    for (const port_address address : {port_address::any, port_address::loopback}) {
        for (const port_family family : {port_family::ipv4, port_family::both}) {
            for (const port_protocol protocol :
                 {port_protocol::tcp, port_protocol::udp, port_protocol::both}) {
                all.push_back({.address = address, .family = family, .protocol = protocol});
            }
        }
    }
    return all;
}

std::string message_of(const port_options& options, std::uint16_t start) {
    try {
        const reserved_port held(start, options);
    } catch (const std::system_error& failure) {
        return failure.what();
    }
    return "";
}

}  // namespace

TEST_CASE("a port that is held is not available, for as long as it is held") {
    for (const port_options& options : all_options()) {
        CAPTURE(static_cast<int>(options.address), static_cast<int>(options.family),
                static_cast<int>(options.protocol));
        reserved_port held(0, options);
        REQUIRE(held.port() != 0);
        CHECK(held);
        CHECK_FALSE(is_port_available(held.port(), options));
        port_options only = options;
        only.last = held.port();
        std::error_code error;
        CHECK(find_free_port(held.port(), only, error) == 0);
        CHECK(error == std::errc::address_in_use);
        const reserved_port second(held.port(), only, error);
        CHECK(error == std::errc::address_in_use);
        CHECK_FALSE(second);
        const std::uint16_t port = held.port();
        reserved_port moved = std::move(held);
        CHECK_FALSE(is_port_available(port, options));
        moved = reserved_port(0);
        CHECK(is_port_available(port, options));
    }
}

TEST_CASE("a port that one address has is not free on all of them") {
    const reserved_port local(0, {.address = port_address::loopback});
    CHECK_FALSE(is_port_available(local.port()));
    const reserved_port all(0);
    CHECK_FALSE(is_port_available(all.port(), {.address = port_address::loopback}));
}

TEST_CASE("a port of UDP is free for TCP") {
    const reserved_port udp(0, {.protocol = port_protocol::udp});
    CHECK(is_port_available(udp.port()));
    CHECK_FALSE(is_port_available(udp.port(), {.protocol = port_protocol::both}));
}

TEST_CASE("the next port is found after one that is taken") {
    std::vector<reserved_port> held = reserve_ports(3, 20000);
    const std::uint16_t found = find_free_port(held[0].port());
    CHECK(found > held[0].port());
    CHECK(found != held[1].port());
    CHECK(found != held[2].port());
}

TEST_CASE("many ports are different, and none of several when one is missing") {
    const std::vector<reserved_port> held = reserve_ports(50, 0);
    std::set<std::uint16_t> numbers;
    for (const reserved_port& port : held) {
        numbers.insert(port.port());
    }
    CHECK(numbers.size() == 50);
    std::error_code error;
    CHECK(reserve_ports(2, held[0].port(), {.last = held[0].port()}, error).empty());
    CHECK(error == std::errc::address_in_use);
}

TEST_CASE("ports that are held at once by several threads are different") {
    std::atomic<int> failed = 0;
    std::vector<std::vector<reserved_port>> held(8);
    std::vector<std::thread> threads;
    for (std::vector<reserved_port>& mine : held) {
        threads.emplace_back([&mine, &failed] {
            std::error_code error;
            mine = reserve_ports(20, 21000, error);
            failed += error ? 1 : 0;
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(failed == 0);
    std::set<std::uint16_t> numbers;
    for (const std::vector<reserved_port>& mine : held) {
        for (const reserved_port& port : mine) {
            numbers.insert(port.port());
        }
    }
    CHECK(numbers.size() == 160);
}

TEST_CASE("a socket that listens keeps its port") {
    reserved_port held;
    held.listen();
    CHECK_FALSE(is_port_available(held.port()));
    reserved_port udp(0, {.protocol = port_protocol::udp});
    std::error_code error;
    udp.listen(error);
    CHECK(error == std::errc::operation_not_supported);
    reserved_port none = std::move(held);
    held.listen(error);
    CHECK(error == std::errc::bad_file_descriptor);
}

TEST_CASE("a port is handed over, or the error says that it cannot be") {
    const port_options lent{.hold = skyutil::port_hold::hand_over};
    std::error_code error;
    const reserved_port held(0, lent, error);
    if (!error) {
        CHECK(held);
        CHECK(message_of(lent, 0).empty());
        return;
    }
    CHECK(error == std::errc::operation_not_supported);
    CHECK_FALSE(held);
    CHECK(held.port() == 0);
    const std::string message = message_of(lent, 20000);
    CAPTURE(message);
    CHECK(
        message.starts_with("skyutil::reserved_port: this system lets no other server bind a "
                            "port that is held (port_hold::hand_over)"));
}

TEST_CASE("wrong ports are errors that name them") {
    std::error_code error;
    CHECK_FALSE(is_port_available(0, error));
    CHECK(error == std::errc::invalid_argument);
    CHECK(find_free_port(4001, {.last = 4000}, error) == 0);
    CHECK(error == std::errc::address_in_use);
    CHECK(message_of({.last = 4000}, 4001).find("from 4001 to 4000") != std::string::npos);
}
