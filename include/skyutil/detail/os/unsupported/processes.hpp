// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/processes.hpp: what detail/os/processes.hpp declares where nothing is known
// of the system.

#pragma once

#include <skyutil/version.hpp>

#include <cstdint>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline bool is_signal(int number) noexcept { return number > 0; }
inline bool is_process_id(std::int64_t number) noexcept { return number > 0; }
inline bool is_first_process(std::int64_t pid) noexcept { return pid == 1; }
inline bool process_exists(std::int64_t) noexcept { return false; }

inline process_ref process_ref::open(std::int64_t, std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
    return {};
}

inline process_ref process_ref::open_by_start(std::int64_t, std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
    return {};
}

inline bool process_ref::alive(std::error_code& error) const noexcept {
    error = make_error(std::errc::function_not_supported);
    return false;
}

inline bool process_ref::wait_until(time_point, std::error_code& error) const noexcept {
    error = make_error(std::errc::function_not_supported);
    return false;
}

inline void process_ref::signal(int, std::error_code& error) const noexcept {
    error = make_error(std::errc::function_not_supported);
}

inline void process_ref::ask(int, std::error_code& error) const noexcept {
    error = make_error(std::errc::function_not_supported);
}

inline void process_ref::kill(std::error_code& error) const noexcept {
    error = make_error(std::errc::function_not_supported);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
