// SPDX-License-Identifier: MIT
//
// detail/process/process_table.hpp: reads what /proc says of the processes.
//
// /proc/PID/task/TID/children would name the children of one process alone. But it exists only
// where the kernel was built with CONFIG_PROC_CHILDREN, it may miss a child that starts or ends
// meanwhile (proc(5) asks to stop the processes first), and it has to be read for every thread. The
// field ppid of all processes is always there, and costs the same for any shape of tree.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os.hpp>
#include <skyutil/detail/process/proc_stat.hpp>
#include <skyutil/detail/process/process_entries.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Whether the error means that nothing could be asked. It says nothing about processes then.
inline bool is_starved(const std::error_code& error) noexcept {
    return error == std::errc::too_many_files_open ||
           error == std::errc::too_many_files_open_in_system ||
           error == std::errc::not_enough_memory;
}

/// /proc, opened.
class proc_directory {
public:
    /// errc::function_not_supported: there is no /proc for the pid namespace of this process.
    explicit proc_directory(std::error_code& error) noexcept : fd_(os::open_proc(error)) {}

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    /// Returns what the kernel says of a process or a thread. errc::no_such_process when it is
    /// gone, errc::operation_not_permitted when it is hidden.
    [[nodiscard]] std::optional<process_stat> stat(std::int64_t pid,
                                                   std::error_code& error) const noexcept {
        std::array<char, 2048> buffer;  // NOLINT(*-member-init)
        const std::size_t size =
            os::read_at(fd(), name("/stat", pid).data(), buffer.data(), buffer.size(), error);
        if (error) {
            error = is_starved(error) ? error
                    : error == std::errc::permission_denied ||
                            error == std::errc::operation_not_permitted
                        ? os::make_error(std::errc::operation_not_permitted)
                        : os::make_error(std::errc::no_such_process);
            return std::nullopt;
        }
        const auto stat = parse_process_stat(std::string_view(buffer.data(), size));
        if (!stat) {
            error = os::make_error(std::errc::no_such_process);
        }
        return stat;
    }

    /// Calls the function with what the kernel says of each thread of a process.
    template <class Function>
    void for_each_thread(std::int64_t pid, Function function) const {
        std::error_code error;
        const unique_fd threads(
            os::open_directory("/proc/" + std::string(name("/task", pid).data()), error));
        if (!threads) {
            return;
        }
        os::sys::for_each_entry(
            threads.get(),
            [&](const os::sys::numbered_entry& entry) {
                const std::string_view id = entry.name;
                std::int64_t thread = 0;
                std::from_chars(id.data(), id.data() + id.size(), thread);
                std::error_code gone;
                if (const auto stat = this->stat(thread, gone)) {
                    function(*stat);
                }
            },
            error);
    }

    /// Returns the name of a process: at most 15 bytes of any value, none when it is gone.
    [[nodiscard]] std::string comm(std::int64_t pid) const {
        std::array<char, 256> buffer;  // NOLINT(*-member-init)
        std::error_code ignored;
        const std::size_t size =
            os::read_at(fd(), name("/comm", pid).data(), buffer.data(), buffer.size(), ignored);
        return {buffer.data(), size == 0 ? 0 : size - 1};
    }

    /// Returns a number that tells the process from those that had its id before, or get it later:
    /// the kernel gives each a new inode. Under memory pressure the number of a process may change,
    /// too. 0 when there is no process.
    [[nodiscard]] std::uint64_t inode(std::int64_t pid) const noexcept {
        return os::inode_at(fd(), name("", pid).data());
    }

private:
    static std::array<char, 32> name(std::string_view file, std::int64_t pid) noexcept {
        std::array<char, 32> name{};
        const auto end = std::to_chars(name.data(), name.data() + name.size(), pid).ptr;
        std::copy(file.begin(), file.end(), end);
        return name;
    }

    unique_fd fd_;
};

/// All processes that /proc shows. To read it again costs little: only new processes are looked at.
class process_table {
public:
    explicit process_table(std::error_code& error) noexcept : proc_(error) {}

    [[nodiscard]] const proc_directory& proc() const noexcept { return proc_; }

    /// Each entry is from the time when its process was first seen: it names the parent that
    /// started the process even if that one has ended since.
    [[nodiscard]] const process_entries& entries() const noexcept { return entries_; }

    [[nodiscard]] const process_entry* find(std::int64_t pid) const noexcept {
        return find_entry(entries_, pid);
    }

    /// Reads the table again. An error leaves the entries as they were.
    void refresh(std::error_code& error) {
        process_entries now;
        now.reserve(entries_.size() + 64);
        auto old = entries_.begin();
        std::error_code starved;
        os::rewind(proc_.fd(), error);
        os::sys::for_each_entry(
            proc_.fd(),
            [&](const os::sys::numbered_entry& entry) {
                const std::string_view name = entry.name;
                const std::uint64_t inode = entry.inode;
                std::int64_t pid = 0;
                const auto [end, failed] =
                    std::from_chars(name.data(), name.data() + name.size(), pid);
                if (failed != std::errc() || end != name.data() + name.size() || pid <= 0) {
                    return;
                }
                while (old != entries_.end() && old->pid < pid) {
                    ++old;
                }
                constexpr std::uint64_t unknown = 1;  // where the kernel could not say
                std::error_code unreadable;
                if (old != entries_.end() && old->pid == pid && old->inode == inode &&
                    inode > unknown) {
                    now.insert(place_of(now, pid), *old);
                } else if (const auto stat = proc_.stat(pid, unreadable)) {
                    now.insert(place_of(now, pid), {pid, inode, *stat});
                } else if (is_starved(unreadable)) {
                    starved = unreadable;
                }
            },
            error);
        error = error ? error : starved;
        if (!error) {
            entries_ = std::move(now);
        }
    }

private:
    proc_directory proc_;
    process_entries entries_;
};

/// Returns why /proc does not show a process of that id.
inline std::error_code missing_process(std::int64_t pid) noexcept {
    return os::make_error(os::fits_pid(pid) && os::pid_exists(static_cast<pid_t>(pid))
                              ? std::errc::function_not_supported  // it hides it, see proc(5)
                              : std::errc::no_such_process);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
