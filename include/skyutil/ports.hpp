// SPDX-License-Identifier: MIT
//
// skyutil/ports.hpp: network ports that are free, and ports that are held.
//
//     const std::uint16_t port = skyutil::find_free_port(8000);  // free now; nobody keeps it free
//     skyutil::reserved_port held(8000, {.last = 8100});         // nobody else gets it
//     held.listen();                                             // serve on held.native_handle()
//
// A port is free when it can be bound without SO_REUSEADDR now: one in TIME_WAIT is not, nor one
// that somebody else is just trying. The throwing forms throw std::system_error, the others set
// their std::error_code and clear it on success. Everything is safe to call from several threads
// at once, on different objects.

#pragma once

#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/ports/port_search.hpp>
#include <skyutil/detail/text/digits.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// The owner of a file descriptor; see files.hpp.
using unique_fd = detail::unique_fd;

enum class port_address {
    any,       ///< all addresses of the machine: what others hold on any of them is not free
    loopback,  ///< 127.0.0.1 and ::1; others may have the port on other addresses
};

enum class port_family {
    ipv4,
    ipv6,
    both,  ///< IPv4 alone on a machine without IPv6
};

enum class port_protocol { tcp, udp, both };

/// How a reserved_port holds its port. Either way it was nobody else's when it was found.
enum class port_hold {
    /// Nobody else can bind the port or listen on it, whatever options they set.
    exclusive,
    /// A server, any user's, that sets SO_REUSEADDR can bind the port while it is held, and listen
    /// on it; nobody else can. Of UDP both sockets are bound then, and the newer gets what arrives.
    hand_over,
};

struct port_options {
    port_address address = port_address::any;
    port_family family = port_family::both;
    port_protocol protocol = port_protocol::tcp;
    std::uint16_t last = 65535;  ///< the last port to try; not used where the system chooses
    port_hold hold = port_hold::exclusive;  ///< of reserved ports alone
};

namespace detail {

inline port_sockets make_port_sockets(const port_options& options) noexcept {
    port_sockets sockets;
    const bool loopback = options.address == port_address::loopback;
    const bool one_for_both = options.family == port_family::both && !loopback;
    for (const bool udp : {false, true}) {
        if (udp ? options.protocol == port_protocol::tcp : options.protocol == port_protocol::udp) {
            continue;
        }
        if (options.family != port_family::ipv6 && !one_for_both) {
            sockets.add({.ipv6 = false, .ipv4 = true, .udp = udp, .loopback = loopback});
        }
        if (options.family != port_family::ipv4) {
            sockets.add({.ipv6 = true, .ipv4 = one_for_both, .udp = udp, .loopback = loopback});
        }
    }
    return sockets;
}

/// Binds the first port that can be bound and returns it.
inline std::uint16_t bind_free_port(port_sockets& sockets, std::uint16_t start,
                                    const port_options& options, std::error_code& error) noexcept {
    const bool optional_ipv6 = options.family == port_family::both;
    if (start == 0) {
        // The system chooses for the first socket alone: another may find the port taken.
        constexpr int attempts = 1000;
        std::uint16_t port = 0;
        for (int i = 0; i < attempts; ++i) {
            port = sockets.bind(0, optional_ipv6, error);
            if (error != std::errc::address_in_use || !sockets.first_is_bound()) {
                break;
            }
        }
        return port;
    }
    bool any_taken = false;
    std::error_code denied;
    for (std::uint32_t port = start; port <= options.last; ++port) {
        const std::uint16_t bound =
            sockets.bind(static_cast<std::uint16_t>(port), optional_ipv6, error);
        if (!error) {
            return bound;
        }
        if (error == std::errc::address_in_use) {
            any_taken = true;
        } else if (error == std::errc::permission_denied) {
            denied = error;
        } else {
            return 0;
        }
    }
    error = denied && !any_taken ? denied : std::make_error_code(std::errc::address_in_use);
    return 0;
}

/// `what` names the function and what it was doing; the ports and the reason are added.
inline void throw_if_no_port(const std::error_code& error, const char* what, std::uint16_t start,
                             const port_options& options) {
    if (error) {
        const std::string ports = start == 0 ? " that the system chooses"
                                             : " from " + detail::integer_text(start) + " to " +
                                                   detail::integer_text(options.last);
        throw_exception(std::system_error(error, what + ports));
    }
}

}  // namespace detail

/// Returns the first port from `start` up to and including options.last that can be bound now; with
/// start 0 any that the system chooses, from its ephemeral range (ip(7), ip_local_port_range). It
/// also gives the ports of that range to others at any time: ports to remember are better taken
/// from outside it.
///
/// None: errc::address_in_use; with start 0 also when 1000 ports chosen for one protocol or family
/// were all taken for the other. Ports below 1024 that only the superuser may bind are passed over;
/// errc::permission_denied when there are no others in the range. What has nothing to do with one
/// port ends the search and is reported as it is: no descriptors left, a family or an address that
/// the machine does not have. One bind(2) for each port tried.
[[nodiscard]] inline std::uint16_t find_free_port(std::uint16_t start, const port_options& options,
                                                  std::error_code& error) noexcept {
    detail::port_sockets sockets = detail::make_port_sockets(options);
    return detail::bind_free_port(sockets, start, options, error);
}

[[nodiscard]] inline std::uint16_t find_free_port(std::uint16_t start,
                                                  std::error_code& error) noexcept {
    return find_free_port(start, port_options{}, error);
}

[[nodiscard]] inline std::uint16_t find_free_port(std::uint16_t start = 1024,
                                                  const port_options& options = {}) {
    std::error_code error;
    const std::uint16_t port = find_free_port(start, options, error);
    detail::throw_if_no_port(error, "skyutil::find_free_port: cannot bind any port", start,
                             options);
    return port;
}

/// Returns whether a port can be bound now. A port that the caller may not bind at all is
/// errc::permission_denied, port 0 errc::invalid_argument. options.last is not used.
[[nodiscard]] inline bool is_port_available(std::uint16_t port, const port_options& options,
                                            std::error_code& error) noexcept {
    if (port == 0) {
        error = std::make_error_code(std::errc::invalid_argument);
        return false;
    }
    detail::make_port_sockets(options).bind(port, options.family == port_family::both, error);
    if (error == std::errc::address_in_use) {
        error.clear();
        return false;
    }
    return !error;
}

[[nodiscard]] inline bool is_port_available(std::uint16_t port, std::error_code& error) noexcept {
    return is_port_available(port, port_options{}, error);
}

[[nodiscard]] inline bool is_port_available(std::uint16_t port, const port_options& options = {}) {
    std::error_code error;
    const bool available = is_port_available(port, options, error);
    if (error) {
        detail::throw_exception(std::system_error(
            error, "skyutil::is_port_available: cannot try port " + detail::integer_text(port)));
    }
    return available;
}

/// A port found as find_free_port() finds one and held: its sockets stay bound, so that nobody is
/// given the same port, until they are closed by the destructor or by whom release() gave them to.
///
/// Each protocol has one socket, except that port_family::both of port_address::loopback has two,
/// of 127.0.0.1 and ::1. With port_family::both the one of port_address::any is of IPv6 and takes
/// IPv4 as well (ipv6(7), IPV6_V6ONLY); it is of IPv4 on a machine without IPv6. The sockets of TCP
/// come before those of UDP, and of these the one of IPv4 first.
///
/// Programs started do not inherit them. A forked child has copies: the port is held until both
/// processes have closed theirs.
class [[nodiscard]] reserved_port {
public:
    using native_handle_type = int;

    /// Any port that the system chooses. Errors are those of find_free_port(); after one nothing is
    /// held.
    reserved_port() : reserved_port(0) {}
    explicit reserved_port(std::error_code& error) noexcept : reserved_port(0, error) {}

    /// The first port from `start` up to and including options.last, 0 for any.
    explicit reserved_port(std::uint16_t start, const port_options& options = {});
    reserved_port(std::uint16_t start, std::error_code& error) noexcept
        : reserved_port(start, port_options{}, error) {}
    reserved_port(std::uint16_t start, const port_options& options, std::error_code& error) noexcept
        : sockets_(detail::make_port_sockets(options)),
          port_(detail::bind_free_port(sockets_, start, options, error)) {
        if (!error && options.hold == port_hold::hand_over) {
            sockets_.allow_address_reuse(error);
        }
        if (error) {
            sockets_ = {};
            port_ = 0;
        }
    }

    reserved_port(reserved_port&& other) noexcept
        : sockets_(std::move(other.sockets_)), port_(std::exchange(other.port_, 0)) {}
    reserved_port& operator=(reserved_port&& other) noexcept {
        sockets_ = std::move(other.sockets_);
        port_ = std::exchange(other.port_, 0);
        return *this;
    }
    reserved_port(const reserved_port&) = delete;
    reserved_port& operator=(const reserved_port&) = delete;
    ~reserved_port() = default;

    /// The port, also when all sockets were given away; 0 after a move.
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    /// Whether a socket is still held.
    explicit operator bool() const noexcept { return native_handle() != -1; }

    /// The first socket, or -1; it stays owned.
    [[nodiscard]] native_handle_type native_handle() const noexcept { return sockets_.first(); }

    /// Gives the first socket away, bound (and listening after listen()): the caller closes it.
    /// Where there are several the next one is the first then; the others stay held. -1 when all
    /// were given away.
    ///
    /// A server that calls listen(2) itself should set SO_REUSEADDR after it: see listen().
    [[nodiscard]] native_handle_type release() noexcept { return sockets_.release_first(); }

    /// Lets the sockets of TCP listen, which ends a hand-over: nobody can bind the port any more.
    /// They have SO_REUSEADDR from then on, so that a server started again can bind the port with
    /// it while connections of the first one are in TIME_WAIT.
    ///
    /// errc::address_in_use: another server has taken over. errc::operation_not_supported: there is
    /// only UDP. errc::bad_file_descriptor: nothing is held. listen(2), which says what `backlog`
    /// is; SOMAXCONN unless given.
    void listen(int backlog, std::error_code& error) noexcept {
        error.clear();
        sockets_.listen(backlog, error);
    }
    void listen(std::error_code& error) noexcept { listen(detail::os::default_backlog, error); }
    void listen(int backlog = detail::os::default_backlog) {
        std::error_code error;
        listen(backlog, error);
        if (error) {
            detail::throw_exception(
                std::system_error(error, "skyutil::reserved_port::listen: cannot listen on port " +
                                             detail::integer_text(port_)));
        }
    }

private:
    detail::port_sockets sockets_;
    std::uint16_t port_ = 0;
};

inline reserved_port::reserved_port(std::uint16_t start, const port_options& options) {
    std::error_code error;
    *this = reserved_port(start, options, error);
    detail::throw_if_no_port(error, "skyutil::reserved_port: cannot bind any port", start, options);
}

/// Returns `count` ports, no two the same, in the order in which they were found; none when there
/// are not as many. Errors are those of find_free_port().
[[nodiscard]] inline std::vector<reserved_port> reserve_ports(std::size_t count,
                                                              std::uint16_t start,
                                                              const port_options& options,
                                                              std::error_code& error) {
    const std::size_t most = start == 0              ? 65535
                             : start <= options.last ? options.last - start + std::size_t{1}
                                                     : 0;
    if (count > most) {
        error = std::make_error_code(std::errc::address_in_use);
        return {};
    }
    error.clear();
    std::vector<reserved_port> ports;
    ports.reserve(count);
    for (std::uint32_t next = start; ports.size() != count;) {
        if (start != 0 && next > options.last) {
            error = std::make_error_code(std::errc::address_in_use);
        } else {
            ports.emplace_back(static_cast<std::uint16_t>(next), options, error);
        }
        if (error) {
            return {};
        }
        next = start == 0 ? 0 : ports.back().port() + std::uint32_t{1};
    }
    return ports;
}

[[nodiscard]] inline std::vector<reserved_port> reserve_ports(std::size_t count,
                                                              std::uint16_t start,
                                                              std::error_code& error) {
    return reserve_ports(count, start, port_options{}, error);
}

[[nodiscard]] inline std::vector<reserved_port> reserve_ports(std::size_t count,
                                                              std::error_code& error) {
    return reserve_ports(count, 0, port_options{}, error);
}

[[nodiscard]] inline std::vector<reserved_port> reserve_ports(std::size_t count,
                                                              std::uint16_t start = 0,
                                                              const port_options& options = {}) {
    std::error_code error;
    std::vector<reserved_port> ports = reserve_ports(count, start, options, error);
    if (error) {
        const std::string what = "skyutil::reserve_ports: cannot bind " +
                                 detail::integer_text(count) + (count == 1 ? " port" : " ports");
        detail::throw_if_no_port(error, what.c_str(), start, options);
    }
    return ports;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
