// SPDX-License-Identifier: MIT
//
// detail/os/posix/attributes.hpp: what detail/os/attributes.hpp declares, as far as it is the same
// wherever files have an owner, a group and permission bits. In `sys`: the part of
// copy_attributes() that is about these.
//
// Sources: chown(2), chmod(2).

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/posix/files.hpp>
#include <skyutil/version.hpp>

#include <cerrno>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline file_attributes attributes(const path_text& name, std::error_code& error) noexcept {
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
            sys::id_of(info),
            {info.st_mode & 07777U, info.st_uid, info.st_gid}};
}

namespace sys {
#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::fchown;
#endif

/// What a new file has from an old one.
struct kept_owners {
    bool user;
    bool group;

    [[nodiscard]] bool both() const noexcept { return user && group; }
};

/// Gives an open file an owner and a group as far as the caller may.
inline kept_owners copy_owners(int fd, const file_protection& old,
                               std::error_code& error) noexcept {
    file_info info;  // NOLINT(*-member-init)
    if (attempt(error, [&] { return get_info(fd, info); }) == -1) {
        return {};
    }
    const auto own = [&](uid_t user, gid_t group) {
        return retry([&] { return sys::fchown(fd, user, group); }) == 0;
    };
    kept_owners kept{info.st_uid == old.user, info.st_gid == old.group};
    if (!kept.both()) {
        if (own(old.user, old.group)) {
            return {true, true};
        }
        constexpr auto same = static_cast<uid_t>(-1);  // in chown(2)
        kept.group = kept.group || own(same, old.group);
    }
    return kept;
}

/// The bits that run a file as somebody, for a new file.
inline unsigned special_bits(unsigned permissions, kept_owners kept) noexcept {
    return kept.both() ? permissions & 07000U : 0;
}

/// What owner, group and others may do with a new file.
inline unsigned access_bits(unsigned permissions, kept_owners kept) noexcept {
    if (kept.group) {
        return permissions & 0777U;
    }
    const unsigned common = (permissions >> 3) & permissions & 07U;
    return (permissions & 0700U) | common << 3 | common;
}
}  // namespace sys

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
