// SPDX-License-Identifier: MIT
//
// detail/os/windows/program_search.hpp: the file of a program, by the name that a command has for
// it. The search of CreateProcessW() looks in the current directory before PATH, where anybody can
// have put a program; this one does not.

#pragma once

#include <skyutil/detail/os/files.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/detail/os/windows/api/programs.hpp>
#include <skyutil/detail/os/windows/program_text.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

inline constexpr unsigned long no_attributes = 0xffffffff;  // INVALID_FILE_ATTRIBUTES

inline unsigned long attributes_of(const std::wstring& name) noexcept {
    path_buffer buffer;
    return GetFileAttributesW(extended(name, buffer));
}

inline bool is_file(const std::wstring& name) noexcept {
    const unsigned long found = attributes_of(name);
    return found != no_attributes && (found & is_a_directory) == 0;
}

inline bool is_program_name(std::wstring_view name) noexcept {
    return has_extension(name, ".exe") || has_extension(name, ".com");
}

/// The file of a name without its extension, or with; empty if there is none.
inline std::wstring with_extension(const std::wstring& name) {
    if (is_program_name(name)) {
        return is_file(name) ? name : std::wstring();
    }
    for (const wchar_t* const extension : {L".com", L".exe"}) {
        if (is_file(name + extension)) {
            return name + extension;
        }
    }
    return {};
}

/// The absolute name of a file, as the system takes it: without dots and spaces at the end.
inline std::wstring full_name(const std::wstring& name) {
    std::wstring full(longest_path, L'\0');
    const std::size_t size = GetFullPathNameW(name.c_str(), static_cast<unsigned long>(full.size()),
                                              full.data(), nullptr);
    full.resize(size < full.size() ? size : 0);
    return full;
}

/// Whether a directory of PATH is the same wherever this process is.
inline bool is_absolute(std::wstring_view name) noexcept {
    const auto is_slash = [](wchar_t c) { return c == L'\\' || c == L'/'; };
    return name.size() > 2 &&
           ((name[1] == L':' && is_slash(name[2])) || (is_slash(name[0]) && is_slash(name[1])));
}

/// Searches the directories of PATH for a file.
template <class Find>
std::wstring find_in_path(Find find) {
    const std::wstring all =
        to_utf16<wchar_t>(environment("PATH").value_or(std::string())).value_or(std::wstring());
    for (std::size_t at = 0; at < all.size();) {
        const std::size_t end = (std::min)(all.find(L';', at), all.size());
        std::wstring directory = all.substr(at, end - at);
        std::erase(directory, L'"');
        at = end + 1;
        if (is_absolute(directory)) {
            if (std::wstring found = find(directory + L'\\'); !found.empty()) {
                return found;
            }
        }
    }
    return {};
}

/// The file of a program. errc::executable_format_error for a batch file, as no word would be safe
/// in its line.
inline std::wstring find_program(const std::wstring& name, const std::filesystem::path& directory,
                                 std::error_code& error) {
    std::wstring found;
    if (name.find_first_of(L"\\/:") != std::wstring::npos) {
        const std::wstring full = full_name((directory / name).native());
        found = with_extension(full);
        found = found.empty() && is_file(full) ? full : found;
        if (found.empty() && attributes_of(full) != no_attributes) {
            error = make_error(std::errc::permission_denied);  // a directory
            return {};
        }
        if (found.empty() && (is_file(full + L".bat") || is_file(full + L".cmd"))) {
            found = full + L".bat";
        }
    } else if (!name.empty()) {
        found = find_in_path([&](const std::wstring& in) { return with_extension(in + name); });
        if (found.empty()) {
            found = find_in_path([&](const std::wstring& in) {
                const std::wstring file = in + name;
                const bool is_there = (is_batch_file(std::wstring_view(file)) && is_file(file)) ||
                                      is_file(file + L".bat") || is_file(file + L".cmd");
                return is_there ? file + L".bat" : std::wstring();
            });
        }
        found = found.empty() ? found : full_name(found);
    }
    if (found.empty()) {
        error = make_error(std::errc::no_such_file_or_directory);
    } else if (is_batch_file(std::wstring_view(found))) {
        error = make_error(std::errc::executable_format_error);
        found.clear();
    }
    return found;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
