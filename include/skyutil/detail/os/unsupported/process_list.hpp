// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/process_list.hpp: what detail/os/process_list.hpp declares where nothing is
// known of the system.

#pragma once

#include <skyutil/version.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline process_list::process_list(std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
}

inline void process_list::refresh(std::error_code& error) {
    error = make_error(std::errc::function_not_supported);
}

inline std::optional<process_entry> process_list::look(std::int64_t,
                                                       std::error_code& error) const noexcept {
    error = make_error(std::errc::function_not_supported);
    return std::nullopt;
}

inline bool process_list::shows(const process_entry&) const noexcept { return false; }

inline std::string process_list::name_of(std::int64_t) const { return {}; }

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
