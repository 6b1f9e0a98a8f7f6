// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/process_tree.hpp: what detail/os/process_tree.hpp declares where nothing is
// known of the system.

#pragma once

#include <skyutil/version.hpp>

#include <chrono>
#include <cstdint>
#include <system_error>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline tree_guard::tree_guard(const process_list& list) noexcept : list_(list) {}

inline bool tree_guard::stops() noexcept { return false; }

inline void tree_guard::hold(const process_ref&, std::error_code& error) const noexcept {
    error = make_error(std::errc::function_not_supported);
}

inline stillness tree_guard::look(const process_entry&,
                                  std::chrono::steady_clock::duration) const noexcept {
    return stillness::restless;
}

inline void tree_guard::release(const process_ref&) const noexcept {}

inline std::vector<std::int64_t> tree_guard::kept() const { return {}; }

inline void tree_guard::end_kept() const noexcept {}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
