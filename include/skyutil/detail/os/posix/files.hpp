// SPDX-License-Identifier: MIT
//
// detail/os/posix/files.hpp: what detail/os/files.hpp declares, as far as it is the same wherever
// files are descriptors.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {
#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::fchmod, ::lseek, ::mkdirat, ::mmap, ::munmap, ::open, ::openat, ::read, ::readlink,
    ::renameat, ::unlinkat, ::write;
#endif

/// Repeats a system call as retry() does, and says why it failed.
template <class Call>
auto attempt(std::error_code& error, Call call) noexcept {
    const auto result = retry(call);
    if (result == -1) {
        error = last_error();
    }
    return result;
}

inline int open_name(const path_text& name, int flags, std::error_code& error) noexcept {
    if (name.find('\0') != path_text::npos) {  // what follows it would be lost
        error = make_error(std::errc::invalid_argument);
        return no_handle;
    }
    return attempt(error, [&] { return sys::open(name.c_str(), flags | large_file | O_CLOEXEC); });
}

inline int open_entry(int directory, const char* name, int flags, mode_t mode,
                      std::error_code& error) noexcept {
    return attempt(error, [&] {
        return sys::openat(directory, name, flags | O_NOFOLLOW | large_file | O_CLOEXEC, mode);
    });
}

inline file_id id_of(const file_info& info) noexcept {
    return {static_cast<std::uint64_t>(info.st_dev), static_cast<std::uint64_t>(info.st_ino)};
}

inline file_id identify_entry(int directory, const char* name, std::error_code& error) noexcept {
    file_info info;  // NOLINT(*-member-init)
    const int result =
        attempt(error, [&] { return get_info(directory, name, info, AT_SYMLINK_NOFOLLOW); });
    return result == -1 ? file_id{} : id_of(info);
}

inline void remove_entry(int directory, const char* name, int flags,
                         std::error_code& error) noexcept {
    attempt(error, [&] { return sys::unlinkat(directory, name, flags); });
}
}  // namespace sys

inline file_id identify(native_handle fd, std::error_code& error) noexcept {
    sys::file_info info;  // NOLINT(*-member-init)
    const int result = sys::attempt(error, [&] { return sys::get_info(fd, info); });
    return result == -1 ? file_id{} : sys::id_of(info);
}

inline file_id identify(const path_text& name, std::error_code& error) noexcept {
    return sys::identify_entry(AT_FDCWD, name.c_str(), error);
}

inline file_id identify(native_handle directory, const path_char* name,
                        std::error_code& error) noexcept {
    return sys::identify_entry(directory, name, error);
}

inline bool is_directory(const path_text& name) noexcept {
    sys::file_info info;  // NOLINT(*-member-init)
    return sys::get_info(name.c_str(), info) == 0 && S_ISDIR(info.st_mode);
}

inline std::optional<std::filesystem::path> read_link(const path_text& name,
                                                      std::error_code& error) {
    std::array<char, 4096> target;  // NOLINT(*-member-init): PATH_MAX
    const ssize_t size =
        sys::retry([&] { return sys::readlink(name.c_str(), target.data(), target.size()); });
    if (size == -1 && errno != EINVAL && errno != ENOENT) {
        error = last_error();
    }
    if (size == static_cast<ssize_t>(target.size())) {
        error = make_error(std::errc::filename_too_long);
    }
    if (size == -1 || error) {
        return std::nullopt;
    }
    return std::string_view(target.data(), static_cast<std::size_t>(size));
}

inline native_handle open_at_once(const path_text& name, std::error_code& error) noexcept {
    return sys::open_name(name, O_RDONLY | O_NONBLOCK | O_NOCTTY, error);
}

inline native_handle open_file(const path_text& name, std::error_code& error) noexcept {
    const int fd = open_at_once(name, error);
    if (fd != no_handle || error != std::errc::operation_would_block) {
        return fd;
    }
    error.clear();
    return sys::open_name(name, O_RDONLY | O_NOCTTY, error);
}

inline native_handle open_directory(const path_text& name, std::error_code& error) noexcept {
    return sys::open_name(name, O_RDONLY | O_DIRECTORY, error);
}

inline native_handle open_parent(native_handle directory, std::error_code& error) noexcept {
    return open_entry_directory(directory, "..", error);
}

inline native_handle open_to_overwrite(native_handle directory, const path_char* name,
                                       std::error_code& error) noexcept {
    return sys::open_entry(directory, name, O_WRONLY | O_NONBLOCK | O_NOCTTY, 0, error);
}

inline native_handle create_file(native_handle directory, const path_char* name, audience who,
                                 std::error_code& error) noexcept {
    const mode_t mode = who == audience::owner ? 0600 : 0666;
    return sys::open_entry(directory, name, O_RDWR | O_CREAT | O_EXCL, mode, error);
}

inline void create_directory(native_handle parent, const path_char* name,
                             std::error_code& error) noexcept {
    sys::attempt(error, [&] { return sys::mkdirat(parent, name, S_IRWXU); });
}

inline std::size_t read_at(native_handle fd, char* buffer, std::size_t size, std::uint64_t offset,
                           std::error_code& error) noexcept {
    constexpr std::size_t most = std::size_t{8} << 20;  // a signal does not interrupt a longer one
    std::size_t done = 0;
    while (done != size) {
        const auto count = sys::attempt(error, [&] {
            return sys::read_from(fd, buffer + done, (std::min)(size - done, most), offset + done);
        });
        if (count <= 0) {
            break;
        }
        done += static_cast<std::size_t>(count);
    }
    return done;
}

inline std::size_t read_some(native_handle fd, char* buffer, std::size_t size, bool& would_block,
                             std::error_code& error) noexcept {
    const auto count = sys::retry([&] { return sys::read(fd, buffer, size); });
    would_block = count == -1 && errno == EAGAIN;
    if (count == -1) {
        if (!would_block) {
            error = last_error();
        }
        return 0;
    }
    return static_cast<std::size_t>(count);
}

inline readiness wait_readable(native_handle fd, std::chrono::milliseconds timeout,
                               std::error_code& error) noexcept {
    pollfd entry{fd, POLLIN, 0};
    const int count =
        sys::poll_until(entry, timeout.count() < 0 ? (time_point::max)()
                                                   : std::chrono::steady_clock::now() + timeout);
    if (count == -1) {
        error = last_error();
    }
    return count == 0                      ? readiness::timed_out
           : (entry.revents & POLLIN) != 0 ? readiness::ready
                                           : readiness::hung_up;
}

inline void rewind_file(native_handle fd, std::error_code& error) noexcept {
    sys::attempt(error, [&] { return sys::lseek(fd, 0, SEEK_SET); });
}

inline void write_all(native_handle fd, std::string_view text, std::error_code& error) noexcept {
    while (!text.empty()) {
        const auto count = sys::retry([&] { return sys::write(fd, text.data(), text.size()); });
        if (count <= 0) {
            error = count == -1 ? last_error() : make_error(std::errc::io_error);
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(count));
    }
}

inline void resize(native_handle fd, std::uint64_t size, std::error_code& error) noexcept {
    sys::attempt(error, [&] { return sys::resize_file(fd, size); });
}

inline std::string_view map(native_handle fd, std::size_t size, std::error_code& error) noexcept {
    const std::size_t mapped = (std::max)(size, std::size_t{1});  // 0 cannot be asked for
    void* const address = sys::mmap(nullptr, mapped, PROT_READ, MAP_PRIVATE, fd, 0);
    if (address == MAP_FAILED) {
        // ENODEV, but EIO for those files of Linux's /proc that have no mmap operation.
        error = errno == ENODEV || errno == EIO ? make_error(std::errc::operation_not_supported)
                                                : last_error();
        return {};
    }
    if (size == 0) {
        sys::munmap(address, mapped);
        return {};
    }
    return {static_cast<const char*>(address), size};
}

inline void unmap(std::string_view bytes) noexcept {
    sys::munmap(const_cast<char*>(bytes.data()), bytes.size());
}

inline void unlock_directory(native_handle fd) noexcept {
    sys::file_info info;  // NOLINT(*-member-init)
    if (sys::retry([&] { return sys::get_info(fd, info); }) == 0 &&
        (~info.st_mode & S_IRWXU) != 0) {
        sys::retry([&] { return sys::fchmod(fd, S_IRWXU); });
    }
}

inline void remove_file(native_handle directory, const path_char* name,
                        std::error_code& error) noexcept {
    sys::remove_entry(directory, name, 0, error);
}

inline void remove_file(const path_text& name, std::error_code& error) noexcept {
    sys::remove_entry(AT_FDCWD, name.c_str(), 0, error);
}

inline void remove_directory(native_handle parent, const path_char* name,
                             std::error_code& error) noexcept {
    sys::remove_entry(parent, name, AT_REMOVEDIR, error);
}

inline void remove_open_directory(native_handle directory, const path_text& path,
                                  std::error_code& error) noexcept {
    std::array<char, 260> name{'.', '.', '/'};  // NAME_MAX is 255
    const std::string_view last = std::string_view(path).substr(path.rfind('/') + 1);
    if (last.size() > name.size() - 4) {
        error = make_error(std::errc::filename_too_long);
        return;
    }
    last.copy(name.data() + 3, last.size());
    sys::remove_entry(directory, name.data(), AT_REMOVEDIR, error);
}

inline void rename(native_handle directory, const path_char* from, const path_char* to,
                   std::error_code& error) noexcept {
    sys::attempt(error, [&] { return sys::renameat(directory, from, directory, to); });
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
