// SPDX-License-Identifier: MIT
//
// detail/os/windows/directories.hpp: what is in an open directory, and how that is removed and
// renamed: with POSIX semantics where the file system has them, else in the older way.
//
// Sources: Microsoft's reference of NtQueryDirectoryFile and of FILE_DISPOSITION_INFORMATION_EX and
// FILE_RENAME_INFORMATION.

#pragma once

#include <skyutil/detail/base/interruption.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/windows/file_handles.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

/// Calls `visit(entry, name)` with each entry of a directory but "." and "..", until it returns
/// true. The name ends with a NUL.
template <std::size_t buffer_size, class Visit>
void visit_entries(handle directory, bool from_start, Visit visit, std::error_code& error) {
    alignas(8) std::array<unsigned char, buffer_size> buffer;  // NOLINT(*-member-init)
    std::array<wchar_t, 512> name;                             // NOLINT(*-member-init)
    for (;;) {
        if (interruption::requested()) {
            error = make_error(std::errc::interrupted);
            return;
        }
        io_result result{};
        const nt_status returned = ZwQueryDirectoryFile(
            directory, nullptr, nullptr, nullptr, &result, buffer.data(), buffer.size(),
            info::full_directory, 0, nullptr, from_start ? 1 : 0);
        from_start = false;
        if (returned == statuses::no_more_files || returned == statuses::no_such_file ||
            !succeeded(returned, error)) {
            return;
        }
        info::entry entry;  // NOLINT(*-member-init)
        std::size_t at = 0;
        do {
            constexpr std::size_t header =
                offsetof(info::entry, reparse_tag) + sizeof(std::uint32_t);
            std::memcpy(&entry, buffer.data() + at, header);
            const std::size_t size = entry.name_size / sizeof(wchar_t);
            if (size >= name.size()) {
                error = make_error(std::errc::filename_too_long);
                return;
            }
            std::memcpy(name.data(), buffer.data() + at + header, entry.name_size);
            name[size] = L'\0';
            const std::wstring_view text(name.data(), size);
            if (text != L"." && text != L".." && visit(entry, name.data())) {
                return;
            }
            at += entry.next;
        } while (entry.next != 0);
    }
}

/// How long to try again what another process stands in the way of: one that looks at each new
/// file, as virus scanners do, or still has a removed one open.
inline constexpr std::chrono::milliseconds patience = std::chrono::seconds(1);

/// Calls `attempt`, again and again for a while as long as it says that another process stands in
/// the way, and returns what it returned last.
template <class Attempt>
nt_status persist(Attempt attempt) noexcept {
    const time_point deadline = std::chrono::steady_clock::now() + patience;
    for (std::chrono::milliseconds wait(1);; wait = (std::min)(2 * wait, wait + patience / 20)) {
        const nt_status returned = attempt();
        const bool in_the_way =
            returned == statuses::access_denied || returned == statuses::sharing_violation;
        if (!in_the_way || !pause(wait, deadline)) {
            return returned;
        }
    }
}

/// Takes away or gives back that an open file is read-only.
inline void set_attributes(handle file, std::uint32_t attributes) noexcept {
    constexpr std::uint32_t normal = 0x80;  // 0 is to leave them
    const info::basic wanted{0, 0, 0, 0, attributes == 0 ? normal : attributes, 0};
    tell(file, info::basic_class, wanted);
}

/// Removes what is open, to be closed at once. With POSIX semantics the name is gone then; else
/// when the last of all who have it open closes it.
inline nt_status remove_open(handle file, std::uint32_t attributes) noexcept {
    constexpr std::uint32_t how = 0x1 | 0x2 | 0x10;  // delete, POSIX, also what is read-only
    const nt_status returned = tell(file, info::disposition_ex, how);
    if (!is_unknown_call(returned)) {
        return returned;
    }
    if ((attributes & read_only) != 0) {
        set_attributes(file, attributes & ~read_only);
    }
    return tell(file, info::disposition_class, static_cast<unsigned char>(1));
}

/// Opens an entry to remove it, in the way that takes the least permissions.
inline nt_status open_to_remove(handle directory, const wchar_t* name, unsigned long options,
                                unique_fd& entry) noexcept {
    handle opened = no_handle;
    constexpr unsigned long least = access::remove | access::file_read_attributes;
    nt_status returned = open_entry(directory, name, least | access::file_write_attributes, nt_open,
                                    options, nullptr, opened);
    if (returned == statuses::access_denied) {
        returned = open_entry(directory, name, least, nt_open, options, nullptr, opened);
    }
    entry.reset(returned >= 0 ? opened : no_handle);
    return returned;
}

/// The same with the error.
inline unique_fd open_to_remove(handle directory, const wchar_t* name, unsigned long options,
                                std::error_code& error) noexcept {
    unique_fd entry;
    succeeded(open_to_remove(directory, name, options, entry), error);
    return entry;
}

/// Removes an open file or link, not a directory.
inline void remove_opened_file(handle file, std::error_code& error) noexcept {
    const file_traits found = traits_of(file, error);
    if (found.directory() && !error) {
        error = make_error(std::errc::is_a_directory);
    }
    if (!error) {
        succeeded(remove_open(file, found.attributes), error);
    }
}

/// Whether everything in a directory is removed already, and still open somewhere.
inline bool has_removed_entries_only(handle directory) noexcept {
    std::error_code error;
    const unique_fd listed = open_entry(directory, L"", to_list, nt_directory, error);
    bool only = static_cast<bool>(listed);
    if (listed) {
        visit_entries<4096>(
            listed.get(), true,
            [&](const info::entry&, const wchar_t* name) {
                handle opened = no_handle;
                const nt_status returned = open_entry(
                    listed.get(), name, access::file_read_attributes, nt_open, 0, nullptr, opened);
                const unique_fd entry(returned >= 0 ? opened : no_handle);
                only = only && returned == statuses::delete_pending;
                return !only;
            },
            error);
    }
    return only && !error;
}

/// Removes an open directory; waits a while for those who still have something removed in it open.
inline void remove_opened_directory(handle directory, std::uint32_t attributes,
                                    std::error_code& error) noexcept {
    const time_point deadline = std::chrono::steady_clock::now() + patience;
    nt_status returned = 0;
    do {
        returned = remove_open(directory, attributes);
    } while (returned == statuses::directory_not_empty && has_removed_entries_only(directory) &&
             pause(std::chrono::milliseconds(10), deadline));
    succeeded(returned, error);
}

/// FILE_RENAME_INFORMATION, in its old form with a flag of one byte.
struct new_name {
    std::uint32_t how;
    handle directory;
    std::uint32_t size;  // in bytes
    std::array<wchar_t, 260> text;
};

/// Gives an open file a name in a directory, whatever has that name.
inline nt_status rename_open(handle file, handle directory, const new_name& wanted) noexcept {
    const auto rename = [&](int which, std::uint32_t how) {
        new_name name = wanted;
        name.directory = directory;
        name.how = how;
        return tell(file, which, name);
    };
    constexpr std::uint32_t replace = 0x1, posix = 0x2, also_read_only = 0x40;
    nt_status returned = rename(info::rename_ex, replace | posix | also_read_only);
    if (is_unknown_call(returned)) {  // before Windows 10 1809
        returned = rename(info::rename_ex, replace | posix);
    }
    if (!is_unknown_call(returned)) {
        return returned;
    }
    returned = rename(info::rename_class, replace);
    if (returned != statuses::access_denied) {
        return returned;
    }
    // It may be that the old file is read-only, which is no reason to keep it.
    std::error_code error;
    const unique_fd old =
        open_entry(directory, wanted.text.data(),
                   access::file_read_attributes | access::file_write_attributes, 0, error);
    const file_traits found = old ? traits_of(old.get(), error) : file_traits{};
    if (error || (found.attributes & read_only) == 0) {
        return returned;
    }
    set_attributes(old.get(), found.attributes & ~read_only);
    returned = rename(info::rename_class, replace);
    if (returned < 0) {
        set_attributes(old.get(), found.attributes);
    }
    return returned;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
