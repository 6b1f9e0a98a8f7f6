// SPDX-License-Identifier: MIT
//
// detail/replace_file.hpp: gives a file other content, all at once.
//
// Why a crash leaves the old content or the new, and never a part:
// 1. The new content is written to another file of the same directory and brought to the disk,
//    fsync(2): before the name changes hands, what it will name is whole.
// 2. rename(2): "If newpath already exists, it will be atomically replaced, so that there is no
//    point at which another process attempting to access newpath will find it missing." POSIX, on
//    rename(): the name "shall remain visible to other threads throughout the renaming operation
//    and refer either to the file referred to by new or old before the operation began".
// 3. fsync(2): "Calling fsync() does not necessarily ensure that the entry in the directory
//    containing the file has also reached disk. For that an explicit fsync() on a file descriptor
//    for the directory is also needed." After it the new content is what a crash leaves.

#pragma once

#include <skyutil/detail/os.hpp>
#include <skyutil/detail/temporary.hpp>
#include <skyutil/detail/unique_fd.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// The path that the links at the end of a path lead to; of a dangling link, what it would name.
inline std::filesystem::path follow_links(std::filesystem::path path, std::error_code& error) {
    constexpr int most = 40;  // path_resolution(7)
    for (int links = 0; links < most; ++links) {
        const std::optional<std::string> target = os::read_link(path.native(), error);
        if (!target) {
            return path;
        }
        path = path.parent_path() / *target;
    }
    error = os::make_error(std::errc::too_many_symbolic_link_levels);
    return path;
}

inline void replace_file(const std::filesystem::path& path, std::string_view text,
                         std::error_code& error) {
    error.clear();
    if (path.native().find('\0') != std::string::npos) {
        error = os::make_error(std::errc::invalid_argument);
        return;
    }
    // The kernel follows the links first: it refuses those of strangers in /tmp, proc(5).
    const os::file_attributes old = os::attributes(path.native(), error);
    if (old.exists && !old.regular) {
        error = os::make_error(old.directory ? std::errc::is_a_directory
                                             : std::errc::operation_not_supported);
    }
    if (!error && path.empty()) {
        error = os::make_error(std::errc::no_such_file_or_directory);
    }
    const std::filesystem::path target = error ? path : follow_links(path, error);
    if (!error && !target.has_filename()) {  // "name/", which is not there
        error = os::make_error(std::errc::is_a_directory);
    }
    if (error) {
        return;
    }
    const std::string name = target.filename().native();
    const std::filesystem::path parent = target.has_parent_path() ? target.parent_path() : ".";
    const unique_fd directory(os::open_directory(parent.native(), error));
    if (!directory) {
        return;
    }

    unique_fd file;
    const std::string temporary = make_under_new_name(
        ".skyutil-",
        [&](const std::string& candidate) {
            // A new file has the permissions that the umask gives it. An old one may be secret.
            file.reset(os::create_file(directory.get(), candidate.c_str(), old.exists ? 0600 : 0666,
                                       error));
        },
        error);
    if (!file) {
        return;
    }
    os::write_all(file.get(), text, error);
    if (!error && old.exists) {
        os::copy_attributes(file.get(), old, error);
    }
    if (!error) {
        os::sync(file.get(), error);
    }
    if (!error) {
        os::rename(directory.get(), temporary.c_str(), name.c_str(), error);
    }
    if (error) {
        std::error_code ignored;
        os::remove_file(directory.get(), temporary.c_str(), ignored);
        return;
    }
    os::sync_directory(directory.get(), error);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
