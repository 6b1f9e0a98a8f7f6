// SPDX-License-Identifier: MIT
//
// tests/ports/sockets.hpp: a private network for each test, sockets that hold ports, and questions
// that can be asked of a port.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/ports.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support_linux.hpp"

namespace skyutil_tests {

using nlohmann::json;
using skyutil::find_free_port;
using skyutil::port_address;
using skyutil::port_family;
using skyutil::port_options;
using skyutil::port_protocol;
using skyutil::reserved_port;
using skyutil::unique_fd;

// ------------------------------------------------------------------------------------- helpers

/// Gives the calling process, a child of run_in_child, a network of its own, where all ports are
/// free.
inline void enter_private_network() {
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

inline void set_system_setting(const char* path, const std::string& value) {
    try {
        write_file(path, value);
    } catch (const std::system_error&) {
        throw cannot_run{std::string("cannot write ") + path};
    }
}

inline void drop_network_privileges() {
    drop_privileges();
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, 2> none{};
    if (::syscall(SYS_capset, &header, none.data()) == -1) {
        throw cannot_run{"cannot drop the capabilities"};
    }
}

inline bool has_ipv6() {
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
inline unique_fd hold(const endpoint& end, std::uint16_t port) {
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

inline const std::vector<question>& questions() {
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

/// From now on a system call of this process fails with one value of one argument, of which the low
/// half counts.
inline void forbid_system_call_with(long number, int error, unsigned argument, unsigned value) {
    constexpr unsigned low_half = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0;
    const auto at = static_cast<unsigned>(offsetof(seccomp_data, args)) + 8 * argument + low_half;
    std::array<sock_filter, 6> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    install_filter(program);
}

/// What a program started by this one has open, as ls(1) shows it.
inline std::string descriptors_of_a_program() {
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
inline std::string name_of_descriptor(int fd) {
    return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)).string();
}

inline std::string error_name(const std::error_code& error) { return error ? error.message() : ""; }

struct search {
    std::uint16_t port;
    std::error_code error;
};

inline search try_find(std::uint16_t start, const port_options& options = {}) {
    search result{0, std::make_error_code(std::errc::bad_message)};  // stale
    result.port = find_free_port(start, options, result.error);
    return result;
}

// ------------------------------------------------------------------------------- reserved ports

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

inline port_options with_last(port_options options, std::uint16_t last) {
    options.last = last;
    return options;
}

inline port_options with_hold(port_options options, skyutil::port_hold mode) {
    options.hold = mode;
    return options;
}

inline std::vector<int> numbers_of(const std::vector<reserved_port>& ports) {
    std::vector<int> numbers;
    for (const reserved_port& port : ports) {
        numbers.push_back(port.port());
    }
    return numbers;
}

/// "tcp ipv4", with "+ipv4" when a socket of IPv6 takes both.
inline std::string describe_socket(int fd) {
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

/// A connection to a server on 127.0.0.1 or ::1; without a descriptor where there is none.
inline unique_fd connect_to(std::uint16_t port, bool ipv6 = false) {
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

}  // namespace skyutil_tests
