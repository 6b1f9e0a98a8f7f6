// SPDX-License-Identifier: MIT

#include <skyutil/ports.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
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
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <skyutil/detail/base/unique_fd.hpp>

#include "support.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using skyutil::find_free_port;
using skyutil::is_port_available;
using skyutil::port_address;
using skyutil::port_family;
using skyutil::port_options;
using skyutil::port_protocol;
using skyutil::reserve_ports;
using skyutil::reserved_port;
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
        {"tcp, IPv4", {.family = port_family::ipv4}},
        {"tcp, IPv6", {.family = port_family::ipv6}},
        {"tcp, loopback", {.address = port_address::loopback}},
        {"tcp, loopback, IPv4", {.address = port_address::loopback, .family = port_family::ipv4}},
        {"tcp, loopback, IPv6", {.address = port_address::loopback, .family = port_family::ipv6}},
        {"udp", {.protocol = port_protocol::udp}},
        {"udp, loopback, IPv4",
         {.address = port_address::loopback,
          .family = port_family::ipv4,
          .protocol = port_protocol::udp}},
        {"both", {.protocol = port_protocol::both}},
        {"both, loopback", {.address = port_address::loopback, .protocol = port_protocol::both}},
    };
    return all;
}

/// From now on a system call of this process fails; only with that argument where one is given.
void forbid_system_call(long number, int error, std::optional<unsigned> argument = std::nullopt,
                        unsigned value = 0) {
    constexpr unsigned low_half = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0;
    const unsigned at =
        offsetof(seccomp_data, args) + 8 * argument.value_or(0) + (argument ? low_half : 0);
    std::array<sock_filter, 6> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
        BPF_JUMP(BPF_JMP | (argument ? BPF_JEQ : BPF_JGE) | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    install_filter(program);
}

/// What a program started by this one has open, as ls(1) shows it.
std::string descriptors_of_a_program() {
    std::string shown;
    std::FILE* const pipe = ::popen("ls -l /proc/self/fd", "r");
    for (int c; (c = std::fgetc(pipe)) != EOF;) {
        shown += static_cast<char>(c);
    }
    if (::pclose(pipe) != 0) {
        throw std::runtime_error("ls failed");
    }
    return shown;
}

/// "socket:[123456]"
std::string name_of_descriptor(int fd) {
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)).string();
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
        forbid_system_call(SYS_socket, EAFNOSUPPORT, 0, AF_INET6);
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

// ------------------------------------------------------------------------------- reserved ports

namespace {

struct reservation {
    std::error_code error = std::make_error_code(std::errc::bad_message);  // stale
    reserved_port port;

    explicit reservation(std::uint16_t start, const port_options& options = {})
        : port(start, options, error) {}

    /// That after an error nothing is held, and without one something.
    bool consistent() const {
        const bool held = !error;
        return held == static_cast<bool>(port) && held == (port.port() != 0) &&
               held == (port.native_handle() != -1);
    }
};

port_options with_last(port_options options, std::uint16_t last) {
    options.last = last;
    return options;
}

port_options with_hold(port_options options, skyutil::port_hold mode) {
    options.hold = mode;
    return options;
}

std::vector<int> numbers_of(const std::vector<reserved_port>& ports) {
    std::vector<int> numbers;
    for (const reserved_port& port : ports) {
        numbers.push_back(port.port());
    }
    return numbers;
}

/// "tcp ipv4", with "+ipv4" when a socket of IPv6 takes both.
std::string describe_socket(int fd) {
    const auto get = [&](int level, int option) {
        int value = -1;
        socklen_t size = sizeof value;
        return ::getsockopt(fd, level, option, &value, &size) == 0 ? value : -1;
    };
    std::string text = get(SOL_SOCKET, SO_TYPE) == SOCK_DGRAM ? "udp" : "tcp";
    if (get(SOL_SOCKET, SO_DOMAIN) == AF_INET) {
        return text + " ipv4";
    }
    return text + (get(IPPROTO_IPV6, IPV6_V6ONLY) == 0 ? " ipv6+ipv4" : " ipv6");
}

/// The port that a socket is bound to.
int port_of_socket(int fd) {
    sockaddr_in6 name{};  // the port is at the same place in that of IPv4
    socklen_t size = sizeof name;
    return ::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0 ? ntohs(name.sin6_port)
                                                                             : -1;
}

/// A connection to a server on 127.0.0.1 or ::1; without a descriptor where there is none.
unique_fd connect_to(std::uint16_t port, bool ipv6 = false) {
    unique_fd fd(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 name6{};
    name6.sin6_family = AF_INET6;
    name6.sin6_port = htons(port);
    name6.sin6_addr = in6addr_loopback;
    const int result =
        ipv6 ? ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name6), sizeof name6)
             : ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name);
    return result == 0 ? std::move(fd) : unique_fd();
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
    const std::string reason = " from " + std::to_string(port) + " to " + std::to_string(port) +
                               ": Address already in use";
    CHECK(message([&] { (void)reserved_port(port, {.last = port}); }) ==
          "skyutil::reserved_port: cannot bind any port" + reason);
    CHECK(message([&] { (void)reserve_ports(1, port, {.last = port}); }) ==
          "skyutil::reserve_ports: cannot bind 1 port" + reason);
    CHECK(message([&] { (void)reserve_ports(2, port, {.last = port}); }) ==
          "skyutil::reserve_ports: cannot bind 2 ports" + reason);
    CHECK(
        message([&] { (void)reserve_ports(70000); }) ==
        "skyutil::reserve_ports: cannot bind 70000 ports that the system chooses: Address already "
        "in use");
}

// ------------------------------------------------------------------------------ several of them

TEST_CASE("ports are reserved all or none, and no two are the same") {
    const json answer = run_in_private_network([] {
        const unique_fd taken = hold({.listening = true}, 5001);
        json result;
        const auto all = [&](std::size_t count, std::uint16_t start, port_options options) {
            std::error_code error = std::make_error_code(std::errc::bad_message);
            const auto ports = reserve_ports(count, start, options, error);
            return error ? json(error_name(error)) : json(numbers_of(ports));
        };
        result["two"] = all(2, 5000, {});
        result["as many as there are"] = all(3, 5000, {.last = 5003});
        result["one too many"] = all(4, 5000, {.last = 5003});
        result["afterwards"] = all(3, 5000, {.last = 5003});  // nothing stayed held
        result["more than the range"] = all(5, 5000, {.last = 5003});
        result["none"] = all(0, 5000, {.last = 5003});
        result["none of nothing"] = all(0, 5000, {.last = 4999});
        result["one of nothing"] = all(1, 5000, {.last = 4999});
        result["the last"] = all(2, 65534, {});
        result["beyond the last"] = all(2, 65535, {});
        const unique_fd last_but_one = hold({.listening = true}, 65534);
        result["beyond the last, one taken"] = all(2, 65534, {});
        result["far too many"] = all((std::numeric_limits<std::size_t>::max)(), 1, {});
        result["far too many of any"] = all((std::numeric_limits<std::size_t>::max)(), 0, {});
        const auto hand_over = skyutil::port_hold::hand_over;
        result["to hand over"] = all(3, 5000, {.hold = hand_over});
        for (const question& question : questions()) {
            std::set<int> numbers;
            for (const reserved_port& port : reserve_ports(50, 0, question.options)) {
                numbers.insert(port.port());
            }
            result["any"].push_back(numbers.size() - numbers.count(0));
        }
        return result;
    });
    const std::string in_use = std::make_error_code(std::errc::address_in_use).message();
    CHECK(answer["two"] == json{5000, 5002});
    CHECK(answer["as many as there are"] == json{5000, 5002, 5003});
    CHECK(answer["one too many"] == in_use);
    CHECK(answer["afterwards"] == json{5000, 5002, 5003});
    CHECK(answer["more than the range"] == in_use);
    CHECK(answer["none"] == json::array());
    CHECK(answer["none of nothing"] == json::array());
    CHECK(answer["one of nothing"] == in_use);
    CHECK(answer["the last"] == json{65534, 65535});
    CHECK(answer["beyond the last"] == in_use);
    CHECK(answer["beyond the last, one taken"] == in_use);
    CHECK(answer["far too many"] == in_use);
    CHECK(answer["far too many of any"] == in_use);
    CHECK(answer["to hand over"] == json{5000, 5002, 5003});
    CHECK(answer["any"] == json::array_t(questions().size(), 50));
}

TEST_CASE("the ports of a whole ephemeral range can be reserved, and no more") {
    const json answer = run_in_private_network([] {
        set_system_setting("/proc/sys/net/ipv4/ip_local_port_range", "40000 40019");
        json result;
        for (const question& question : questions()) {
            if (question.options.family == port_family::ipv6 && !has_ipv6()) {
                continue;
            }
            std::error_code error;
            const auto all = reserve_ports(20, 0, question.options, error);
            const reservation one_more(0, question.options);
            result.push_back(all.size() == 20 && !error &&
                             one_more.error == std::errc::address_in_use && one_more.consistent());
        }
        return result;
    });
    CHECK(answer == json::array_t(answer.size(), true));
}

TEST_CASE("two processes that reserve ports of the same range are never given the same one") {
    struct shared_state {
        std::atomic<int> arrived = 0;
        std::array<std::array<std::atomic<int>, 3>, 2> ports{};
    };
    constexpr int rounds = 1000;
    const json answer = run_in_child(
        [] {
            bool alone = true;
            try {
                enter_private_network();
            } catch (const cannot_run&) {
                alone = false;  // some ports may be others'
            }
            const std::uint16_t first =
                alone ? std::uint16_t{5000}
                      : static_cast<std::uint16_t>(20000 + ::getpid() % 1000 * 10);
            void* const memory = ::mmap(nullptr, sizeof(shared_state), PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
            if (memory == MAP_FAILED) {
                throw_errno("mmap");
            }
            shared_state& shared = *new (memory) shared_state;
            int barriers = 0;
            const auto meet = [&] {
                ++barriers;
                ++shared.arrived;
                while (shared.arrived < 2 * barriers) {
                    ::sched_yield();
                }
            };
            std::vector<port_options> kinds;
            for (const question& question : questions()) {
                if (question.options.family != port_family::ipv6 || has_ipv6()) {
                    const auto last = static_cast<std::uint16_t>(first + 5);
                    kinds.push_back(with_last(question.options, last));
                    kinds.push_back(with_hold(kinds.back(), skyutil::port_hold::hand_over));
                }
            }
            int complete = 0;
            int twice = 0;
            const pid_t parent = ::getpid();
            const pid_t rival = ::fork();
            if (rival == 0) {
                ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                if (::getppid() != parent) {
                    ::_exit(1);
                }
            }
            for (int round = 0; round < rounds; ++round) {
                meet();
                std::error_code error;
                const auto ports = reserve_ports(
                    3, first, kinds[static_cast<std::size_t>(round) % kinds.size()], error);
                for (std::size_t i = 0; i < 3; ++i) {
                    shared.ports[rival == 0 ? 1 : 0][i] = ports.empty() ? 0 : ports[i].port();
                }
                meet();
                std::set<int> numbers;
                int count = 0;
                for (const auto& side : shared.ports) {
                    for (const std::atomic<int>& port : side) {
                        count += port == 0 ? 0 : 1;
                        numbers.insert(port);
                    }
                }
                numbers.erase(0);
                complete += count == 6 ? 1 : 0;
                twice += static_cast<int>(numbers.size()) == count ? 0 : 1;
                meet();  // before the ports are given up
            }
            if (rival == 0) {
                ::_exit(0);
            }
            int status = -1;
            ::waitpid(rival, &status, 0);
            return json{
                {"rival", status}, {"twice", twice}, {"complete", complete}, {"alone", alone}};
        },
        std::chrono::seconds(100));
    CHECK(answer["rival"] == 0);
    CHECK(answer["twice"] == 0);
    if (answer["alone"] == true) {
        CHECK(answer["complete"] == rounds);  // six ports are enough for both
    }
}

// ----------------------------------------------------------- reserved ports in other processes

TEST_CASE("a program started does not inherit reserved ports") {
    const auto held =
        reserve_ports(3, 0, {.address = port_address::loopback, .protocol = port_protocol::both});
    std::vector<reserved_port> mine;
    mine.emplace_back(0, port_options{.hold = skyutil::port_hold::hand_over});
    mine.emplace_back();
    mine.back().listen();
    const std::string inherited = descriptors_of_a_program();
    CHECK(inherited.find("pipe:[") != std::string::npos);  // that it shows them
    for (const auto* const ports : {&held, &std::as_const(mine)}) {
        for (const reserved_port& port : *ports) {
            const std::string name = name_of_descriptor(port.native_handle());
            CHECK(name.find("socket:[") == 0);
            CHECK(inherited.find(name) == std::string::npos);
        }
    }
}

TEST_CASE("a forked child that keeps its copy holds the port as well") {
    const json answer = run_in_private_network([] {
        std::optional<reserved_port> held(std::in_place, std::uint16_t{5000});
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) == -1) {
            throw_errno("pipe2");
        }
        const pid_t child = ::fork();
        if (child == 0) {
            ::close(ends[1]);
            char c = 0;
            (void)!::read(ends[0], &c, 1);
            ::_exit(0);
        }
        json result;
        held.reset();
        result["child runs"] = is_port_available(5000);
        ::close(ends[0]);
        ::close(ends[1]);
        int status = -1;
        ::waitpid(child, &status, 0);
        result["status"] = status;
        result["child has ended"] = is_port_available(5000);
        return result;
    });
    CHECK(answer == json{{"child runs", false}, {"status", 0}, {"child has ended", true}});
}

#if defined(SKYUTIL_TEST_SERVER)
TEST_CASE("the example serves on the port it reserved") {
    // timeout(1): should the client fail, the server would wait for ever.
    std::FILE* const server = ::popen("exec timeout 30 " SKYUTIL_TEST_SERVER " 1", "r");
    REQUIRE(server != nullptr);
    std::string url;
    for (int c; (c = std::fgetc(server)) != EOF && c != '\n';) {
        url += static_cast<char>(c);
    }
    const std::string start = "http://localhost:";
    std::string answer;
    if (url.compare(0, start.size(), start) == 0) {
        const int port = std::stoi(url.substr(start.size()));
        const unique_fd client = connect_to(static_cast<std::uint16_t>(port));
        const std::string_view request = "GET / HTTP/1.0\r\n\r\n";
        CHECK(::write(client.get(), request.data(), request.size()) ==
              static_cast<ssize_t>(request.size()));
        char c = 0;
        while (::read(client.get(), &c, 1) == 1) {
            answer += c;
        }
    }
    CHECK(::pclose(server) == 0);
    CHECK(answer.find("HTTP/1.0 200 OK\r\n") == 0);
    CHECK(answer.find("\r\n\r\nhello from " + url + "\n") != std::string::npos);
}
#endif

// ------------------------------------------------------------------- failures of the system

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
            forbid_system_call(row.call, row.error, row.argument, row.value);
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
                forbid_system_call(SYS_socket, EAFNOSUPPORT, 0, AF_INET6);
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
