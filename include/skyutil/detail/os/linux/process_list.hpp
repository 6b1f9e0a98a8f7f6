// SPDX-License-Identifier: MIT
//
// detail/os/linux/process_list.hpp: what detail/os/process_list.hpp declares, out of /proc.
//
// /proc/PID/task/TID/children would name the children of one process alone. But it exists only
// where the kernel was built with CONFIG_PROC_CHILDREN, it may miss a child that starts or ends
// meanwhile (proc(5) asks to stop the processes first), and it has to be read for every thread. The
// field ppid of all processes is always there, and costs the same for any shape of tree.

#pragma once

#include <skyutil/detail/os/files.hpp>
#include <skyutil/detail/os/linux/procfs/process_files.hpp>
#include <skyutil/version.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {
#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::lseek;
#endif

constexpr process_entry entry_of(std::int64_t pid, std::uint64_t inode,
                                 const process_stat& stat) noexcept {
    return {pid,
            static_cast<std::int64_t>(stat.parent),
            static_cast<std::int64_t>(stat.group),
            static_cast<std::int64_t>(stat.session),
            stat.start_time,
            inode,
            stat.running()};
}
}  // namespace sys

inline process_list::process_list(std::error_code& error) noexcept
    : source_(sys::open_proc(error)) {}

inline void process_list::refresh(std::error_code& error) {
    process_entries now;
    now.reserve(entries_.size() + 64);
    auto old = entries_.begin();
    std::error_code starved;
    std::error_code failed;
    if (sys::lseek(source_.get(), 0, SEEK_SET) == -1) {
        failed = last_error();
    }
    sys::for_each_entry(
        source_.get(),
        [&](const sys::numbered_entry& entry) {
            const std::int64_t pid = sys::number_of(entry.name);
            const std::uint64_t inode = entry.inode;
            if (pid == 0) {
                return;
            }
            while (old != entries_.end() && old->pid < pid) {
                ++old;
            }
            constexpr std::uint64_t unknown = 1;  // where the kernel could not say
            std::error_code unreadable;
            if (old != entries_.end() && old->pid == pid && old->identity == inode &&
                inode > unknown) {
                now.insert(place_of(now, pid), *old);
            } else if (const auto stat = sys::read_stat(source_.get(), pid, unreadable)) {
                now.insert(place_of(now, pid), sys::entry_of(pid, inode, *stat));
            } else if (is_starved(unreadable)) {
                starved = unreadable;
            }
        },
        failed);
    failed = failed ? failed : starved;
    if (failed) {
        error = failed;
    } else {
        entries_ = std::move(now);
    }
}

inline std::optional<process_entry> process_list::look(std::int64_t pid,
                                                       std::error_code& error) const noexcept {
    const auto stat = sys::read_stat(source_.get(), pid, error);
    return stat ? std::optional(sys::entry_of(pid, 0, *stat)) : std::nullopt;
}

inline bool process_list::shows(const process_entry& entry) const noexcept {
    if (sys::inode_of(source_.get(), entry.pid) == entry.identity) {
        return true;
    }
    std::error_code ignored;
    const auto stat = sys::read_stat(source_.get(), entry.pid, ignored);
    return stat && stat->start_time == entry.start;
}

inline std::string process_list::name_of(std::int64_t pid) const {
    return sys::read_comm(source_.get(), pid);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
