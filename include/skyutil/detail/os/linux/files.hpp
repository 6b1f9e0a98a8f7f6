// SPDX-License-Identifier: MIT
//
// detail/os/linux/files.hpp: files and directories.

#pragma once

#include <skyutil/detail/os/base.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
namespace sys {
using ::chmod, ::clock_gettime, ::fchmod, ::fsync, ::getrandom, ::lseek, ::madvise, ::mkdirat,
    ::mmap, ::munmap, ::open, ::openat, ::read, ::readlink, ::renameat, ::syscall, ::unlinkat,
    ::write;
}  // namespace sys
#endif

enum class file_kind {
    regular,
    directory,
    fifo,     ///< with a name: whoever opens it may come before its writer
    endless,  ///< a device that gives bytes for ever
    stream,
};

/// As the file system keeps it, in parts of a second as fine as it can.
struct file_time {
    std::int64_t seconds = 0;
    std::int64_t nanoseconds = 0;

    friend auto operator<=>(const file_time&, const file_time&) = default;
};

struct file_status {
    file_kind kind{};
    std::uint64_t size = 0;
    file_time written{};  ///< when bytes were last written
    file_time changed{};  ///< when that or anything else about the file was

    friend bool operator==(const file_status&, const file_status&) = default;
};

/// -1 on failure. A NUL in the name is an error: what follows it would be lost.
inline int open(const std::string& name, int flags, std::error_code& error) noexcept {
    if (name.find('\0') != std::string::npos) {
        error = make_error(std::errc::invalid_argument);
        return -1;
    }
    const int fd =
        sys::retry([&] { return sys::open(name.c_str(), flags | sys::large_file | O_CLOEXEC); });
    if (fd == -1) {
        error = last_error();
    }
    return fd;
}

/// For reading, without waiting for anybody. errc::operation_would_block: somebody has a lease on
/// the file and has been asked to give it up, see fcntl(2).
inline int open_at_once(const std::string& name, std::error_code& error) noexcept {
    return open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY, error);
}

/// For reading, without waiting for the writer of a FIFO, but for the end of a lease.
inline int open_file(const std::string& name, std::error_code& error) noexcept {
    const int fd = open_at_once(name, error);
    if (fd != -1 || error != std::errc::operation_would_block) {
        return fd;
    }
    error.clear();
    return open(name, O_RDONLY | O_NOCTTY, error);
}

inline int open_directory(const std::string& name, std::error_code& error) noexcept {
    return open(name, O_RDONLY | O_DIRECTORY, error);
}

inline file_status status(int fd, std::error_code& error) noexcept {
    sys::file_info info;  // NOLINT(*-member-init)
    if (sys::retry([&] { return sys::get_info(fd, info); }) == -1) {
        error = last_error();
        return {};
    }
    if (S_ISREG(info.st_mode)) {
        return {file_kind::regular,
                static_cast<std::uint64_t>(info.st_size),
                {info.st_mtim.tv_sec, info.st_mtim.tv_nsec},
                {info.st_ctim.tv_sec, info.st_ctim.tv_nsec}};
    }
    if (S_ISDIR(info.st_mode)) {
        return {file_kind::directory};
    }
    sys::file_system_info system;  // NOLINT(*-member-init)
    if (S_ISFIFO(info.st_mode) && sys::retry([&] { return sys::get_info(fd, system); }) == 0 &&
        system.f_type != PIPEFS_MAGIC) {
        return {file_kind::fifo};
    }
    // The numbers are fixed, see the kernel documentation, admin-guide/devices. No makedev(3): its
    // header has macros named major and minor.
    constexpr dev_t memory = dev_t{1} << 8;
    const dev_t number = info.st_rdev;
    if (S_ISCHR(info.st_mode) &&
        (number == (memory | 5) ||
         (number >= (memory | 7) && number <= (memory | 9)))) {  // zero; full, random, urandom
        return {file_kind::endless};
    }
    return {file_kind::stream};
}

/// Whether a change from now on would give a file another time than this one. File systems have the
/// time of the kernel's last tick, some in whole seconds only, FAT in every other.
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

/// Reads until the buffer is full or the file ends.
inline std::size_t read_at(int fd, char* buffer, std::size_t size, std::uint64_t offset,
                           std::error_code& error) noexcept {
    constexpr std::size_t most = std::size_t{8} << 20;  // a signal does not interrupt a longer one
    std::size_t done = 0;
    while (done != size) {
        const auto count = sys::retry([&] {
            return sys::read_from(fd, buffer + done, (std::min)(size - done, most), offset + done);
        });
        if (count == -1) {
            error = last_error();
            break;
        }
        if (count == 0) {
            break;
        }
        done += static_cast<std::size_t>(count);
    }
    return done;
}

enum class readiness { ready, hung_up, timed_out };

/// Waits until there is something to read or the other side is gone; a negative time is for ever.
inline readiness wait_readable(int fd, std::chrono::milliseconds timeout,
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

/// One read(2); would_block is set, and 0 returned, where a writer has nothing to read yet.
inline std::size_t read_some(int fd, char* buffer, std::size_t size, bool& would_block,
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

/// The last `c` in the text, nullptr when there is none.
inline const char* find_last(std::string_view text, char c) noexcept {
    return static_cast<const char*>(::memrchr(text.data(), c, text.size()));
}

struct directory_entry {
    const char* name;
    std::uint64_t inode;
    bool is_directory;  ///< as far as the file system tells; a link to one is none
};

/// Calls `visit` with each entry of a directory but "." and "..", as getdents64(2) gives them,
/// until it returns true. Reads as many entries at once as go into `buffer_size` bytes.
template <std::size_t buffer_size = 2048, class Visit>
void find_entry(int fd, Visit visit, std::error_code& error) {
    alignas(dirent64) std::array<char, buffer_size> buffer;  // NOLINT(*-member-init)
    for (;;) {
        const long size = sys::retry(
            [&] { return sys::syscall(SYS_getdents64, fd, buffer.data(), buffer.size()); });
        if (size == -1) {
            error = last_error();
        }
        if (size <= 0) {
            return;
        }
        for (long at = 0; at < size;) {
            const char* const record = buffer.data() + at;
            std::uint64_t inode = 0;
            std::memcpy(&inode, record + offsetof(dirent64, d_ino), sizeof inode);
            std::uint16_t length = 0;
            std::memcpy(&length, record + offsetof(dirent64, d_reclen), sizeof length);
            const char* const name = record + offsetof(dirent64, d_name);
            const bool dots =
                name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
            if (!dots &&
                visit(directory_entry{name, inode, record[offsetof(dirent64, d_type)] == DT_DIR})) {
                return;
            }
            at += length;
        }
    }
}

/// The same with all entries.
template <class Visit>
void for_each_entry(int fd, Visit visit, std::error_code& error) {
    find_entry<32768>(
        fd,
        [&](const directory_entry& entry) {
            visit(entry);
            return false;
        },
        error);
}

/// Direct entries of a directory without "." and "..".
inline std::size_t count_entries(int fd, std::error_code& error) noexcept {
    std::size_t entries = 0;
    for_each_entry(fd, [&](const directory_entry&) { ++entries; }, error);
    return error ? 0 : entries;
}

/// Whether the name can be told to be a directory's, following links.
inline bool is_directory(const std::string& name) noexcept {
    sys::file_info info;  // NOLINT(*-member-init)
    return sys::get_info(name.c_str(), info) == 0 && S_ISDIR(info.st_mode);
}

/// Asks for large pages under a buffer about to be filled: a fault for each small page would cost
/// more than the reading. A hint that may go unheard.
inline void advise_large_pages(char* buffer, std::size_t size) noexcept {
    constexpr std::uintptr_t page = 4096;  // the kernel rounds the rest
    constexpr std::size_t worthwhile = std::size_t{8} << 20;
    if (size >= worthwhile) {
        const auto address = reinterpret_cast<std::uintptr_t>(buffer);
        const std::uintptr_t before = (page - address % page) % page;
        sys::madvise(buffer + before, size - before, MADV_HUGEPAGE);
    }
}

/// Maps a file for reading; it need not have bytes. std::errc::operation_not_supported for what
/// cannot be mapped, as files of /proc and /sys cannot.
inline const char* map(int fd, std::size_t size, std::error_code& error) noexcept {
    void* const address = sys::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (address == MAP_FAILED) {
        // Kernel code says EIO where /proc has no mmap operation, and ENODEV elsewhere.
        error = errno == ENODEV || errno == EIO ? make_error(std::errc::operation_not_supported)
                                                : last_error();
        return nullptr;
    }
    return static_cast<const char*>(address);
}

inline void unmap(const char* address, std::size_t size) noexcept {
    sys::munmap(const_cast<char*>(address), size);
}

/// Where temporary files go; a program with more rights than its caller does not ask its caller.
inline const char* temporary_location() noexcept {
    const char* const chosen = ::secure_getenv("TMPDIR");
    return chosen != nullptr && *chosen != '\0' ? chosen : "/tmp";
}

/// Fills with bytes that nobody can predict.
inline void random_bytes(unsigned char* bytes, std::size_t size, std::error_code& error) noexcept {
    // Up to 256 bytes come at once, see getrandom(2).
    if (sys::retry([&] { return sys::getrandom(bytes, size, 0); }) == -1) {
        error = last_error();
    }
}

/// Where the functions below look for a relative name that is in no other directory.
inline constexpr int working_directory = AT_FDCWD;

/// A directory to name entries in, which takes no permission to read it.
inline int open_location(const std::string& name, std::error_code& error) noexcept {
    return open(name, O_PATH | O_DIRECTORY, error);
}

/// Makes a file that was not there, for reading and writing. Follows no link.
inline int create_file(int directory, const char* name, unsigned permissions,
                       std::error_code& error) noexcept {
    const int fd = sys::retry([&] {
        return sys::openat(directory, name,
                           O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | sys::large_file | O_CLOEXEC,
                           permissions);
    });
    if (fd == -1) {
        error = last_error();
    }
    return fd;
}

inline void create_directory(int parent, const char* name, unsigned permissions,
                             std::error_code& error) noexcept {
    if (sys::retry([&] { return sys::mkdirat(parent, name, permissions); }) == -1) {
        error = last_error();
    }
}

inline void remove_file(int directory, const char* name, std::error_code& error) noexcept {
    if (sys::retry([&] { return sys::unlinkat(directory, name, 0); }) == -1) {
        error = last_error();
    }
}

inline void remove_directory(int parent, const char* name, std::error_code& error) noexcept {
    if (sys::retry([&] { return sys::unlinkat(parent, name, AT_REMOVEDIR); }) == -1) {
        error = last_error();
    }
}

/// Lets the owner do everything with an open directory, if the caller may allow it.
inline void unlock_directory(int fd) noexcept {
    sys::file_info info;  // NOLINT(*-member-init)
    if (sys::retry([&] { return sys::get_info(fd, info); }) == 0 &&
        (~info.st_mode & S_IRWXU) != 0) {
        sys::retry([&] { return sys::fchmod(fd, S_IRWXU); });
    }
}

/// Reads a file, or the entries of a directory, from the first one on again.
inline void rewind_file(int fd, std::error_code& error) noexcept {
    if (sys::retry([&] { return sys::lseek(fd, 0, SEEK_SET); }) == -1) {
        error = last_error();
    }
}

/// How a directory that is no link is opened. (No local constant: g++ 14 loses those that a lambda
/// uses when it writes a module.)
inline constexpr int directory_flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/// Opens an entry that is a directory itself, not a link to one. One that its owner may not read is
/// made readable.
inline int open_entry_directory(int parent, const char* name, std::error_code& error) noexcept {
    int fd = sys::retry([&] { return sys::openat(parent, name, directory_flags | O_RDONLY); });
    if (fd == -1 && errno == EACCES) {
        // What O_PATH opened stays the same directory, whatever happens to the name; fchmod(2)
        // refuses it, but chmod(2) takes its name in /proc.
        const int path =
            sys::retry([&] { return sys::openat(parent, name, directory_flags | O_PATH); });
        if (path != -1) {
            std::array<char, 32> self{"/proc/self/fd/"};
            std::to_chars(self.data() + std::strlen(self.data()), self.data() + self.size() - 1,
                          path);
            fd = sys::retry([&] { return sys::chmod(self.data(), S_IRWXU); });
            if (fd == 0) {
                fd = sys::retry([&] { return sys::openat(path, ".", directory_flags | O_RDONLY); });
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

/// What tells a file from every other one there is.
struct file_id {
    std::uint64_t device;
    std::uint64_t number;

    friend bool operator==(const file_id&, const file_id&) = default;
};

inline file_id identify(int fd, std::error_code& error) noexcept {
    sys::file_info info;  // NOLINT(*-member-init)
    if (sys::retry([&] { return sys::get_info(fd, info); }) == -1) {
        error = last_error();
        return {};
    }
    return {info.st_dev, info.st_ino};
}

/// The same for an entry, which may be a link.
inline file_id identify(int directory, const char* name, std::error_code& error) noexcept {
    sys::file_info info;  // NOLINT(*-member-init)
    if (sys::retry([&] { return sys::get_info(directory, name, info, AT_SYMLINK_NOFOLLOW); }) ==
        -1) {
        error = last_error();
        return {};
    }
    return {info.st_dev, info.st_ino};
}

/// Atomic: another process finds the old file or the new one.
inline void rename(int directory, const char* from, const char* to,
                   std::error_code& error) noexcept {
    if (sys::retry([&] { return sys::renameat(directory, from, directory, to); }) == -1) {
        error = last_error();
    }
}

/// Where a link leads; nullopt for what is no link or is not there.
inline std::optional<std::string> read_link(const std::string& name, std::error_code& error) {
    std::array<char, 4096> target;  // NOLINT(*-member-init): PATH_MAX
    const ssize_t size =
        sys::retry([&] { return sys::readlink(name.c_str(), target.data(), target.size()); });
    if (size == -1 && errno != EINVAL && errno != ENOENT) {
        error = last_error();
    }
    if (size == static_cast<ssize_t>(target.size())) {
        error = make_error(std::errc::filename_too_long);
    }
    return size == -1 || error ? std::nullopt
                               : std::optional<std::string>(std::in_place, target.data(),
                                                            static_cast<std::size_t>(size));
}

/// Opens a file that is there for writing what it has over; follows no link.
inline int open_to_overwrite(int directory, const char* name, std::error_code& error) noexcept {
    const int fd = sys::retry([&] {
        return sys::openat(
            directory, name,
            O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | sys::large_file);
    });
    if (fd == -1) {
        error = last_error();
    }
    return fd;
}

/// Cuts a file off, or fills it up with NULs.
inline void resize(int fd, std::uint64_t size, std::error_code& error) noexcept {
    if (sys::retry([&] { return sys::resize_file(fd, size); }) == -1) {
        error = last_error();
    }
}

inline void write_all(int fd, std::string_view text, std::error_code& error) noexcept {
    while (!text.empty()) {
        const auto count = sys::retry([&] { return sys::write(fd, text.data(), text.size()); });
        if (count <= 0) {
            error = count == -1 ? last_error() : make_error(std::errc::io_error);
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(count));
    }
}

/// Waits until the file is on the disk.
inline void sync(int fd, std::error_code& error) noexcept {
    if (sys::retry([&] { return sys::fsync(fd); }) == -1) {
        error = last_error();
    }
}

/// The same for a directory's entries, on file systems that have it: others say EINVAL.
inline void sync_directory(int fd, std::error_code& error) noexcept {
    if (sys::retry([&] { return sys::fsync(fd); }) == -1 && errno != EINVAL) {
        error = last_error();
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
