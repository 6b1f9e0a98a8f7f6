// SPDX-License-Identifier: MIT
//
// detail/os/windows/types.hpp: the types of detail/os/base.hpp where a file or a pipe is a HANDLE
// and a socket is a SOCKET.

#pragma once

#include <skyutil/version.hpp>

#include <cstdint>
#include <filesystem>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

using native_handle = void*;
inline constexpr native_handle no_handle = nullptr;

using native_socket = std::uintptr_t;
inline constexpr native_socket no_socket = ~native_socket{0};

using path_text = std::filesystem::path::string_type;  // UTF-16, lone surrogates included

/// The 128 bits of a file on ReFS; elsewhere `high` is 0.
struct file_number {
    std::uint64_t low = 0;
    std::uint64_t high = 0;

    friend bool operator==(const file_number&, const file_number&) = default;
};

/// Read-only, hidden, system...: FILE_ATTRIBUTE_*. The access control list is not in it.
struct file_protection {
    std::uint32_t attributes = 0;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
