// SPDX-License-Identifier: MIT
//
// detail/files/replace_file.hpp: gives a file new content, all at once.
//
// Why a crash leaves the old content or the new, and never a part:
// 1. The new content is written to another file of the same directory and brought to the disk,
//    fsync(2): before the name changes hands, the file that it will name is complete.
// 2. rename(2): "If newpath already exists, it will be atomically replaced, so that there is no
//    point at which another process attempting to access newpath will find it missing." POSIX, on
//    rename(): the name "shall remain visible to other threads throughout the renaming operation
//    and refer either to the file referred to by new or old before the operation began".
// 3. fsync(2): "Calling fsync() does not necessarily ensure that the entry in the directory
//    containing the file has also reached disk. For that an explicit fsync() on a file descriptor
//    for the directory is also needed." After that a crash leaves the new content.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/files/temporary.hpp>
#include <skyutil/detail/os/attributes.hpp>
#include <skyutil/detail/os/files.hpp>

#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Returns the name of a directory that a path is in: "." for that of a name alone.
inline std::filesystem::path directory_name(std::filesystem::path parent) {
    return parent.empty() ? "." : std::move(parent);
}

/// Returns the path that the links at the end of a path lead to; for a dangling link, the path that
/// it names. A link whose text does not say where it leads is errc::operation_not_supported.
inline std::filesystem::path follow_links(std::filesystem::path path, std::error_code& error) {
    constexpr int most = 40;  // path_resolution(7)
    for (int links = 0; links < most; ++links) {
        const std::optional<std::filesystem::path> target = os::read_link(path.native(), error);
        if (!target) {
            return path;
        }
        path = path.parent_path();
        if (os::has_magic_links(directory_name(path).native())) {
            error = os::make_error(std::errc::operation_not_supported);
            return path;
        }
        path /= *target;
    }
    error = os::make_error(std::errc::too_many_symbolic_link_levels);
    return path;
}

/// A file to replace or make: its name in a directory, and what it is now.
struct replaced_file {
    std::filesystem::path path;
    unique_fd directory;
    os::path_text name;
    os::file_attributes old;
    bool closed = false;  ///< the directory may not be read, so no file in it can be replaced
};

/// Finds a file, in one attempt. A name that does not belong to the file is
/// errc::operation_not_supported; that can also be so for a moment while another process replaces
/// the file.
inline replaced_file look_at_file(const std::filesystem::path& path, std::error_code& error) {
    // The kernel follows the links first: in /tmp it refuses those of other users, proc(5).
    replaced_file file{{}, {}, {}, os::attributes(path.native(), error), false};
    if (file.old.exists && !file.old.regular) {
        error = os::make_error(file.old.directory ? std::errc::is_a_directory
                                                  : std::errc::operation_not_supported);
    }
    if (!error) {
        file.path = follow_links(path, error);
    }
    if (!error && !file.path.has_filename()) {  // "name/", which is not there
        error = os::make_error(std::errc::is_a_directory);
    }
    if (error) {
        return file;
    }
    file.name = file.path.filename().native();
    const std::filesystem::path place = directory_name(file.path.parent_path());
    file.directory.reset(os::open_directory(place.native(), error));
    if (error == std::errc::permission_denied) {
        error.clear();
        file.directory.reset(os::open_location(place.native(), error));
        file.closed = true;
    }
    if (file.old.exists && !error) {
        const os::file_id named = os::identify(file.directory.get(), file.name.c_str(), error);
        if (named != file.old.id && (!error || error == std::errc::no_such_file_or_directory)) {
            error = os::make_error(std::errc::operation_not_supported);
        }
    }
    return file;
}

/// Finds a file, in several attempts.
inline replaced_file find_file(const std::filesystem::path& path, std::error_code& error) {
    constexpr int attempts = 20;
    for (int i = 1;; ++i) {
        error.clear();
        replaced_file file = look_at_file(path, error);
        const bool may_be_another = file.directory && error == std::errc::operation_not_supported;
        if (!may_be_another || i == attempts) {
            return file;
        }
    }
}

/// Puts a new file in the place of the old one.
inline void replace_by_rename(const replaced_file& file, std::string_view text,
                              std::error_code& error) {
    if (file.closed) {
        error = os::make_error(std::errc::permission_denied);
        return;
    }
    const os::native_handle directory = file.directory.get();
    unique_fd made;
    const os::path_text temporary = make_under_new_name(
        ".skyutil-",
        [&](const os::path_text& candidate) {
            // A new file gets the permissions that the umask leaves. An old one may be secret.
            const auto readers = file.old.exists ? os::audience::owner : os::audience::everyone;
            made.reset(os::create_file(directory, candidate.c_str(), readers, error));
        },
        error);
    if (!made) {
        return;
    }
    os::write_all(made.get(), text, error);
    if (!error && file.old.exists) {
        os::copy_attributes(made.get(), file.old, file.path.native(), error);
    }
    if (!error) {
        os::sync(made.get(), error);
    }
    if (!error) {
        os::rename(directory, temporary.c_str(), file.name.c_str(), error);
    }
    if (error) {
        std::error_code ignored;
        os::remove_file(directory, temporary.c_str(), ignored);
        return;
    }
    os::sync_directory(directory, error);
}

/// Writes into the old file, then cuts off the rest: content that fits into the old file needs no
/// more room on the disk.
inline void write_in_place(const replaced_file& file, std::string_view text,
                           std::error_code& error) {
    const unique_fd fd(os::open_to_overwrite(file.directory.get(), file.name.c_str(), error));
    if (!error && os::identify(fd.get(), error) != file.old.id && !error) {
        error = os::make_error(std::errc::operation_not_supported);
    }
    if (error) {
        return;
    }
    os::write_all(fd.get(), text, error);
    if (!error) {
        os::resize(fd.get(), text.size(), error);
    }
    if (!error) {
        os::sync(fd.get(), error);
    }
}

/// Whether an error is due to the place, not to the file or the disk: something is mounted on the
/// name, or nothing can be made in the directory.
inline bool forbids_renaming(const std::error_code& error) noexcept {
    return error == std::errc::device_or_resource_busy || error == std::errc::cross_device_link ||
           error == std::errc::read_only_file_system || error == std::errc::permission_denied ||
           error == std::errc::operation_not_permitted;
}

/// Does what write_file_atomic() does, and returns whether the content was written in place.
inline bool replace_file(const std::filesystem::path& path, std::string_view text,
                         bool in_place_if_needed, std::error_code& error) {
    error.clear();
    if (path.native().find(os::path_char{}) != os::path_text::npos) {
        error = os::make_error(std::errc::invalid_argument);
    } else if (path.empty()) {
        error = os::make_error(std::errc::no_such_file_or_directory);
    }
    if (error) {
        return false;
    }
    const replaced_file file = find_file(path, error);
    if (error) {
        return false;
    }
    replace_by_rename(file, text, error);
    if (!in_place_if_needed || !file.old.exists || !forbids_renaming(error)) {
        return false;
    }
    error.clear();
    write_in_place(file, text, error);
    return true;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
