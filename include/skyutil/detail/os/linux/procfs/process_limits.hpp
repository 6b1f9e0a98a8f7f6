// SPDX-License-Identifier: MIT
//
// detail/os/linux/procfs/process_limits.hpp: the text of /proc/PID/limits. Nothing is read here.
//
// Source: proc(5).

#pragma once

#include <skyutil/detail/os/machine.hpp>
#include <skyutil/detail/text/scan.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <optional>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

/// Returns the limits in the line with this name. The kernel writes the name, two limits, each a
/// number or "unlimited", and a unit, in columns: nullopt for any other line, and where there is
/// none.
constexpr std::optional<resource_limit> find_process_limit(std::string_view text,
                                                           std::string_view name) noexcept {
    const auto take_column = [](std::string_view& line) {
        line.remove_prefix((std::min)(line.find_first_not_of(' '), line.size()));
        return take_until(line, ' ');
    };
    while (!text.empty()) {
        std::string_view line = take_until(text, '\n');
        if (!line.starts_with(name) || !line.substr(name.size()).starts_with("  ")) {
            continue;
        }
        line.remove_prefix(name.size());
        const std::string_view soft = take_column(line);
        const std::string_view hard = take_column(line);
        const std::string_view unit = take_column(line);
        const resource_limit limit{parse_unsigned(soft), parse_unsigned(hard)};
        const bool known = (limit.soft || soft == "unlimited") &&
                           (limit.hard || hard == "unlimited") && !unit.empty() &&
                           line.find_first_not_of(' ') == std::string_view::npos;
        return known ? std::optional(limit) : std::nullopt;
    }
    return std::nullopt;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
