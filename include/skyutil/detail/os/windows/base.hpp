// SPDX-License-Identifier: MIT
//
// detail/os/windows/base.hpp: what detail/os/base.hpp declares, and for the files beside it in
// `sys`: errors of both kinds of calls, and waiting.

#pragma once

#include <skyutil/detail/base/interruption.hpp>
#include <skyutil/detail/os/windows/api.hpp>
#include <skyutil/detail/os/windows/errors.hpp>
#include <skyutil/detail/os/windows/text.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

#if defined(SKYUTIL_TEST_SYSTEM_CALLS)
#include SKYUTIL_TEST_SYSTEM_CALLS  // sys, with calls that fail when a test wants them to
#endif

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline std::error_code last_error() noexcept { return sys::error_of(sys::GetLastError()); }

inline std::int64_t process_id() noexcept {
    return static_cast<std::int64_t>(sys::GetCurrentProcessId());
}

inline bool append_path_text(path_text& name, std::string_view text) {
    const std::optional<path_text> wide = text.find_first_of("\\:") == std::string_view::npos
                                              ? sys::to_utf16<wchar_t>(text)
                                              : std::nullopt;
    if (wide) {
        name += *wide;
    }
    return wide.has_value();
}

inline void close(native_handle handle) noexcept { sys::CloseHandle(handle); }

namespace sys {
// What NT calls say, as their headers name it, and RtlNtStatusToDosError() does not tell apart.
namespace statuses {
constexpr nt_status value(std::uint32_t number) noexcept { return static_cast<nt_status>(number); }

inline constexpr nt_status no_more_files = value(0x80000006);
inline constexpr nt_status not_implemented = value(0xc0000002);
inline constexpr nt_status invalid_info_class = value(0xc0000003);
inline constexpr nt_status invalid_parameter = value(0xc000000d);
inline constexpr nt_status no_such_file = value(0xc000000f);
inline constexpr nt_status invalid_device_request = value(0xc0000010);
inline constexpr nt_status end_of_file = value(0xc0000011);
inline constexpr nt_status access_denied = value(0xc0000022);
inline constexpr nt_status sharing_violation = value(0xc0000043);
inline constexpr nt_status delete_pending = value(0xc0000056);
inline constexpr nt_status file_is_a_directory = value(0xc00000ba);
inline constexpr nt_status not_supported = value(0xc00000bb);
inline constexpr nt_status directory_not_empty = value(0xc0000101);
inline constexpr nt_status name_too_long = value(0xc0000106);
}  // namespace statuses

/// An error by what an NT call returned.
inline std::error_code error_of_status(nt_status returned) noexcept {
    if (returned == statuses::file_is_a_directory) {
        return make_error(std::errc::is_a_directory);
    }
    return error_of(RtlNtStatusToDosError(returned));
}

/// Returns whether an NT call has done what it was to do, and says why it has not.
inline bool succeeded(nt_status returned, std::error_code& error) noexcept {
    if (returned < 0) {
        error = error_of_status(returned);
    }
    return returned >= 0;
}

/// Whether the file system, or this Windows, has no such call.
inline bool is_unknown_call(nt_status returned) noexcept {
    return returned == statuses::invalid_parameter || returned == statuses::not_supported ||
           returned == statuses::invalid_info_class || returned == statuses::not_implemented ||
           returned == statuses::invalid_device_request;
}

/// Waits for so long, at most until a point in time, and returns whether it may go on: that is not
/// past, and the thread is not to end what it does.
inline bool pause(std::chrono::milliseconds time, time_point deadline) noexcept {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        deadline - (std::min)(deadline, std::chrono::steady_clock::now()));
    Sleep(static_cast<unsigned long>((std::min)(time, left).count()));
    return left.count() > 0 && !interruption::requested();
}
}  // namespace sys

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
