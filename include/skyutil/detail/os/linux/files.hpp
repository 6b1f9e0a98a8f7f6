// SPDX-License-Identifier: MIT
//
// detail/os/linux/files.hpp: what detail/os/files.hpp declares and Linux has in its own way. In
// `sys` also: directories with the inode numbers of their entries.

#pragma once

#include <skyutil/detail/os/posix/files.hpp>
#include <skyutil/version.hpp>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <span>
#include <string_view>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <ctime>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {
#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::chmod, ::clock_gettime, ::fsync, ::getrandom, ::madvise, ::openat, ::syscall;
#endif

// As in posix/base.hpp: a large file system needs 64 bits.
#if defined(__GLIBC__) && !defined(__LP64__) && !defined(__USE_FILE_OFFSET64)
#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::fstatfs64, ::statfs64;
#endif
using file_system_info = struct ::statfs64;
inline int get_info(int fd, file_system_info& info) noexcept { return fstatfs64(fd, &info); }
inline int get_info(const char* name, file_system_info& info) noexcept {
    return sys::statfs64(name, &info);
}
#else
#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::fstatfs, ::statfs;
#endif
using file_system_info = struct ::statfs;
inline int get_info(int fd, file_system_info& info) noexcept { return fstatfs(fd, &info); }
inline int get_info(const char* name, file_system_info& info) noexcept {
    return sys::statfs(name, &info);
}
#endif

/// What is no regular file and no directory.
inline file_kind kind_of_special(int fd, const file_info& info) noexcept {
    file_system_info system;  // NOLINT(*-member-init)
    if (S_ISFIFO(info.st_mode) && retry([&] { return get_info(fd, system); }) == 0 &&
        system.f_type != PIPEFS_MAGIC) {
        return file_kind::fifo;
    }
    // The numbers are fixed, see the kernel documentation, admin-guide/devices. No makedev(3): its
    // header has macros named major and minor.
    constexpr dev_t memory = dev_t{1} << 8;
    const dev_t number = info.st_rdev;
    if (S_ISCHR(info.st_mode) &&
        (number == (memory | 5) ||
         (number >= (memory | 7) && number <= (memory | 9)))) {  // zero; full, random, urandom
        return file_kind::endless;
    }
    return file_kind::stream;
}

struct numbered_entry : directory_entry {
    std::uint64_t inode;
};

/// A name of what a descriptor of this process is for, whatever has become of its own name.
class descriptor_name {
public:
    explicit descriptor_name(int fd) noexcept {
        char* const number = text_.data() + std::strlen(text_.data());
        std::to_chars(number, text_.data() + text_.size() - 1, fd);
    }
    [[nodiscard]] const char* c_str() const noexcept { return text_.data(); }

private:
    std::array<char, 32> text_{"/proc/self/fd/"};
};

/// The kernel's struct linux_dirent64, see getdents64(2). musl has a name for it only among those
/// that _LARGEFILE64_SOURCE asks for.
struct directory_record {
    std::uint64_t inode;
    std::int64_t offset;
    std::uint16_t length;
    unsigned char type;
    char name[1];  // NOLINT(*-avoid-c-arrays): and the rest of it
};

/// Calls `visit` with each entry of a directory but "." and "..", as getdents64(2) gives them from
/// where the last reading ended, until it returns true. Reads as many entries at once as go into
/// `buffer_size` bytes.
template <std::size_t buffer_size, class Visit>
void find_numbered_entry(int fd, Visit& visit, std::error_code& error) {
    alignas(directory_record) std::array<char, buffer_size> buffer;  // NOLINT(*-member-init)
    for (;;) {
        const long size = attempt(
            error, [&] { return sys::syscall(SYS_getdents64, fd, buffer.data(), buffer.size()); });
        if (size <= 0) {
            return;
        }
        for (long at = 0; at < size;) {
            const char* const record = buffer.data() + at;
            std::uint64_t inode = 0;
            std::memcpy(&inode, record + offsetof(directory_record, inode), sizeof inode);
            std::uint16_t length = 0;
            std::memcpy(&length, record + offsetof(directory_record, length), sizeof length);
            const char* const name = record + offsetof(directory_record, name);
            const bool dots =
                name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
            if (!dots && visit(numbered_entry{
                             {name, record[offsetof(directory_record, type)] == DT_DIR}, inode})) {
                return;
            }
            at += length;
        }
    }
}

/// The same with all entries.
template <class Visit>
void for_each_entry(int fd, Visit visit, std::error_code& error) {
    const auto go_on = [&](const numbered_entry& entry) {
        visit(entry);
        return false;
    };
    find_numbered_entry<32768>(fd, go_on, error);
}

/// How a directory that is no link is opened. (No local constant: g++ 14 loses those that a lambda
/// uses when it writes a module.)
inline constexpr int directory_flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
}  // namespace sys

inline file_status status(native_handle fd, std::error_code& error) noexcept {
    sys::file_info info;  // NOLINT(*-member-init)
    if (sys::attempt(error, [&] { return sys::get_info(fd, info); }) == -1) {
        return {};
    }
    if (S_ISREG(info.st_mode)) {
        return {file_kind::regular,
                static_cast<std::uint64_t>(info.st_size),
                {info.st_mtim.tv_sec, info.st_mtim.tv_nsec},
                {info.st_ctim.tv_sec, info.st_ctim.tv_nsec}};
    }
    return {S_ISDIR(info.st_mode) ? file_kind::directory : sys::kind_of_special(fd, info)};
}

/// File systems have the time of the kernel's last tick, some in whole seconds only, FAT in every
/// other.
inline bool is_past(const file_time& time) noexcept {
    timespec now{};
    sys::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    constexpr std::int64_t ticks = 20'000'000;  // ns: two of the longest
    file_time limit{now.tv_sec, now.tv_nsec - ticks};
    if (limit.nanoseconds < 0) {
        --limit.seconds;
        limit.nanoseconds += 1'000'000'000;
    }
    return time.nanoseconds == 0 ? time.seconds < limit.seconds - 2 : time < limit;
}

/// Those of /proc/PID/fd do.
inline bool has_magic_links(const path_text& directory) noexcept {
    sys::file_system_info system;  // NOLINT(*-member-init)
    return sys::retry([&] { return sys::get_info(directory.c_str(), system); }) == 0 &&
           system.f_type == PROC_SUPER_MAGIC;
}

inline native_handle open_location(const path_text& name, std::error_code& error) noexcept {
    return sys::open_name(name, O_PATH | O_DIRECTORY, error);
}

inline native_handle open_entry_directory(native_handle directory, const path_char* name,
                                          std::error_code& error) noexcept {
    int fd =
        sys::retry([&] { return sys::openat(directory, name, sys::directory_flags | O_RDONLY); });
    if (fd == -1 && errno == EACCES) {
        // What O_PATH opened stays the same directory, whatever happens to the name; fchmod(2)
        // refuses it, but chmod(2) takes its name in /proc.
        const int path =
            sys::retry([&] { return sys::openat(directory, name, sys::directory_flags | O_PATH); });
        if (path != -1) {
            const sys::descriptor_name self(path);
            fd = sys::retry([&] { return sys::chmod(self.c_str(), S_IRWXU); });
            if (fd == 0) {
                fd = sys::retry(
                    [&] { return sys::openat(path, ".", sys::directory_flags | O_RDONLY); });
            }
            const int saved = errno;
            close(path);
            errno = saved;
        }
    }
    if (fd == -1) {
        error = last_error();
    }
    return fd;
}

inline void sync(native_handle fd, std::error_code& error) noexcept {
    sys::attempt(error, [&] { return sys::fsync(fd); });
}

inline void sync_directory(native_handle fd, std::error_code& error) noexcept {
    if (sys::retry([&] { return sys::fsync(fd); }) == -1 && errno != EINVAL) {
        error = last_error();  // EINVAL: the file system does not have it
    }
}

template <class Visit>
void find_entry(native_handle fd, entries state, Visit visit, std::error_code& error) {
    if (state == entries::unread ||
        sys::attempt(error, [&] { return sys::lseek(fd, 0, SEEK_SET); }) != -1) {
        sys::find_numbered_entry<2048>(fd, visit, error);
    }
}

inline std::size_t count_entries(native_handle fd, std::error_code& error) noexcept {
    std::size_t count = 0;
    sys::for_each_entry(fd, [&](const directory_entry&) { ++count; }, error);
    return error ? 0 : count;
}

inline std::filesystem::path temporary_location(std::error_code&) {
    const char* const chosen = ::secure_getenv("TMPDIR");
    return chosen != nullptr && *chosen != '\0' ? chosen : "/tmp";
}

inline void random_bytes(std::span<unsigned char> bytes, std::error_code& error) noexcept {
    // So few come at once, see getrandom(2).
    sys::attempt(error, [&] { return sys::getrandom(bytes.data(), bytes.size(), 0); });
}

inline const char* find_last(std::string_view text, char c) noexcept {
    // memrchr(3) takes no null pointer, which an empty text may be.
    return text.empty() ? nullptr
                        : static_cast<const char*>(::memrchr(text.data(), c, text.size()));
}

inline void advise_large_pages(char* buffer, std::size_t size) noexcept {
    constexpr std::uintptr_t page = 4096;  // the kernel rounds the rest
    constexpr std::size_t worthwhile = std::size_t{8} << 20;
    if (size >= worthwhile) {
        const auto address = reinterpret_cast<std::uintptr_t>(buffer);
        const std::uintptr_t before = (page - address % page) % page;
        sys::madvise(buffer + before, size - before, MADV_HUGEPAGE);
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
