// SPDX-License-Identifier: MIT
//
// The search where ports may not be bound, descriptors run out or IPv6 is missing, and what it
// leaves open.

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/ports.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ports/sockets.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using skyutil::find_free_port;
using skyutil::is_port_available;
using skyutil::port_address;
using skyutil::port_family;
using skyutil::port_protocol;
using skyutil::unique_fd;

// -------------------------------------------------------------------------------------- errors

TEST_CASE("ports that the user may not bind are passed over") {
    const json answer = run_in_private_network([] {
        const json first = [] {
            set_system_setting("/proc/sys/net/ipv4/ip_unprivileged_port_start", "3000");
            const unique_fd held = hold({.listening = true}, 2995);
            drop_network_privileges();
            json result;
            result["found"] = find_free_port(2990);
            result["up to"] = find_free_port(2990, {.last = 3000});
            result["alone"] = error_name(try_find(2980, {.last = 2990}).error);
            result["and beyond"] = error_name(try_find(1, {.last = 2980}).error);
            std::error_code error;
            result["available"] = is_port_available(2990, error);
            result["error"] = error_name(error);
            result["first"] = is_port_available(3000);
            return result;
        }();
        return first;
    });
    const std::string denied = std::make_error_code(std::errc::permission_denied).message();
    CHECK(answer["found"] == 3000);
    CHECK(answer["up to"] == 3000);
    CHECK(answer["alone"] == denied);
    CHECK(answer["and beyond"] == denied);
    CHECK(answer["available"] == false);
    CHECK(answer["error"] == denied);
    CHECK(answer["first"] == true);
}

TEST_CASE("the system setting for privileged ports is honoured") {
    const json answer = run_in_private_network([] {
        set_system_setting("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
        drop_network_privileges();
        return find_free_port(1);
    });
    CHECK(answer == 1);
    const json usual = run_in_private_network([] {
        drop_network_privileges();
        return find_free_port(1020, {.last = 1030});
    });
    CHECK(usual == 1024);
}

TEST_CASE("port 0 is not one to ask about") {
    std::error_code error;
    CHECK_FALSE(is_port_available(0, error));
    CHECK(error == std::errc::invalid_argument);
    CHECK_THROWS_AS(is_port_available(0), std::system_error);
}

TEST_CASE("exceptions name the function and the ports") {
    const json answer = run_in_private_network([] {
        const unique_fd a = hold({.listening = true}, 5000);
        const unique_fd b = hold({.listening = true}, 5001);
        try {
            return json(find_free_port(5000, {.last = 5001}));
        } catch (const std::system_error& error) {
            return json{{"code", error.code().value()}, {"what", error.what()}};
        }
    });
    CHECK(answer["code"] == EADDRINUSE);
    const std::string what = answer["what"];
    for (const char* const part : {"skyutil::find_free_port", "5000", "5001"}) {
        CHECK(what.find(part) != std::string::npos);
    }
    try {
        (void)is_port_available(0);
    } catch (const std::system_error& error) {
        CHECK(std::string(error.what()).find("skyutil::is_port_available") != std::string::npos);
    }
}

TEST_CASE("running out of descriptors is not taken for a port in use") {
    const json answer = run_in_child([] {
        meet_error_types();
        const rlimit limit{64, 64};
        ::setrlimit(RLIMIT_NOFILE, &limit);
        std::vector<int> copies;
        for (int fd = ::dup(0); fd != -1; fd = ::dup(0)) {
            copies.push_back(fd);
        }
        const search find = try_find(1024);
        const search any = try_find(0);
        std::error_code error;
        const bool available = is_port_available(1024, error);
        ::close(copies.back());
        const search one_left = try_find(0);
        const search two_wanted = try_find(0, {.protocol = port_protocol::both});
        for (int i = 0; i < 100; ++i) {
            (void)try_find(0, {.protocol = port_protocol::both});
        }
        const search still_one_left = try_find(0);
        for (const int fd : copies) {  // sanitizers need descriptors
            ::close(fd);
        }
        return json{{"find", find.error.value()},
                    {"any", any.error.value()},
                    {"available", available},
                    {"error", error.value()},
                    {"one left", one_left.error.value()},
                    {"two wanted", two_wanted.error.value()},
                    {"still one left", still_one_left.error.value()}};
    });
    CHECK(answer == json{{"find", EMFILE},
                         {"any", EMFILE},
                         {"available", false},
                         {"error", EMFILE},
                         {"one left", 0},
                         {"two wanted", EMFILE},
                         {"still one left", 0}});
}

TEST_CASE("success clears an error that was there before") {
    std::error_code error = std::make_error_code(std::errc::io_error);
    const std::uint16_t port = find_free_port(0, error);
    CHECK(port != 0);
    CHECK_FALSE(error);
    error = std::make_error_code(std::errc::io_error);
    (void)is_port_available(port, error);  // free or not, now
    CHECK_FALSE(error);
}

// ------------------------------------------------------------------------------ without IPv6

TEST_CASE("without addresses of IPv6 the ports of IPv4 are found") {
    const json answer = run_in_private_network([] {
        set_system_setting("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
        json result;
        const unique_fd held = hold({.listening = true}, 5000);
        for (const question& question : questions()) {
            const search found = try_find(5000, question.options);
            result[question.name] = found.error ? json(error_name(found.error)) : json(found.port);
        }
        return result;
    });
    CHECK(answer["tcp"] == 5001);
    CHECK(answer["tcp, IPv4"] == 5001);
    CHECK(answer["tcp, loopback"] == 5001);
    CHECK(answer["tcp, loopback, IPv4"] == 5001);
    CHECK(answer["tcp, loopback, IPv6"] ==
          std::make_error_code(std::errc::address_not_available).message());
    CHECK(answer["udp"] == 5000);
    CHECK(answer["both"] == 5001);
    CHECK(answer["both, loopback"] == 5001);
}

TEST_CASE("without sockets of IPv6 the ports of IPv4 are found") {
    const json answer = run_in_private_network([] {
        forbid_system_call_with(SYS_socket, EAFNOSUPPORT, 0, AF_INET6);
        json result;
        const unique_fd held = hold({.listening = true}, 5000);
        for (const question& question : questions()) {
            const search found = try_find(5000, question.options);
            result[question.name] = found.error ? json(error_name(found.error)) : json(found.port);
        }
        result["any"] = try_find(0).port != 0;
        result["any, both"] =
            try_find(0, {.address = port_address::loopback, .protocol = port_protocol::both})
                .port != 0;
        result["available"] = is_port_available(5000);
        return result;
    });
    const std::string none =
        std::make_error_code(std::errc::address_family_not_supported).message();
    CHECK(answer["tcp"] == 5001);
    CHECK(answer["tcp, IPv4"] == 5001);
    CHECK(answer["tcp, IPv6"] == none);
    CHECK(answer["tcp, loopback"] == 5001);
    CHECK(answer["tcp, loopback, IPv6"] == none);
    CHECK(answer["udp"] == 5000);
    CHECK(answer["both"] == 5001);
    CHECK(answer["both, loopback"] == 5001);
    CHECK(answer["any"] == true);
    CHECK(answer["any, both"] == true);
    CHECK(answer["available"] == false);
}

TEST_CASE("the system setting for sockets of both families does not matter") {
    const json answer = run_in_private_network([] {
        set_system_setting("/proc/sys/net/ipv6/bindv6only", "1");
        const unique_fd held = hold({.listening = true}, 5000);
        return json{{"both", is_port_available(5000)},
                    {"IPv6", is_port_available(5000, {.family = port_family::ipv6})}};
    });
    CHECK(answer == json{{"both", false}, {"IPv6", true}});
}

// ----------------------------------------------------------------------- descriptors and threads

TEST_CASE("no descriptor is left open, whatever the outcome") {
    const json answer = run_in_private_network([] {
        std::vector<unique_fd> held;
        for (std::uint16_t port = 5000; port < 5010; ++port) {
            held.push_back(hold({.listening = true}, port));
        }
        const std::size_t before = count_open_descriptors();
        for (int i = 0; i < 300; ++i) {
            for (const question& question : questions()) {
                (void)try_find(0, question.options);
                (void)try_find(5000, question.options);
                std::error_code error;
                (void)is_port_available(5000, question.options, error);
            }
            (void)try_find(5000, {.last = 5009});
            try {
                (void)find_free_port(5000, {.last = 5009});
            } catch (const std::system_error&) {
            }
        }
        return static_cast<int>(count_open_descriptors()) - static_cast<int>(before);
    });
    CHECK(answer == 0);
}

TEST_CASE("a program started during the search does not inherit its sockets") {
    const json answer = run_in_private_network([] {
        json result;
        const std::size_t before = count_open_descriptors();
        skyutil::detail::port_sockets sockets = skyutil::detail::make_port_sockets(
            {.address = port_address::loopback, .protocol = port_protocol::both});
        std::error_code error;
        const std::uint16_t port = sockets.bind(0, true, error);
        result["bound"] = port != 0 && !error;
        result["sockets"] = count_open_descriptors() - before;
        const std::string inherited = descriptors_of_a_program();
        int mine = 0;
        int shared = 0;
        for (int fd = 0; fd < 1024; ++fd) {
            std::array<char, 64> target{};
            const std::string name = "/proc/self/fd/" + std::to_string(fd);
            if (::readlink(name.c_str(), target.data(), target.size() - 1) > 0 &&
                std::string_view(target.data()).substr(0, 8) == "socket:[" &&
                (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0) {
                ++mine;
                shared += inherited.find(target.data()) == std::string::npos ? 0 : 1;
            }
        }
        result["closed on exec"] = mine;
        result["inherited"] = shared;
        return result;
    });
    CHECK(answer["bound"] == true);
    CHECK(answer["sockets"] >= 2);
    CHECK(answer["closed on exec"] >= answer["sockets"]);
    CHECK(answer["inherited"] == 0);
}

TEST_CASE("several threads search at once") {
    const json answer = run_in_private_network([] {
        const std::size_t before = count_open_descriptors();
        std::atomic<int> wrong = 0;
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&] {
                for (int i = 0; i < 500; ++i) {
                    const search found =
                        try_find(20000);  // another thread may be trying the first ones
                    const search any = try_find(0, {.protocol = port_protocol::both});
                    if (found.error || found.port < 20000 || found.port > 20100 || any.error ||
                        any.port == 0) {
                        ++wrong;
                    }
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        return json{{"wrong", wrong.load()},
                    {"open", static_cast<int>(count_open_descriptors() - before)}};
    });
    CHECK(answer == json{{"wrong", 0}, {"open", 0}});
}
