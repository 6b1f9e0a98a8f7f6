// SPDX-License-Identifier: MIT
//
// detail/os/unsupported/files.hpp: what detail/os/files.hpp declares where nothing is known of the
// system.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/version.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline file_status status(native_handle, std::error_code& error) noexcept {
    error = last_error();
    return {};
}

inline bool is_past(const file_time&) noexcept { return false; }

inline file_id identify(native_handle, std::error_code& error) noexcept {
    error = last_error();
    return {};
}

inline file_id identify(const path_text&, std::error_code& error) noexcept {
    error = last_error();
    return {};
}

inline file_id identify(native_handle, const path_char*, std::error_code& error) noexcept {
    error = last_error();
    return {};
}

inline bool is_directory(const path_text&) noexcept { return false; }

inline std::optional<std::filesystem::path> read_link(const path_text&, std::error_code& error) {
    error = last_error();
    return std::nullopt;
}

inline bool has_magic_links(const path_text&) noexcept { return false; }

inline native_handle open_at_once(const path_text&, std::error_code& error) noexcept {
    error = last_error();
    return no_handle;
}

inline native_handle open_file(const path_text&, std::error_code& error) noexcept {
    error = last_error();
    return no_handle;
}

inline native_handle open_directory(const path_text&, std::error_code& error) noexcept {
    error = last_error();
    return no_handle;
}

inline native_handle open_location(const path_text&, std::error_code& error) noexcept {
    error = last_error();
    return no_handle;
}

inline native_handle open_entry_directory(native_handle, const path_char*,
                                          std::error_code& error) noexcept {
    error = last_error();
    return no_handle;
}

inline native_handle open_parent(native_handle, std::error_code& error) noexcept {
    error = last_error();
    return no_handle;
}

inline native_handle open_to_overwrite(native_handle, const path_char*,
                                       std::error_code& error) noexcept {
    error = last_error();
    return no_handle;
}

inline native_handle create_file(native_handle, const path_char*, audience,
                                 std::error_code& error) noexcept {
    error = last_error();
    return no_handle;
}

inline void create_directory(native_handle, const path_char*, std::error_code& error) noexcept {
    error = last_error();
}

inline std::size_t read_at(native_handle, char*, std::size_t, std::uint64_t,
                           std::error_code& error) noexcept {
    error = last_error();
    return 0;
}

inline std::size_t read_some(native_handle, char*, std::size_t, bool& would_block,
                             std::error_code& error) noexcept {
    would_block = false;
    error = last_error();
    return 0;
}

inline readiness wait_readable(native_handle, std::chrono::milliseconds,
                               std::error_code& error) noexcept {
    error = last_error();
    return readiness::timed_out;
}

inline void rewind_file(native_handle, std::error_code& error) noexcept { error = last_error(); }

inline void write_all(native_handle, std::string_view, std::error_code& error) noexcept {
    error = last_error();
}

inline void resize(native_handle, std::uint64_t, std::error_code& error) noexcept {
    error = last_error();
}

inline void sync(native_handle, std::error_code& error) noexcept { error = last_error(); }

inline void sync_directory(native_handle, std::error_code& error) noexcept { error = last_error(); }

inline std::string_view map(native_handle, std::size_t, std::error_code& error) noexcept {
    error = last_error();
    return {};
}

inline void unmap(std::string_view) noexcept {}

template <class Visit>
void find_entry(native_handle, entries, Visit, std::error_code& error) {
    error = last_error();
}

inline std::size_t count_entries(native_handle, std::error_code& error) noexcept {
    error = last_error();
    return 0;
}

inline void unlock_directory(native_handle) noexcept {}

inline void remove_file(native_handle, const path_char*, std::error_code& error) noexcept {
    error = last_error();
}

inline void remove_file(const path_text&, std::error_code& error) noexcept { error = last_error(); }

inline void remove_directory(native_handle, const path_char*, std::error_code& error) noexcept {
    error = last_error();
}

inline void remove_open_directory(native_handle, const path_text&,
                                  std::error_code& error) noexcept {
    error = last_error();
}

inline void rename(native_handle, const path_char*, const path_char*,
                   std::error_code& error) noexcept {
    error = last_error();
}

inline std::filesystem::path temporary_location(std::error_code& error) {
    error = last_error();
    return {};
}

inline void random_bytes(std::span<unsigned char>, std::error_code& error) noexcept {
    error = last_error();
}

inline const char* find_last(std::string_view text, char c) noexcept {
    const std::size_t at = text.rfind(c);
    return at == std::string_view::npos ? nullptr : text.data() + at;
}

inline void advise_large_pages(char*, std::size_t) noexcept {}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
