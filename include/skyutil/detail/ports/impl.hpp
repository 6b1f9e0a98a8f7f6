// SPDX-License-Identifier: MIT
//
// detail/ports/impl.hpp: the bodies of ports.hpp. Included at its end.

#pragma once

#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/ports/port_search.hpp>
#include <skyutil/detail/text/integer_text.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

namespace detail {

/// Returns the sockets that the options need, none of them bound yet.
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

/// Binds the sockets to the first port to which all of them can be bound, and returns it.
inline std::uint16_t bind_free_port(port_sockets& sockets, std::uint16_t start,
                                    const port_options& options, std::error_code& error) noexcept {
    const bool optional_ipv6 = options.family == port_family::both;
    if (start == 0) {
        // The system chooses a port for the first socket; it can be taken for the next one.
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

/// Throws if there is an error. `what` names the function and what it was doing; the ports and the
/// reason are added.
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

inline std::uint16_t find_free_port(std::uint16_t start, const port_options& options,
                                    std::error_code& error) noexcept {
    detail::port_sockets sockets = detail::make_port_sockets(options);
    return detail::bind_free_port(sockets, start, options, error);
}

inline std::uint16_t find_free_port(std::uint16_t start, std::error_code& error) noexcept {
    return find_free_port(start, port_options{}, error);
}

inline std::uint16_t find_free_port(std::uint16_t start, const port_options& options) {
    std::error_code error;
    const std::uint16_t port = find_free_port(start, options, error);
    detail::throw_if_no_port(error, "skyutil::find_free_port: cannot bind any port", start,
                             options);
    return port;
}

inline bool is_port_available(std::uint16_t port, const port_options& options,
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

inline bool is_port_available(std::uint16_t port, std::error_code& error) noexcept {
    return is_port_available(port, port_options{}, error);
}

inline bool is_port_available(std::uint16_t port, const port_options& options) {
    std::error_code error;
    const bool available = is_port_available(port, options, error);
    if (error) {
        detail::throw_exception(std::system_error(
            error, "skyutil::is_port_available: cannot try port " + detail::integer_text(port)));
    }
    return available;
}

inline reserved_port::reserved_port(std::uint16_t start, const port_options& options) {
    std::error_code error;
    *this = reserved_port(start, options, error);
    if (options.hold == port_hold::hand_over && error == std::errc::operation_not_supported) {
        detail::throw_exception(std::system_error(
            error,
            "skyutil::reserved_port: this system lets no other server bind a port that is held "
            "(port_hold::hand_over)"));
    }
    detail::throw_if_no_port(error, "skyutil::reserved_port: cannot bind any port", start, options);
}

inline reserved_port::reserved_port(std::uint16_t start, const port_options& options,
                                    std::error_code& error) noexcept
    : sockets_(detail::make_port_sockets(options)),
      port_(detail::bind_free_port(sockets_, start, options, error)) {
    if (!error) {
        options.hold == port_hold::exclusive ? sockets_.hold_alone(error) : sockets_.lend(error);
    }
    if (error) {
        sockets_ = {};
        port_ = 0;
    }
}

inline void reserved_port::listen(int backlog) {
    std::error_code error;
    listen(backlog, error);
    if (error) {
        detail::throw_exception(
            std::system_error(error, "skyutil::reserved_port::listen: cannot listen on port " +
                                         detail::integer_text(port_)));
    }
}

inline std::vector<reserved_port> reserve_ports(std::size_t count, std::uint16_t start,
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

inline std::vector<reserved_port> reserve_ports(std::size_t count, std::uint16_t start,
                                                std::error_code& error) {
    return reserve_ports(count, start, port_options{}, error);
}

inline std::vector<reserved_port> reserve_ports(std::size_t count, std::error_code& error) {
    return reserve_ports(count, 0, port_options{}, error);
}

inline std::vector<reserved_port> reserve_ports(std::size_t count, std::uint16_t start,
                                                const port_options& options) {
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
