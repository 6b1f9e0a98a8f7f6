// SPDX-License-Identifier: MIT
//
// reserved_port: who else can bind, listen and take over.

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/ports.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
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

namespace {

/// The port that a socket is bound to.
int port_of_socket(int fd) {
    sockaddr_in6 name{};  // the port is at the same place in that of IPv4
    socklen_t size = sizeof name;
    return ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0 ? ntohs(name.sin6_port)
                                                                             : -1;
}

unique_fd accept_from(int listener) {
    return unique_fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
}

/// Whether what a client says comes out of the listener.
bool serves(int listener, std::uint16_t port, bool ipv6 = false) {
    const unique_fd client = connect_to(port, ipv6);
    if (!client) {
        return false;
    }
    const unique_fd server = accept_from(listener);
    char c = 0;
    return server && ::write(client.get(), "x", 1) == 1 && ::read(server.get(), &c, 1) == 1 &&
           c == 'x';
}

/// Leaves a connection of the listener's port in TIME_WAIT.
void leave_time_wait(int listener, std::uint16_t port) {
    const unique_fd client = connect_to(port);
    unique_fd server = accept_from(listener);
    if (!client || !server) {
        throw_errno("connect");
    }
    server.reset();  // who closes first has the TIME_WAIT
    char c = 0;
    if (::read(client.get(), &c, 1) != 0) {
        throw_errno("read");
    }
}

}  // namespace

TEST_CASE("a reserved port is free for nobody until it is given up") {
    const json answer = run_in_private_network([] {
        if (!has_ipv6()) {
            throw cannot_run{"the machine has no IPv6"};
        }
        json wrong = json::array();
        for (const skyutil::port_hold mode :
             {skyutil::port_hold::exclusive, skyutil::port_hold::hand_over}) {
            for (const question& question : questions()) {
                for (const std::uint16_t start : {std::uint16_t{0}, std::uint16_t{5000}}) {
                    const auto options = with_hold(question.options, mode);
                    std::optional<reservation> held(std::in_place, start, options);
                    const std::uint16_t port = held->port.port();
                    const port_options only = with_last(options, port);
                    bool good = !held->error && held->consistent() &&
                                port_of_socket(held->port.native_handle()) == port &&
                                (start == 0 || port == start);
                    good = good && !is_port_available(port, options) &&
                           try_find(port, only).error == std::errc::address_in_use;
                    const reservation second(port, only);
                    good = good && second.error == std::errc::address_in_use && second.consistent();
                    held.reset();
                    good = good && is_port_available(port, options) && reservation(port, only).port;
                    if (!good) {
                        wrong.push_back(question.name + ", port " + std::to_string(port));
                    }
                }
            }
        }
        return wrong;
    });
    CHECK(answer == json::array());
}

TEST_CASE("an exclusive port is nobody else's, one to hand over that of who sets SO_REUSEADDR") {
    struct row {
        std::string taker;
        endpoint end;
        std::string free;  // of each port reserved as a question asks: '+' when it can be taken
    };
    const std::vector<row> rows{
        {"IPv4", {}, "--+--+++--"},
        {"127.0.0.1", {.address = "127.0.0.1"}, "--+--+++--"},
        {"127.0.0.2", {.address = "127.0.0.2"}, "--++++++-+"},
        {"IPv6 and IPv4", {.address = "::"}, "------++--"},
        {"IPv6", {.address = "::", .ipv6_only = true}, "-+--+-++--"},
        {"::1", {.address = "::1"}, "-+--+-++--"},
        {"IPv4 through IPv6", {.address = "::ffff:127.0.0.1"}, "--+--+++--"},
        {"UDP on IPv4", {.type = SOCK_DGRAM}, "++++++----"},
        {"UDP on IPv6 and IPv4", {.type = SOCK_DGRAM, .address = "::"}, "++++++----"},
        {"UDP on ::1", {.type = SOCK_DGRAM, .address = "::1"}, "++++++-+--"},
    };
    const json answer = run_in_private_network([&] {
        if (!has_ipv6()) {
            throw cannot_run{"the machine has no IPv6"};
        }
        constexpr std::uint16_t port = 5000;
        json results = json::array();
        for (const row& row : rows) {
            json result;
            for (const skyutil::port_hold mode :
                 {skyutil::port_hold::exclusive, skyutil::port_hold::hand_over}) {
                for (const int reuse : {0, 1, 2, 3}) {
                    endpoint end = row.end;
                    end.reuse_address = (reuse & 1) != 0;
                    end.reuse_port = (reuse & 2) != 0;
                    end.listening = end.type == SOCK_STREAM;
                    std::string free;
                    for (const question& question : questions()) {
                        const reserved_port held(port, with_hold(question.options, mode));
                        free += held.port() != port ? '?' : hold(end, port) ? '+' : '-';
                    }
                    result[mode == skyutil::port_hold::exclusive ? "exclusive" : "hand over"]
                        .push_back(free);
                }
            }
            results.push_back(result);
        }
        return results;
    });
    REQUIRE(answer.size() == rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        INFO(rows[i].taker);
        const json no = rows[i].free;
        const json yes = "++++++++++";
        CHECK(answer[i]["exclusive"] == json{no, no, no, no});
        CHECK(answer[i]["hand over"] == json{no, yes, no, yes});
    }
}

TEST_CASE("a server takes over the port that is held for it, and keeps it") {
    for (const bool udp : {false, true}) {
        INFO((udp ? "UDP" : "TCP"));
        std::optional<reserved_port> held(
            std::in_place, std::uint16_t{0},
            port_options{.protocol = udp ? port_protocol::udp : port_protocol::tcp,
                         .hold = skyutil::port_hold::hand_over});
        const std::uint16_t port = held->port();
        endpoint end{.type = udp ? SOCK_DGRAM : SOCK_STREAM, .listening = !udp};
        CHECK_FALSE(hold(end, port));
        end.reuse_address = true;
        const unique_fd server = hold(end, port);
        REQUIRE(server);
        for (const bool given_up : {false, true}) {
            INFO((given_up ? "given up" : "held"));
            if (given_up) {
                held.reset();
            }
            if (udp) {
                const unique_fd client(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
                sockaddr_in name{};
                name.sin_family = AF_INET;
                name.sin_port = htons(port);
                name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
                CHECK(::sendto(client.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&name),
                               sizeof name) == 1);
                char c = 0;
                CHECK(::recv(server.get(), &c, 1, MSG_DONTWAIT) == 1);
            } else {
                CHECK(serves(server.get(), port));
                CHECK_FALSE(hold(end, port));  // one server alone
            }
        }
    }
}

TEST_CASE("the port that a server took over cannot be listened on by who held it") {
    reserved_port held(0, {.hold = skyutil::port_hold::hand_over});
    const unique_fd server = hold({.reuse_address = true, .listening = true}, held.port());
    REQUIRE(server);
    std::error_code error;
    held.listen(5, error);
    CHECK(error == std::errc::address_in_use);
    CHECK(serves(server.get(), held.port()));
    try {
        held.listen();
        FAIL_CHECK("no exception");
    } catch (const std::system_error& exception) {
        CHECK(exception.code() == std::errc::address_in_use);
        const std::string what = exception.what();
        CHECK(what.find("skyutil::reserved_port::listen") != std::string::npos);
        CHECK(what.find(std::to_string(held.port())) != std::string::npos);
    }
}

TEST_CASE("a reserved port that listens serves, and is nobody else's") {
    for (const skyutil::port_hold mode :
         {skyutil::port_hold::exclusive, skyutil::port_hold::hand_over}) {
        reserved_port held(0, {.family = port_family::ipv4, .hold = mode});
        CHECK_FALSE(connect_to(held.port()));
        std::error_code error = std::make_error_code(std::errc::io_error);
        held.listen(5, error);
        REQUIRE_FALSE(error);
        CHECK(serves(held.native_handle(), held.port()));
        for (const bool reuse_port : {false, true}) {
            CHECK_FALSE(hold({.reuse_address = true, .reuse_port = reuse_port}, held.port()));
        }
    }
}

TEST_CASE("all sockets of TCP listen") {
    if (!has_ipv6()) {
        SKYUTIL_SKIP("the machine has no IPv6");
    }
    for (const question& question : questions()) {
        INFO(question.name);
        reserved_port held(0, question.options);
        std::error_code error;
        held.listen(error);
        if (question.options.protocol == port_protocol::udp) {
            CHECK(error == std::errc::operation_not_supported);
            continue;
        }
        CHECK_FALSE(error);
        CHECK(static_cast<bool>(connect_to(held.port(), false)) ==
              (question.options.family != port_family::ipv6));
        CHECK(static_cast<bool>(connect_to(held.port(), true)) ==
              (question.options.family != port_family::ipv4));
    }
    reserved_port none(0);
    const unique_fd given(none.release());
    std::error_code error;
    none.listen(error);
    CHECK(error == std::errc::bad_file_descriptor);
    CHECK_THROWS_AS(none.listen(), std::system_error);
}

TEST_CASE("a server on a reserved port can be started again at once") {
    const json answer = run_in_private_network([] {
        json result;
        for (const skyutil::port_hold mode :
             {skyutil::port_hold::exclusive, skyutil::port_hold::hand_over}) {
            const std::uint16_t port = mode == skyutil::port_hold::exclusive ? 5000 : 5001;
            std::optional<reserved_port> held(std::in_place, port, port_options{.hold = mode});
            held->listen();
            leave_time_wait(held->native_handle(), port);
            held.reset();
            json row;
            row["free"] = is_port_available(port);
            row["reserved"] =
                error_name(reservation(port, with_last({.hold = mode}, port)).error).empty();
            row["bound"] = static_cast<bool>(hold({.listening = true}, port));
            row["bound with SO_REUSEADDR"] =
                static_cast<bool>(hold({.reuse_address = true, .listening = true}, port));
            result.push_back(row);
        }
        return result;
    });
    const json row{
        {"free", false}, {"reserved", false}, {"bound", false}, {"bound with SO_REUSEADDR", true}};
    CHECK(answer == json{row, row});
}

TEST_CASE("release gives the sockets away one after the other") {
    if (!has_ipv6()) {
        SKYUTIL_SKIP("the machine has no IPv6");
    }
    const std::vector<std::vector<std::string>> sockets{
        {"tcp ipv6+ipv4"},
        {"tcp ipv4"},
        {"tcp ipv6"},
        {"tcp ipv4", "tcp ipv6"},
        {"tcp ipv4"},
        {"tcp ipv6"},
        {"udp ipv6+ipv4"},
        {"udp ipv4"},
        {"tcp ipv6+ipv4", "udp ipv6+ipv4"},
        {"tcp ipv4", "tcp ipv6", "udp ipv4", "udp ipv6"},
    };
    REQUIRE(sockets.size() == questions().size());
    for (std::size_t i = 0; i < sockets.size(); ++i) {
        const question& question = questions()[i];
        INFO(question.name);
        std::optional<reserved_port> held(std::in_place, std::uint16_t{0}, question.options);
        const std::uint16_t port = held->port();
        std::vector<unique_fd> given;
        for (const std::string& socket : sockets[i]) {
            CHECK(static_cast<bool>(*held));
            const int handle = held->native_handle();
            given.emplace_back(held->release());
            CHECK(given.back().get() == handle);
            CHECK(describe_socket(handle) == socket);
            CHECK(port_of_socket(handle) == port);
            CHECK((::fcntl(handle, F_GETFD) & FD_CLOEXEC) != 0);
            CHECK_FALSE(is_port_available(port, question.options));  // all are still bound
        }
        CHECK_FALSE(static_cast<bool>(*held));
        CHECK(held->native_handle() == -1);
        CHECK(held->release() == -1);
        CHECK(held->release() == -1);
        CHECK(held->port() == port);
        held.reset();
        for (const unique_fd& fd : given) {
            CHECK(port_of_socket(fd.get()) == port);
        }
    }
}

TEST_CASE("a released socket listens, and the others of its port stay held") {
    reserved_port held(0, {.family = port_family::ipv4, .protocol = port_protocol::both});
    const std::uint16_t port = held.port();
    const unique_fd server(held.release());
    REQUIRE(::listen(server.get(), 5) == 0);
    CHECK(serves(server.get(), port));
    CHECK_FALSE(hold({.type = SOCK_DGRAM, .reuse_address = true}, port));
    CHECK(describe_socket(held.native_handle()) == "udp ipv4");
}

TEST_CASE("a reserved port that was moved from holds nothing") {
    reserved_port first;
    const std::uint16_t port = first.port();
    const int handle = first.native_handle();
    reserved_port second(std::move(first));
    CHECK(second.port() == port);
    CHECK(second.native_handle() == handle);
    CHECK(first.port() == 0);  // NOLINT(bugprone-use-after-move)
    CHECK_FALSE(static_cast<bool>(first));
    CHECK(first.native_handle() == -1);
    CHECK(first.release() == -1);

    reserved_port third;
    const std::uint16_t old = third.port();
    CHECK(old != port);
    const std::string old_socket = name_of_descriptor(third.native_handle());
    third = std::move(second);
    CHECK(third.port() == port);
    CHECK(third.native_handle() == handle);
    CHECK(second.port() == 0);  // NOLINT(bugprone-use-after-move)
    CHECK(second.native_handle() == -1);
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        CHECK(std::filesystem::read_symlink(entry, gone) != old_socket);
    }

    second = reserved_port(0);
    CHECK(second.port() != port);
    CHECK(static_cast<bool>(second));
}

TEST_CASE("the forms of reserved ports agree") {
    std::error_code error = std::make_error_code(std::errc::io_error);
    const reserved_port any(error);
    CHECK_FALSE(error);
    error = std::make_error_code(std::errc::io_error);
    const reserved_port from(20000, error);
    CHECK_FALSE(error);
    CHECK(from.port() >= 20000);
    error = std::make_error_code(std::errc::io_error);
    const reserved_port with(20000, {.last = 32000}, error);
    CHECK_FALSE(error);
    CHECK(with.port() != from.port());
    CHECK(reserved_port().port() != any.port());
    CHECK(reserved_port(20000).port() >= 20000);

    const reservation none(2000, {.last = 1999});
    CHECK(none.error == std::errc::address_in_use);
    CHECK(none.consistent());

    error = std::make_error_code(std::errc::io_error);
    CHECK(reserve_ports(2, error).size() == 2);
    CHECK_FALSE(error);
    error = std::make_error_code(std::errc::io_error);
    CHECK(reserve_ports(2, 20000, error).size() == 2);
    CHECK_FALSE(error);
    CHECK(reserve_ports(2, 20000, {.last = 32000}, error).size() == 2);
    CHECK(reserve_ports(3).size() == 3);
    CHECK(reserve_ports(3, 20000).size() == 3);
}

TEST_CASE("the exceptions of reserved ports name the function and the ports") {
    const reserved_port held(20000);
    const std::uint16_t port = held.port();
    const auto message = [](auto call) -> std::string {
        try {
            call();
            return "no exception";
        } catch (const std::system_error& error) {
            CHECK(error.code() == std::errc::address_in_use);
            return error.what();
        }
    };
    const std::string in_use = ": " + std::make_error_code(std::errc::address_in_use).message();
    const std::string reason =
        " from " + std::to_string(port) + " to " + std::to_string(port) + in_use;
    CHECK(message([&] { (void)reserved_port(port, {.last = port}); }) ==
          "skyutil::reserved_port: cannot bind any port" + reason);
    CHECK(message([&] { (void)reserve_ports(1, port, {.last = port}); }) ==
          "skyutil::reserve_ports: cannot bind 1 port" + reason);
    CHECK(message([&] { (void)reserve_ports(2, port, {.last = port}); }) ==
          "skyutil::reserve_ports: cannot bind 2 ports" + reason);
    CHECK(message([&] { (void)reserve_ports(70000); }) ==
          "skyutil::reserve_ports: cannot bind 70000 ports that the system chooses" + in_use);
}
