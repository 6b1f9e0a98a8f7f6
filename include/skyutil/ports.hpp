// SPDX-License-Identifier: MIT
//
// skyutil/ports.hpp: network ports that are free.
//
//     const std::uint16_t port = skyutil::find_free_port(8000);
//     skyutil::is_port_available(443, {.family = skyutil::family::ipv4});
//
// A port is free when it can be bound without SO_REUSEADDR now: one in TIME_WAIT is not. Nobody
// keeps it free until the caller binds it. The throwing forms throw std::system_error, the others
// set their std::error_code and clear it on success. Everything is safe to call from several
// threads at once.

#pragma once

#include <skyutil/detail/port_search.hpp>
#include <skyutil/version.hpp>

#include <cstdint>
#include <string>
#include <system_error>

namespace skyutil::inline v0 {

enum class address {
    any,       ///< all addresses of the machine: what others hold on any of them is not free
    loopback,  ///< 127.0.0.1 and ::1
};

enum class family {
    ipv4,
    ipv6,
    both,  ///< IPv4 alone on a machine without IPv6
};

enum class protocol { tcp, udp, both };

struct port_options {
    skyutil::address address = skyutil::address::any;
    skyutil::family family = skyutil::family::both;
    skyutil::protocol protocol = skyutil::protocol::tcp;
    std::uint16_t last = 65535;  ///< the last port to try; not used where the system chooses
};

namespace detail {

inline port_sockets make_port_sockets(const port_options& options) noexcept {
    port_sockets sockets;
    const bool loopback = options.address == address::loopback;
    const bool one_for_both = options.family == family::both && !loopback;
    for (const bool udp : {false, true}) {
        if (udp ? options.protocol == protocol::tcp : options.protocol == protocol::udp) {
            continue;
        }
        if (options.family != family::ipv6 && !one_for_both) {
            sockets.add({.ipv6 = false, .ipv4 = true, .udp = udp, .loopback = loopback});
        }
        if (options.family != family::ipv4) {
            sockets.add({.ipv6 = true, .ipv4 = one_for_both, .udp = udp, .loopback = loopback});
        }
    }
    return sockets;
}

/// Binds the first port that can be bound and returns it.
inline std::uint16_t bind_free_port(port_sockets& sockets, std::uint16_t start,
                                    const port_options& options, std::error_code& error) noexcept {
    const bool optional_ipv6 = options.family == family::both;
    if (start == 0) {
        // The system chooses for the first socket alone: another may find the port taken.
        constexpr int attempts = 100;
        for (int i = 0; i < attempts; ++i) {
            const std::uint16_t port = sockets.bind(0, optional_ipv6, error);
            if (error != std::errc::address_in_use) {
                return port;
            }
        }
        return 0;
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

}  // namespace detail

/// Returns the first port from `start` up to and including options.last that can be bound now; with
/// start 0 any that the system chooses, from its ephemeral range (ip(7), ip_local_port_range).
///
/// None: errc::address_in_use. Ports below 1024 that only the superuser may bind are passed over;
/// errc::permission_denied when there are no others in the range. One bind(2) a port tried.
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
    if (error) {
        const std::string range = std::to_string(start) + " to " + std::to_string(options.last);
        throw std::system_error(
            error, start == 0 ? "skyutil::find_free_port: the system has no port"
                              : "skyutil::find_free_port: cannot bind any port from " + range);
    }
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
    detail::make_port_sockets(options).bind(port, options.family == family::both, error);
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
        throw std::system_error(
            error, "skyutil::is_port_available: cannot try port " + std::to_string(port));
    }
    return available;
}

}  // namespace skyutil::inline v0
