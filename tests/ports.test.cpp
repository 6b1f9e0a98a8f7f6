// SPDX-License-Identifier: MIT

#include <skyutil/ports.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <skyutil/detail/unique_fd.hpp>

#include "support.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using skyutil::address;
using skyutil::family;
using skyutil::find_free_port;
using skyutil::is_port_available;
using skyutil::port_options;
using skyutil::protocol;
using skyutil::unique_fd;

namespace {

// ------------------------------------------------------------------------------------- helpers

/// Gives the calling process, a child of run_in_child, a network of its own, where all ports are
/// free.
void enter_private_network() {
    if (::unshare(CLONE_NEWNET) == -1 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) == -1) {
        throw cannot_run{"cannot make a network namespace"};
    }
    const unique_fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    if (::ioctl(fd.get(), SIOCGIFFLAGS, &request) == -1) {
        throw cannot_run{"the network namespace has no loopback interface"};
    }
    request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
    if (::ioctl(fd.get(), SIOCSIFFLAGS, &request) == -1) {
        throw cannot_run{"cannot bring the loopback interface up"};
    }
}

template <class Function>
json run_in_private_network(Function function) {
    return run_in_child([&] {
        enter_private_network();
        return json(function());
    });
}

void set_system_setting(const char* path, const std::string& value) {
    try {
        write_file(path, value);
    } catch (const std::system_error&) {
        throw cannot_run{std::string("cannot write ") + path};
    }
}

void drop_network_privileges() {
    drop_privileges();
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> none{};
    if (::syscall(SYS_capset, &header, none.data()) == -1) {
        throw cannot_run{"cannot drop the capabilities"};
    }
}

bool has_ipv6() {
    const unique_fd fd(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    name.sin6_addr = in6addr_loopback;
    return fd && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
}

struct endpoint {
    int type = SOCK_STREAM;
    std::string address = "0.0.0.0";  ///< with a colon: of IPv6
    bool ipv6_only = false;
    bool reuse_address = false;
    bool reuse_port = false;
    bool listening = false;
};

/// A socket as a server would have it; without one where it cannot be bound.
unique_fd hold(const endpoint& end, std::uint16_t port) {
    const bool ipv6 = end.address.find(':') != std::string::npos;
    unique_fd fd(::socket(ipv6 ? AF_INET6 : AF_INET, end.type | SOCK_CLOEXEC, 0));
    const auto set = [&](int level, int option, bool on) {
        const int value = on ? 1 : 0;
        return ::setsockopt(fd.get(), level, option, &value, sizeof value);
    };
    set(SOL_SOCKET, SO_REUSEADDR, end.reuse_address);
    set(SOL_SOCKET, SO_REUSEPORT, end.reuse_port);
    int result = -1;
    if (ipv6) {
        set(IPPROTO_IPV6, IPV6_V6ONLY, end.ipv6_only);
        sockaddr_in6 name{};
        name.sin6_family = AF_INET6;
        name.sin6_port = htons(port);
        ::inet_pton(AF_INET6, end.address.c_str(), &name.sin6_addr);
        result = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
    } else {
        sockaddr_in name{};
        name.sin_family = AF_INET;
        name.sin_port = htons(port);
        ::inet_pton(AF_INET, end.address.c_str(), &name.sin_addr);
        result = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
    }
    if (result == 0 && end.listening) {
        result = ::listen(fd.get(), 5);
    }
    return result == 0 ? std::move(fd) : unique_fd();
}

struct question {
    std::string name;
    port_options options;
};

const std::vector<question>& questions() {
    static const std::vector<question> all{
        {"tcp", {}},
        {"tcp, IPv4", {.family = family::ipv4}},
        {"tcp, IPv6", {.family = family::ipv6}},
        {"tcp, loopback", {.address = address::loopback}},
        {"tcp, loopback, IPv4", {.address = address::loopback, .family = family::ipv4}},
        {"tcp, loopback, IPv6", {.address = address::loopback, .family = family::ipv6}},
        {"udp", {.protocol = protocol::udp}},
        {"udp, loopback, IPv4",
         {.address = address::loopback, .family = family::ipv4, .protocol = protocol::udp}},
        {"both", {.protocol = protocol::both}},
        {"both, loopback", {.address = address::loopback, .protocol = protocol::both}},
    };
    return all;
}

std::string error_name(const std::error_code& error) { return error ? error.message() : ""; }

struct search {
    std::uint16_t port;
    std::error_code error;
};

search try_find(std::uint16_t start, const port_options& options = {}) {
    search result{0, std::make_error_code(std::errc::bad_message)};  // stale
    result.port = find_free_port(start, options, result.error);
    return result;
}

}  // namespace

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
                const bool tcp = question.options.protocol != protocol::udp;
                const std::string host =
                    question.options.address == address::any ? "0.0.0.0" : "127.0.0.1";
                const std::string host6 = question.options.address == address::any ? "::" : "::1";
                bool good = !found.error && found.port >= (start == 0 ? 1 : start);
                if (question.options.family != family::ipv6) {
                    good = good && hold({.type = tcp ? SOCK_STREAM : SOCK_DGRAM,
                                         .address = host,
                                         .listening = tcp},
                                        found.port);
                }
                if (question.options.family != family::ipv4 && has_ipv6()) {
                    good = good && hold({.type = tcp ? SOCK_STREAM : SOCK_DGRAM,
                                         .address = host6,
                                         .listening = tcp},
                                        found.port);
                }
                if (question.options.protocol == protocol::both) {
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
        if (question.options.family != family::ipv6 || has_ipv6()) {
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
        result["found"] = try_find(0, {.protocol = protocol::both}).port;
        for (int port = 40018; port < 40020; ++port) {
            held.push_back(hold({.type = SOCK_DGRAM}, static_cast<std::uint16_t>(port)));
        }
        result["none"] = error_name(try_find(0, {.protocol = protocol::both}).error);
        result["tcp"] = try_find(0).port;
        result["udp"] = error_name(try_find(0, {.protocol = protocol::udp}).error);
        return result;
    });
    const std::string in_use = std::make_error_code(std::errc::address_in_use).message();
    CHECK(answer["found"] >= 40018);
    CHECK(answer["found"] <= 40019);
    CHECK(answer["none"] == in_use);
    CHECK(answer["tcp"] >= 40000);
    CHECK(answer["udp"] == in_use);
}

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
        const search two_wanted = try_find(0, {.protocol = protocol::both});
        for (int i = 0; i < 100; ++i) {
            (void)try_find(0, {.protocol = protocol::both});
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
        constexpr unsigned low_half = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0;
        std::array<sock_filter, 6> program{{
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args) + low_half),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        }};
        const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
        if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
            ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == -1 || has_ipv6()) {
            throw cannot_run{"cannot forbid sockets of IPv6"};
        }
        json result;
        const unique_fd held = hold({.listening = true}, 5000);
        for (const question& question : questions()) {
            const search found = try_find(5000, question.options);
            result[question.name] = found.error ? json(error_name(found.error)) : json(found.port);
        }
        result["any"] = try_find(0).port != 0;
        result["any, both"] =
            try_find(0, {.address = address::loopback, .protocol = protocol::both}).port != 0;
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
                    {"IPv6", is_port_available(5000, {.family = family::ipv6})}};
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
            {.address = address::loopback, .protocol = protocol::both});
        std::error_code error;
        const std::uint16_t port = sockets.bind(0, true, error);
        result["bound"] = port != 0 && !error;
        result["sockets"] = count_open_descriptors() - before;
        std::string inherited;
        std::FILE* const pipe = ::popen("ls -l /proc/self/fd", "r");
        for (int c; (c = std::fgetc(pipe)) != EOF;) {
            inherited += static_cast<char>(c);
        }
        result["status"] = ::pclose(pipe);
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
    CHECK(answer["status"] == 0);
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
                    const search any = try_find(0, {.protocol = protocol::both});
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
