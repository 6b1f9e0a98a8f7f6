// SPDX-License-Identifier: MIT
//
// detail/base/cast.hpp: conversions that change the type on some systems only.

#pragma once

#include <skyutil/version.hpp>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// A static_cast that g++ does not call useless where the types are the same.
template <class To, class From>
constexpr To cast_to(From value) noexcept {
    return static_cast<To>(value);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
