// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/output_loop.hpp: what detail/os/output_loop.hpp declares where nothing is
// known of the system.

#pragma once

#include <skyutil/version.hpp>

#include <cstddef>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline output_loop::output_loop(std::size_t) : state_() {}

inline output_loop::~output_loop() = default;

inline void output_loop::allow_wake() noexcept {}

inline void output_loop::wake() noexcept { static_cast<void>(state_); }

inline void output_loop::add_writer(native_handle, std::string_view) noexcept {}

inline void output_loop::write_more(std::size_t, native_handle, std::string_view) noexcept {}

inline void output_loop::add_process(native_handle) noexcept {}

inline void output_loop::add_reader(native_handle) noexcept {}

inline void output_loop::forget(loop_source, std::size_t) noexcept {}

inline output_loop::completion output_loop::next(time_point) {
    return {.error = make_error(std::errc::function_not_supported)};
}

inline output_loop::completion output_loop::next_left(std::size_t reader) {
    return {.from = loop_source::reader,
            .index = reader,
            .end = true,
            .error = make_error(std::errc::function_not_supported)};
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
