// SPDX-License-Identifier: MIT
//
// detail/os/linux/attributes.hpp: what a file that takes another one's place has from it: owner,
// group, permissions, access control list, extended attributes.
//
// Sources: chown(2), chmod(2), acl(5), xattr(7), the kernel's posix_acl_xattr.h.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/linux/files.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
namespace sys {
using ::fchmod, ::fchown, ::fgetxattr, ::fremovexattr, ::fsetxattr, ::lgetxattr, ::llistxattr,
    ::statfs;
}  // namespace sys
#endif

struct file_attributes {
    bool exists = false;
    bool regular = false;
    bool directory = false;
    file_id id{};
    unsigned permissions = 0;
    uid_t user = 0;
    gid_t group = 0;
};

/// Follows links; a file that is not there is no error.
inline file_attributes attributes(const std::string& name, std::error_code& error) noexcept {
    sys::file_info info;  // NOLINT(*-member-init)
    if (sys::retry([&] { return sys::get_info(name.c_str(), info); }) == -1) {
        if (errno != ENOENT) {
            error = last_error();
        }
        return {};
    }
    return {true,
            S_ISREG(info.st_mode),
            S_ISDIR(info.st_mode),
            {info.st_dev, info.st_ino},
            info.st_mode & 07777U,
            info.st_uid,
            info.st_gid};
}

/// Whether links in a directory may lead to what their text does not name, as those of
/// /proc/PID/fd do.
inline bool has_magic_links(const std::string& directory) noexcept {
    struct statfs system;  // NOLINT(*-member-init)
    return sys::retry([&] { return sys::statfs(directory.c_str(), &system); }) == 0 &&
           system.f_type == PROC_SUPER_MAGIC;
}

/// An access control list as the kernel keeps it in an extended attribute: little-endian numbers, a
/// version of four bytes and entries of eight.
class access_list {
public:
    static constexpr const char* name = "system.posix_acl_access";

    explicit access_list(std::string bytes) : bytes_(std::move(bytes)) {}

    [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

    /// Leaves the owning group and all others what both had. False for what is no such list.
    bool restrict() noexcept {
        constexpr std::size_t header = 4;
        constexpr std::size_t entry = 8;
        std::size_t group = 0;
        std::size_t other = 0;
        for (std::size_t i = header; i + entry <= bytes_.size(); i += entry) {
            group = tag(i) == group_object ? i : group;
            other = tag(i) == other_users ? i : other;
        }
        if (group == 0 || other == 0) {
            return false;
        }
        const auto common = static_cast<char>(bytes_[group + 2] & bytes_[other + 2]);
        bytes_[group + 2] = bytes_[other + 2] = common;
        return true;
    }

private:
    static constexpr unsigned group_object = 0x04;
    static constexpr unsigned other_users = 0x20;

    [[nodiscard]] unsigned tag(std::size_t at) const noexcept {
        return static_cast<unsigned char>(bytes_[at]) |
               static_cast<unsigned>(static_cast<unsigned char>(bytes_[at + 1])) << 8;
    }

    std::string bytes_;
};

/// An extended attribute of a file, not following a link; nullopt where there is none, or it may
/// not be read. The kernel's limit is 64 KiB, xattr(7).
inline std::optional<std::string> read_attribute(const std::string& file, const char* name) {
    constexpr std::size_t most = 65536;
    const auto read = [&](char* data, std::size_t size) {
        return sys::retry([&] { return sys::lgetxattr(file.c_str(), name, data, size); });
    };
    const ssize_t size = read(nullptr, 0);
    if (size < 0 || static_cast<std::size_t>(size) > most) {
        return std::nullopt;
    }
    std::string value(static_cast<std::size_t>(size), '\0');
    const ssize_t count = size == 0 ? 0 : read(value.data(), value.size());
    if (count != size) {
        return std::nullopt;  // it has just been changed
    }
    return value;
}

inline bool write_attribute(int fd, const char* name, const std::string& value) noexcept {
    return sys::retry([&] { return sys::fsetxattr(fd, name, value.data(), value.size(), 0); }) == 0;
}

/// Takes away the access control list that an open file has from its directory; false where there
/// still is one.
inline bool remove_access_list(int fd) noexcept {
    return sys::retry([&] { return sys::fremovexattr(fd, access_list::name); }) == 0 ||
           errno == ENODATA || errno == EOPNOTSUPP ||
           sys::fgetxattr(fd, access_list::name, nullptr, 0) == -1;
}

/// The names of the extended attributes of a file, each with a NUL after it, not following a link.
inline std::string attribute_names(const std::string& file) {
    constexpr std::size_t most = 65536;  // xattr(7)
    const auto list = [&](char* data, std::size_t size) {
        return sys::retry([&] { return sys::llistxattr(file.c_str(), data, size); });
    };
    const ssize_t size = list(nullptr, 0);
    if (size <= 0 || static_cast<std::size_t>(size) > most) {
        return {};
    }
    std::string names(static_cast<std::size_t>(size), '\0');
    const ssize_t count = list(names.data(), names.size());
    names.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    return names;
}

/// Whether an attribute is another file's in the same way. Not so are hashes and signatures of the
/// content (IMA, EVM), what a union file system notes of its layers, and the access control list,
/// which goes with the permissions. Rights to run as somebody, and the lists of other systems, are
/// so only if the owner is.
inline bool keeps_meaning(std::string_view name, bool same_owner) noexcept {
    if (name == "security.ima" || name == "security.evm" || name.starts_with("trusted.overlay.") ||
        name.starts_with("user.overlay.") || name == access_list::name) {
        return false;
    }
    return same_owner || (name != "security.capability" && !name.starts_with("system."));
}

/// Gives an open new file what another has: owner and group as far as the caller may, else group;
/// permissions and access control list; extended attributes as far as the caller may.
///
/// Nobody but the caller can do more with the new file than with the old one. Where the group
/// cannot be kept its members are others now, and others may be in the caller's group: all of them
/// get what group and others both had. Where the owner cannot, the bits that would run the file as
/// somebody else go.
inline void copy_attributes(int fd, const file_attributes& old, const std::string& file,
                            std::error_code& error) {
    sys::file_info info;  // NOLINT(*-member-init)
    if (sys::retry([&] { return sys::get_info(fd, info); }) == -1) {
        error = last_error();
        return;
    }
    constexpr auto same = static_cast<uid_t>(-1);  // in chown(2)
    const auto own = [&](uid_t user, gid_t group) {
        return sys::retry([&] { return sys::fchown(fd, user, group); }) == 0;
    };
    bool same_owner = info.st_uid == old.user;
    bool same_group = info.st_gid == old.group;
    if (!(same_owner && same_group)) {
        if (own(old.user, old.group)) {
            same_owner = same_group = true;
        } else {
            same_group = same_group || own(same, old.group);
        }
    }
    const bool all_same = same_owner && same_group;

    std::optional<std::string> list = read_attribute(file, access_list::name);
    const std::string names = attribute_names(file);
    for (std::size_t at = 0; at < names.size();) {
        const char* const name = names.c_str() + at;
        at += std::strlen(name) + 1;
        if (keeps_meaning(name, all_same)) {
            if (const std::optional<std::string> value = read_attribute(file, name)) {
                write_attribute(fd, name, *value);
            }
        }
    }

    unsigned permissions = all_same ? old.permissions : old.permissions & 0777U;
    if (list) {
        access_list kept(std::move(*list));
        if (!same_group && !kept.restrict()) {
            error = make_error(std::errc::operation_not_supported);
        } else if (!write_attribute(fd, access_list::name, kept.bytes()) ||
                   sys::retry([&] { return sys::get_info(fd, info); }) == -1) {
            error = last_error();
        }
        permissions = (permissions & 07000U) | (info.st_mode & 0777U);  // the list has set these
    } else {
        if (!remove_access_list(fd)) {
            error = last_error();
        }
        if (!same_group) {
            const unsigned common = (permissions >> 3) & permissions & 07U;
            permissions = (permissions & 0700U) | common << 3 | common;
        }
    }
    if (!error && sys::retry([&] { return sys::fchmod(fd, permissions); }) == -1) {
        error = last_error();
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
