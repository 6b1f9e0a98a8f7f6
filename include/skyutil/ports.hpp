// SPDX-License-Identifier: MIT
//
// skyutil/ports.hpp: finds network ports that are free, and holds them.
//
//     const std::uint16_t port = skyutil::find_free_port(8000);  // free now, but not kept free
//     skyutil::reserved_port held(8000, {.last = 8100});         // no other socket can bind it
//     held.listen();                                             // serve on held.native_handle()
//
// A port is free when it can be bound now without SO_REUSEADDR. A port with connections in
// TIME_WAIT is not free, and neither is one that another thread or process is just trying. On
// Windows a port is free when a socket with SO_EXCLUSIVEADDRUSE can be bound to it now; whether one
// in TIME_WAIT is, the system decides.
//
// The throwing forms throw std::system_error; the other forms set their std::error_code, and clear
// it on success. Everything can be called from several threads at once, on different objects.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/ports/port_search.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// The owner of a file descriptor; see files.hpp.
using unique_fd = detail::unique_fd;

/// The addresses on which a port is bound.
enum class port_address {
    any,       ///< all addresses of the machine; a port in use on any of them is not free
    loopback,  ///< 127.0.0.1 and ::1; the port may be in use on other addresses
};

/// The address families in which a port is bound.
enum class port_family {
    ipv4,
    ipv6,
    both,  ///< IPv4 alone on a machine without IPv6
};

/// The protocols for which a port is bound.
enum class port_protocol { tcp, udp, both };

/// How a reserved_port holds its port. Either way no other socket had the port when it was found.
enum class port_hold {
    /// No other socket can bind the port or listen on it, whatever options it sets.
    exclusive,
    /// A server that sets SO_REUSEADDR, of any user, can bind the port while it is held, and listen
    /// on it; no other socket can. With UDP both sockets are bound then, and the newer one receives
    /// what arrives. On Windows `errc::operation_not_supported`: release() or close the port.
    hand_over,
};

/// Which port to look for. Later versions can add members: set them by name.
struct port_options {
    port_address address = port_address::any;
    port_family family = port_family::both;
    port_protocol protocol = port_protocol::tcp;
    std::uint16_t last = 65535;  ///< the last port to try; not used where the system chooses
    port_hold hold = port_hold::exclusive;  ///< used for reserved ports only
};

/// Returns the first port from `start` up to and including options.last that can be bound now. With
/// start 0 it is any port that the system chooses from its ephemeral range (ip(7),
/// ip_local_port_range).
///
/// **Errors**
/// - `errc::address_in_use`: no port is free. With start 0 also when the system chose 1000 ports
///   for one protocol or family, and each was taken for the other.
/// - `errc::permission_denied`: the caller may not bind any port of the range, as with those below
///   1024 that are for the superuser. If the range has other ports too, such ports are passed over.
///   On Windows there are no such ports, and those that the system keeps for itself are in use.
/// - Any other error does not depend on the port, such as no descriptors left, or a family or an
///   address that the machine does not have. It ends the search and is reported as it is.
///
/// **Guarantees**
/// - None for the time after the call: another program can bind the port at any time; reserved_port
///   holds it. The system itself gives ports of the ephemeral range to others at any time, so take
///   a port that is to be remembered from outside of that range.
///
/// **Limits**
/// - Windows: the ephemeral range is 49152 to 65535 unless it was configured. Winsock is started by
///   the first call and stays until the process ends; no function of this header may be called from
///   DllMain.
///
/// **Cost**
/// One bind(2) for each port tried.
[[nodiscard]] std::uint16_t find_free_port(std::uint16_t start, const port_options& options,
                                           std::error_code& error) noexcept;
[[nodiscard]] std::uint16_t find_free_port(std::uint16_t start, std::error_code& error) noexcept;
[[nodiscard]] std::uint16_t find_free_port(std::uint16_t start = 1024,
                                           const port_options& options = {});

/// Returns whether a port can be bound now. options.last is not used.
///
/// **Errors**
/// - `errc::permission_denied`: the caller may not bind the port at all; not on Windows.
/// - `errc::invalid_argument`: the port is 0.
/// - Errors that do not depend on the port, as with find_free_port().
[[nodiscard]] bool is_port_available(std::uint16_t port, const port_options& options,
                                     std::error_code& error) noexcept;
[[nodiscard]] bool is_port_available(std::uint16_t port, std::error_code& error) noexcept;
[[nodiscard]] bool is_port_available(std::uint16_t port, const port_options& options = {});

/// A port that is found as find_free_port() finds it, and held.
///
///     skyutil::reserved_port held;                    // any free port
///     start_server("--port", held.port());
///
/// Its sockets stay bound, so that no other socket can get the port, until they are closed: by the
/// destructor, or by the caller of release().
///
/// There is one socket for each protocol, with one exception: port_family::both with
/// port_address::loopback has two, for 127.0.0.1 and ::1. With port_family::both and
/// port_address::any the socket is of IPv6 and takes IPv4 as well (ipv6(7), IPV6_V6ONLY), or of
/// IPv4 on a machine without IPv6. The sockets of TCP come before those of UDP, and for each
/// protocol the one of IPv4 comes first.
///
/// **Guarantees**
/// - Programs that are started do not inherit the sockets.
/// - A forked child has copies of them: the port is held until both processes have closed theirs.
///
/// **Limits**
/// - Windows: a socket is a SOCKET, none is INVALID_SOCKET, and its owner closes it by closesocket.
///   It has SO_EXCLUSIVEADDRUSE: after connections through it the port can stay taken for a while,
///   also for a server that sets SO_REUSEADDR.
class [[nodiscard]] reserved_port {
public:
    using native_handle_type = detail::os::native_socket;

    /// Holds any port that the system chooses.
    ///
    /// **Errors**
    /// - Those of find_free_port(). After an error no port is held.
    reserved_port() : reserved_port(0) {}
    explicit reserved_port(std::error_code& error) noexcept : reserved_port(0, error) {}

    /// Holds the first free port from `start` up to and including options.last; any port with 0.
    ///
    /// **Errors**
    /// - Those of find_free_port(). After an error no port is held.
    /// - `errc::operation_not_supported`: port_hold::hand_over on Windows.
    explicit reserved_port(std::uint16_t start, const port_options& options = {});
    reserved_port(std::uint16_t start, std::error_code& error) noexcept
        : reserved_port(start, port_options{}, error) {}
    reserved_port(std::uint16_t start, const port_options& options,
                  std::error_code& error) noexcept;

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

    /// Returns the port, also after all sockets were released; 0 after an error or a move.
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    /// Returns whether a socket is still held.
    explicit operator bool() const noexcept { return native_handle() != detail::os::no_socket; }

    /// Returns the first socket, which stays owned; -1 (INVALID_SOCKET) when none is held.
    [[nodiscard]] native_handle_type native_handle() const noexcept { return sockets_.first(); }

    /// Releases the first socket, bound (and listening after listen()), and returns it: the caller
    /// closes it. Where there are several sockets, the next one is the first afterwards, and those
    /// that are left stay held. Returns -1 when none is held.
    ///
    /// A server that calls listen(2) itself should set SO_REUSEADDR afterwards, for the reason that
    /// listen() gives; not on Windows, where it would let others take the port.
    [[nodiscard]] native_handle_type release() noexcept { return sockets_.release_first(); }

    /// Makes the sockets of TCP listen. That ends a hand-over: no other socket can bind the port
    /// any more.
    ///
    /// The sockets have SO_REUSEADDR from then on, so that a server that is started again and sets
    /// it too can bind the port while connections of the first server are in TIME_WAIT. `backlog`
    /// is explained in listen(2); the default is SOMAXCONN. On Windows they do not have it.
    ///
    /// **Errors**
    /// - `errc::address_in_use`: another server has taken the port over.
    /// - `errc::operation_not_supported`: there are only sockets of UDP.
    /// - `errc::bad_file_descriptor`: nothing is held.
    ///
    /// **Source**
    /// listen(2), socket(7)
    void listen(int backlog, std::error_code& error) noexcept {
        error.clear();
        sockets_.listen(backlog, error);
    }
    void listen(std::error_code& error) noexcept { listen(detail::os::default_backlog(), error); }
    void listen(int backlog = detail::os::default_backlog());

private:
    detail::port_sockets sockets_;
    std::uint16_t port_ = 0;
};

/// Returns `count` different ports, each held, in the order in which they were found. When fewer
/// are free it is an error, and none is held.
///
/// **Errors**
/// - Those of find_free_port().
[[nodiscard]] std::vector<reserved_port> reserve_ports(std::size_t count, std::uint16_t start,
                                                       const port_options& options,
                                                       std::error_code& error);
[[nodiscard]] std::vector<reserved_port> reserve_ports(std::size_t count, std::uint16_t start,
                                                       std::error_code& error);
[[nodiscard]] std::vector<reserved_port> reserve_ports(std::size_t count, std::error_code& error);
[[nodiscard]] std::vector<reserved_port> reserve_ports(std::size_t count, std::uint16_t start = 0,
                                                       const port_options& options = {});

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE

#include <skyutil/detail/ports/impl.hpp>  // IWYU pragma: keep
