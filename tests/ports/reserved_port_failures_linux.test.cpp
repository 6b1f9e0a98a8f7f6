// SPDX-License-Identifier: MIT
//
// Reserving where the system fails, and what is left open.

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/ports.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ports/sockets.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using skyutil::is_port_available;
using skyutil::port_family;
using skyutil::port_options;
using skyutil::port_protocol;
using skyutil::reserve_ports;
using skyutil::reserved_port;
using skyutil::unique_fd;

TEST_CASE("a failure of the system is reported as it is, and leaves no descriptor open") {
    if (!has_ipv6()) {
        SKYUTIL_SKIP("the machine has no IPv6");
    }
    struct row {
        std::string name;
        long call;
        int error;
        std::optional<unsigned> argument;  // of those with this argument alone
        unsigned value;
        std::string failing;  // of the calls below: '-' when it fails
    };
    const std::vector<row> rows{
        {"socket", SYS_socket, EMFILE, {}, 0, "------+"},
        {"socket", SYS_socket, ENFILE, {}, 0, "------+"},
        {"socket", SYS_socket, ENOBUFS, {}, 0, "------+"},
        {"socket of UDP", SYS_socket, EPERM, 1, SOCK_DGRAM | SOCK_CLOEXEC, "------+"},
        {"setsockopt IPV6_V6ONLY", SYS_setsockopt, ENOMEM, 2, IPV6_V6ONLY, "------+"},
        {"setsockopt SO_REUSEADDR", SYS_setsockopt, ENOMEM, 2, SO_REUSEADDR, "++++-+-"},
        {"bind", SYS_bind, ENOMEM, {}, 0, "------+"},
        {"bind", SYS_bind, EPERM, {}, 0, "------+"},
        {"bind", SYS_bind, EADDRNOTAVAIL, {}, 0, "------+"},
        {"getsockname", SYS_getsockname, ENOBUFS, {}, 0, "-++-+-+"},
        {"listen", SYS_listen, ENOBUFS, {}, 0, "++++++-"},
    };
    for (const row& row : rows) {
        INFO(row.name << ": " << std::strerror(row.error));
        const json answer = run_in_child([&] {
            meet_error_types();
            const port_options options{.protocol = port_protocol::both};
            reserved_port before(0, options);
            const std::size_t open = count_open_descriptors();
            if (row.argument) {
                forbid_system_call_with(row.call, row.error, *row.argument, row.value);
            } else {
                forbid_system_call(row.call, row.error);
            }
            std::string failing;
            const auto note = [&](const std::error_code& error) {
                failing += !error ? '+' : error.value() == row.error ? '-' : '?';
            };
            note(try_find(0, options).error);
            note(try_find(20000, options).error);
            std::error_code error;
            (void)is_port_available(20000, options, error);
            note(error);
            for (const bool hand_over : {false, true}) {
                const std::uint16_t start = hand_over ? 20000 : 0;
                const reservation held(
                    start, with_hold(options, hand_over ? skyutil::port_hold::hand_over
                                                        : skyutil::port_hold::exclusive));
                note(held.consistent() ? held.error : std::make_error_code(std::errc::bad_message));
            }
            note(reserve_ports(3, 0, options, error).size() == (error ? 0 : 3)
                     ? error
                     : std::make_error_code(std::errc::bad_message));
            before.listen(error);
            note(error);
            return json{{"failing", failing}, {"left open", count_open_descriptors() - open}};
        });
        CHECK(answer == json{{"failing", row.failing}, {"left open", 0}});
    }
}

TEST_CASE("running out of descriptors gives up all ports that were reserved already") {
    const json answer = run_in_child([] {
        meet_error_types();
        const rlimit limit{64, 64};
        ::setrlimit(RLIMIT_NOFILE, &limit);
        std::vector<unique_fd> copies;
        for (int fd = ::dup(0); fd != -1; fd = ::dup(0)) {
            copies.emplace_back(fd);
        }
        copies.resize(copies.size() - 5);
        json result;
        for (const std::size_t count : {6U, 5U, 6U, 5U}) {
            std::error_code error = std::make_error_code(std::errc::bad_message);
            const auto ports = reserve_ports(count, 0, {.family = port_family::ipv4}, error);
            result.push_back({error.value(), ports.size()});
        }
        copies.clear();  // sanitizers need descriptors
        return result;
    });
    CHECK(answer == json{{EMFILE, 0}, {0, 5}, {EMFILE, 0}, {0, 5}});
}

TEST_CASE("no file is read to find a port") {
    const json answer = run_in_child([] {
        meet_error_types();
        forbid_system_call(SYS_openat, EACCES);
#if defined(SYS_open)
        forbid_system_call(SYS_open, EACCES);
#endif
        if (::open("/proc/net/tcp", O_RDONLY | O_CLOEXEC) != -1) {
            throw cannot_run{"cannot forbid to open files"};
        }
        std::error_code error;
        json result{error_name(try_find(0).error), error_name(try_find(20000).error)};
        (void)is_port_available(20000, error);
        result.push_back(error_name(error));
        (void)reserve_ports(3, 20000, error);
        result.push_back(error_name(error));
        return result;
    });
    CHECK(answer == json{"", "", "", ""});
}

TEST_CASE("ports that the user may not bind are not reserved") {
    const json answer = run_in_private_network([] {
        drop_network_privileges();
        json result;
        result["passed over"] = reserved_port(1000).port();
        result["alone"] = error_name(reservation(1000, {.last = 1023}).error);
        result["several"] = numbers_of(reserve_ports(2, 1000));
        std::error_code error;
        (void)reserve_ports(2, 1000, {.last = 1024}, error);
        result["one of them"] = error_name(error);
        return result;
    });
    CHECK(answer["passed over"] == 1024);
    CHECK(answer["alone"] == std::make_error_code(std::errc::permission_denied).message());
    CHECK(answer["several"] == json{1024, 1025});
    CHECK(answer["one of them"] == std::make_error_code(std::errc::address_in_use).message());
}

TEST_CASE("without IPv6 ports are reserved on IPv4") {
    for (const bool sockets : {false, true}) {
        INFO((sockets ? "no sockets of IPv6" : "no addresses of IPv6"));
        const json answer = run_in_private_network([&] {
            if (sockets) {
                forbid_system_call_with(SYS_socket, EAFNOSUPPORT, 0, AF_INET6);
            } else {
                set_system_setting("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
            }
            json result;
            for (const question& question : questions()) {
                reservation held(5000, question.options);
                json& given = result[question.name];
                given = json::array();
                for (unique_fd fd(held.port.release()); fd; fd.reset(held.port.release())) {
                    given.push_back(describe_socket(fd.get()));
                }
                if (held.error) {
                    given = error_name(held.error);
                }
            }
            return result;
        });
        const json no_ipv6 = std::make_error_code(sockets ? std::errc::address_family_not_supported
                                                          : std::errc::address_not_available)
                                 .message();
        CHECK(answer["tcp, IPv4"] == json{"tcp ipv4"});
        CHECK(answer["tcp, loopback"] == json{"tcp ipv4"});
        CHECK(answer["tcp, loopback, IPv6"] == no_ipv6);
        CHECK(answer["both, loopback"] == json{"tcp ipv4", "udp ipv4"});
        // The address :: can be bound without any address of IPv6.
        CHECK(answer["tcp"] == json{sockets ? "tcp ipv4" : "tcp ipv6+ipv4"});
        CHECK(answer["tcp, IPv6"] == (sockets ? no_ipv6 : json{"tcp ipv6"}));
        CHECK(answer["both"] ==
              (sockets ? json{"tcp ipv4", "udp ipv4"} : json{"tcp ipv6+ipv4", "udp ipv6+ipv4"}));
    }
}

TEST_CASE("no descriptor of a reserved port is left open, whatever the outcome") {
    const json answer = run_in_private_network([] {
        const reserved_port taken(5003);
        const std::size_t before = count_open_descriptors();
        for (int i = 0; i < 100; ++i) {
            for (const question& question : questions()) {
                reservation first(5000, question.options);
                reservation second(5003, with_last(question.options, 5003));
                std::error_code error;
                auto several = reserve_ports(3, 5000, with_last(question.options, 5003), error);
                first.port.listen(error);
                if (!several.empty()) {
                    several.front() = std::move(first.port);
                    const unique_fd given(several.back().release());
                }
                try {
                    (void)reserved_port(5003, {.last = 5003});
                } catch (const std::system_error&) {
                }
                try {
                    (void)reserve_ports(3, 5001, {.last = 5003});
                } catch (const std::system_error&) {
                }
            }
        }
        return static_cast<int>(count_open_descriptors()) - static_cast<int>(before);
    });
    CHECK(answer == 0);
}

TEST_CASE("several threads reserve at once and are never given the same port") {
    const json answer = run_in_private_network([] {
        std::array<std::vector<reserved_port>, 4> held;
        std::atomic<int> failed = 0;
        std::vector<std::thread> threads;
        for (auto& mine : held) {
            threads.emplace_back([&failed, &mine] {
                for (std::size_t i = 0; i < 100; ++i) {
                    std::error_code error;
                    auto ports = reserve_ports(2, i % 2 == 0 ? 0 : 20000, error);
                    failed += error ? 1 : 0;
                    for (reserved_port& port : ports) {
                        mine.push_back(std::move(port));
                    }
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        std::set<int> numbers;
        for (const auto& mine : held) {
            for (const int number : numbers_of(mine)) {
                numbers.insert(number);
            }
        }
        return json{{"failed", failed.load()}, {"ports", numbers.size()}};
    });
    CHECK(answer == json{{"failed", 0}, {"ports", 800}});
}
