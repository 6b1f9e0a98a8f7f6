// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/waiting_types.hpp: the types of detail/os/waiting.hpp where nothing is
// known of the system.

#pragma once

#include <skyutil/version.hpp>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

struct signal_set {};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
