// SPDX-License-Identifier: MIT
//
// detail/os/windows/waiting_types.hpp: the types of detail/os/waiting.hpp, without signals.

#pragma once

#include <skyutil/version.hpp>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

struct signal_set {};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
