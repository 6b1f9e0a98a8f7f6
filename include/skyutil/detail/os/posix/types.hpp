// SPDX-License-Identifier: MIT
//
// detail/os/posix/types.hpp: the types of detail/os/base.hpp where a file, a pipe and a socket are
// descriptors.

#pragma once

#include <skyutil/version.hpp>

#include <cstdint>
#include <string>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

using native_handle = int;
inline constexpr native_handle no_handle = -1;

using native_socket = int;
inline constexpr native_socket no_socket = -1;

using path_text = std::string;  // std::filesystem::path::string_type

using file_number = std::uint64_t;  // of an inode

/// Whose a file is, and what its owner, its group and all others may do with it.
struct file_protection {
    unsigned permissions = 0;
    std::uint32_t user = 0;
    std::uint32_t group = 0;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
