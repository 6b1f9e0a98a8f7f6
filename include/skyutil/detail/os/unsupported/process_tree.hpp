// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/process_tree.hpp: what detail/os/process_tree.hpp declares where nothing is
// known of the system.

#pragma once

#include <skyutil/version.hpp>

#include <chrono>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline void tree_guard::hold(const process_ref&, std::error_code& error) const noexcept {
    error = make_error(std::errc::function_not_supported);
}

inline stillness tree_guard::look(const process_entry&,
                                  std::chrono::steady_clock::duration) const noexcept {
    return stillness::restless;
}

inline void tree_guard::release(const process_ref&) const noexcept {}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
