// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/output_loop_types.hpp: the types of detail/os/output_loop.hpp where nothing
// is known of the system.

#pragma once

#include <skyutil/version.hpp>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

struct loop_state {};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
