// SPDX-License-Identifier: MIT
//
// detail/os/linux/file_events.hpp: what detail/os/file_events.hpp declares: inotify(7), and a timer
// for the alarm, both behind one descriptor of epoll(7).

#pragma once

#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <system_error>

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/timerfd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {
#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::epoll_create1, ::epoll_ctl, ::inotify_add_watch, ::inotify_init1, ::inotify_rm_watch,
    ::read, ::timerfd_create, ::timerfd_settime;
#endif

inline void add_to_epoll(int epoll, int fd, std::error_code& error) noexcept {
    epoll_event event{};
    event.events = EPOLLIN;
    attempt(error, [&] { return sys::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event); });
}

/// Whether inotify tells of all that happens in a file system of this type. Those of networks and
/// FUSE tell what this machine does, overlayfs not what is done to its layers, and those that the
/// kernel makes up nothing. Overlayfs and whatever is not known here is looked at besides.
inline bool is_telling_type(std::uint32_t type) noexcept {
    constexpr std::array<std::uint32_t, 16> telling{
        0xef53,      // ext2, ext3, ext4
        0x58465342,  // XFS
        0x9123683e,  // Btrfs
        0x01021994,  // tmpfs
        0x858458f6,  // ramfs
        0xf2f52010,  // F2FS
        0x2fc12fc1,  // ZFS
        0xca451a4e,  // bcachefs
        0x4d44,      // FAT
        0x2011bab0,  // exFAT
        0x7366746e,  // NTFS
        0x3153464a,  // JFS
        0x52654973,  // ReiserFS
        0x9660,      // ISO 9660
        0x15013346,  // UDF
        0x73717368,  // SquashFS
    };
    return std::find(telling.begin(), telling.end(), type) != telling.end();
}
}  // namespace sys

inline file_events::file_events(std::error_code& error) noexcept {
    ready_ = sys::attempt(error, [] { return sys::epoll_create1(EPOLL_CLOEXEC); });
    if (!error) {
        alarm_ = sys::attempt(
            error, [] { return sys::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK); });
    }
    if (!error) {
        sys::add_to_epoll(ready_, alarm_, error);
    }
}

inline file_events::~file_events() {
    for (const int fd : {changes_, alarm_, ready_}) {
        if (fd != no_handle) {
            close(fd);
        }
    }
}

inline void file_events::set_alarm(time_point due) const noexcept {
    itimerspec timer{};  // zero is never
    if (due != (time_point::max)()) {
        timer.it_value = sys::time_until(due);
        if (timer.it_value.tv_sec == 0 && timer.it_value.tv_nsec == 0) {
            timer.it_value.tv_nsec = 1;
        }
    }
    sys::retry([&] { return sys::timerfd_settime(alarm_, 0, &timer, nullptr); });
}

inline void file_events::start_watching(std::error_code& error) noexcept {
    changes_ = sys::attempt(error, [] { return sys::inotify_init1(IN_CLOEXEC | IN_NONBLOCK); });
    if (!error) {
        sys::add_to_epoll(ready_, changes_, error);
    }
}

inline watch_id file_events::watch_file(native_handle file, std::error_code& error) noexcept {
    const sys::descriptor_name name(file);
    return sys::attempt(error,
                        [&] { return sys::inotify_add_watch(changes_, name.c_str(), IN_MODIFY); });
}

inline watch_id file_events::watch_directory(const path_text& directory,
                                             std::error_code& error) noexcept {
    return sys::attempt(error, [&] {
        return sys::inotify_add_watch(
            changes_, directory.c_str(),
            IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR);
    });
}

inline void file_events::unwatch(watch_id watch) noexcept {
    sys::retry([&] { return sys::inotify_rm_watch(changes_, watch); });
}

template <class Visit>
bool file_events::take(Visit visit, std::error_code& error) {
    alignas(inotify_event) std::array<char, 16384> buffer;  // NOLINT(*-member-init)
    const auto size = changes_ == no_handle ? 0 : sys::retry([&] {
        return sys::read(changes_, buffer.data(), buffer.size());
    });
    if (size == -1 && errno != EAGAIN) {
        error = last_error();
    }
    for (std::size_t at = 0; size > 0 && at < static_cast<std::size_t>(size);) {
        inotify_event event;  // NOLINT(*-member-init)
        std::memcpy(&event, buffer.data() + at, sizeof event);
        const std::string_view field(buffer.data() + at + sizeof event, event.len);
        at += sizeof event + event.len;
        const file_change what = (event.mask & IN_Q_OVERFLOW) != 0 ? file_change::lost
                                 : (event.mask & IN_IGNORED) != 0  ? file_change::ended
                                 : (event.mask & IN_MODIFY) != 0   ? file_change::written
                                                                   : file_change::entry;
        visit(file_event{what, event.wd, field.substr(0, field.find('\0'))});
    }
    return size > 0;
}

inline bool tells_of_changes(native_handle file) noexcept {
    sys::file_system_info info;  // NOLINT(*-member-init)
    return sys::retry([&] { return sys::get_info(file, info); }) == 0 &&
           sys::is_telling_type(static_cast<std::uint32_t>(info.f_type));
}

inline bool tells_of_changes(const path_text& directory) noexcept {
    sys::file_system_info info;  // NOLINT(*-member-init)
    return sys::retry([&] { return sys::get_info(directory.c_str(), info); }) == 0 &&
           sys::is_telling_type(static_cast<std::uint32_t>(info.f_type));
}

inline file_id identify_target(const path_text& name, std::error_code& error) noexcept {
    sys::file_info info;  // NOLINT(*-member-init)
    const int result = sys::attempt(error, [&] { return sys::get_info(name.c_str(), info); });
    return result == -1 ? file_id{} : sys::id_of(info);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
