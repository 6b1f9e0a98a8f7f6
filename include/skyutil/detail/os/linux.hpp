// SPDX-License-Identifier: MIT
//
// detail/os/linux.hpp: the system calls. Interrupted calls are repeated, short reads are completed,
// every descriptor is closed on exec; nothing here allocates or throws.

#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

namespace skyutil::inline v0::detail::os {

inline std::error_code last_error() noexcept { return {errno, std::generic_category()}; }

inline std::error_code make_error(std::errc code) noexcept { return std::make_error_code(code); }

/// Repeats a system call for as long as signals interrupt it.
template <class Call>
auto retry(Call call) noexcept {
    for (;;) {
        const auto result = call();
        if (result != -1 || errno != EINTR) {
            return result;
        }
    }
}

// ----------------------------------------------------------------------------------------------
// files

inline void close(int fd) noexcept {
    ::close(fd);  // not repeated: Linux frees the descriptor even when interrupted, see close(2)
}

enum class file_kind {
    regular,
    directory,
    fifo,     ///< with a name: whoever opens it may come before its writer
    endless,  ///< a device that gives bytes for ever
    stream,
};

struct file_status {
    file_kind kind;
    std::uint64_t size;
};

/// -1 on failure. A NUL in the name is an error: what follows it would be lost.
inline int open(const std::string& name, int flags, std::error_code& error) noexcept {
    if (name.find('\0') != std::string::npos) {
        error = make_error(std::errc::invalid_argument);
        return -1;
    }
    const int fd = retry([&] { return ::open(name.c_str(), flags | O_CLOEXEC); });
    if (fd == -1) {
        error = last_error();
    }
    return fd;
}

/// For reading, without waiting for the writer of a FIFO.
inline int open_file(const std::string& name, std::error_code& error) noexcept {
    const int fd = open(name, O_RDONLY | O_NONBLOCK | O_NOCTTY, error);
    if (fd != -1 || error != std::errc::operation_would_block) {
        return fd;
    }
    error.clear();  // somebody has a lease on the file and is asked to give it up, see fcntl(2)
    return open(name, O_RDONLY | O_NOCTTY, error);
}

inline int open_directory(const std::string& name, std::error_code& error) noexcept {
    return open(name, O_RDONLY | O_DIRECTORY, error);
}

inline file_status status(int fd, std::error_code& error) noexcept {
    struct stat info;  // NOLINT(*-member-init)
    if (retry([&] { return ::fstat(fd, &info); }) == -1) {
        error = last_error();
        return {};
    }
    if (S_ISREG(info.st_mode)) {
        return {file_kind::regular, static_cast<std::uint64_t>(info.st_size)};
    }
    if (S_ISDIR(info.st_mode)) {
        return {file_kind::directory, 0};
    }
    struct statfs system;  // NOLINT(*-member-init)
    if (S_ISFIFO(info.st_mode) && retry([&] { return ::fstatfs(fd, &system); }) == 0 &&
        system.f_type != PIPEFS_MAGIC) {
        return {file_kind::fifo, 0};
    }
    // The numbers are fixed, see the kernel documentation, admin-guide/devices. No makedev(3): its
    // header has macros named major and minor.
    constexpr dev_t memory = dev_t{1} << 8;
    const dev_t number = info.st_rdev;
    if (S_ISCHR(info.st_mode) &&
        (number == (memory | 5) ||
         (number >= (memory | 7) && number <= (memory | 9)))) {  // zero; full, random, urandom
        return {file_kind::endless, 0};
    }
    return {file_kind::stream, 0};
}

/// Reads until the buffer is full or the file ends.
inline std::size_t read_at(int fd, std::span<char> buffer, std::uint64_t offset,
                           std::error_code& error) noexcept {
    std::size_t done = 0;
    while (done != buffer.size()) {
        const auto count = retry([&] {
            return ::pread(fd, buffer.data() + done, buffer.size() - done,
                           static_cast<off_t>(offset + done));
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
    using std::chrono::milliseconds, std::chrono::steady_clock;
    const auto deadline = steady_clock::now() + timeout;
    pollfd entry{fd, POLLIN, 0};
    const int count = retry([&] {
        const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now());
        const auto bounded = (std::max)(left, milliseconds()).count();
        return ::poll(&entry, 1, timeout < milliseconds() ? -1 : static_cast<int>(bounded));
    });
    if (count == -1) {
        error = last_error();
    }
    return count == 0                      ? readiness::timed_out
           : (entry.revents & POLLIN) != 0 ? readiness::ready
                                           : readiness::hung_up;
}

/// One read(2); would_block is set, and 0 returned, where a writer has nothing to read yet.
inline std::size_t read_some(int fd, std::span<char> buffer, bool& would_block,
                             std::error_code& error) noexcept {
    const auto count = retry([&] { return ::read(fd, buffer.data(), buffer.size()); });
    would_block = count == -1 && (errno == EAGAIN || errno == EWOULDBLOCK);
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

/// Calls `visit` with each entry of a directory but "." and "..", as getdents64(2) gives them.
template <class Visit>
void for_each_entry(int fd, Visit visit, std::error_code& error) {
    alignas(dirent64) std::array<char, 32768> buffer;  // NOLINT(*-member-init)
    for (;;) {
        const long size =
            retry([&] { return ::syscall(SYS_getdents64, fd, buffer.data(), buffer.size()); });
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
            if (!dots) {
                visit(directory_entry{name, inode, record[offsetof(dirent64, d_type)] == DT_DIR});
            }
            at += length;
        }
    }
}

/// Direct entries of a directory without "." and "..".
inline std::size_t count_entries(int fd, std::error_code& error) noexcept {
    std::size_t entries = 0;
    for_each_entry(fd, [&](const directory_entry&) { ++entries; }, error);
    return error ? 0 : entries;
}

/// Whether the name can be told to be a directory's, following links.
inline bool is_directory(const std::string& name) noexcept {
    struct stat info;  // NOLINT(*-member-init)
    return ::stat(name.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

/// Asks for large pages under a buffer about to be filled: a fault for each small page would cost
/// more than the reading. A hint that may go unheard.
inline void advise_large_pages(std::span<char> buffer) noexcept {
    constexpr std::uintptr_t page = 4096;  // the kernel rounds the rest
    constexpr std::size_t worthwhile = std::size_t{8} << 20;
    if (buffer.size() >= worthwhile) {
        const auto address = reinterpret_cast<std::uintptr_t>(buffer.data());
        const std::uintptr_t before = (page - address % page) % page;
        ::madvise(buffer.data() + before, buffer.size() - before, MADV_HUGEPAGE);
    }
}

/// Maps a file for reading; it need not have bytes. std::errc::operation_not_supported for what
/// cannot be mapped, as files of /proc and /sys cannot.
inline const char* map(int fd, std::size_t size, std::error_code& error) noexcept {
    void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (address == MAP_FAILED) {
        // Kernel code says EIO where /proc has no mmap operation, and ENODEV elsewhere.
        error = errno == ENODEV || errno == EIO ? make_error(std::errc::operation_not_supported)
                                                : last_error();
        return nullptr;
    }
    return static_cast<const char*>(address);
}

inline void unmap(const char* address, std::size_t size) noexcept {
    ::munmap(const_cast<char*>(address), size);
}

/// Where temporary files go; a program with more rights than its caller does not ask its caller.
inline const char* temporary_location() noexcept {
    const char* const chosen = ::secure_getenv("TMPDIR");
    return chosen != nullptr && *chosen != '\0' ? chosen : "/tmp";
}

/// Fills with bytes that nobody can predict.
inline void random_bytes(std::span<unsigned char> bytes, std::error_code& error) noexcept {
    // Up to 256 bytes come at once, see getrandom(2).
    if (retry([&] { return ::getrandom(bytes.data(), bytes.size(), 0); }) == -1) {
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
    const int fd = retry([&] {
        return ::openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                        permissions);
    });
    if (fd == -1) {
        error = last_error();
    }
    return fd;
}

inline void create_directory(int parent, const char* name, unsigned permissions,
                             std::error_code& error) noexcept {
    if (retry([&] { return ::mkdirat(parent, name, permissions); }) == -1) {
        error = last_error();
    }
}

inline void remove_file(int directory, const char* name, std::error_code& error) noexcept {
    if (retry([&] { return ::unlinkat(directory, name, 0); }) == -1) {
        error = last_error();
    }
}

inline void remove_directory(int parent, const char* name, std::error_code& error) noexcept {
    if (retry([&] { return ::unlinkat(parent, name, AT_REMOVEDIR); }) == -1) {
        error = last_error();
    }
}

/// Lets the owner do everything with an open directory, if the caller may allow it.
inline void unlock_directory(int fd) noexcept {
    struct stat info;  // NOLINT(*-member-init)
    if (retry([&] { return ::fstat(fd, &info); }) == 0 && (~info.st_mode & S_IRWXU) != 0) {
        retry([&] { return ::fchmod(fd, S_IRWXU); });
    }
}

/// Reads the entries from the first one on again.
inline void rewind_directory(int fd, std::error_code& error) noexcept {
    if (retry([&] { return ::lseek(fd, 0, SEEK_SET); }) == -1) {
        error = last_error();
    }
}

/// Opens an entry that is a directory itself, not a link to one. One that its owner may not read is
/// made readable.
inline int open_entry_directory(int parent, const char* name, std::error_code& error) noexcept {
    constexpr int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = retry([&] { return ::openat(parent, name, flags | O_RDONLY); });
    if (fd == -1 && errno == EACCES) {
        // What O_PATH opened stays the same directory, whatever happens to the name; fchmod(2)
        // refuses it, but chmod(2) takes its name in /proc.
        const int path = retry([&] { return ::openat(parent, name, flags | O_PATH); });
        if (path != -1) {
            std::array<char, 32> self{"/proc/self/fd/"};
            std::to_chars(self.data() + std::strlen(self.data()), self.data() + self.size() - 1,
                          path);
            fd = retry([&] { return ::chmod(self.data(), S_IRWXU); });
            if (fd == 0) {
                fd = retry([&] { return ::openat(path, ".", flags | O_RDONLY); });
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
    struct stat info;  // NOLINT(*-member-init)
    if (retry([&] { return ::fstat(fd, &info); }) == -1) {
        error = last_error();
        return {};
    }
    return {info.st_dev, info.st_ino};
}

/// The same for an entry, which may be a link.
inline file_id identify(int directory, const char* name, std::error_code& error) noexcept {
    struct stat info;  // NOLINT(*-member-init)
    if (retry([&] { return ::fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW); }) == -1) {
        error = last_error();
        return {};
    }
    return {info.st_dev, info.st_ino};
}

/// Atomic: another process finds the old file or the new one.
inline void rename(int directory, const char* from, const char* to,
                   std::error_code& error) noexcept {
    if (retry([&] { return ::renameat(directory, from, directory, to); }) == -1) {
        error = last_error();
    }
}

/// Where a link leads; nullopt for what is no link or is not there.
inline std::optional<std::string> read_link(const std::string& name, std::error_code& error) {
    std::array<char, 4096> target;  // NOLINT(*-member-init): PATH_MAX
    const ssize_t size =
        retry([&] { return ::readlink(name.c_str(), target.data(), target.size()); });
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

/// What a file that takes another one's place has from it.
struct file_attributes {
    bool regular;
    bool directory;
    unsigned permissions;
    uid_t user;
    gid_t group;
};

/// Follows links; nullopt when there is no such file.
inline std::optional<file_attributes> attributes(const std::string& name,
                                                 std::error_code& error) noexcept {
    struct stat info;  // NOLINT(*-member-init)
    if (retry([&] { return ::stat(name.c_str(), &info); }) == -1) {
        if (errno != ENOENT) {
            error = last_error();
        }
        return std::nullopt;
    }
    return file_attributes{S_ISREG(info.st_mode), S_ISDIR(info.st_mode), info.st_mode & 07777U,
                           info.st_uid, info.st_gid};
}

/// Gives an open file the permissions of another, and its owner and group if that is allowed; else
/// it does not get the bits that would run it as somebody else.
inline void set_attributes(int fd, const file_attributes& wanted, std::error_code& error) noexcept {
    struct stat info;  // NOLINT(*-member-init)
    if (retry([&] { return ::fstat(fd, &info); }) == -1) {
        error = last_error();
        return;
    }
    const bool same = (info.st_uid == wanted.user && info.st_gid == wanted.group) ||
                      retry([&] { return ::fchown(fd, wanted.user, wanted.group); }) == 0;
    const unsigned permissions = same ? wanted.permissions : wanted.permissions & 0777U;
    if (retry([&] { return ::fchmod(fd, permissions); }) == -1) {
        error = last_error();
    }
}

inline void write_all(int fd, std::string_view text, std::error_code& error) noexcept {
    while (!text.empty()) {
        const auto count = retry([&] { return ::write(fd, text.data(), text.size()); });
        if (count <= 0) {
            error = count == -1 ? last_error() : make_error(std::errc::io_error);
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(count));
    }
}

/// Waits until the file is on the disk.
inline void sync(int fd, std::error_code& error) noexcept {
    if (retry([&] { return ::fsync(fd); }) == -1) {
        error = last_error();
    }
}

/// The same for a directory's entries, on file systems that have it: others say EINVAL.
inline void sync_directory(int fd, std::error_code& error) noexcept {
    if (retry([&] { return ::fsync(fd); }) == -1 && errno != EINVAL) {
        error = last_error();
    }
}

// ------------------------------------------------------------------------------------------
// processes

inline std::int64_t process_id() noexcept { return ::getpid(); }

inline std::int64_t thread_id() noexcept { return ::syscall(SYS_gettid); }

/// Whether a pid from outside is one that the kernel could have given: never 0, which means the
/// caller's process group in kill(2), nor a negative one, which means another group.
inline bool fits_pid(std::int64_t pid) noexcept {
    return pid > 0 && pid <= (std::numeric_limits<pid_t>::max)();
}

/// Whether the id is a process's, dead or alive. tgkill(2) with signal 0, not kill(2): that one
/// says yes to the id of any thread.
inline bool pid_exists(pid_t pid) noexcept {
    return ::syscall(SYS_tgkill, pid, pid, 0) == 0 || errno == EPERM;
}

/// A descriptor of the process (pidfd_open(2), Linux 5.3), -1 with an error: no_such_process for
/// the id of a thread too, function_not_supported where the kernel has none or a filter forbids it.
inline int open_pidfd(pid_t pid, std::error_code& error) noexcept {
#if defined(SYS_pidfd_open)
    constexpr long pidfd_open = SYS_pidfd_open;
#else
    constexpr long pidfd_open = 434;  // the same on all architectures
#endif
    const auto fd = static_cast<int>(::syscall(pidfd_open, pid, 0));
    if (fd == -1) {
        switch (errno) {
            case ESRCH:
            case EINVAL:  // the id of a thread that leads no process
            case ENOENT:  // the same, in later kernels
                error = make_error(std::errc::no_such_process);
                break;
            case EMFILE:
            case ENFILE:
            case ENOMEM:
                error = last_error();
                break;
            default:
                error = make_error(std::errc::function_not_supported);
        }
    }
    return fd;
}

using time_point = std::chrono::steady_clock::time_point;

/// Why poll(2) of one descriptor failed: it counts what it is given, not what is open.
inline std::error_code poll_error() noexcept {
    return errno == EINVAL ? make_error(std::errc::too_many_files_open) : last_error();
}

/// Whether the process of a pidfd has ended: it becomes readable when the last thread has.
inline bool has_ended(int pidfd, std::error_code& error) noexcept {
    pollfd entry{pidfd, POLLIN, 0};
    const int count = retry([&] { return ::poll(&entry, 1, 0); });
    if (count == -1) {
        error = poll_error();
    }
    return count > 0;
}

/// What is left until a point in time; 0 when it is past.
inline timespec time_until(time_point deadline) noexcept {
    const auto left = (std::max)(deadline - std::chrono::steady_clock::now(),
                                 std::chrono::steady_clock::duration());
    const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
    timespec time{};
    time.tv_sec = static_cast<time_t>(seconds.count());
    time.tv_nsec = static_cast<decltype(time.tv_nsec)>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds).count());
    return time;
}

/// The same, waiting for it until a point in time; its maximum is for ever.
inline bool wait_until_ended(int pidfd, time_point deadline, std::error_code& error) noexcept {
    pollfd entry{pidfd, POLLIN, 0};
    const int count = retry([&] {
        const timespec time = time_until(deadline);
        return ::ppoll(&entry, 1, deadline == (time_point::max)() ? nullptr : &time, nullptr);
    });
    if (count == -1) {
        error = poll_error();
    }
    return count > 0;
}

enum class process_state { running, ended, unknown };

/// Through a pidfd of its own. Unknown where the kernel has none or a filter forbids it.
inline process_state pidfd_state(pid_t pid, std::error_code& error) noexcept {
    const int fd = open_pidfd(pid, error);
    if (fd == -1) {
        if (error == std::errc::no_such_process) {
            error.clear();
            return process_state::ended;
        }
        if (error == std::errc::function_not_supported) {
            error.clear();
        }
        return process_state::unknown;
    }
    const bool ended = has_ended(fd, error);
    close(fd);
    return ended ? process_state::ended : process_state::running;
}

/// Signals the process of a pidfd (pidfd_send_signal(2), Linux 5.1).
inline void send_signal_to_pidfd(int pidfd, int signal, std::error_code& error) noexcept {
#if defined(SYS_pidfd_send_signal)
    constexpr long pidfd_send_signal = SYS_pidfd_send_signal;
#else
    constexpr long pidfd_send_signal = 424;  // the same on all architectures
#endif
    if (::syscall(pidfd_send_signal, pidfd, signal, nullptr, 0) == -1) {
        error = last_error();
    }
}

/// kill(2) for one process: 0 and negative ids, which mean groups there, are no process here.
inline void send_signal(pid_t pid, int signal, std::error_code& error) noexcept {
    if (pid <= 0) {
        error = make_error(std::errc::no_such_process);
    } else if (::kill(pid, signal) == -1) {
        error = last_error();
    }
}

inline constexpr int terminate_signal = SIGTERM;
inline constexpr int kill_signal = SIGKILL;
inline constexpr int stop_signal = SIGSTOP;
inline constexpr int continue_signal = SIGCONT;

/// /proc, -1 with an error; function_not_supported where it is missing or another pid namespace's,
/// whose numbers mean other processes here.
inline int open_proc(std::error_code& error) noexcept {
    const int fd = retry([] { return ::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
    if (fd == -1) {
        error = errno == ENOENT || errno == ENOTDIR || errno == EACCES
                    ? make_error(std::errc::function_not_supported)
                    : last_error();
        return -1;
    }
    std::array<char, 16> self{};
    std::array<char, 16> own{};
    const auto size = ::readlinkat(fd, "self", self.data(), self.size());
    const char* const end = std::to_chars(own.data(), own.data() + own.size(), ::getpid()).ptr;
    if (size <= 0 || std::string_view(self.data(), static_cast<std::size_t>(size)) !=
                         std::string_view(own.data(), end)) {
        error = make_error(std::errc::function_not_supported);
        close(fd);
        return -1;
    }
    return fd;
}

/// Goes back to the first entry of a directory.
inline void rewind(int directory, std::error_code& error) noexcept {
    if (::lseek(directory, 0, SEEK_SET) == -1) {
        error = last_error();
    }
}

/// The first bytes of a small file below a directory.
inline std::size_t read_at(int directory, const char* name, std::span<char> buffer,
                           std::error_code& error) noexcept {
    const int fd = retry([&] { return ::openat(directory, name, O_RDONLY | O_CLOEXEC); });
    if (fd == -1) {
        error = last_error();
        return 0;
    }
    const auto count = retry([&] { return ::read(fd, buffer.data(), buffer.size()); });
    if (count == -1) {
        error = last_error();
    }
    close(fd);
    return static_cast<std::size_t>((std::max)(count, ssize_t{0}));
}

/// The inode number of a name below a directory, 0 when there is none.
inline std::uint64_t inode_at(int directory, const char* name) noexcept {
    struct stat info;  // NOLINT(*-member-init)
    return ::fstatat(directory, name, &info, 0) == 0 ? info.st_ino : 0;
}

// --------------------------------------------------------------------------------------------
// sockets

struct socket_type {
    bool ipv6;
    bool ipv4;  ///< with ipv6: both through one socket
    bool udp;
    bool loopback;
};

/// A socket not bound yet; -1 on failure. std::errc::address_family_not_supported where there is no
/// IPv6.
inline int open_socket(const socket_type& type, std::error_code& error) noexcept {
    const int fd = ::socket(type.ipv6 ? AF_INET6 : AF_INET,
                            (type.udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        error = last_error();
        return -1;
    }
    const int only = type.ipv4 ? 0 : 1;  // the default is a system setting, see ipv6(7)
    if (type.ipv6 && ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) == -1) {
        error = last_error();
        close(fd);
        return -1;
    }
    return fd;
}

/// Binds to a port, 0 for any that is free.
inline void bind(int fd, const socket_type& type, std::uint16_t port,
                 std::error_code& error) noexcept {
    int result = 0;
    if (type.ipv6) {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(port);
        address.sin6_addr = type.loopback ? in6addr_loopback : in6addr_any;
        result = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    } else {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(type.loopback ? INADDR_LOOPBACK : INADDR_ANY);
        result = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    if (result == -1) {
        error = last_error();
    }
}

/// What listen(2) takes for a backlog when the caller names none; the kernel lowers it to its
/// somaxconn.
inline constexpr int default_backlog = SOMAXCONN;

inline void listen(int fd, int backlog, std::error_code& error) noexcept {
    if (::listen(fd, backlog) == -1) {
        error = last_error();
    }
}

/// Sets SO_REUSEADDR, see socket(7).
inline void allow_address_reuse(int fd, std::error_code& error) noexcept {
    const int on = 1;
    if (::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1) {
        error = last_error();
    }
}

/// The port a socket is bound to.
inline std::uint16_t bound_port(int fd, std::error_code& error) noexcept {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) == -1) {
        error = last_error();
        return 0;
    }
    in_port_t port = 0;  // at the same place in both kinds of address
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    std::memcpy(&port, reinterpret_cast<const char*>(&storage) + offsetof(sockaddr_in, sin_port),
                sizeof port);
    return ntohs(port);
}

// ------------------------------------------------------------------------------- processors and
// memory

/// CPUs in the calling thread's affinity mask, 0 when the kernel does not say.
///
/// The mask must be as large as the kernel's (sched_setaffinity(2)), which no call tells: it is
/// doubled until it is. The system call, unlike its wrapper, returns how many bytes it wrote.
inline int affinity_count() noexcept {
    constexpr std::size_t most_words = 1U << 13;  // 524,288 CPUs
    const auto count_bits = [](std::span<unsigned long> words) {
        const long size = ::syscall(SYS_sched_getaffinity, 0, words.size_bytes(), words.data());
        int count = 0;
        for (std::size_t i = 0;
             i < static_cast<std::size_t>((std::max)(size, 0L)) / sizeof(unsigned long); ++i) {
            count += std::popcount(words[i]);
        }
        return size < 0 && errno == EINVAL ? -1 : count;
    };
    std::array<unsigned long, 128> words;  // NOLINT(*-member-init)
    int count = count_bits(words);
    for (std::size_t size = 2 * words.size(); count == -1 && size <= most_words; size *= 2) {
        const auto large = std::unique_ptr<unsigned long[]>(new (std::nothrow) unsigned long[size]);
        if (!large) {
            break;
        }
        count = count_bits({large.get(), size});
    }
    return (std::max)(count, 0);
}

/// Whether a scheduling policy is SCHED_FIFO, SCHED_RR or SCHED_DEADLINE, which the bandwidth
/// control of fair scheduling does not bind (kernel documentation, scheduler/sched-bwc).
inline bool is_real_time(std::uint64_t policy) noexcept {
    return policy == SCHED_FIFO || policy == SCHED_RR ||
           policy == 6;  // SCHED_DEADLINE, not in <sched.h>
}

/// Whether that of the calling thread is.
inline bool is_real_time() noexcept {
    const int policy = ::sched_getscheduler(0);
    return policy >= 0 && is_real_time(static_cast<std::uint64_t>(policy & ~SCHED_RESET_ON_FORK));
}

/// Bytes of memory of the machine, 0 when the kernel does not say.
inline std::uint64_t physical_memory() noexcept {
    struct sysinfo info;  // NOLINT(*-member-init)
    return ::sysinfo(&info) == 0 ? std::uint64_t{info.totalram} * info.mem_unit : 0;
}

/// What setrlimit(2) limits.
enum class resource : int {
    descriptors = RLIMIT_NOFILE,
    address_space = RLIMIT_AS,
    data = RLIMIT_DATA,
};

/// In descriptors or bytes; nullopt when there is no limit.
struct resource_limit {
    std::optional<std::uint64_t> soft;
    std::optional<std::uint64_t> hard;
};

inline resource_limit get_limit(resource which, std::error_code& error) noexcept {
    rlimit limit;  // NOLINT(*-member-init)
    if (::getrlimit(static_cast<decltype(RLIMIT_AS)>(which), &limit) == -1) {
        error = last_error();
        return {};
    }
    const auto bound = [](rlim_t value) {
        return value == RLIM_INFINITY ? std::nullopt : std::optional<std::uint64_t>(value);
    };
    return {bound(limit.rlim_cur), bound(limit.rlim_max)};
}

inline void set_limit(resource which, const resource_limit& to, std::error_code& error) noexcept {
    const rlimit limit{to.soft.value_or(RLIM_INFINITY), to.hard.value_or(RLIM_INFINITY)};
    if (::setrlimit(static_cast<decltype(RLIMIT_AS)>(which), &limit) == -1) {
        error = last_error();
    }
}

/// Soft limit on open descriptors; nullopt when there is none.
inline std::optional<std::uint64_t> soft_fd_limit(std::error_code& error) noexcept {
    return get_limit(resource::descriptors, error).soft;
}

/// An environment variable; none at all in a program with more rights than its caller.
inline const char* environment(const char* name) noexcept { return ::secure_getenv(name); }

/// Milliseconds of a clock that only goes forward, a few milliseconds behind.
inline std::uint64_t coarse_milliseconds() noexcept {
    timespec now;  // NOLINT(*-member-init)
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

// ------------------------------------------------------------------------------------------
// starting programs

/// Two ends of a pipe, above the standard descriptors; {-1, -1} on failure.
struct pipe_ends {
    int read = -1;
    int write = -1;
};

/// The same descriptor with a number above 2, where starting a program puts it in place without
/// overwriting another; -1 on failure.
inline int above_standard(int fd, std::error_code& error) noexcept {
    if (fd < 0 || fd > STDERR_FILENO) {
        return fd;
    }
    const int moved = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved == -1) {
        error = last_error();
    }
    close(fd);
    return moved;
}

inline pipe_ends open_pipe(std::error_code& error) noexcept {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) == -1) {
        error = last_error();
        return {};
    }
    pipe_ends result{above_standard(ends[0], error), above_standard(ends[1], error)};
    if (error) {
        for (const int fd : {result.read, result.write}) {
            if (fd != -1) {
                close(fd);
            }
        }
        result = {};
    }
    return result;
}

/// Reads and writes of this end return at once.
inline void set_nonblocking(int fd, std::error_code& error) noexcept {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags == -1 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1) {
        error = last_error();
    }
}

inline int open_null(std::error_code& error) noexcept {
    return above_standard(open("/dev/null", O_RDWR, error), error);
}

/// A file to add lines to, made if it is not there.
inline int open_log(const std::string& name, std::error_code& error) noexcept {
    if (name.find('\0') != std::string::npos) {
        error = make_error(std::errc::invalid_argument);
        return -1;
    }
    const int fd = retry([&] {
        return ::open(name.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    });
    if (fd == -1) {
        error = last_error();
    }
    return above_standard(fd, error);
}

/// Another descriptor of the same, above the standard ones; -1 on failure.
inline int duplicate(int fd, std::error_code& error) noexcept {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (copy == -1) {
        error = last_error();
    }
    return copy;
}

/// Counts what was written to it; readable while that is not 0 (eventfd(2)).
inline int open_event(std::error_code& error) noexcept {
    const int fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd == -1) {
        error = last_error();
    }
    return fd;
}

inline void signal_event(int fd) noexcept {
    const std::uint64_t one = 1;
    static_cast<void>(retry([&] { return ::write(fd, &one, sizeof one); }));
}

inline void reset_event(int fd) noexcept {
    std::uint64_t count = 0;
    static_cast<void>(retry([&] { return ::read(fd, &count, sizeof count); }));
}

/// One write(2) that raises no SIGPIPE: nobody reading is an error, errc::broken_pipe. would_block
/// is set, and 0 returned, where there is no room.
inline std::size_t write_some(int fd, std::string_view text, bool& would_block,
                              std::error_code& error) noexcept {
    sigset_t pipe_signal;
    sigset_t before;
    sigset_t pending;
    ::sigemptyset(&pipe_signal);
    ::sigaddset(&pipe_signal, SIGPIPE);
    ::sigemptyset(&pending);
    ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    const bool was_blocked = ::sigismember(&before, SIGPIPE) == 1;
    if (was_blocked) {
        ::sigpending(&pending);
    }
    const auto count = retry([&] { return ::write(fd, text.data(), text.size()); });
    const int code = count == -1 ? errno : 0;
    if (code == EPIPE && ::sigismember(&pending, SIGPIPE) != 1) {
        const timespec now{};
        static_cast<void>(retry([&] { return ::sigtimedwait(&pipe_signal, nullptr, &now); }));
    }
    if (!was_blocked) {
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    would_block = code == EAGAIN || code == EWOULDBLOCK;
    if (code != 0 && !would_block) {
        error = {code, std::generic_category()};
    }
    return count > 0 ? static_cast<std::size_t>(count) : 0;
}

/// Bytes that can be read at once.
inline std::size_t readable_bytes(int fd) noexcept {
    int count = 0;
    return ::ioctl(fd, FIONREAD, &count) == 0 && count > 0 ? static_cast<std::size_t>(count) : 0;
}

/// Something to wait for: that a descriptor can be read or written. -1 is none.
struct wait_entry {
    int fd = -1;
    bool writable = false;  ///< wait for room to write, not for something to read
    bool ready = false;     ///< set when there is, or when the other side is gone
};

/// Waits for any of them until a point in time; its maximum is for ever. `polled` is scratch.
template <class Entries, class Polled>
void wait_any(Entries& entries, Polled& polled, time_point deadline, std::error_code& error) {
    polled.clear();
    for (const wait_entry& each : entries) {
        polled.push_back(pollfd{each.fd, static_cast<short>(each.writable ? POLLOUT : POLLIN), 0});
    }
    const int count = retry([&] {
        const timespec time = time_until(deadline);
        return ::ppoll(polled.data(), polled.size(),
                       deadline == (time_point::max)() ? nullptr : &time, nullptr);
    });
    if (count == -1) {
        error = last_error();
    }
    auto entry = polled.begin();
    for (wait_entry& each : entries) {
        each.ready = count > 0 && (entry++)->revents != 0;
    }
}

using poll_entry = pollfd;

/// Blocks all signals of the calling thread until the end of the scope: threads that it starts
/// meanwhile take no signal that the program waits for.
class no_signals {
public:
    no_signals() noexcept {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    no_signals(const no_signals&) = delete;
    no_signals& operator=(const no_signals&) = delete;
    ~no_signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

/// How a process ended.
struct process_end {
    int exit_code = -1;  ///< -1 after a signal
    int signal = 0;      ///< 0 after an exit
    std::uint64_t peak_memory = 0;
};

enum class waiting { look, block };
enum class reaping { leave, take };

/// Whether a child has ended, and how; it is told by its pidfd where that is not -1 (Linux 5.4),
/// else by its id. errc::no_child_process when somebody else has reaped it, or SIGCHLD is ignored.
inline bool wait_child(pid_t pid, int pidfd, waiting how, reaping what, process_end& end,
                       std::error_code& error) noexcept {
    constexpr int by_pidfd = 3;  // P_PIDFD
    siginfo_t info{};
    rusage usage{};
    const int options =
        WEXITED | (how == waiting::look ? WNOHANG : 0) | (what == reaping::leave ? WNOWAIT : 0);
    const auto wait = [&](int type, int id) {  // the wrapper has no rusage
        return retry([&] { return ::syscall(SYS_waitid, type, id, &info, options, &usage); });
    };
    long result = pidfd == -1 ? wait(P_PID, pid) : wait(by_pidfd, pidfd);
    if (result == -1 && errno == EINVAL && pidfd != -1) {
        result = wait(P_PID, pid);
    }
    if (result == -1) {
        error = last_error();
        return false;
    }
    if (info.si_pid == 0) {
        return false;
    }
    const bool exited = info.si_code == CLD_EXITED;
    end.exit_code = exited ? info.si_status : -1;
    end.signal = exited ? 0 : info.si_status;
    end.peak_memory = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
    return true;
}

/// A signal to all of a process group.
inline void signal_group(pid_t group, int signal) noexcept {
    if (group > 1) {
        static_cast<void>(::kill(-group, signal));
    }
}

/// Where starting a program failed.
enum class start_step {
    none,
    process,
    session,
    death_signal,
    nice,
    cpus,
    limits,
    directory,
    descriptors,
    program
};

struct start_limit {
    int resource;
    std::uint64_t soft;
    std::uint64_t hard;
};

enum class start_group { session, group, same };

/// What a new process does before it becomes the program. Prepared by the parent, as the new
/// process may not allocate.
struct program_start {
    const char* const* paths = nullptr;  ///< tried in this order; a null pointer ends them
    const char* const* arguments = nullptr;
    const char* const* variables = nullptr;
    const char* directory = nullptr;  ///< nullptr: the parent's
    int standard[3] = {-1, -1, -1};   ///< above 2; -1 is inherited  // NOLINT(*-c-arrays)
    start_group group = start_group::session;
    bool detached = false;  ///< no child of the calling process
    bool dies_with_thread = false;
    const int* nice = nullptr;
    const unsigned long* cpus = nullptr;  ///< a mask
    std::size_t cpus_size = 0;            ///< of the mask, in bytes
    const start_limit* limits = nullptr;
    std::size_t limits_size = 0;

    // Set by the new process, which shares the memory.
    start_step failed = start_step::none;
    int reason = 0;
    pid_t detached_pid = 0;
};

}  // namespace skyutil::inline v0::detail::os

#if defined(__GLIBC__)
/// vfork(2) under a name that ThreadSanitizer does not turn into fork(2).
// NOLINTNEXTLINE(*-reserved-identifier,*-identifier-naming)
extern "C" [[gnu::returns_twice]] pid_t __vfork() noexcept;
#endif

namespace skyutil::inline v0::detail::os {

// From here to start_program(): code of the new process, which shares the memory with the parent
// and borrows the stack of its calling thread. It makes system calls only, and past the sanitizers,
// which would take what it does for the parent's doing.
#if defined(__clang__)
#define SKYUTIL_NEW_PROCESS __attribute__((noinline, disable_sanitizer_instrumentation))
#else
#define SKYUTIL_NEW_PROCESS \
    __attribute__((noinline, no_sanitize("thread"), no_sanitize("address"), \
                   no_sanitize("undefined")))
#endif

[[noreturn]] SKYUTIL_NEW_PROCESS inline void give_up(program_start& start,
                                                     start_step step) noexcept {
    start.reason = errno;
    start.failed = step;
    for (;;) {
        ::syscall(SYS_exit_group, 127);
    }
}

/// Closes what is open above the standard descriptors where close_range(2) is missing: as /proc
/// names them, else up to the limit, at most 65536.
SKYUTIL_NEW_PROCESS inline void close_one_by_one() noexcept {
    struct entry {
        std::uint64_t inode;
        std::int64_t offset;
        std::uint16_t length;
        std::uint8_t type;
        char name[1];  // NOLINT(*-c-arrays)
    };
    alignas(entry) char buffer[1024];  // NOLINT(*-c-arrays)
    const long directory =
        ::syscall(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        for (bool again = true; again;) {
            again = false;
            ::syscall(SYS_lseek, directory, 0L, SEEK_SET);
            for (;;) {
                const long size = ::syscall(SYS_getdents64, directory, buffer, sizeof buffer);
                if (size <= 0) {
                    break;
                }
                for (long at = 0; at < size;) {
                    const entry* const each = reinterpret_cast<const entry*>(buffer + at);
                    long fd = 0;
                    for (const char* digit = each->name; *digit >= '0' && *digit <= '9'; ++digit) {
                        fd = fd * 10 + (*digit - '0');
                    }
                    if (fd > STDERR_FILENO && fd != directory) {
                        ::syscall(SYS_close, fd);
                        again = true;
                    }
                    at += each->length;
                }
            }
        }
        ::syscall(SYS_close, directory);
        return;
    }
    std::uint64_t limit[2] = {0, 0};  // NOLINT(*-c-arrays)
    ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, limit);
    const std::uint64_t most = limit[0] < 65536 ? limit[0] : 65536;
    for (std::uint64_t fd = STDERR_FILENO + 1; fd < most; ++fd) {
        ::syscall(SYS_close, fd);
    }
}

[[noreturn]] SKYUTIL_NEW_PROCESS inline void become_program(program_start& start,
                                                            pid_t parent) noexcept {
#if defined(SYS_close_range)
    constexpr long close_range = SYS_close_range;
#else
    constexpr long close_range = 436;  // the same on all architectures
#endif
    // Before all else, which can take a while.
    if (start.dies_with_thread) {
        if (::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1) {
            give_up(start, start_step::death_signal);
        }
        if (::syscall(SYS_getppid) != parent) {
            give_up(start, start_step::death_signal);  // it has ended, and will not again
        }
    }
    if (start.group == start_group::session || start.detached) {
        if (::syscall(SYS_setsid) == -1) {
            give_up(start, start_step::session);
        }
    } else if (start.group == start_group::group && ::syscall(SYS_setpgid, 0, 0) == -1) {
        give_up(start, start_step::session);
    }
    if (start.nice != nullptr && ::syscall(SYS_setpriority, PRIO_PROCESS, 0, *start.nice) == -1) {
        give_up(start, start_step::nice);
    }
    if (start.cpus != nullptr &&
        ::syscall(SYS_sched_setaffinity, 0, start.cpus_size, start.cpus) == -1) {
        give_up(start, start_step::cpus);
    }
    for (std::size_t i = 0; i != start.limits_size; ++i) {
        const std::uint64_t limit[2] = {start.limits[i].soft, start.limits[i].hard};  // NOLINT
        if (::syscall(SYS_prlimit64, 0, start.limits[i].resource, limit, nullptr) == -1) {
            give_up(start, start_step::limits);
        }
    }
    if (start.directory != nullptr && ::syscall(SYS_chdir, start.directory) == -1) {
        give_up(start, start_step::directory);
    }
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (start.standard[fd] != -1 && ::syscall(SYS_dup3, start.standard[fd], fd, 0) == -1) {
            give_up(start, start_step::descriptors);
        }
    }
    if (::syscall(close_range, STDERR_FILENO + 1U, ~0U, 0U) == -1) {
        close_one_by_one();
    }
    // Handlers first: none may run here, on the parent's memory.
    const unsigned long nothing[16] = {};  // NOLINT(*-c-arrays) SIG_DFL, no flags, no mask
    for (int signal = 1; signal < _NSIG; ++signal) {
        ::syscall(SYS_rt_sigaction, signal, nothing, nullptr, (_NSIG - 1) / 8);
    }
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, nothing, nullptr, (_NSIG - 1) / 8);
    // As execvp(3): a name that is no program here may be one in the next directory, and one that
    // may not be executed is worth telling if there is no other.
    int reason = ENOENT;
    for (const char* const* path = start.paths; *path != nullptr; ++path) {
        ::syscall(SYS_execve, *path, start.arguments, start.variables);
        if (path == start.paths && path[1] == nullptr) {
            reason = errno;
        } else if (errno == EACCES || errno == EPERM) {
            reason = EACCES;
        } else if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP && errno != ENAMETOOLONG) {
            reason = errno;
            break;
        }
    }
    errno = reason;
    give_up(start, start_step::program);
}

SKYUTIL_NEW_PROCESS inline pid_t start_sharing(program_start& start, pid_t parent) noexcept {
#if defined(__GLIBC__)
    const pid_t pid = ::__vfork();
#else
    const pid_t pid = ::vfork();
#endif
    if (pid == 0) {
        become_program(start, parent);
    }
    return pid;
}

/// Starts a process that starts the program and ends, so that the program's parent is init.
SKYUTIL_NEW_PROCESS inline pid_t start_detached(program_start& start, pid_t parent) noexcept {
#if defined(__GLIBC__)
    const pid_t pid = ::__vfork();
#else
    const pid_t pid = ::vfork();
#endif
    if (pid == 0) {
        const pid_t program = start_sharing(start, parent);
        if (program == -1) {
            give_up(start, start_step::process);
        }
        if (start.failed != start_step::none) {
            while (::syscall(SYS_wait4, program, nullptr, 0, nullptr) == -1 && errno == EINTR) {
            }
        }
        start.detached_pid = program;
        for (;;) {
            ::syscall(SYS_exit_group, 0);
        }
    }
    return pid;
}

#undef SKYUTIL_NEW_PROCESS

/// Starts a program and returns its process id once it runs; -1 on failure, with start.failed and
/// nothing left of the process. The parent's memory is never copied (vfork(2)): the calling thread
/// waits until the program runs, others go on.
inline pid_t start_program(program_start& start, std::error_code& error) noexcept {
    // No handler of the parent may run in the new process. By system call: the wrapper leaves out
    // two signals of the C library, which change the user or cancel threads.
    constexpr std::size_t mask_size = (_NSIG - 1) / 8;
    std::array<unsigned long, 4> all;
    std::array<unsigned long, 4> before{};
    all.fill(~0UL);
    ::syscall(SYS_rt_sigprocmask, SIG_BLOCK, all.data(), before.data(), mask_size);
    const pid_t parent = ::getpid();
    const pid_t pid = start.detached ? start_detached(start, parent) : start_sharing(start, parent);
    const int reason = errno;
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, before.data(), nullptr, mask_size);
    if (pid == -1) {
        start.failed = start_step::process;
        error = {reason, std::generic_category()};
        return -1;
    }
    if (start.detached || start.failed != start_step::none) {
        process_end ignored;
        std::error_code reaped_by_others;
        wait_child(pid, -1, waiting::block, reaping::take, ignored, reaped_by_others);
    }
    if (start.failed != start_step::none) {
        error = {start.reason, std::generic_category()};
        return -1;
    }
    return start.detached ? start.detached_pid : pid;
}

/// The variables of this process, ended by a null pointer.
inline const char* const* environment_block() noexcept { return environ; }

/// Where programs are when PATH is not set (confstr(3)).
inline constexpr std::string_view default_path = "/bin:/usr/bin";

/// How many numbers a mask of CPUs of that size has place for.
inline constexpr std::size_t bits_of_word = 8 * sizeof(unsigned long);

}  // namespace skyutil::inline v0::detail::os
