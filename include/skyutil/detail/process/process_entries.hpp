// SPDX-License-Identifier: MIT
//
// detail/process/process_entries.hpp: who started whom, as the entries of processes say. Nothing
// here asks the system.

#pragma once

#include <skyutil/detail/os/process_list.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

using os::process_entries, os::process_entry;

/// Returns the entry of the process, null when it has none.
inline const process_entry* find_entry(const process_entries& entries, std::int64_t pid) noexcept {
    const auto found = os::place_of(entries, pid);
    return found != entries.end() && found->pid == pid ? &*found : nullptr;
}

/// The children of each process. The entries must not change meanwhile.
class children_index {
public:
    explicit children_index(const process_entries& entries)
        : entries_(entries), first_(entries.size(), none), next_(entries.size(), none) {
        for (std::size_t i = next_.size(); i != 0;) {
            --i;
            const std::size_t parent = index_of(entries[i].parent);
            std::size_t& first = parent == none ? strays_ : first_[parent];
            next_[i] = std::exchange(first, i);
        }
    }

    /// Calls the function with the index of the entry of each child, by pid, ascending. The parent
    /// need not have an entry itself.
    template <class Function>
    void for_each_child(std::int64_t pid, Function function) const {
        const std::size_t parent = index_of(pid);
        for (std::size_t i = parent == none ? strays_ : first_[parent]; i != none; i = next_[i]) {
            if (entries_[i].parent == pid) {
                function(i);
            }
        }
    }

private:
    static constexpr auto none = static_cast<std::size_t>(-1);

    [[nodiscard]] std::size_t index_of(std::int64_t pid) const noexcept {
        const process_entry* const entry = find_entry(entries_, pid);
        return entry == nullptr ? none : static_cast<std::size_t>(entry - entries_.data());
    }

    const process_entries& entries_;
    std::vector<std::size_t> first_;  ///< child of each entry
    std::vector<std::size_t> next_;   ///< child of the same parent
    std::size_t strays_ = none;       ///< the first whose parent has no entry
};

/// Whether the one can have started the other: no process is older than its parent. (Where ids are
/// reused, the parent that an entry names can be another process than the one that has the id.)
constexpr bool can_be_parent(const process_entry& parent, const process_entry& child) noexcept {
    return parent.start <= child.start;
}

enum class generations { one, all };

/// Returns the indices of the entries of the processes that the root started, and with
/// generations::all of those that these started, and so on; parents before children.
inline std::vector<std::size_t> find_descendants(const process_entries& entries,
                                                 const process_entry& root, generations which) {
    std::vector<std::size_t> found;
    const children_index index{entries};
    const auto add_children = [&](const process_entry& parent) {
        index.for_each_child(parent.pid, [&](std::size_t i) {
            const process_entry& child = entries[i];
            if (child.pid != root.pid && can_be_parent(parent, child)) {
                found.push_back(i);
            }
        });
    };
    add_children(root);
    for (std::size_t i = 0; which == generations::all && i < found.size(); ++i) {
        add_children(entries[found[i]]);
    }
    return found;
}

/// Returns the entry of the process; of one that no list has as it has ended, what the system knows
/// of it still; nullopt when there is none.
inline std::optional<process_entry> entry_of(const os::process_list& list,
                                             std::int64_t pid) noexcept {
    const process_entry* const entry = find_entry(list.entries(), pid);
    std::error_code gone;
    return entry != nullptr ? std::optional(*entry) : list.look(pid, gone);
}

/// Returns why the list does not show a process of that id.
inline std::error_code missing_process(std::int64_t pid) noexcept {
    return os::make_error(os::process_exists(pid) ? std::errc::function_not_supported  // hidden
                                                  : std::errc::no_such_process);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
