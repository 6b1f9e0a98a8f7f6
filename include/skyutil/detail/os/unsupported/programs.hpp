// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/programs.hpp: what detail/os/programs.hpp declares where nothing is known
// of the system.

#pragma once

#include <skyutil/version.hpp>

#include <cstdint>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline started_program start_program(const program_request&, start_failure& failed,
                                     std::error_code& error) {
    failed = start_failure::process;
    error = make_error(std::errc::function_not_supported);
    return {};
}

inline std::int64_t start_detached(const program_request& request, start_failure& failed,
                                   std::error_code& error) {
    return start_program(request, failed, error).child.pid;
}

inline std::vector<std::string> shell_words(std::string text) { return {std::move(text)}; }

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
