// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/limits_state.hpp: the types of detail/os/limits.hpp where nothing is known
// of the system.

#pragma once

#include <skyutil/version.hpp>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

struct limits_state {};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
