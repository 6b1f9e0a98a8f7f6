// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/children.hpp: what detail/os/children.hpp declares where nothing is known
// of the system, which starts no children.

#pragma once

#include <skyutil/version.hpp>

#include <cstdint>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline child_state child::look(process_end&) noexcept { return child_state::reaped; }

inline child_state child::look_until(time_point, process_end&) noexcept {
    return child_state::reaped;
}

inline void child::reap(process_end&) noexcept {}

inline bool child::wait_for_end(time_point) const noexcept { return true; }

inline bool child::wait_for_tree(time_point) const noexcept { return true; }

inline bool child::has_its_id() const noexcept { return false; }

inline bool child::has_group() const noexcept { return false; }

inline bool child::may_have_left_processes() const noexcept { return true; }

inline void child::ask(int, std::error_code& error) const noexcept {
    error = make_error(std::errc::function_not_supported);
}

inline void child::kill(std::error_code& error) const noexcept {
    error = make_error(std::errc::function_not_supported);
}

inline void child::release() noexcept { *this = {}; }

inline bool adopts_orphans() noexcept { return false; }

inline bool has_process_handles() noexcept { return false; }

inline bool reap_adopted(std::int64_t, process_end&) noexcept { return false; }

template <class Function>
void for_each_held_process(Function, std::error_code& error) {
    error = make_error(std::errc::function_not_supported);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
