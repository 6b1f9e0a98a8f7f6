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

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/vfs.h>
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
    if (::fstat(fd, &info) == -1) {
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
    if (S_ISFIFO(info.st_mode) && ::fstatfs(fd, &system) == 0 && system.f_type != PIPEFS_MAGIC) {
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

/// Calls `visit` with the name and the inode number of each entry of a directory, "." and ".." too,
/// as getdents64(2) gives them.
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
            visit(record + offsetof(dirent64, d_name), inode);
            at += length;
        }
    }
}

/// Direct entries of a directory without "." and "..".
inline std::size_t count_entries(int fd, std::error_code& error) noexcept {
    std::size_t entries = 0;
    for_each_entry(
        fd,
        [&](const char* name, std::uint64_t /*inode*/) {
            const bool dots =
                name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
            entries += dots ? 0 : 1;
        },
        error);
    return error ? 0 : entries;
}

/// Whether the name can be told to be a directory's, following links.
inline bool is_directory(const std::string& name) noexcept {
    struct stat info;  // NOLINT(*-member-init)
    return ::stat(name.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// ------------------------------------------------------------------------------------------
// processes

inline std::int64_t process_id() noexcept { return ::getpid(); }

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

/// Whether the process of a pidfd has ended: it becomes readable when the last thread has.
inline bool has_ended(int pidfd, std::error_code& error) noexcept {
    pollfd entry{pidfd, POLLIN, 0};
    const int count = retry([&] { return ::poll(&entry, 1, 0); });
    if (count == -1) {
        error = last_error();
    }
    return count > 0;
}

/// The same, waiting for it until a point in time; its maximum is for ever.
inline bool wait_until_ended(int pidfd, time_point deadline, std::error_code& error) noexcept {
    pollfd entry{pidfd, POLLIN, 0};
    const int count = retry([&] {
        if (deadline == (time_point::max)()) {
            return ::ppoll(&entry, 1, nullptr, nullptr);
        }
        const auto left = (std::max)(deadline - std::chrono::steady_clock::now(),
                                     std::chrono::steady_clock::duration());
        const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
        timespec time{};
        time.tv_sec = static_cast<time_t>(seconds.count());
        time.tv_nsec = static_cast<decltype(time.tv_nsec)>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds).count());
        return ::ppoll(&entry, 1, &time, nullptr);
    });
    if (count == -1) {
        error = last_error();
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

}  // namespace skyutil::inline v0::detail::os
