// SPDX-License-Identifier: MIT
//
// detail/os/pipes.hpp: pipes, and what else a program gets as its standard input and output.
//
// All handles have numbers that no standard descriptor has, so that the start of a program can put
// them in the place of those.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/version.hpp>

#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

/// What an end of a pipe is for. Reads and writes of one for programs wait, as programs expect it;
/// nothing but an output_loop may use one that is for loops.
enum class pipe_use { program, loop };

struct pipe_ends {
    native_handle read = no_handle;
    native_handle write = no_handle;
};

/// Makes a pipe; no ends on failure.
inline pipe_ends open_pipe(pipe_use reading, pipe_use writing, std::error_code& error) noexcept;

/// Has an end of a pipe that is for programs be for an output_loop from now on.
inline void use_in_loop(native_handle pipe, std::error_code& error) noexcept;

/// Opens what is empty, and takes whatever is written to it; no_handle on failure.
inline native_handle open_null(std::error_code& error) noexcept;

/// Whether each write to a file adds to it, whoever else writes to it, or the file is emptied
/// first.
enum class output_start { append, truncate };

/// Opens a file for output, and makes it if it is not there, with those permissions where the
/// system has such, less what it takes away from new files; no_handle on failure.
inline native_handle open_output(const path_text& name, output_start start, unsigned permissions,
                                 std::error_code& error) noexcept;

/// Opens a file for input; no_handle on failure.
inline native_handle open_input(const path_text& name, std::error_code& error) noexcept;

/// Returns another handle of the same file, pipe or process; no_handle on failure.
inline native_handle duplicate(native_handle handle, std::error_code& error) noexcept;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/linux/pipes.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/pipes.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/pipes.hpp>  // IWYU pragma: export
#endif
