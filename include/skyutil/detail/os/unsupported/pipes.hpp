// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/pipes.hpp: what detail/os/pipes.hpp declares where nothing is known of the
// system.

#pragma once

#include <skyutil/version.hpp>

#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline pipe_ends open_pipe(pipe_use, pipe_use, std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
    return {};
}

inline void use_in_loop(native_handle, std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
}

inline native_handle open_null(std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
    return no_handle;
}

inline native_handle open_output(const path_text&, output_start, unsigned,
                                 std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
    return no_handle;
}

inline native_handle open_input(const path_text&, std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
    return no_handle;
}

inline native_handle duplicate(native_handle, std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
    return no_handle;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
