// SPDX-License-Identifier: MIT
//
// detail/port_search.hpp: binds a port with every socket that the wanted address, family and
// protocol need.

#pragma once

#include <skyutil/detail/os.hpp>
#include <skyutil/detail/unique_fd.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <system_error>

namespace skyutil::inline v0::detail {

/// The sockets of one port. A socket whose bind failed is used again for the next port: making one
/// costs as much as ten binds.
class port_sockets {
public:
    void add(const os::socket_type& type) noexcept { slots_[size_++] = {type, {}, false}; }

    /// Binds all to `port`, 0 for any; none stays bound when one cannot be. `optional_ipv6`: an
    /// address family or an address that the machine does not have is left out, but not the last
    /// one.
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
            const bool no_ipv6 = failure == std::errc::address_family_not_supported ||
                                 failure == std::errc::address_not_available;
            if (no_ipv6 && optional_ipv6 && current.type.ipv6 && current.type.ipv4) {
                current.type.ipv6 = false;
                current.socket.reset();
            } else if (no_ipv6 && optional_ipv6 && current.type.ipv6 && size_ > 1) {
                remove(i);
            } else {
                error = failure;
                return 0;
            }
        }
        return port;
    }

private:
    struct slot {
        os::socket_type type{};
        unique_fd socket;
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

}  // namespace skyutil::inline v0::detail
