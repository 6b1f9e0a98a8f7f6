// SPDX-License-Identifier: MIT
//
// detail/os/base.hpp: the seam to the operating system, and what all its topics share.
//
// Each header of detail/os/ is the contract of one topic: its types, and every function declared
// once with its comment. It ends by including one backend, which defines them. Nothing above
// detail/os/ knows a system: a descriptor is a native_handle, a process a process_ref, and what is
// asked for is said by intent. A backend keeps what is its own in the namespace sys. What it needs
// of the library the contract includes, where no #if leaves it out.
//
// Unless a comment says otherwise no function throws; an error is set, and never cleared; a call
// that signals interrupt is repeated; handles are not inherited by programs that are started.

#pragma once

#include <skyutil/detail/base/cast.hpp>          // IWYU pragma: keep
#include <skyutil/detail/base/interruption.hpp>  // IWYU pragma: keep
#include <skyutil/version.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>
#include <system_error>

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/posix/types.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/types.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/types.hpp>  // IWYU pragma: export
#endif

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

// The types of a backend: native_handle and native_socket, with no_handle and no_socket for none;
// path_text, a file name as the system takes it; file_number, which tells files of a file system
// apart; file_protection, whose a file is and who may do what with it.

using time_point = std::chrono::steady_clock::time_point;

inline std::error_code make_error(std::errc code) noexcept { return std::make_error_code(code); }

/// Why the last call of this thread to the system failed. Its category is std::generic_category()
/// wherever std::errc has a value for it.
inline std::error_code last_error() noexcept;

/// The id of this process.
inline std::int64_t process_id() noexcept;

/// Appends a text in UTF-8 such as "a/b" to the name of a file. Returns false, and appends nothing,
/// for what no file here is named.
inline bool append_path_text(path_text& name, std::string_view text);

/// Closes a file, a directory, a pipe or what else has a handle; not no_handle.
inline void close(native_handle handle) noexcept;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/posix/base.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/base.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/base.hpp>  // IWYU pragma: export
#endif
