// SPDX-License-Identifier: MIT
//
// detail/ports/port_search.hpp: binds a port with every socket that the wanted address, family and
// protocol need.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/sockets.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <tuple>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

struct native_socket_traits {
    using handle = os::native_socket;
    static constexpr handle none = os::no_socket;
    static void close(handle open) noexcept { os::close_socket(open); }
};

using unique_socket = unique_handle<native_socket_traits>;

/// The sockets of one port, in the order in which they were added. A socket that could not be bound
/// is used again for the next port, because making one costs as much as ten binds.
class port_sockets {
public:
    port_sockets() noexcept = default;
    port_sockets(port_sockets&& other) noexcept
        : slots_(std::move(other.slots_)), size_(std::exchange(other.size_, 0)) {}
    port_sockets& operator=(port_sockets&& other) noexcept {
        slots_ = std::move(other.slots_);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }
    port_sockets(const port_sockets&) = delete;
    port_sockets& operator=(const port_sockets&) = delete;
    ~port_sockets() = default;

    void add(const os::socket_type& type) noexcept { slots_[size_++].type = type; }

    /// Binds all sockets to `port`, or to any port with 0, and returns the port. When one socket
    /// cannot be bound, those bound before stay bound until the next call. With `optional_ipv6` a
    /// socket of IPv6 whose family or address the machine does not have is left out, unless it is
    /// the last one.
    std::uint16_t bind(std::uint16_t port, bool optional_ipv6, std::error_code& error) noexcept {
        error.clear();
        for (std::size_t i = 0; i < size_;) {
            slot& current = slots_[i];
            if (current.bound) {
                current.socket.reset();  // it cannot be unbound
                current.bound = false;
            }
            std::error_code failure;
            if (!current.socket) {
                current.socket.reset(os::open_socket(current.type, failure));
            }
            if (!failure) {
                os::bind(current.socket.get(), current.type, port, failure);
            }
            if (!failure && port == 0) {
                port = os::bound_port(current.socket.get(), failure);
            }
            if (!failure) {
                current.bound = true;
                ++i;
                continue;
            }
            const bool no_ipv6 = optional_ipv6 && current.type.ipv6 &&
                                 failure != std::errc::address_in_use &&
                                 (failure == std::errc::address_family_not_supported ||
                                  failure == std::errc::address_not_available);
            if (no_ipv6 && current.type.ipv4) {
                current.type.ipv6 = false;
                current.socket.reset();
            } else if (no_ipv6 && size_ > 1) {
                remove(i);
            } else {
                error = failure;
                return 0;
            }
        }
        return port;
    }

    [[nodiscard]] bool first_is_bound() const noexcept { return size_ != 0 && slots_[0].bound; }

    /// Returns the first socket, which stays owned, or no_socket.
    [[nodiscard]] os::native_socket first() const noexcept {
        return size_ == 0 ? os::no_socket : slots_[0].socket.get();
    }

    /// Releases the first socket and returns it, or no_socket. The next one is the first
    /// afterwards.
    [[nodiscard]] os::native_socket release_first() noexcept {
        if (size_ == 0) {
            return os::no_socket;
        }
        const os::native_socket socket = slots_[0].socket.release();
        remove(0);
        return socket;
    }

    /// Keeps other sockets from the port, whatever options they set. To be called after bind().
    void hold_alone(std::error_code& error) noexcept {
        for (std::size_t i = 0; i < size_ && !error; ++i) {
            slot& current = slots_[i];
            const os::guard_sockets guards =
                os::hold_alone(current.socket.get(), current.type, error);
            for (std::size_t j = 0; j < guards.size(); ++j) {
                current.guards[j].reset(guards[j]);
            }
        }
    }

    /// Lets servers with SO_REUSEADDR bind the port too. To be called after bind().
    void lend(std::error_code& error) noexcept {
        for (std::size_t i = 0; i < size_ && !error; ++i) {
            os::lend(slots_[i].socket.get(), error);
        }
    }

    /// Makes all sockets of TCP listen; see ports.hpp.
    void listen(int backlog, std::error_code& error) noexcept {
        bool any = false;
        for (std::size_t i = 0; i < size_ && !error; ++i) {
            slot& current = slots_[i];
            if (!current.type.udp) {
                any = true;
                current.guards = {};
                os::listen(current.socket.get(), backlog, error);
            }
        }
        if (!any) {
            error = os::make_error(size_ == 0 ? std::errc::bad_file_descriptor
                                              : std::errc::operation_not_supported);
        }
    }

private:
    struct slot {
        os::socket_type type{};
        unique_socket socket;
        std::array<unique_socket, std::tuple_size_v<os::guard_sockets>> guards;
        bool bound = false;
    };

    void remove(std::size_t at) noexcept {
        for (--size_; at < size_; ++at) {
            slots_[at] = std::move(slots_[at + 1]);
        }
        slots_[size_] = {};
    }

    std::array<slot, 4> slots_;
    std::size_t size_ = 0;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
