// SPDX-License-Identifier: MIT
//
// detail/os/windows/process_list.hpp: what detail/os/process_list.hpp declares, out of snapshots.
// What has ended is in none, even where a handle of it is still open. A process keeps the id of the
// parent that started it, whatever becomes of that one: its time of creation tells whether it is
// the process that has the id now.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/windows/process_snapshot.hpp>
#include <skyutil/detail/os/windows/text.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {
inline process_entry entry_of(std::int64_t pid, std::uintptr_t parent, std::uint64_t start,
                              bool alive) noexcept {
    return {.pid = pid,
            .parent = static_cast<std::int64_t>(parent),
            .group = 0,
            .session = 0,
            .start = start,
            .identity = start,
            .alive = alive};
}

/// What is known of the process of a handle.
inline std::optional<process_entry> entry_of(std::int64_t pid, handle process) noexcept {
    std::uintptr_t basic[6]{};      // PROCESS_BASIC_INFORMATION: its parent is the last of them
    constexpr int basic_class = 0;  // ProcessBasicInformation
    std::error_code failed;
    const std::uint64_t start = start_of(process);
    return start != 0 && succeeded(ZwQueryInformationProcess(process, basic_class, &basic,
                                                             sizeof basic, nullptr),
                                   failed)
               ? std::optional(entry_of(pid, basic[5], start, !has_ended(process)))
               : std::nullopt;
}

/// What a path ends with.
inline std::wstring_view file_name(std::wstring_view path) noexcept {
    return path.substr(path.find_last_of(L'\\') + 1);
}
}  // namespace sys

inline process_list::process_list(std::error_code&) noexcept {}

inline void process_list::refresh(std::error_code& error) {
    std::error_code failed;
    const sys::process_snapshot all(failed);
    if (failed) {
        error = failed;
        return;
    }
    process_entries now;
    now.reserve(entries_.size() + 64);
    all.for_each([&](const sys::process_record& each) {
        if (each.pid != 0) {
            now.push_back(sys::entry_of(static_cast<std::int64_t>(each.pid), each.parent,
                                        each.created, sys::is_running(each)));
        }
        return true;
    });
    std::sort(now.begin(), now.end(),
              [](const process_entry& a, const process_entry& b) { return a.pid < b.pid; });
    entries_ = std::move(now);
}

inline std::optional<process_entry> process_list::look(std::int64_t pid,
                                                       std::error_code& error) const noexcept {
    std::error_code failed;
    const unique_fd process = sys::open_process(pid, sys::access::synchronize, failed);
    if (const auto entry = process ? sys::entry_of(pid, process.get()) : std::nullopt) {
        return entry;
    }
    if (process || failed == std::errc::operation_not_permitted) {
        failed.clear();
        const sys::process_snapshot all(failed);
        if (const sys::process_record* const record = all.find(pid)) {
            return sys::entry_of(pid, record->parent, record->created, sys::is_running(*record));
        }
        failed = failed ? failed : make_error(std::errc::no_such_process);
    }
    error = failed;
    return std::nullopt;
}

inline bool process_list::shows(const process_entry& entry) const noexcept {
    std::error_code gone;
    const std::optional<process_entry> now = look(entry.pid, gone);
    return now && now->start == entry.start;
}

inline std::string process_list::name_of(std::int64_t pid) const {
    std::error_code failed;
    const unique_fd process = sys::open_process(pid, 0, failed);
    std::array<wchar_t, 32768> path;  // NOLINT(*-member-init)
    auto size = static_cast<unsigned long>(path.size());
    if (process && sys::QueryFullProcessImageNameW(process.get(), 0, path.data(), &size) != 0) {
        return sys::to_utf8(sys::file_name({path.data(), size}));
    }
    const sys::process_snapshot all(failed);
    const sys::process_record* const record = all.find(pid);
    return record == nullptr ? std::string() : sys::to_utf8(record->image());
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
