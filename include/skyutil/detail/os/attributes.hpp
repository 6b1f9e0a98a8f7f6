// SPDX-License-Identifier: MIT
//
// detail/os/attributes.hpp: the seam to the operating system: what a file that takes another one's
// place has from it, as its owner, permissions and access control list.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/version.hpp>

#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

struct file_attributes {
    bool exists = false;
    bool regular = false;
    bool directory = false;
    file_id id{};
    file_protection protection{};
};

/// Follows links; a file that is not there is no error.
inline file_attributes attributes(const path_text& name, std::error_code& error) noexcept;

/// Gives an open new file what another has, whose name is no link: owner and group as far as the
/// caller may, else group; permissions and access control list; what else the file system keeps
/// with a file, as far as the caller may.
///
/// Only the caller can do more with the new file than with the old one. Where the group cannot be
/// kept, the new file has the caller's: the group and all others then get only what both had.
/// Where the owner cannot be kept, permissions to run the file as its owner or group are dropped.
inline void copy_attributes(native_handle file, const file_attributes& old,
                            const path_text& old_name, std::error_code& error);

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/linux/attributes.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/attributes.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/attributes.hpp>  // IWYU pragma: export
#endif
