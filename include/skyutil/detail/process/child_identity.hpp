// SPDX-License-Identifier: MIT
//
// detail/process/child_identity.hpp: what tells a child of this process from others.

#pragma once

#include <skyutil/detail/os/children.hpp>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

using child_identity = os::child;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
