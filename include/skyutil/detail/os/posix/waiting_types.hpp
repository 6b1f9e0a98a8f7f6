// SPDX-License-Identifier: MIT
//
// detail/os/posix/waiting_types.hpp: the types of detail/os/waiting.hpp.

#pragma once

#include <skyutil/version.hpp>

#include <signal.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

using signal_set = sigset_t;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
