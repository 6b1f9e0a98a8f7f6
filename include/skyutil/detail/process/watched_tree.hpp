// SPDX-License-Identifier: MIT
//
// detail/process/watched_tree.hpp: the processes of a tree, found in the list of the system and
// held so that each can be signalled and waited for, and nothing else.

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/os/children.hpp>
#include <skyutil/detail/os/process_list.hpp>
#include <skyutil/detail/os/process_tree.hpp>
#include <skyutil/detail/os/processes.hpp>
#include <skyutil/detail/process/process_entries.hpp>
#include <skyutil/detail/process/tree_members.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// A process that is to end.
struct tree_member {
    os::process_ref process;
    process_entry entry;
    bool spared = false;        ///< never signalled: the calling process, a root that shall live
    bool gone = false;          ///< has ended, or is a zombie
    bool stopped = false;       ///< was told to hold still
    bool settled = false;       ///< and does
    time_point told{};          ///< when it was told to hold still
    os::stillness last_seen{};  ///< how still it was when its children were last looked for
    bool awaited = false;       ///< was there when was last decided who gets a signal
    bool left_alone = false;    ///< may be what cleans up: gets none
    bool due = false;           ///< gets one
    bool held_back = false;     ///< but not yet
    bool asked = false;         ///< got the signal of this step
    bool signalled = false;     ///< got one of this or an earlier step
    bool killed = false;        ///< was killed
    std::error_code error{};    ///< why the last signal could not be sent
    const os::child* child = nullptr;  ///< of this process, if it is one that the tree was found by

    /// Whether the process is still there, as far as can be told.
    [[nodiscard]] bool is_left() noexcept {
        if (!gone) {
            std::error_code unknown;
            gone = !process.alive(unknown) && !unknown;
        }
        return !gone;
    }

    /// Whether the process is there to be signalled. Only a lack of permission is final; other
    /// errors may pass.
    [[nodiscard]] bool is_target() noexcept {
        return !spared && error != std::errc::operation_not_permitted && is_left();
    }

    /// Whether the process is a target that nothing asks to end.
    [[nodiscard]] bool is_deaf_target() noexcept { return is_deaf(error) && is_target(); }

    /// Whether the process was killed and has not ended yet.
    [[nodiscard]] bool is_dying() noexcept { return killed && is_target(); }

    void stop(const os::tree_guard& guard) noexcept {
        if (!stopped && is_target() &&
            send([&](std::error_code& failed) { guard.hold(process, failed); })) {
            stopped = true;
            told = std::chrono::steady_clock::now();
            last_seen = os::stillness::settling;
        }
    }

    void resume(const os::tree_guard& guard) noexcept {
        settled = false;
        last_seen = os::stillness::still;
        if (std::exchange(stopped, false)) {
            guard.release(process);
        }
    }

    void ask(int signal, const os::tree_guard& guard) noexcept {
        if (!asked && is_target() && send([&](std::error_code& failed) {
                process.ask(signal, failed);
                if (is_deaf(failed) && child != nullptr) {
                    failed.clear();
                    child->ask(signal, failed);
                }
            })) {
            asked = true;
            signalled = true;
            stopped = false;  // whoever had stopped it
        }
        resume(guard);
    }

    void kill(const os::tree_guard& guard) noexcept {
        if (!killed && is_target()) {
            killed = send([this](std::error_code& failed) { process.kill(failed); });
        }
        stopped = stopped && !killed;
        resume(guard);
    }

private:
    static bool is_deaf(const std::error_code& failed) noexcept {
        return failed == std::errc::function_not_supported;
    }

    /// Returns whether the signal was sent.
    template <class Signal>
    bool send(Signal signal) noexcept {
        std::error_code failed;
        signal(failed);
        if (failed == std::errc::no_such_process) {
            gone = true;
        } else {
            error = failed;
        }
        return !failed;
    }
};

class watched_tree {
public:
    /// Finds the tree. With `child` the root is that child of this process, and no other process
    /// with its id. No member: an error, or the root is spared.
    watched_tree(std::int64_t root, const os::child* child, std::vector<std::int64_t> spared,
                 std::error_code& error)
        : list_(error), members_(std::move(spared)) {
        if (!error) {
            list_.refresh(error);
        }
        if (error) {
            return;
        }
        members_.find_spared(list_.entries());
        if (std::optional<tree_member> first = find_root(root, child)) {
            first->child = child;
            members_.add_root(list_.entries(), *std::move(first));
            find_members();
        } else if (!members_.is_spared(root)) {
            error = missing_process(root);
        }
    }

    /// Parents before children; the first one is the root.
    [[nodiscard]] tree_members<tree_member>& members() noexcept { return members_; }

    /// Looks for new members, and returns whether there are any, or were.
    bool look() {
        std::error_code error;
        list_.refresh(error);
        if (os::is_starved(error) && !starved_) {
            spare_descriptors();
            error.clear();
            list_.refresh(error);
        }
        if (error) {
            error_ = error;
            return false;
        }
        return find_members();
    }

    /// What kept a look at the processes from being complete.
    [[nodiscard]] const std::error_code& error() const noexcept { return error_; }

    [[nodiscard]] const os::tree_guard& guard() const noexcept { return guard_; }

    /// Waits until the member has ended, but not beyond the deadline; whether it has.
    bool wait_for_end(tree_member& member, time_point deadline) const noexcept {
        std::error_code error;
        member.gone = member.process.wait_until(deadline, error);
        if (error) {
            member.gone = watch_until_end(member, deadline);
        }
        return member.gone;
    }

private:
    std::optional<tree_member> find_root(std::int64_t root, const os::child* child) {
        const std::optional<process_entry> entry = entry_of(list_, root);
        if (child != nullptr &&
            !child->has_its_id()) {  // nor had it when the table was read, maybe
            return reaped_root(*child);
        }
        return !entry || members_.is_spared(root) ? std::nullopt : admit(*entry);
    }

    /// Returns a root that stands for a child that others have reaped, if what is in its session
    /// and group is proven to be the child's: the system says that processes are in the group of
    /// the child, or one is in its session that was there while the child had its id.
    std::optional<tree_member> reaped_root(const os::child& child) const {
        if (find_entry(list_.entries(), child.pid) != nullptr ||
            !(child.has_group() ||
              (child.leads_session &&
               has_session_since(list_.entries(), child.pid, child.owned_until)))) {
            return std::nullopt;
        }
        tree_member root{os::process_ref(child.pid, std::uint64_t{0}), {}};
        root.entry.pid = child.pid;
        root.entry.parent = os::process_id();
        root.entry.group = child.pid;
        root.entry.session = child.leads_session ? child.pid : 0;
        root.spared = true;
        root.gone = true;
        return root;
    }

    bool find_members() {
        bool found = members_.find_more(
            list_.entries(), [this](const process_entry& entry) { return admit(entry); });
        for (const std::int64_t pid : guard_.kept()) {
            if (const process_entry* const entry = find_entry(list_.entries(), pid)) {
                found = members_.add(*entry, [this](const process_entry& each) {
                    return admit_kept(each);
                }) || found;
            }
        }
        return found;
    }

    /// Returns the member of an entry whose id was among those of the processes that are kept
    /// together, if it is one of them: none gets the id of one of which there is a handle.
    std::optional<tree_member> admit_kept(const process_entry& entry) {
        std::optional<tree_member> member = admit(entry);
        const std::vector<std::int64_t> kept = guard_.kept();
        return member && member->process.has_handle() &&
                       std::find(kept.begin(), kept.end(), entry.pid) != kept.end()
                   ? std::move(member)
                   : std::nullopt;
    }

    /// Returns the member of an entry, nullopt when the process of the entry is gone.
    std::optional<tree_member> admit(const process_entry& entry) {
        tree_member member{os::process_ref(entry.pid, entry.start), entry};
        member.spared = entry.pid == os::process_id();
        member.gone = !entry.alive;
        if (!member.gone && !starved_) {
            std::error_code error;
            os::process_ref opened = os::process_ref::open(entry.pid, error);
            if (os::is_starved(error)) {
                spare_descriptors();
            } else if (error == std::errc::no_such_process || !list_.shows(entry)) {
                return std::nullopt;
            } else if (!error && opened.has_handle()) {
                member.process = std::move(opened);
            }
        }
        return member;
    }

    /// Gives up handles, so that the processes can be listed. From then on new members are told
    /// from others by their start time.
    void spare_descriptors() {
        starved_ = true;
        std::size_t enough = 8;
        for (std::size_t i = members_.size(); i-- != 0 && enough != 0;) {
            tree_member& each = members_[i];
            if (each.process.has_handle()) {
                each.process = os::process_ref(each.entry.pid, each.entry.start);
                --enough;
            }
        }
    }

    /// Waits for one whose os::process_ref cannot wait.
    [[nodiscard]] bool watch_until_end(const tree_member& member,
                                       time_point deadline) const noexcept {
        constexpr std::chrono::milliseconds pause(2);
        for (;;) {
            std::error_code error;
            const auto now = list_.look(member.entry.pid, error);
            if (error == std::errc::no_such_process ||
                (now && (now->start != member.entry.start || !now->alive))) {
                return true;
            }
            if (std::chrono::steady_clock::now() >= deadline) {
                return false;
            }
            std::this_thread::sleep_for(pause);
        }
    }

    os::process_list list_;
    os::tree_guard guard_{list_};
    bool starved_ = false;
    std::error_code error_;
    tree_members<tree_member> members_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
