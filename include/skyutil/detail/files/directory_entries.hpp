// SPDX-License-Identifier: MIT
//
// detail/files/directory_entries.hpp: how many entries a directory has; public through files.hpp.

#pragma once

#include <skyutil/detail/base/error.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os.hpp>

#include <cstddef>
#include <filesystem>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// Returns how many direct entries a directory has, without "." and "..". Anything but a directory:
/// errc::not_a_directory. Entries made or removed meanwhile may or may not be counted.
[[nodiscard]] inline std::size_t count_directory_entries(const std::filesystem::path& path,
                                                         std::error_code& error) noexcept {
    error.clear();
    const unique_fd directory(detail::os::open_directory(path.native(), error));
    return directory ? detail::os::count_entries(directory.get(), error) : 0;
}

[[nodiscard]] inline std::size_t count_directory_entries(const std::filesystem::path& path) {
    std::error_code error;
    const std::size_t entries = count_directory_entries(path, error);
    detail::throw_if(error, "skyutil::count_directory_entries: cannot read the directory", path);
    return entries;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
