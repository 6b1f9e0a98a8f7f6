// SPDX-License-Identifier: MIT
//
// What is not free, and the search for a port that is.

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/ports.hpp>

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ports/sockets.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using skyutil::find_free_port;
using skyutil::is_port_available;
using skyutil::port_address;
using skyutil::port_family;
using skyutil::port_options;
using skyutil::port_protocol;
using skyutil::unique_fd;

// ---------------------------------------------------------------------------- what is not free

TEST_CASE("a port held by another socket is free for whom it does not hinder") {
    struct row {
        std::string holder;
        endpoint end;
        std::string free;  // of each question: '+' when free
    };
    const std::vector<row> rows{
        {"nobody", {.type = 0}, "++++++++++"},
        {"a listener on IPv4", {.listening = true}, "--+--+++--"},
        {"a listener on IPv4 with SO_REUSEADDR",
         {.reuse_address = true, .listening = true},
         "--+--+++--"},
        {"a socket on IPv4 that does not listen", {}, "--+--+++--"},
        {"a socket with SO_REUSEADDR that does not listen", {.reuse_address = true}, "--+--+++--"},
        {"a listener with SO_REUSEPORT", {.reuse_port = true, .listening = true}, "--+--+++--"},
        {"a listener on IPv6 only",
         {.address = "::", .ipv6_only = true, .listening = true},
         "-+--+-++--"},
        {"a socket on IPv6 only that does not listen",
         {.address = "::", .ipv6_only = true},
         "-+--+-++--"},
        {"a listener on IPv6 and IPv4", {.address = "::", .listening = true}, "------++--"},
        {"a listener on IPv6 and IPv4 with SO_REUSEADDR",
         {.address = "::", .reuse_address = true, .listening = true},
         "------++--"},
        {"a listener on 127.0.0.1", {.address = "127.0.0.1", .listening = true}, "--+--+++--"},
        {"a listener on another address of IPv4",
         {.address = "127.0.0.2", .listening = true},
         "--++++++-+"},
        {"a listener on ::1", {.address = "::1", .listening = true}, "-+--+-++--"},
        {"a socket of UDP on IPv4", {.type = SOCK_DGRAM}, "++++++----"},
        {"a socket of UDP with SO_REUSEADDR",
         {.type = SOCK_DGRAM, .reuse_address = true},
         "++++++----"},
        {"a socket of UDP on IPv6 only",
         {.type = SOCK_DGRAM, .address = "::", .ipv6_only = true},
         "++++++-+--"},
        {"a socket of UDP on 127.0.0.1",
         {.type = SOCK_DGRAM, .address = "127.0.0.1"},
         "++++++----"},
        {"a socket of UDP on ::1", {.type = SOCK_DGRAM, .address = "::1"}, "++++++-+--"},
    };
    const json answer = run_in_private_network([&] {
        if (!has_ipv6()) {
            throw cannot_run{"the machine has no IPv6"};
        }
        constexpr std::uint16_t port = 5000;
        json results = json::array();
        for (const row& row : rows) {
            const unique_fd holder = row.end.type == 0 ? unique_fd() : hold(row.end, port);
            if (!holder && row.end.type != 0) {
                results.push_back("cannot be held");
                continue;
            }
            std::string free;
            for (const question& question : questions()) {
                port_options only = question.options;
                only.last = port;
                std::error_code error;
                const bool available = is_port_available(port, question.options, error);
                const search found = try_find(port, only);
                const bool agree =
                    !error &&
                    (available ? found.port == port && !found.error
                               : found.error == std::errc::address_in_use && found.port == 0);
                free += !agree ? '?' : available ? '+' : '-';
            }
            results.push_back(free);
        }
        return results;
    });
    REQUIRE(answer.size() == rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        INFO(rows[i].holder);
        CHECK(answer[i] == rows[i].free);
    }
}

TEST_CASE("a port is free again when its holder is gone, but not in TIME_WAIT") {
    const json answer = run_in_private_network([] {
        constexpr std::uint16_t port = 5000;
        json result;
        unique_fd listener = hold({.address = "127.0.0.1", .listening = true}, port);
        result["held"] = is_port_available(port);
        listener.reset();
        result["given up"] = is_port_available(port);

        listener = hold({.address = "127.0.0.1", .listening = true}, port);
        unique_fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_port = htons(port);
        name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::connect(client.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == -1) {
            throw_errno("connect");
        }
        unique_fd server(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!server) {
            throw_errno("accept4");
        }
        listener.reset();
        result["connected"] = is_port_available(port);
        server.reset();  // who closes first has the TIME_WAIT
        char end = 0;
        result["end"] = ::read(client.get(), &end, 1);
        client.reset();
        result["TIME_WAIT"] = is_port_available(port);
        result["next"] = find_free_port(port);
        return result;
    });
    CHECK(answer == json{{"held", false},
                         {"given up", true},
                         {"connected", false},
                         {"end", 0},
                         {"TIME_WAIT", false},
                         {"next", 5001}});
}

// ---------------------------------------------------------------------------------- the search

TEST_CASE("the search begins with its start and ends with its last port") {
    const json answer = run_in_private_network([] {
        std::vector<unique_fd> held;
        for (const int port : {1024, 1025, 1027, 5000, 5001, 65533, 65535}) {
            held.push_back(hold({.listening = true}, static_cast<std::uint16_t>(port)));
            if (!held.back()) {
                throw_errno("bind");
            }
        }
        json result;
        result["without arguments"] = find_free_port();
        result["from the start"] = find_free_port(4999);
        result["past one"] = find_free_port(1027);
        result["past two"] = find_free_port(5000);
        result["last but one"] = find_free_port(65533);
        result["last is taken"] = error_name(try_find(65535).error);
        held.pop_back();
        result["last"] = find_free_port(65535);
        result["last is available"] = is_port_available(65535);
        held.push_back(hold({}, 65534));
        result["up to the last"] = find_free_port(65533);

        result["up to .last"] = find_free_port(5000, {.last = 5002});
        result[".last is taken"] = error_name(try_find(5000, {.last = 5001}).error);
        result["start is .last"] = find_free_port(4000, {.last = 4000});
        result["start beyond .last"] = error_name(try_find(4001, {.last = 4000}).error);
        result["port beyond .last"] = is_port_available(4001, {.last = 4000});
        result["any with .last"] = try_find(0, {.last = 1}).port > 1;
        return result;
    });
    const std::string in_use = std::make_error_code(std::errc::address_in_use).message();
    CHECK(answer["without arguments"] == 1026);
    CHECK(answer["from the start"] == 4999);
    CHECK(answer["past one"] == 1028);
    CHECK(answer["past two"] == 5002);
    CHECK(answer["last but one"] == 65534);
    CHECK(answer["last is taken"] == in_use);
    CHECK(answer["last"] == 65535);
    CHECK(answer["last is available"] == true);
    CHECK(answer["up to the last"] == 65535);
    CHECK(answer["up to .last"] == 5002);
    CHECK(answer[".last is taken"] == in_use);
    CHECK(answer["start is .last"] == 4000);
    CHECK(answer["start beyond .last"] == in_use);
    CHECK(answer["port beyond .last"] == true);
    CHECK(answer["any with .last"] == true);
}

TEST_CASE("the port found can be bound and listened on") {
    const json answer = run_in_private_network([] {
        json result = json::array();
        for (const std::uint16_t start :
             {std::uint16_t{0}, std::uint16_t{1024}, std::uint16_t{8000}}) {
            for (const question& question : questions()) {
                const search found = try_find(start, question.options);
                const bool tcp = question.options.protocol != port_protocol::udp;
                const std::string host =
                    question.options.address == port_address::any ? "0.0.0.0" : "127.0.0.1";
                const std::string host6 =
                    question.options.address == port_address::any ? "::" : "::1";
                bool good = !found.error && found.port >= (start == 0 ? 1 : start);
                if (question.options.family != port_family::ipv6) {
                    good = good && hold({.type = tcp ? SOCK_STREAM : SOCK_DGRAM,
                                         .address = host,
                                         .listening = tcp},
                                        found.port);
                }
                if (question.options.family != port_family::ipv4 && has_ipv6()) {
                    good = good && hold({.type = tcp ? SOCK_STREAM : SOCK_DGRAM,
                                         .address = host6,
                                         .listening = tcp},
                                        found.port);
                }
                if (question.options.protocol == port_protocol::both) {
                    good = good && hold({.type = SOCK_DGRAM, .address = host}, found.port);
                }
                if (!good) {
                    result.push_back(question.name + " from " + std::to_string(start) + ": port " +
                                     std::to_string(found.port) + ", " + error_name(found.error));
                }
            }
        }
        return result;
    });
    CHECK(answer == json::array());
}

TEST_CASE("start 0 leaves the choice to the system") {
    std::set<std::uint16_t> ports;
    for (int i = 0; i < 20; ++i) {
        ports.insert(find_free_port(0));
    }
    CHECK(ports.size() > 5);
    CHECK(ports.count(0) == 0);
    for (const question& question : questions()) {
        INFO(question.name);
        if (question.options.family != port_family::ipv6 || has_ipv6()) {
            const search found = try_find(0, question.options);
            CHECK(error_name(found.error) == "");
            CHECK(found.port != 0);
        }
    }
}

TEST_CASE("start 0 passes over ports that one of the protocols does not have free") {
    const json answer = run_in_private_network([] {
        set_system_setting("/proc/sys/net/ipv4/ip_local_port_range", "40000 40019");
        std::vector<unique_fd> held;
        for (int port = 40000; port < 40018; ++port) {
            held.push_back(hold({.type = SOCK_DGRAM}, static_cast<std::uint16_t>(port)));
        }
        json result;
        result["found"] = try_find(0, {.protocol = port_protocol::both}).port;
        for (int port = 40018; port < 40020; ++port) {
            held.push_back(hold({.type = SOCK_DGRAM}, static_cast<std::uint16_t>(port)));
        }
        result["none"] = error_name(try_find(0, {.protocol = port_protocol::both}).error);
        result["tcp"] = try_find(0).port;
        result["udp"] = error_name(try_find(0, {.protocol = port_protocol::udp}).error);
        return result;
    });
    const std::string in_use = std::make_error_code(std::errc::address_in_use).message();
    CHECK(answer["found"] >= 40018);
    CHECK(answer["found"] <= 40019);
    CHECK(answer["none"] == in_use);
    CHECK(answer["tcp"] >= 40000);
    CHECK(answer["udp"] == in_use);
}
