// SPDX-License-Identifier: MIT
//
// detail/os/linux/procfs/pressure.hpp: the text in which the kernel tells how long tasks waited.
// Nothing is read here.
//
// Source: kernel documentation, accounting/psi. Text that is not as described there is no pressure,
// and never an error.

#pragma once

#include <skyutil/detail/os/limit_types.hpp>
#include <skyutil/detail/text/scan.hpp>
#include <skyutil/version.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

/// Returns the value of a percentage with two decimals, "12.34".
constexpr std::optional<double> parse_percent(std::string_view text) noexcept {
    const std::optional<std::uint64_t> whole = parse_unsigned(take_until(text, '.'));
    if (!whole || text.size() != 2) {
        return std::nullopt;
    }
    const std::optional<std::uint64_t> tens = parse_unsigned(text.substr(0, 1));
    const std::optional<std::uint64_t> ones = parse_unsigned(text.substr(1));
    if (!tens || !ones || *whole > 100 || (*whole == 100 && text != "00")) {
        return std::nullopt;
    }
    return static_cast<double>(*whole * 100 + *tens * 10 + *ones) / 100;
}

/// Returns the numbers of the line that starts with `kind`, "some" or "full":
/// "some avg10=0.00 avg60=0.00 avg300=0.00 total=0".
constexpr std::optional<stall_times> find_pressure(std::string_view text,
                                                   std::string_view kind) noexcept {
    std::string_view line = find_value(text, kind);
    const auto value_of = [&](std::string_view name) {
        std::string_view field = take_until(line, ' ');
        return take_until(field, '=') == name ? field : std::string_view();
    };
    const std::optional<double> avg10 = parse_percent(value_of("avg10"));
    const std::optional<double> avg60 = parse_percent(value_of("avg60"));
    const std::optional<double> avg300 = parse_percent(value_of("avg300"));
    const std::optional<std::uint64_t> total =
        take_until(line, '=') == "total" ? parse_unsigned(line) : std::nullopt;
    if (!avg10 || !avg60 || !avg300 || !total) {
        return std::nullopt;
    }
    return stall_times{*avg10, *avg60, *avg300, *total};
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
