// SPDX-License-Identifier: MIT
//
// detail/files/directory_entries.hpp: how many entries a directory has.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/files.hpp>

#include <cstddef>
#include <filesystem>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Does what count_directory_entries() does.
inline std::size_t count_entries(const std::filesystem::path& path,
                                 std::error_code& error) noexcept {
    error.clear();
    const unique_fd directory(os::open_directory(path.native(), error));
    return directory ? os::count_entries(directory.get(), error) : 0;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
