// SPDX-License-Identifier: MIT
//
// detail/follow/forward.hpp: what skyutil/follow.hpp owns and detail/follow/engine.hpp defines.

#pragma once

#include <skyutil/version.hpp>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

class follow_engine;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
