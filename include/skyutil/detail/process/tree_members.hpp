// SPDX-License-Identifier: MIT
//
// detail/process/tree_members.hpp: which processes belong to a tree. These are the rules, over what
// the system said; nothing here asks the system.
//
// A process belongs to the tree
// - if its parent does: the parent it had when it was first seen;
// - if a member made its session: all processes of a session descend from the one that made it with
//   setsid(2), and whose id the session has;
// - if a member leads its process group, and the group holds nothing but members and orphans.
//   Groups have the id of a leader too, but a shell puts siblings into one (a pipeline). So a
//   process that is no member must have been given to a reaper (init, or an ancestor of the root
//   that asked for it with PR_SET_CHILD_SUBREAPER) that is not the leader's parent.
//
// Ids are used again. So no process is taken for the child of a younger one, nor for that of a
// process whose id another one has that could be the parent.

#pragma once

#include <skyutil/detail/process/process_entries.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Whether the one is the process that the entry of the other names as its parent, its session or
/// its group, and not another process that has that id now.
inline bool is_named_by(const process_entries& table, const process_entry& parent,
                        const process_entry& child) noexcept {
    const process_entry* const now = find_entry(table, parent.pid);
    return can_be_parent(parent, child) &&
           (now == nullptr || now->start == parent.start || !can_be_parent(*now, child));
}

/// Whether a process of that session was there while the one that made the session certainly had
/// its id: then the whole session is that one's.
inline bool has_session_since(const process_entries& table, std::int64_t session,
                              std::uint64_t owned_until) noexcept {
    return std::any_of(table.begin(), table.end(), [&](const process_entry& each) {
        return each.session == session && each.start <= owned_until;
    });
}

/// The members of a tree, parents before children.
///
/// A Member has an `entry`, and `is_left()`: whether the process of that entry is still there.
/// `admit` makes the Member of a process that belongs to the tree, nullopt when it is gone already.
template <class Member>
class tree_members {
public:
    /// The spared processes never become members, nor does what they started.
    explicit tree_members(std::vector<std::int64_t> spared) : spared_(std::move(spared)) {}

    [[nodiscard]] bool empty() const noexcept { return members_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return members_.size(); }
    [[nodiscard]] Member& operator[](std::size_t index) noexcept { return members_[index]; }
    [[nodiscard]] const Member& operator[](std::size_t index) const noexcept {
        return members_[index];
    }
    [[nodiscard]] auto begin() noexcept { return members_.begin(); }
    [[nodiscard]] auto end() noexcept { return members_.end(); }

    /// Returns the last member that had the id, null when none had it.
    [[nodiscard]] Member* find(std::int64_t pid) noexcept {
        const std::size_t index = index_of(pid);
        return index == none ? nullptr : &members_[index];
    }

    /// Finds what the spared processes started.
    void find_spared(const process_entries& table) {
        if (spared_.empty()) {
            return;
        }
        const children_index children{table};
        for (std::size_t i = 0; i != spared_.size(); ++i) {
            children.for_each_child(spared_[i], [&](std::size_t child) {
                const std::int64_t pid = table[child].pid;
                if (!is_spared(pid)) {
                    spared_.push_back(pid);
                }
            });
        }
    }

    [[nodiscard]] bool is_spared(std::int64_t pid) const noexcept {
        return std::find(spared_.begin(), spared_.end(), pid) != spared_.end();
    }

    /// Adds the root, the first member. Its ancestors may be given orphans of the tree.
    void add_root(const process_entries& table, Member root) {
        insert(std::move(root));
        constexpr std::size_t most = 1000;  // ids that were used again could go in a circle
        for (const process_entry* at = &members_.front().entry;
             at != nullptr && reapers_.size() < most; at = find_entry(table, at->parent)) {
            reapers_.push_back(at->parent);
        }
    }

    /// Adds the new members that the table shows, and returns whether there are any, or were: one
    /// that has ended since may have started another before.
    template <class Admit>
    bool find_more(const process_entries& table, Admit admit) {
        find_spared(table);
        const children_index index{table};
        bool found = false;
        std::size_t next = 0;
        do {
            for (; next != members_.size(); ++next) {
                const process_entry parent = members_[next].entry;
                index.for_each_child(parent.pid, [&](std::size_t i) {
                    const process_entry& child = table[i];
                    found = (is_named_by(table, parent, child) && add(child, admit)) || found;
                });
            }
            found = adopt(table, admit) || found;
        } while (next != members_.size());
        return found;
    }

    /// Adds a process unless it is gone. False for one that is a member already, or spared.
    template <class Admit>
    bool add(const process_entry& entry, Admit admit) {
        if (contains(entry) || is_spared(entry.pid)) {
            return false;
        }
        if (std::optional<Member> member = admit(entry)) {
            insert(*std::move(member));
        }
        return true;
    }

private:
    static constexpr auto none = static_cast<std::size_t>(-1);

    /// Adds those that lost their parent, by their session and group.
    template <class Admit>
    bool adopt(const process_entries& table, Admit& admit) {
        const std::vector<bool> owns_group = find_group_owners(table);
        bool found = false;
        for (const process_entry& entry : table) {
            const Member* const maker = find(entry.session);
            const std::size_t leader = index_of(entry.group);
            const bool descends = (maker != nullptr && is_named_by(table, maker->entry, entry)) ||
                                  (leader < owns_group.size() && owns_group[leader]);
            found = (descends && add(entry, admit)) || found;
        }
        return found;
    }

    /// Returns for each member whether the group that it leads, if any, is the tree's.
    std::vector<bool> find_group_owners(const process_entries& table) {
        std::vector<bool> owns(members_.size(), true);
        for (const process_entry& entry : table) {
            const std::size_t leader = index_of(entry.group);
            if (leader != none && owns[leader] && !contains(entry)) {
                owns[leader] = is_orphan_of(table, members_[leader].entry, entry);
            }
        }
        return owns;
    }

    [[nodiscard]] bool is_orphan_of(const process_entries& table, const process_entry& leader,
                                    const process_entry& entry) const noexcept {
        const std::int64_t parent = entry.parent;
        const bool was_given =
            parent <= 1 || std::find(reapers_.begin(), reapers_.end(), parent) != reapers_.end();
        return was_given && parent != leader.parent && is_named_by(table, leader, entry);
    }

    /// Whether the process of the entry is a member, and not one that had its id before.
    [[nodiscard]] bool contains(const process_entry& entry) noexcept {
        Member* const known = find(entry.pid);
        return known != nullptr && known->entry.start == entry.start &&
               (known->entry.identity == entry.identity || known->is_left());
    }

    void insert(Member member) {
        const auto place = place_of_member(member.entry.pid);
        if (place != by_pid_.end() && pid_of(*place) == member.entry.pid) {
            *place = members_.size();
        } else {
            by_pid_.insert(place, members_.size());
        }
        members_.push_back(std::move(member));
    }

    [[nodiscard]] std::size_t index_of(std::int64_t pid) noexcept {
        const auto place = place_of_member(pid);
        return place != by_pid_.end() && pid_of(*place) == pid ? *place : none;
    }

    /// Returns where the id is in by_pid_, or would be.
    [[nodiscard]] std::vector<std::size_t>::iterator place_of_member(std::int64_t pid) noexcept {
        return std::lower_bound(
            by_pid_.begin(), by_pid_.end(), pid,
            [this](std::size_t each, std::int64_t value) { return pid_of(each) < value; });
    }

    [[nodiscard]] std::int64_t pid_of(std::size_t member) const noexcept {
        return members_[member].entry.pid;
    }

    std::vector<Member> members_;
    std::vector<std::size_t> by_pid_;  ///< the last member of each id, ascending
    std::vector<std::int64_t> reapers_;
    std::vector<std::int64_t> spared_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
