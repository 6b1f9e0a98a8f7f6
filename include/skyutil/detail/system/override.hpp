// SPDX-License-Identifier: MIT
//
// detail/system/override.hpp: environment variables whose values replace what was measured.

#pragma once

#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/detail/text/parse_decimal.hpp>
#include <skyutil/detail/text/scan.hpp>
#include <skyutil/detail/text/text_error.hpp>
#include <skyutil/version.hpp>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

struct override_variable {
    const char* name;
    double unit;
};

inline constexpr double bytes_per_gib = 1024.0 * 1024.0 * 1024.0;
SKYUTIL_OWN inline constexpr std::array cpu_overrides{
    override_variable{"SKYUTIL_CPU_COUNT", 1},
    override_variable{"SKYPILOT_POD_CPU_CORE_LIMIT", 1},
};
SKYUTIL_OWN inline constexpr std::array memory_overrides{
    override_variable{"SKYUTIL_MEMORY_BYTES", 1},
    override_variable{"SKYPILOT_POD_MEMORY_GB_LIMIT", bytes_per_gib},
    override_variable{"SKYPILOT_POD_MEMORY_BYTES_LIMIT", 1},
};

/// Returns whether a number is more than zero and finite, also in programs whose compiler assumes
/// that every number is finite (-ffast-math) or whose processor treats subnormal ones as zero.
constexpr bool is_positive(double value) noexcept {
    const auto bits = std::bit_cast<std::uint64_t>(value);  // those of a negative one are higher
    return bits != 0 && bits < bits_of_infinity;
}

/// Returns the value of a positive decimal number, which may have white space around it and one
/// plus sign; the locale does not matter.
inline std::optional<double> parse_positive(std::string_view text) noexcept {
    text = trim(text);
    if (text.starts_with('+')) {
        text.remove_prefix(1);
    }
    const std::optional<double> value = parse_decimal(text);
    return value && is_positive(*value) ? value : std::nullopt;
}

/// The first of several environment variables that is set.
struct override_setting {
    const char* name = nullptr;
    std::optional<std::string> text;
    std::optional<double> value;  // nullopt when none is set, or the text is no positive number

    template <std::size_t Count>
    explicit override_setting(const std::array<override_variable, Count>& variables) {
        for (const auto& [variable, unit] : variables) {
            text = os::environment(variable);
            if (text) {
                name = variable;
                value = parse_positive(*text);
                if (value) {
                    *value *= unit;
                    if (std::bit_cast<std::uint64_t>(*value) >= bits_of_infinity) {
                        value.reset();
                    }
                }
                return;
            }
        }
    }

    [[nodiscard]] std::error_code error() const noexcept {
        return text && !value ? std::make_error_code(std::errc::invalid_argument)
                              : std::error_code();
    }

    void throw_if_malformed(const char* function) const {
        if (error()) {
            throw_exception(std::invalid_argument(
                std::string(function) + ": the environment variable " + name + " is " +
                detail::quoted(*text) + ", which is no positive number"));
        }
    }
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
