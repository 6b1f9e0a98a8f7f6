// SPDX-License-Identifier: MIT
//
// detail/process/process_table.hpp: the processes that /proc shows, and who started whom.
//
// /proc/PID/task/TID/children would name the children of one process alone, but it exists only
// where the kernel was built with CONFIG_PROC_CHILDREN, names a child that is born or dies
// meanwhile or not (proc(5) asks to stop the processes first), and has to be read for every thread.
// The field ppid of all processes is always there and costs the same for any shape of tree.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os.hpp>
#include <skyutil/detail/process/proc_stat.hpp>

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

/// Whether the reason is that nothing could be asked, which says nothing about processes.
inline bool is_starved(const std::error_code& error) noexcept {
    return error == std::errc::too_many_files_open ||
           error == std::errc::too_many_files_open_in_system ||
           error == std::errc::not_enough_memory;
}

/// /proc, open.
class proc_directory {
public:
    /// errc::function_not_supported where there is none for the pid namespace of this process.
    explicit proc_directory(std::error_code& error) noexcept : fd_(os::open_proc(error)) {}

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

    /// What the kernel says of a process or a thread. errc::no_such_process when it is gone,
    /// errc::operation_not_permitted when it is hidden.
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

    /// The name of a process, at most 15 bytes of anything; empty when it is gone.
    [[nodiscard]] std::string comm(std::int64_t pid) const {
        std::array<char, 256> buffer;  // NOLINT(*-member-init)
        std::error_code ignored;
        const std::size_t size =
            os::read_at(fd(), name("/comm", pid).data(), buffer.data(), buffer.size(), ignored);
        return {buffer.data(), size == 0 ? 0 : size - 1};
    }

    /// A number that tells a process from others with the same id before and after it: the kernel
    /// gives every one a new inode. It may change for one process too, under memory pressure; 0
    /// when there is no process.
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

struct process_entry {
    std::int64_t pid;
    std::uint64_t inode;
    process_stat stat;

    [[nodiscard]] std::int64_t parent() const noexcept {
        return static_cast<std::int64_t>(stat.parent);
    }
};

/// All processes. Reading it again costs little: only processes that are new are looked at.
class process_table {
public:
    explicit process_table(std::error_code& error) noexcept : proc_(error) {}

    [[nodiscard]] const proc_directory& proc() const noexcept { return proc_; }

    /// By pid, ascending. What is said of a process is from when it was first seen: its parent is
    /// still the one that started it when that one has ended meanwhile.
    [[nodiscard]] const std::vector<process_entry>& entries() const noexcept { return entries_; }

    [[nodiscard]] const process_entry* find(std::int64_t pid) const noexcept {
        const auto found = lower_bound(entries_, pid);
        return found != entries_.end() && found->pid == pid ? &*found : nullptr;
    }

    /// On an error the entries are those of before.
    void refresh(std::error_code& error) {
        std::vector<process_entry> now;
        now.reserve(entries_.size() + 64);
        auto old = entries_.begin();
        std::error_code starved;
        os::rewind(proc_.fd(), error);
        os::for_each_entry(
            proc_.fd(),
            [&](const os::directory_entry& entry) {
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
                    now.insert(lower_bound(now, pid), *old);
                } else if (const auto stat = proc_.stat(pid, unreadable)) {
                    now.insert(lower_bound(now, pid), {pid, inode, *stat});
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
    static std::vector<process_entry>::const_iterator lower_bound(
        const std::vector<process_entry>& entries, std::int64_t pid) noexcept {
        return std::lower_bound(
            entries.begin(), entries.end(), pid,
            [](const process_entry& entry, std::int64_t value) { return entry.pid < value; });
    }

    proc_directory proc_;
    std::vector<process_entry> entries_;
};

/// Who started whom in a table, which must not change meanwhile.
class children_index {
public:
    explicit children_index(const process_table& table)
        : table_(table), first_(table.entries().size(), none), next_(table.entries().size(), none) {
        for (std::size_t i = next_.size(); i != 0;) {
            --i;
            const std::size_t parent = index_of(table.entries()[i].parent());
            std::size_t& first = parent == none ? strays_ : first_[parent];
            next_[i] = std::exchange(first, i);
        }
    }

    /// Calls the function with the index of the entry of each child, by pid, ascending.
    template <class Function>
    void for_each_child(std::int64_t pid, Function function) const {
        const std::size_t parent = index_of(pid);
        for (std::size_t i = parent == none ? strays_ : first_[parent]; i != none; i = next_[i]) {
            if (table_.entries()[i].parent() == pid) {
                function(i);
            }
        }
    }

private:
    static constexpr auto none = static_cast<std::size_t>(-1);

    [[nodiscard]] std::size_t index_of(std::int64_t pid) const noexcept {
        const process_entry* const entry = table_.find(pid);
        return entry == nullptr ? none : static_cast<std::size_t>(entry - table_.entries().data());
    }

    const process_table& table_;
    std::vector<std::size_t> first_;  ///< child of each entry
    std::vector<std::size_t> next_;   ///< with the same parent
    std::size_t strays_ = none;       ///< whose parent is not in the table
};

/// Whether the one can have started the other: no process is older than its parent. (Where ids are
/// reused the parent in an entry can be another process than the one of that id in another.)
constexpr bool can_be_parent(const process_stat& parent, const process_stat& child) noexcept {
    return parent.start_time <= child.start_time;
}

/// Why /proc shows no process of that id.
inline std::error_code missing_process(std::int64_t pid) noexcept {
    return os::make_error(os::fits_pid(pid) && os::pid_exists(static_cast<pid_t>(pid))
                              ? std::errc::function_not_supported  // it hides it, see proc(5)
                              : std::errc::no_such_process);
}

/// The indices of the entries of the processes that the root started, or also those that these
/// started, parents before children; errc::no_such_process when there is no root,
/// errc::function_not_supported when /proc hides it.
inline std::vector<std::size_t> find_descendants(const process_table& table, std::int64_t root,
                                                 bool recursive, std::error_code& error) {
    std::vector<std::size_t> found;
    const process_entry* const first = table.find(root);
    if (first == nullptr) {
        error = missing_process(root);
        return found;
    }
    const children_index index{table};
    const auto add_children = [&](const process_entry& parent) {
        index.for_each_child(parent.pid, [&](std::size_t i) {
            const process_entry& child = table.entries()[i];
            if (child.pid != root && can_be_parent(parent.stat, child.stat)) {
                found.push_back(i);
            }
        });
    };
    add_children(*first);
    for (std::size_t i = 0; recursive && i < found.size(); ++i) {
        add_children(table.entries()[found[i]]);
    }
    return found;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
