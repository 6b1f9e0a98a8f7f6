// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/file_events.hpp: what detail/os/file_events.hpp declares where nothing is
// known of the system.

#pragma once

#include <skyutil/version.hpp>

#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline file_events::file_events(std::error_code&) noexcept {
    static_cast<void>(alarm_);
    static_cast<void>(changes_);
}

inline file_events::~file_events() = default;

inline void file_events::set_alarm(time_point) const noexcept {}

inline void file_events::start_watching(std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
}

inline watch_id file_events::watch_file(native_handle, std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
    return no_watch;
}

inline watch_id file_events::watch_directory(const path_text&, std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
    return no_watch;
}

inline void file_events::unwatch(watch_id) noexcept {}

template <class Visit>
bool file_events::take(Visit, std::error_code&) {
    return false;
}

inline bool tells_of_changes(native_handle) noexcept { return false; }

inline bool tells_of_changes(const path_text&) noexcept { return false; }

/// A name that is no link, as far as nothing is known of links.
inline file_id identify_target(const path_text& name, std::error_code& error) noexcept {
    return identify(name, error);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
