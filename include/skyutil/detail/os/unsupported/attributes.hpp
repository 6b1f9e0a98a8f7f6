// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/attributes.hpp: what detail/os/attributes.hpp declares where nothing is
// known of the system.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/version.hpp>

#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline file_attributes attributes(const path_text&, std::error_code& error) noexcept {
    error = last_error();
    return {};
}

inline void copy_attributes(native_handle, const file_attributes&, const path_text&,
                            std::error_code& error) {
    error = last_error();
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
