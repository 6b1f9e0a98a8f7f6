// SPDX-License-Identifier: MIT
//
// detail/os/linux/attributes.hpp: what detail/os/attributes.hpp declares, with Linux's access
// control lists and extended attributes.
//
// Sources: acl(5), xattr(7), the kernel's posix_acl_xattr.h.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/posix/attributes.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <sys/stat.h>
#include <sys/xattr.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {
#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::fchmod, ::fgetxattr, ::fremovexattr, ::fsetxattr, ::lgetxattr, ::llistxattr;
#endif

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

/// Returns an extended attribute of a file, not following a link; nullopt if the file does not have
/// it, if the caller may not ask for it, and with an error. The kernel's limit is 64 KiB, xattr(7).
inline std::optional<std::string> read_attribute(const std::string& file, const char* name,
                                                 std::error_code& error) {
    constexpr ssize_t most = 65536;
    const auto read = [&](char* data, std::size_t size) {
        return retry([&] { return sys::lgetxattr(file.c_str(), name, data, size); });
    };
    const ssize_t size = (std::min)(read(nullptr, 0), most);
    std::string value(static_cast<std::size_t>((std::max)(size, ssize_t{0})), '\0');
    const ssize_t count = size > 0 ? read(value.data(), value.size()) : size;
    if (count == static_cast<ssize_t>(value.size())) {
        return value;
    }
    const bool is_refused = errno == EPERM || errno == EACCES || errno == ENOSYS;
    if (count >= 0) {
        error = make_error(std::errc::resource_unavailable_try_again);  // it has just been changed
    } else if (errno != ENODATA && errno != EOPNOTSUPP && !is_refused) {
        error = last_error();
    }
    return std::nullopt;
}

inline bool write_attribute(int fd, const char* name, const std::string& value) noexcept {
    return retry([&] { return sys::fsetxattr(fd, name, value.data(), value.size(), 0); }) == 0;
}

/// Takes away the access control list that an open file has from its directory; false where there
/// still is one.
inline bool remove_access_list(int fd) noexcept {
    return retry([&] { return sys::fremovexattr(fd, access_list::name); }) == 0 ||
           errno == ENODATA || errno == EOPNOTSUPP ||
           sys::fgetxattr(fd, access_list::name, nullptr, 0) == -1;
}

/// The names of the extended attributes of a file, each with a NUL after it, not following a link.
inline std::string attribute_names(const std::string& file) {
    constexpr std::size_t most = 65536;  // xattr(7)
    const auto list = [&](char* data, std::size_t size) {
        return retry([&] { return sys::llistxattr(file.c_str(), data, size); });
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

/// Gives an open file the extended attributes of another, as far as the caller may.
inline void copy_extended_attributes(int fd, const std::string& file, bool same_owner) {
    const std::string names = attribute_names(file);
    for (std::size_t at = 0; at < names.size();) {
        const char* const name = names.c_str() + at;
        at += std::strlen(name) + 1;
        if (keeps_meaning(name, same_owner)) {
            std::error_code ignored;
            if (const std::optional<std::string> value = read_attribute(file, name, ignored)) {
                write_attribute(fd, name, *value);
            }
        }
    }
}

/// Gives an open file an access control list, and returns what it makes of the permissions.
inline unsigned set_access_list(int fd, access_list list, kept_owners kept,
                                std::error_code& error) noexcept {
    file_info info{};
    if (!kept.group && !list.restrict()) {
        error = make_error(std::errc::operation_not_supported);
    } else if (!write_attribute(fd, access_list::name, list.bytes()) ||
               retry([&] { return get_info(fd, info); }) == -1) {
        error = last_error();
    }
    return info.st_mode & 0777U;
}
}  // namespace sys

inline void copy_attributes(native_handle fd, const file_attributes& old, const path_text& old_name,
                            std::error_code& error) {
    const sys::kept_owners kept = sys::copy_owners(fd, old.protection, error);
    if (error) {
        return;
    }
    std::optional<std::string> list = sys::read_attribute(old_name, sys::access_list::name, error);
    if (error) {  // without the list others could do more than before
        return;
    }
    sys::copy_extended_attributes(fd, old_name, kept.both());

    const unsigned permissions = old.protection.permissions;
    unsigned access = sys::access_bits(permissions, kept);
    if (list) {
        access = sys::set_access_list(fd, sys::access_list(std::move(*list)), kept, error);
    } else if (!sys::remove_access_list(fd)) {
        error = last_error();
    }
    if (!error) {
        const unsigned mode = sys::special_bits(permissions, kept) | access;
        sys::attempt(error, [&] { return sys::fchmod(fd, mode); });
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
