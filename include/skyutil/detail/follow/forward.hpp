// SPDX-License-Identifier: MIT
//
// detail/follow/forward.hpp: what skyutil/follow.hpp owns, and what may look into it; defined
// in detail/follow/engine.hpp and detail/follow/impl.hpp.

#pragma once

#include <skyutil/version.hpp>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

class follow_engine;
struct follow_access;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
