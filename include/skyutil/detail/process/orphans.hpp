// SPDX-License-Identifier: MIT
//
// detail/process/orphans.hpp: which children of this process are orphans that it was given; public
// through subprocess.hpp.
//
// The kernel does not tell a child that this process started from one that it was given. But a
// child in a session that neither this process nor the child made has an ancestor in between; and
// programs started detached are remembered here.

#pragma once

#include <skyutil/detail/os/children.hpp>
#include <skyutil/detail/os/process_list.hpp>
#include <skyutil/detail/os/processes.hpp>
#include <skyutil/detail/process/process_entries.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <iterator>
#include <new>
#include <optional>
#include <system_error>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// The detached programs that are children of this process as it adopts orphans. Without a lock, as
/// one could be held by another thread at fork(2); entries are used again and never freed.
class detached_programs {
public:
    /// Remembers a process, if memory is to be had.
    static void add(std::int64_t pid, std::uint64_t start) noexcept {
        for (entry* each = first; each != nullptr; each = each->next) {
            std::int64_t none = 0;
            if (each->pid.compare_exchange_strong(none, taken)) {
                each->start = start;
                each->pid = pid;
                return;
            }
        }
        if (auto* const added = new (std::nothrow) entry) {  // NOLINT(*-owning-memory)
            added->start = start;
            added->pid = pid;
            added->next = first;
            while (!first.compare_exchange_weak(added->next, added)) {
            }
        }
    }

    [[nodiscard]] static bool contains(std::int64_t pid, std::uint64_t start) noexcept {
        return find(pid, start) != nullptr;
    }

    static void remove(std::int64_t pid, std::uint64_t start) noexcept {
        if (entry* const found = find(pid, start)) {
            found->pid = 0;
        }
    }

private:
    static constexpr std::int64_t taken = -1;

    struct entry {
        std::atomic<std::int64_t> pid = 0;  ///< 0: unused
        std::atomic<std::uint64_t> start = 0;
        entry* next = nullptr;
    };

    static entry* find(std::int64_t pid, std::uint64_t start) noexcept {
        for (entry* each = first; each != nullptr; each = each->next) {
            if (each->pid == pid && each->start == start) {
                return each;
            }
        }
        return nullptr;
    }

    static inline constinit std::atomic<entry*> first = nullptr;
};

/// Remembers a program that was started detached, if it is a child of this process all the same.
inline void remember_detached(std::int64_t pid) noexcept {
    if (os::adopts_orphans()) {
        std::error_code unknown;
        const os::process_list list(unknown);
        if (const auto entry = unknown ? std::nullopt : list.look(pid, unknown)) {
            detached_programs::add(pid, entry->start);
        }
    }
}

/// The entries of zombies that are children of this process and orphans: that are proven to be, or
/// all of which it holds no handle.
inline std::vector<process_entry> find_orphans(bool all, std::error_code& error) {
    std::vector<process_entry> found;
    os::process_list list(error);
    if (!error) {
        list.refresh(error);
    }
    const process_entry* const self = find_entry(list.entries(), os::process_id());
    if (error || self == nullptr) {
        error = error ? error : os::make_error(std::errc::function_not_supported);
        return found;
    }
    const auto is_proven = [&](const process_entry& each) {
        return (each.session != self->session && each.session != each.pid) ||
               detached_programs::contains(each.pid, each.start);
    };
    std::copy_if(list.entries().begin(), list.entries().end(), std::back_inserter(found),
                 [&](const process_entry& each) {
                     return each.parent == self->pid && !each.alive && (all || is_proven(each));
                 });
    if (all && !found.empty()) {
        os::for_each_held_process(
            [&](std::int64_t pid) {
                std::erase_if(found, [&](const process_entry& each) { return each.pid == pid; });
            },
            error);
    }
    return found;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
