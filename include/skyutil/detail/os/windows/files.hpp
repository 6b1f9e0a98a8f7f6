// SPDX-License-Identifier: MIT
//
// detail/os/windows/files.hpp: what detail/os/files.hpp declares.
//
// Sources: Microsoft's reference of the Win32 API, of NtCreateFile, and of REPARSE_DATA_BUFFER.

#pragma once

#include <skyutil/detail/base/interruption.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/windows/directories.hpp>
#include <skyutil/detail/os/windows/file_handles.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline file_status status(native_handle file, std::error_code& error) noexcept {
    sys::info::standard standard{};
    sys::info::basic basic{};
    const sys::nt_status known = sys::is_on_a_disk(file)
                                     ? sys::ask(file, sys::info::standard_class, standard)
                                     : sys::statuses::not_supported;
    if (sys::is_unknown_call(known)) {  // also a disk, or a volume, as a whole
        return {file_kind::stream};
    }
    if (!sys::succeeded(known, error) ||
        !sys::succeeded(sys::ask(file, sys::info::basic_class, basic), error)) {
        return {};
    }
    if (standard.directory != 0) {
        return {file_kind::directory};
    }
    return {file_kind::regular, static_cast<std::uint64_t>(standard.size),
            sys::time_of(basic.written), sys::time_of(basic.changed)};
}

/// Never: NTFS notes the time of a change when the handle is closed by which it was made, or
/// before.
inline bool is_past(const file_time&) noexcept { return false; }

inline file_id identify(native_handle file, std::error_code& error) noexcept {
    sys::info::id id{};
    if (sys::ask(file, sys::info::id_class, id) >= 0) {
        return {id.volume, {id.number[0], id.number[1]}};
    }
    std::uint64_t index = 0;
    struct {
        std::int64_t created;
        std::uint32_t serial;
        std::uint32_t label_size;
        std::array<wchar_t, 64> label;
    } volume{};
    sys::io_result result{};
    constexpr int about_volume = 1;  // FileFsVolumeInformation
    if (!sys::succeeded(sys::ask(file, sys::info::internal_class, index), error) ||
        !sys::succeeded(
            sys::ZwQueryVolumeInformationFile(file, &result, &volume, sizeof volume, about_volume),
            error)) {
        return {};
    }
    return {volume.serial, {index, 0}};
}

inline file_id identify(const path_text& name, std::error_code& error) noexcept {
    const unique_fd file(
        sys::open_name(name, sys::access::file_read_attributes, sys::link_itself, error));
    return file ? identify(file.get(), error) : file_id{};
}

inline file_id identify(native_handle directory, const path_char* name,
                        std::error_code& error) noexcept {
    const unique_fd file =
        sys::open_entry(directory, name, sys::access::file_read_attributes, 0, error);
    return file ? identify(file.get(), error) : file_id{};
}

inline bool is_directory(const path_text& name) noexcept {
    std::error_code error;
    const unique_fd file(sys::open_name(name, sys::access::file_read_attributes, 0, error));
    return file && status(file.get(), error).kind == file_kind::directory;
}

namespace sys {
/// REPARSE_DATA_BUFFER of a symbolic link or a junction, the longest that there is.
struct link_text {
    std::uint32_t tag;
    std::uint16_t size;
    std::uint16_t unused;
    std::uint16_t offset;  // in bytes, of the name that the system takes
    std::uint16_t length;
    std::uint16_t shown_offset;
    std::uint16_t shown_length;
    std::array<wchar_t, 8192> rest;
};

inline std::filesystem::path target_of(const link_text& link) {
    constexpr std::uint32_t symbolic = 0xa000000c;  // IO_REPARSE_TAG_SYMLINK: flags come first
    std::size_t start = link.offset / sizeof(wchar_t);
    std::size_t size = link.length / sizeof(wchar_t);
    bool relative = false;
    if (link.tag == symbolic) {
        relative = (link.rest[0] & 1) != 0;
        start += 2;
    }
    start = (std::min)(start, link.rest.size());
    size = (std::min)(size, link.rest.size() - start);
    path_text text(link.rest.data() + start, size);
    if (!relative && text.starts_with(L"\\??\\")) {  // as NT says it, for Win32
        text[1] = L'\\';
    }
    return text;
}
}  // namespace sys

inline std::optional<std::filesystem::path> read_link(const path_text& name,
                                                      std::error_code& error) {
    std::error_code opening;
    const unique_fd file(
        sys::open_name(name, sys::access::file_read_attributes, sys::link_itself, opening));
    if (!file) {
        if (opening != std::errc::no_such_file_or_directory) {
            error = opening;
        }
        return std::nullopt;
    }
    std::error_code ignored;
    if (!sys::traits_of(file.get(), ignored).link) {
        return std::nullopt;
    }
    constexpr unsigned long get_reparse_point = 0x900a8;  // FSCTL_GET_REPARSE_POINT
    const auto link = std::make_unique<sys::link_text>();
    unsigned long size = 0;
    if (sys::DeviceIoControl(file.get(), get_reparse_point, nullptr, 0, link.get(),
                             sizeof(sys::link_text), &size, nullptr) == 0) {
        error = last_error();
        return std::nullopt;
    }
    return sys::target_of(*link);
}

inline bool has_magic_links(const path_text&) noexcept { return false; }

// -------------------------------------------------------------------------------------------------
// opening and making

inline native_handle open_at_once(const path_text& name, std::error_code& error) noexcept {
    return sys::open_name(name, sys::access::generic_read, 0, error);
}

inline native_handle open_file(const path_text& name, std::error_code& error) noexcept {
    return open_at_once(name, error);
}

namespace sys {
/// What is opened, if it is a directory and no link.
inline handle only_directory(unique_fd opened, std::error_code& error) noexcept {
    if (opened && !traits_of(opened.get(), error).directory() && !error) {
        error = make_error(std::errc::not_a_directory);
    }
    return error ? no_handle : opened.release();
}
}  // namespace sys

inline native_handle open_directory(const path_text& name, std::error_code& error) noexcept {
    return sys::only_directory(unique_fd(sys::open_name(name, sys::to_list, 0, error)), error);
}

inline native_handle open_location(const path_text& name, std::error_code& error) noexcept {
    return sys::only_directory(unique_fd(sys::open_name(name, sys::to_look_up, 0, error)), error);
}

inline native_handle open_entry_directory(native_handle directory, const path_char* name,
                                          std::error_code& error) noexcept {
    return sys::only_directory(
        sys::open_entry(directory, name, sys::to_list, sys::nt_directory, error), error);
}

/// NT has no "..": goes by the name that the directory has now.
inline native_handle open_parent(native_handle directory, std::error_code& error) noexcept {
    sys::path_buffer buffer;
    wchar_t* const text = buffer.text.data();
    const std::size_t size = sys::GetFinalPathNameByHandleW(
        directory, text, static_cast<unsigned long>(buffer.text.size()), 0);
    if (size == 0 || size >= buffer.text.size()) {
        error = size == 0 ? last_error() : make_error(std::errc::filename_too_long);
        return no_handle;
    }
    const std::size_t last = std::wstring_view(text, size).rfind(L'\\');
    text[last == std::wstring_view::npos ? size : last + 1] = L'\0';  // "\\?\C:\" needs the last
    const sys::handle opened =
        sys::CreateFileW(text, sys::to_list, sys::share_all, nullptr, sys::open_existing,
                         sys::directories_too | sys::link_itself, nullptr);
    if (reinterpret_cast<std::intptr_t>(opened) == -1) {
        error = last_error();
        return no_handle;
    }
    return sys::only_directory(unique_fd(opened), error);
}

inline native_handle open_to_overwrite(native_handle directory, const path_char* name,
                                       std::error_code& error) noexcept {
    unique_fd file = sys::open_entry(
        directory, name, sys::access::file_write_data | sys::access::file_read_attributes,
        sys::nt_no_directory, error);
    if (file && sys::traits_of(file.get(), error).link && !error) {
        error = make_error(std::errc::too_many_symbolic_link_levels);
    }
    return error ? no_handle : file.release();
}

namespace sys {
/// A security descriptor by which the user of this thread, the administrators and the system may do
/// everything with something new, and nobody else anything, whatever its directory says.
///
/// Source: SECURITY_DESCRIPTOR (self-relative), ACL, ACCESS_ALLOWED_ACE and SID of the SDK.
class private_access {
public:
    private_access(bool for_directory, std::error_code& error) noexcept {
        struct {
            const unsigned char* sid;
            std::uint32_t attributes;
            alignas(8) std::array<unsigned char, 68> bytes;
        } user{};
        unsigned long size = 0;
        // GetCurrentThreadEffectiveToken() of Windows 8
        const auto token = reinterpret_cast<handle>(std::intptr_t{-6});
        constexpr int about_user = 1;  // TokenUser
        if (!succeeded(ZwQueryInformationToken(token, about_user, &user, sizeof user, &size),
                       error)) {
            return;
        }
        constexpr std::uint16_t self_relative = 0x8000, with_list = 0x4, kept = 0x1000;
        put(std::uint16_t{1});  // the revision
        put(static_cast<std::uint16_t>(self_relative | with_list | kept));
        put(std::uint32_t{0});  // no owner, group and audit list: the usual ones
        put(std::uint32_t{0});
        put(std::uint32_t{0});
        put(std::uint32_t{20});  // where the list begins
        const std::size_t list = size_;
        put(std::uint16_t{2});  // its revision
        put(std::uint16_t{0});  // its size, below
        put(std::uint32_t{3});
        constexpr unsigned char system[] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
        constexpr unsigned char administrators[] = {1,  2, 0, 0, 0,    0, 0, 5,
                                                    32, 0, 0, 0, 0x20, 2, 0, 0};
        const std::uint16_t inherited = for_directory ? 0x3 << 8 : 0;  // by files and directories
        allow({user.sid, static_cast<std::size_t>(8 + 4 * user.sid[1])}, inherited);
        allow(system, inherited);
        allow(administrators, inherited);
        const auto list_size = static_cast<std::uint16_t>(size_ - list);
        std::memcpy(bytes_.data() + list + 2, &list_size, sizeof list_size);
    }

    [[nodiscard]] const void* descriptor() const noexcept { return bytes_.data(); }

private:
    void allow(std::span<const unsigned char> sid, std::uint16_t inherited) noexcept {
        put(inherited);  // ACCESS_ALLOWED_ACE_TYPE is 0
        put(static_cast<std::uint16_t>(8 + sid.size()));
        put(static_cast<std::uint32_t>(access::file_all));
        std::copy(sid.begin(), sid.end(), bytes_.begin() + static_cast<std::ptrdiff_t>(size_));
        size_ += sid.size();
    }

    template <class Number>
    void put(Number number) noexcept {
        std::memcpy(bytes_.data() + size_, &number, sizeof number);
        size_ += sizeof number;
    }

    alignas(8) std::array<unsigned char, 256> bytes_{};
    std::size_t size_ = 0;
};

inline handle create(handle directory, const wchar_t* name, unsigned long wanted,
                     unsigned long options, bool private_to_owner,
                     std::error_code& error) noexcept {
    if (!is_usable_name(name)) {
        error = make_error(std::errc::invalid_argument);
        return no_handle;
    }
    std::optional<private_access> owner_only;
    if (private_to_owner) {
        owner_only.emplace((options & nt_directory) != 0, error);
    }
    handle made = no_handle;
    if (!error && !succeeded(open_entry(directory, name, wanted, nt_create, options,
                                        owner_only ? owner_only->descriptor() : nullptr, made),
                             error)) {
        made = no_handle;
    }
    return made;
}
}  // namespace sys

inline native_handle create_file(native_handle directory, const path_char* name, audience who,
                                 std::error_code& error) noexcept {
    constexpr unsigned long wanted = sys::access::file_generic_read |
                                     sys::access::file_generic_write | sys::access::read_control |
                                     sys::access::write_dac;
    return sys::create(directory, name, wanted, sys::nt_no_directory, who == audience::owner,
                       error);
}

inline void create_directory(native_handle parent, const path_char* name,
                             std::error_code& error) noexcept {
    const unique_fd made(sys::create(parent, name, sys::access::file_read_attributes,
                                     sys::nt_directory, true, error));
}

// -------------------------------------------------------------------------------------------------
// reading and writing

namespace sys {
constexpr unsigned long piece_of(std::size_t size) noexcept {
    constexpr std::size_t most = std::size_t{8} << 20;
    return static_cast<unsigned long>((std::min)(size, most));
}

/// Whether the other side of a pipe is gone, or how many bytes there are to read.
struct pipe_state {
    bool hung_up = false;
    std::size_t bytes = 0;
};

inline pipe_state look_at_pipe(handle pipe, std::error_code& error) noexcept {
    constexpr unsigned long gone = 109;  // ERROR_BROKEN_PIPE
    unsigned long bytes = 0;
    if (PeekNamedPipe(pipe, nullptr, 0, nullptr, &bytes, nullptr) != 0) {
        return {false, bytes};
    }
    if (GetLastError() == gone) {
        return {true, 0};
    }
    error = last_error();
    return {};
}

inline bool is_pipe(handle file) noexcept { return GetFileType(file) == 3; }  // FILE_TYPE_PIPE
}  // namespace sys

/// A read at an offset moves the position from which read_some() goes on, so it is put back.
inline std::size_t read_at(native_handle file, char* buffer, std::size_t size, std::uint64_t offset,
                           std::error_code& error) noexcept {
    std::int64_t before = 0;
    if (!sys::succeeded(sys::ask(file, sys::info::position_class, before), error)) {
        return 0;
    }
    std::size_t done = 0;
    while (done != size) {
        if (interruption::requested()) {
            error = make_error(std::errc::interrupted);
            break;
        }
        sys::io_result result{};
        const auto from = static_cast<std::int64_t>(offset + done);
        const sys::nt_status returned =
            sys::ZwReadFile(file, nullptr, nullptr, nullptr, &result, buffer + done,
                            sys::piece_of(size - done), &from, nullptr);
        if (returned == sys::statuses::end_of_file || !sys::succeeded(returned, error) ||
            result.count == 0) {
            break;
        }
        done += result.count;
    }
    std::error_code moving;
    sys::succeeded(sys::tell(file, sys::info::position_class, before), moving);
    error = error ? error : moving;
    return done;
}

inline std::size_t read_some(native_handle file, char* buffer, std::size_t size, bool& would_block,
                             std::error_code& error) noexcept {
    would_block = false;
    if (interruption::requested()) {
        error = make_error(std::errc::interrupted);
        return 0;
    }
    if (sys::is_pipe(file)) {
        const sys::pipe_state state = sys::look_at_pipe(file, error);
        would_block = !error && !state.hung_up && state.bytes == 0;
        if (error || state.bytes == 0) {
            return 0;
        }
    }
    unsigned long count = 0;
    if (sys::ReadFile(file, buffer, sys::piece_of(size), &count, nullptr) == 0) {
        constexpr unsigned long at_end = 38;  // ERROR_HANDLE_EOF
        constexpr unsigned long gone = 109;   // ERROR_BROKEN_PIPE
        const unsigned long number = sys::GetLastError();
        if (number != at_end && number != gone) {
            error = sys::error_of(number);
        }
        return 0;
    }
    return count;
}

/// A pipe cannot be waited on without reading from it: it is looked at every few milliseconds.
inline readiness wait_readable(native_handle file, std::chrono::milliseconds timeout,
                               std::error_code& error) noexcept {
    const time_point deadline =
        timeout.count() < 0 ? (time_point::max)() : std::chrono::steady_clock::now() + timeout;
    for (;;) {
        if (file != no_handle) {
            const sys::pipe_state state =
                sys::is_pipe(file) ? sys::look_at_pipe(file, error) : sys::pipe_state{false, 1};
            if (error || state.bytes != 0) {
                return readiness::ready;
            }
            if (state.hung_up) {
                return readiness::hung_up;
            }
        }
        constexpr std::chrono::milliseconds interval(5);
        if (interruption::requested()) {
            error = make_error(std::errc::interrupted);
        }
        if (error || !sys::pause(interval, deadline)) {
            return readiness::timed_out;
        }
    }
}

inline void rewind_file(native_handle file, std::error_code& error) noexcept {
    sys::succeeded(sys::tell(file, sys::info::position_class, std::int64_t{0}), error);
}

inline void write_all(native_handle file, std::string_view text, std::error_code& error) noexcept {
    while (!text.empty()) {
        if (interruption::requested()) {
            error = make_error(std::errc::interrupted);
            return;
        }
        unsigned long count = 0;
        if (sys::WriteFile(file, text.data(), sys::piece_of(text.size()), &count, nullptr) == 0) {
            error = last_error();
            return;
        }
        if (count == 0) {
            error = make_error(std::errc::io_error);
            return;
        }
        text.remove_prefix(count);
    }
}

inline void resize(native_handle file, std::uint64_t size, std::error_code& error) noexcept {
    sys::succeeded(sys::tell(file, sys::info::end_of_file_class, static_cast<std::int64_t>(size)),
                   error);
}

inline void sync(native_handle file, std::error_code& error) noexcept {
    if (sys::FlushFileBuffers(file) == 0) {
        error = last_error();
    }
}

/// A directory is brought to the disk by whoever may write to it; NTFS keeps a journal of its
/// entries anyhow.
inline void sync_directory(native_handle directory, std::error_code&) noexcept {
    std::error_code ignored;
    const unique_fd writable = sys::open_entry(
        directory, L"", sys::access::file_write_data | sys::access::file_read_attributes,
        sys::nt_directory, ignored);
    if (writable) {
        sync(writable.get(), ignored);
    }
}

inline std::string_view map(native_handle file, std::size_t size, std::error_code& error) noexcept {
    std::error_code asking;
    if (status(file, asking).kind != file_kind::regular || asking) {
        error = asking ? asking : make_error(std::errc::operation_not_supported);
        return {};
    }
    if (size == 0) {
        return {};
    }
    constexpr unsigned long page_readonly = 2;
    constexpr unsigned long map_read = 4;
    // The view keeps it.
    const unique_fd section(sys::CreateFileMappingW(file, nullptr, page_readonly, 0, 0, nullptr));
    const void* const address =
        section ? sys::MapViewOfFile(section.get(), map_read, 0, 0, size) : nullptr;
    if (address == nullptr) {
        error = last_error();
        return {};
    }
    return {static_cast<const char*>(address), size};
}

inline void unmap(std::string_view bytes) noexcept { sys::UnmapViewOfFile(bytes.data()); }

// -------------------------------------------------------------------------------------------------
// directories

template <class Visit>
void find_entry(native_handle directory, entries state, Visit visit, std::error_code& error) {
    sys::visit_entries<4096>(
        directory, state == entries::read_before,
        [&](const sys::info::entry& entry, const path_char* name) {
            const bool is_directory = (entry.attributes & sys::is_a_directory) != 0 &&
                                      !sys::is_link(entry.attributes, entry.reparse_tag);
            return visit(directory_entry{name, is_directory});
        },
        error);
}

inline std::size_t count_entries(native_handle directory, std::error_code& error) noexcept {
    std::size_t count = 0;
    sys::visit_entries<32768>(
        directory, false,
        [&](const sys::info::entry&, const path_char*) {
            ++count;
            return false;
        },
        error);
    return error ? 0 : count;
}

/// Access control lists are left as they are.
inline void unlock_directory(native_handle) noexcept {}

inline void remove_file(native_handle directory, const path_char* name,
                        std::error_code& error) noexcept {
    unique_fd file;
    const sys::nt_status returned = sys::open_to_remove(directory, name, 0, file);
    if (returned == sys::statuses::delete_pending) {  // it has been removed, and is still open
        return;
    }
    if (sys::succeeded(returned, error)) {
        sys::remove_opened_file(file.get(), error);
    }
}

inline void remove_file(const path_text& name, std::error_code& error) noexcept {
    constexpr unsigned long wanted = sys::access::remove | sys::access::file_read_attributes;
    std::error_code opening;
    unique_fd file(sys::open_name(name, wanted | sys::access::file_write_attributes,
                                  sys::link_itself, opening));
    if (opening == std::errc::permission_denied) {
        opening.clear();
        file.reset(sys::open_name(name, wanted, sys::link_itself, opening));
    }
    if (!file) {
        error = opening;
        return;
    }
    sys::remove_opened_file(file.get(), error);
}

inline void remove_directory(native_handle parent, const path_char* name,
                             std::error_code& error) noexcept {
    const unique_fd directory = sys::open_to_remove(parent, name, sys::nt_directory, error);
    const sys::file_traits found =
        directory ? sys::traits_of(directory.get(), error) : sys::file_traits{};
    if (found.link && !error) {
        error = make_error(std::errc::not_a_directory);
    }
    if (directory && !error) {
        sys::remove_opened_directory(directory.get(), found.attributes, error);
    }
}

inline void remove_open_directory(native_handle directory, const path_text&,
                                  std::error_code& error) noexcept {
    remove_directory(directory, L"", error);  // what is open, wherever it is by now
}

inline void rename(native_handle directory, const path_char* from, const path_char* to,
                   std::error_code& error) noexcept {
    const std::wstring_view text(to);
    sys::new_name name{};
    if (!sys::is_usable_name(text) || text.size() >= name.text.size()) {
        error = make_error(text.size() >= name.text.size() ? std::errc::filename_too_long
                                                           : std::errc::invalid_argument);
        return;
    }
    text.copy(name.text.data(), text.size());
    name.size = static_cast<std::uint32_t>(text.size() * sizeof(wchar_t));
    const unique_fd file = sys::open_to_remove(directory, from, 0, error);
    if (file) {
        sys::succeeded(sys::persist([&] { return sys::rename_open(file.get(), directory, name); }),
                       error);
    }
}

// -------------------------------------------------------------------------------------------------
// what else files need

inline std::filesystem::path temporary_location(std::error_code& error) {
    constexpr std::size_t most = 261;  // MAX_PATH and a NUL
    std::array<wchar_t, most> text{};
    const std::size_t size =
        sys::GetTempPathW(static_cast<unsigned long>(text.size()), text.data());
    if (size == 0 || size >= text.size()) {
        error = size == 0 ? last_error() : make_error(std::errc::filename_too_long);
        return {};
    }
    return path_text(text.data(), size);
}

inline void random_bytes(std::span<unsigned char> bytes, std::error_code& error) noexcept {
    constexpr unsigned long of_the_system = 2;  // BCRYPT_USE_SYSTEM_PREFERRED_RNG
    sys::succeeded(sys::BCryptGenRandom(nullptr, bytes.data(),
                                        static_cast<unsigned long>(bytes.size()), of_the_system),
                   error);
}

inline const char* find_last(std::string_view text, char c) noexcept {
    const std::size_t at = text.rfind(c);
    return at == std::string_view::npos ? nullptr : text.data() + at;
}

/// That takes a right which hardly any process has.
inline void advise_large_pages(char*, std::size_t) noexcept {}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
