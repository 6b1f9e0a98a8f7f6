// SPDX-License-Identifier: MIT
//
// detail/os/linux/pipes.hpp: what posix/pipes.hpp needs that POSIX lacks: a pipe that no program
// that is started meanwhile inherits.

#pragma once

#include <skyutil/version.hpp>

#include <array>

#include <fcntl.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::pipe2;
#endif

/// pipe(2) with FD_CLOEXEC.
inline int make_pipe(std::array<int, 2>& ends) noexcept { return pipe2(ends.data(), O_CLOEXEC); }

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys

#include <skyutil/detail/os/posix/pipes.hpp>  // IWYU pragma: export
