// SPDX-License-Identifier: MIT
//
// detail/os/windows/attributes.hpp: what detail/os/attributes.hpp declares: the access control list
// and the attributes of a file. Its owner is the caller.
//
// Sources: Microsoft's reference of SECURITY_DESCRIPTOR, SECURITY_INFORMATION and "File Attribute
// Constants".

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/version.hpp>

#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline file_attributes attributes(const path_text& name, std::error_code& error) noexcept {
    std::error_code opening;
    const unique_fd file(sys::open_name(name, sys::access::file_read_attributes, 0, opening));
    if (!file) {
        if (opening != std::errc::no_such_file_or_directory) {
            error = opening;
        }
        return {};
    }
    const file_status found = status(file.get(), error);
    const bool on_a_disk = found.kind == file_kind::regular || found.kind == file_kind::directory;
    const sys::file_traits traits =
        on_a_disk && !error ? sys::traits_of(file.get(), error) : sys::file_traits{};
    const file_id id = on_a_disk && !error ? identify(file.get(), error) : file_id{};
    return {true,
            found.kind == file_kind::regular,
            found.kind == file_kind::directory,
            id,
            {traits.attributes}};
}

namespace sys {
/// Gives an open file the access control list of another.
inline void copy_access_list(handle file, handle old, std::error_code& error) {
    constexpr unsigned long list = 0x4;                // DACL_SECURITY_INFORMATION
    constexpr unsigned long uninherited = 0x80000000;  // PROTECTED_DACL_SECURITY_INFORMATION
    unsigned long size = 0;
    ZwQuerySecurityObject(old, list, nullptr, 0, &size);
    std::string descriptor(size, '\0');
    if (!succeeded(ZwQuerySecurityObject(old, list, descriptor.data(), size, &size), error)) {
        return;
    }
    std::uint16_t control = 0;
    std::memcpy(&control, descriptor.data() + 2, sizeof control);
    constexpr std::uint16_t is_protected = 0x1000;
    const unsigned long how = (control & is_protected) != 0 ? list | uninherited : list;
    succeeded(ZwSetSecurityObject(file, how, descriptor.data()), error);
}
}  // namespace sys

inline void copy_attributes(native_handle file, const file_attributes& old,
                            const path_text& old_name, std::error_code& error) {
    const unique_fd open(
        sys::open_name(old_name, sys::access::read_control | sys::access::file_read_attributes,
                       sys::link_itself, error));
    if (!open) {
        return;
    }
    sys::copy_access_list(file, open.get(), error);
    if (!error) {
        // Read-only, hidden, system, to be archived, not to be indexed.
        constexpr std::uint32_t kept = 0x1 | 0x2 | 0x4 | 0x20 | 0x2000;
        sys::set_attributes(file, old.protection.attributes & kept);
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
