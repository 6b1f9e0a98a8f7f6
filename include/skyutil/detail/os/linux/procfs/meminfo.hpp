// SPDX-License-Identifier: MIT
//
// detail/os/linux/procfs/meminfo.hpp: sizes in the text of /proc/meminfo and /proc/PID/status.
// Nothing is read here.
//
// Source: proc(5).

#pragma once

#include <skyutil/detail/text/scan.hpp>
#include <skyutil/version.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

/// Returns the bytes that the line with this name gives in "kB", which are 1024 bytes; nullopt
/// where there is no such line.
constexpr std::optional<std::uint64_t> find_kib(std::string_view text,
                                                std::string_view name) noexcept {
    std::string_view value = find_value(text, name);
    const std::optional<std::uint64_t> kib = parse_unsigned(take_until(value, ' '));
    if (!kib || value != "kB" || *kib > (std::numeric_limits<std::uint64_t>::max)() / 1024) {
        return std::nullopt;
    }
    return *kib * 1024;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
