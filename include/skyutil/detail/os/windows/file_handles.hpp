// SPDX-License-Identifier: MIT
//
// detail/os/windows/file_handles.hpp: how files are opened, by a path or below an open directory,
// and what is known of an open one.
//
// Every file is opened so that others may write to it, rename and delete it meanwhile. A path is
// taken as Win32 takes it, but may be as long as NT's; a name below an open directory goes to NT as
// it is. A link is what stands for another name: a symbolic link, a junction, a mounted volume; a
// file that is kept in the cloud is none.
//
// Sources: Microsoft's reference of the Win32 API, of NtCreateFile, and of the FILE_*_INFORMATION
// structures; "Naming Files, Paths, and Namespaces".

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/base.hpp>
#include <skyutil/version.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

// -------------------------------------------------------------------------------------------------
// paths

inline constexpr std::size_t longest_path = 32767;

/// A path in a buffer as long as any path, so that no memory has to be had.
struct path_buffer {
    std::array<wchar_t, longest_path + 16> text;  // NOLINT(*-member-init)
};

/// Returns a path as it is, or, where Win32 would find it too long, in the form that has no such
/// limit, in the buffer. That takes it literally, so it is made absolute first.
inline const wchar_t* extended(const path_text& name, path_buffer& buffer) noexcept {
    constexpr std::size_t short_enough = 247;  // for a directory; with a NUL and "\\x.txt" 260
    if (name.size() <= short_enough || name.starts_with(L"\\\\?\\") ||
        name.starts_with(L"\\\\.\\")) {
        return name.c_str();
    }
    constexpr std::size_t room = 8;
    constexpr std::wstring_view local = L"\\\\?\\";
    constexpr std::wstring_view remote = L"\\\\?\\UNC\\";  // for "\\"
    wchar_t* const full = buffer.text.data() + room;
    const std::size_t size = GetFullPathNameW(
        name.c_str(), static_cast<unsigned long>(buffer.text.size() - room), full, nullptr);
    if (size == 0 || size >= buffer.text.size() - room) {
        return name.c_str();  // the call says what is wrong with it
    }
    if (std::wstring_view(full, size).starts_with(L"\\\\")) {
        wchar_t* const start = full + 2 - remote.size();
        remote.copy(start, remote.size());
        return start;
    }
    wchar_t* const start = full - local.size();
    local.copy(start, local.size());
    return start;
}

// How CreateFileW and NtCreateFile share and open.
inline constexpr unsigned long share_all = 7;                // FILE_SHARE_READ | _WRITE | _DELETE
inline constexpr unsigned long open_existing = 3;            // OPEN_EXISTING
inline constexpr unsigned long directories_too = 1UL << 25;  // FILE_FLAG_BACKUP_SEMANTICS
inline constexpr unsigned long link_itself = 1UL << 21;      // FILE_FLAG_OPEN_REPARSE_POINT
// SECURITY_SQOS_PRESENT | SECURITY_IDENTIFICATION: the server of a pipe gets no right of ours.
inline constexpr unsigned long as_nobody = 0x110000;

inline handle open_name(const path_text& name, unsigned long wanted, unsigned long flags,
                        std::error_code& error) noexcept {
    if (name.find(L'\0') != path_text::npos) {  // what follows it would be lost
        error = make_error(std::errc::invalid_argument);
        return no_handle;
    }
    path_buffer buffer;
    const handle file = CreateFileW(extended(name, buffer), wanted, share_all, nullptr,
                                    open_existing, flags | directories_too | as_nobody, nullptr);
    if (reinterpret_cast<std::intptr_t>(file) == -1) {  // INVALID_HANDLE_VALUE
        error = last_error();
        return no_handle;
    }
    return file;
}

// What a directory is opened for.
inline constexpr unsigned long to_look_up =
    access::file_traverse | access::file_read_attributes | access::synchronize;
inline constexpr unsigned long to_list = access::file_read_data | to_look_up;

// How NtCreateFile opens and makes.
inline constexpr unsigned long nt_open = 1;             // FILE_OPEN
inline constexpr unsigned long nt_create = 2;           // FILE_CREATE
inline constexpr unsigned long nt_directory = 0x1;      // FILE_DIRECTORY_FILE
inline constexpr unsigned long nt_no_directory = 0x40;  // FILE_NON_DIRECTORY_FILE
// FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_FOR_BACKUP_INTENT | FILE_OPEN_REPARSE_POINT
inline constexpr unsigned long nt_always = 0x20 | 0x4000 | 0x200000;

/// Opens or makes what has a name below an open directory, a link itself; an empty name opens the
/// directory once more.
inline nt_status open_entry(handle directory, const wchar_t* name, unsigned long wanted,
                            unsigned long disposition, unsigned long options,
                            const void* security_descriptor, handle& opened) noexcept {
    const std::size_t size = std::char_traits<wchar_t>::length(name) * sizeof(wchar_t);
    if (size > (std::numeric_limits<unsigned short>::max)()) {
        return statuses::name_too_long;
    }
    const auto bytes = static_cast<unsigned short>(size);
    const counted_text text{bytes, bytes, name};
    constexpr unsigned long any_case = 0x40;  // OBJ_CASE_INSENSITIVE
    const named_object object{sizeof object, directory,           &text,
                              any_case,      security_descriptor, nullptr};
    io_result result{};
    constexpr unsigned long normal = 0x80;  // FILE_ATTRIBUTE_NORMAL
    return ZwCreateFile(&opened, wanted | access::synchronize, &object, &result, nullptr, normal,
                        share_all, disposition, options | nt_always, nullptr, 0);
}

inline unique_fd open_entry(handle directory, const wchar_t* name, unsigned long wanted,
                            unsigned long options, std::error_code& error) noexcept {
    handle opened = no_handle;
    const nt_status returned =
        open_entry(directory, name, wanted, nt_open, options, nullptr, opened);
    return unique_fd(succeeded(returned, error) ? opened : no_handle);
}

/// Whether programs can open an entry of this name by its path: NT takes more than Win32 does.
inline bool is_usable_name(std::wstring_view name) noexcept {
    return !name.empty() && name.find_first_of(L"\\/:*?\"<>|") == std::wstring_view::npos &&
           name.back() != L'.' && name.back() != L' ';
}

// -------------------------------------------------------------------------------------------------
// what is known of an open file

// Numbers of FILE_INFORMATION_CLASS, and what they are about.
namespace info {
inline constexpr int full_directory = 2, basic_class = 4, standard_class = 5, internal_class = 6,
                     rename_class = 10, disposition_class = 13, position_class = 14,
                     end_of_file_class = 20, tag_class = 35, id_class = 59, disposition_ex = 64,
                     rename_ex = 65;

struct basic {
    std::int64_t created;
    std::int64_t read;
    std::int64_t written;
    std::int64_t changed;
    std::uint32_t attributes;
    std::uint32_t unused;
};

struct standard {
    std::int64_t allocated;
    std::int64_t size;
    std::uint32_t links;
    unsigned char delete_pending;
    unsigned char directory;
};

struct tag {
    std::uint32_t attributes;
    std::uint32_t reparse_tag;
};

struct id {
    std::uint64_t volume;
    std::uint64_t number[2];
};

/// FILE_FULL_DIR_INFORMATION; the name follows.
struct entry {
    std::uint32_t next;
    std::uint32_t index;
    std::int64_t times[4];
    std::int64_t size;
    std::int64_t allocated;
    std::uint32_t attributes;
    std::uint32_t name_size;    // in bytes
    std::uint32_t reparse_tag;  // of a reparse point
};
}  // namespace info

inline constexpr std::uint32_t read_only = 0x1;        // FILE_ATTRIBUTE_READONLY
inline constexpr std::uint32_t is_a_directory = 0x10;  // FILE_ATTRIBUTE_DIRECTORY
inline constexpr std::uint32_t reparse_point = 0x400;  // FILE_ATTRIBUTE_REPARSE_POINT

template <class Information>
nt_status ask(handle file, int which, Information& answer) noexcept {
    io_result result{};
    return ZwQueryInformationFile(file, &result, &answer, sizeof answer, which);
}

template <class Information>
nt_status tell(handle file, int which, const Information& wanted) noexcept {
    io_result result{};
    return ZwSetInformationFile(file, &result, &wanted, sizeof wanted, which);
}

/// Whether a reparse point stands for another name.
constexpr bool is_link(std::uint32_t attributes, std::uint32_t tag) noexcept {
    constexpr std::uint32_t name_surrogate = 0x20000000;
    return (attributes & reparse_point) != 0 && (tag & name_surrogate) != 0;
}

/// What a handle is open on.
struct file_traits {
    std::uint32_t attributes = 0;
    bool link = false;

    [[nodiscard]] bool directory() const noexcept {
        return (attributes & is_a_directory) != 0 && !link;
    }
};

inline file_traits traits_of(handle file, std::error_code& error) noexcept {
    info::tag tag{};
    nt_status returned = ask(file, info::tag_class, tag);
    if (is_unknown_call(returned)) {  // no reparse points there
        info::basic basic{};
        returned = ask(file, info::basic_class, basic);
        tag = {basic.attributes & ~reparse_point, 0};
    }
    if (!succeeded(returned, error)) {
        return {};
    }
    return {tag.attributes, is_link(tag.attributes, tag.reparse_tag)};
}

inline bool is_on_a_disk(handle file) noexcept {
    return GetFileType(file) == 1;  // FILE_TYPE_DISK
}

/// From units of 100 ns since 1601.
constexpr file_time time_of(std::int64_t ticks) noexcept {
    constexpr std::int64_t second = 10'000'000;
    constexpr std::int64_t to_1970 = 11'644'473'600;
    const std::int64_t part = (ticks % second + second) % second;
    return {(ticks - part) / second - to_1970, part * 100};
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
