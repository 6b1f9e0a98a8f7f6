// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/sockets.hpp: what detail/os/sockets.hpp declares where nothing is known of
// the system.

#pragma once

#include <skyutil/version.hpp>

#include <cstdint>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline native_socket open_socket(const socket_type&, std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
    return no_socket;
}

inline void close_socket(native_socket) noexcept {}

inline void bind(native_socket, const socket_type&, std::uint16_t,
                 std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
}

inline std::uint16_t bound_port(native_socket, std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
    return 0;
}

inline guard_sockets hold_alone(native_socket, const socket_type&,
                                std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
    return {no_socket, no_socket};
}

inline void lend(native_socket, std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
}

inline int default_backlog() noexcept { return 0; }

inline void listen(native_socket, int, std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
