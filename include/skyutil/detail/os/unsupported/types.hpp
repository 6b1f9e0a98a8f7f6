// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/types.hpp: the types of detail/os/base.hpp where nothing is known of the
// system.

#pragma once

#include <skyutil/version.hpp>

#include <cstdint>
#include <filesystem>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

using native_handle = int;
inline constexpr native_handle no_handle = -1;

using native_socket = int;
inline constexpr native_socket no_socket = -1;

using path_text = std::filesystem::path::string_type;

using file_number = std::uint64_t;

struct file_protection {};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
