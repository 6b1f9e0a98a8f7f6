// SPDX-License-Identifier: MIT

#include "../../rivals/ports.hpp"
#include "peer.hpp"

#include <skyutil/ports.hpp>

namespace {

using peer::add;

std::uint16_t port(const peer::fields& line) {
    return static_cast<std::uint16_t>(std::stoul(line.at(0)));
}

/// IPv4 alone where the machine has no IPv6, as the library does.
skyutil::port_options what_there_is() {
    const int fd = rivals::make_socket({});
    ::close(fd);
    return fd == -1 ? skyutil::port_options{.family = skyutil::port_family::ipv4}
                    : skyutil::port_options{};
}

const peer::registration registered([] {
    add("skyutil", "find_free_port", port,
        [](std::uint16_t start) { return skyutil::find_free_port(start); });
    add("floor: one socket, bind tried again", "find_free_port", port,
        [options = what_there_is()](std::uint16_t start) {
            return rivals::find_by_hand(start, options);
        });
});

}  // namespace
