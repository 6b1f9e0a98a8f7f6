// SPDX-License-Identifier: MIT
//
// Processes by hand: what process.hpp is compared with.

#pragma once

#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace rivals {

constexpr long pidfd_send_signal = 424;
constexpr long pidfd_open = 434;

[[noreturn]] inline void sleep_until_killed() {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        ::pause();
    }
}

/// Whether it still executes: 1 when it has ended, 0 when not or when there is none.
inline bool alive_by_pidfd(pid_t pid) {
    const auto fd = static_cast<int>(::syscall(pidfd_open, pid, 0));
    if (fd == -1) {
        return false;
    }
    pollfd entry{fd, POLLIN, 0};
    const int ended = ::poll(&entry, 1, 0);
    ::close(fd);
    return ended == 0;
}

/// The floor of every scan: the parent of each process in /proc.
inline std::vector<std::pair<pid_t, pid_t>> scan() {
    std::vector<std::pair<pid_t, pid_t>> found;
    const int proc = ::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    alignas(dirent64) static std::array<char, 65536> names;
    for (;;) {
        const long size = ::syscall(SYS_getdents64, proc, names.data(), names.size());
        if (size <= 0) {
            break;
        }
        for (long at = 0; at < size;) {
            const auto* const entry = reinterpret_cast<const dirent64*>(names.data() + at);
            at += entry->d_reclen;
            pid_t pid = 0;
            const std::string_view name = entry->d_name;
            if (std::from_chars(name.data(), name.data() + name.size(), pid).ec != std::errc()) {
                continue;
            }
            std::array<char, 32> path{};
            std::memcpy(path.data(), name.data(), name.size());
            std::memcpy(path.data() + name.size(), "/stat", 5);
            const int fd = ::openat(proc, path.data(), O_RDONLY | O_CLOEXEC);
            std::array<char, 1024> text;  // NOLINT(*-member-init)
            const ssize_t count = ::read(fd, text.data(), text.size());
            ::close(fd);
            if (count <= 0) {
                continue;
            }
            const std::string_view line(text.data(), static_cast<std::size_t>(count));
            const std::size_t field = line.rfind(')') + 4;
            pid_t parent = 0;
            std::from_chars(line.data() + field, line.data() + line.size(), parent);
            found.emplace_back(pid, parent);
        }
    }
    ::close(proc);
    return found;
}

inline void wait_for(int fd) {
    pollfd entry{fd, POLLIN, 0};
    ::poll(&entry, 1, -1);
}

/// Returns how many were ended.
inline std::size_t kill_by_scan_and_signals(pid_t root) {
    std::vector<int> fds;
    for (const auto& [pid, parent] : scan()) {
        if (pid == root || parent == root) {
            fds.push_back(static_cast<int>(::syscall(pidfd_open, pid, 0)));
        }
    }
    for (const int fd : fds) {
        ::syscall(pidfd_send_signal, fd, SIGKILL, nullptr, 0);
    }
    for (const int fd : fds) {
        wait_for(fd);
        ::close(fd);
    }
    return fds.size();
}

}  // namespace rivals
