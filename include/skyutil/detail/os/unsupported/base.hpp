// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/base.hpp: what detail/os/base.hpp declares where nothing is known of the
// system.

#pragma once

#include <skyutil/version.hpp>

#include <cstdint>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline std::error_code last_error() noexcept {
    return std::make_error_code(std::errc::function_not_supported);
}

inline std::int64_t process_id() noexcept { return 0; }

inline bool append_path_text(path_text&, std::string_view) { return false; }

inline void close(native_handle) noexcept {}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
