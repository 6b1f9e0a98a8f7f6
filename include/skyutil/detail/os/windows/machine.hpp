// SPDX-License-Identifier: MIT
//
// detail/os/windows/machine.hpp: what detail/os/machine.hpp declares. A process has no limits of
// its own to set.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/windows/text.hpp>
#include <skyutil/version.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline std::optional<std::string> environment(const char* name) {
    const std::optional<std::wstring> wide = sys::to_utf16<wchar_t>(name);
    if (!wide) {
        return std::nullopt;
    }
    std::wstring value(128, L'\0');
    for (;;) {
        sys::SetLastError(0);
        const std::size_t size = sys::GetEnvironmentVariableW(
            wide->c_str(), value.data(), static_cast<unsigned long>(value.size()));
        if (size == 0 && sys::GetLastError() != 0) {
            return std::nullopt;
        }
        if (size < value.size()) {
            return sys::to_utf8(std::wstring_view(value.data(), size));
        }
        value.resize(size);
    }
}

/// The clock of ticks is 16 milliseconds behind, for which numbers may not be kept.
inline std::uint64_t coarse_milliseconds() noexcept {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

inline void set_limit(resource, const resource_limit&, std::error_code& error) noexcept {
    error = make_error(std::errc::function_not_supported);
}

inline const char* limit_name(resource which) noexcept {
    return which == resource::address_space ? "GlobalMemoryStatusEx" : "the limit";
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
