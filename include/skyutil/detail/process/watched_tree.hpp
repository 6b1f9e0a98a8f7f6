// SPDX-License-Identifier: MIT
//
// detail/process/watched_tree.hpp: the processes of a tree, found with /proc and held so that each
// can be signalled and waited for, and nothing else.

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/os.hpp>
#include <skyutil/detail/process/child_identity.hpp>
#include <skyutil/detail/process/process_reference.hpp>
#include <skyutil/detail/process/process_table.hpp>
#include <skyutil/detail/process/tree_members.hpp>

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
    process_reference process;
    process_entry entry;
    bool spared = false;      ///< never signalled: the calling process, a root that shall live
    bool gone = false;        ///< has ended, or is a zombie
    bool stopped = false;     ///< got SIGSTOP from here
    bool settled = false;     ///< and has stopped
    time_point told{};        ///< when it got SIGSTOP
    bool awaited = false;     ///< was there when was last decided who gets a signal
    bool left_alone = false;  ///< may be what cleans up: gets none
    bool due = false;         ///< gets one
    bool held_back = false;   ///< but not yet
    bool asked = false;       ///< got the first signal
    bool killed = false;      ///< got SIGKILL
    std::error_code error{};  ///< why the last signal could not be sent

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

    /// Whether SIGKILL was sent and the process has not ended yet.
    [[nodiscard]] bool is_dying() noexcept { return killed && is_target(); }

    void stop() noexcept {
        if (!stopped && is_target() && send(os::stop_signal)) {
            stopped = true;
            told = std::chrono::steady_clock::now();
        }
    }

    void resume() noexcept {
        settled = false;
        if (std::exchange(stopped, false)) {
            std::error_code ignored;
            process.signal(os::continue_signal, ignored);
        }
    }

    void ask(int signal) noexcept {
        if (!asked && is_target() && send(signal)) {
            asked = true;
            stopped = true;  // perhaps by another process: it cannot receive the signal then
        }
        resume();
    }

    void kill() noexcept {
        if (!killed && is_target()) {
            killed = send(os::kill_signal);
        }
        stopped = stopped && !killed;
        resume();
    }

private:
    /// Returns whether the signal was sent.
    bool send(int signal) noexcept {
        std::error_code failed;
        process.signal(signal, failed);
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
    watched_tree(std::int64_t root, const child_identity* child, std::vector<std::int64_t> spared,
                 identity means, std::error_code& error)
        : table_(error), means_(means), members_(std::move(spared)) {
        if (!error) {
            table_.refresh(error);
        }
        if (error) {
            return;
        }
        members_.find_spared(table_.entries());
        if (std::optional<tree_member> first = find_root(root, child)) {
            members_.add_root(table_.entries(), *std::move(first));
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
        table_.refresh(error);
        if (is_starved(error) && !starved_) {
            spare_descriptors();
            error.clear();
            table_.refresh(error);
        }
        if (error) {
            error_ = error;
            return false;
        }
        return find_members();
    }

    /// What kept a look at the processes from being complete.
    [[nodiscard]] const std::error_code& error() const noexcept { return error_; }

    /// Returns whether a member that was told to stop has done so, or is gone; if not, its state as
    /// in /proc/PID/stat: that of a thread that keeps it from it, as the first one may have stopped
    /// while another is in fork(2). 'R' is ready to run, 'D' in the kernel where no signal reaches
    /// it.
    [[nodiscard]] bool has_stopped(const tree_member& member, char& state) const {
        const auto is_still = [](char each) {
            return each == 'T' || each == 't' || each == 'Z' || each == 'X' || each == 'x';
        };
        std::error_code error;
        const auto stat = table_.proc().stat(member.entry.pid, error);
        state = 'T';
        if (!stat || stat->start_time != member.entry.stat.start_time) {
            return true;
        }
        if (stat->threads <= 1) {
            state = stat->state;
        } else {
            table_.proc().for_each_thread(member.entry.pid, [&](const process_stat& thread) {
                const bool tells_more =
                    is_still(state) || thread.state == 'R' || (thread.state == 'D' && state != 'R');
                state = tells_more && !is_still(thread.state) ? thread.state : state;
            });
        }
        return is_still(state);
    }

    /// Waits until the member has ended, but not beyond the deadline; whether it has.
    bool wait_for_end(tree_member& member, time_point deadline) const noexcept {
        std::error_code error;
        member.gone = member.process.wait_until(deadline, error);
        if (error) {
            member.gone = wait_in_proc(member, deadline);
        }
        return member.gone;
    }

private:
    std::optional<tree_member> find_root(std::int64_t root, const child_identity* child) {
        const process_entry* const entry = table_.find(root);
        if (child != nullptr &&
            !child->has_its_id()) {  // nor had it when the table was read, maybe
            return reaped_root(*child);
        }
        return entry == nullptr || members_.is_spared(root) ? std::nullopt : admit(*entry);
    }

    /// Returns a root that stands for a child that others have reaped, if what is in its session
    /// and group is proven to be the child's: the kernel says that processes are in the group of
    /// the child, or one is in its session that was there while the child had its id.
    std::optional<tree_member> reaped_root(const child_identity& child) const {
        if (table_.find(child.pid) != nullptr ||
            !(child.has_group() ||
              (child.leads_session &&
               has_session_since(table_.entries(), child.pid, child.owned_until)))) {
            return std::nullopt;
        }
        const auto number = static_cast<std::uint64_t>(child.pid);
        tree_member root{process_reference(child.pid, std::uint64_t{0}), {}};
        root.entry.pid = child.pid;
        root.entry.stat.parent = static_cast<std::uint64_t>(os::process_id());
        root.entry.stat.group = number;
        root.entry.stat.session = child.leads_session ? number : 0;
        root.spared = true;
        root.gone = true;
        return root;
    }

    bool find_members() {
        return members_.find_more(table_.entries(),
                                  [this](const process_entry& entry) { return admit(entry); });
    }

    /// Returns the member of an entry, nullopt when the process of the entry is gone.
    std::optional<tree_member> admit(const process_entry& entry) {
        tree_member member{process_reference(entry.pid, entry.stat.start_time), entry};
        member.spared = entry.pid == os::process_id();
        member.gone = !entry.stat.running();
        if (!member.gone && !starved_ && means_ == identity::best) {
            std::error_code error;
            process_reference opened = process_reference::open(entry.pid, means_, error);
            if (is_starved(error)) {
                spare_descriptors();
            } else if (error == std::errc::no_such_process || !is_same(entry)) {
                return std::nullopt;
            } else if (!error && opened.has_pidfd()) {
                member.process = std::move(opened);
            }
        }
        return member;
    }

    /// Whether the process of that id is still the one of the entry.
    [[nodiscard]] bool is_same(const process_entry& entry) const noexcept {
        if (table_.proc().inode(entry.pid) == entry.inode) {
            return true;
        }
        std::error_code error;
        const auto stat = table_.proc().stat(entry.pid, error);
        return stat && stat->start_time == entry.stat.start_time;
    }

    /// Gives up pidfds, so that /proc can be read. From then on new members are told from others by
    /// their start time.
    void spare_descriptors() {
        starved_ = true;
        std::size_t enough = 8;
        for (std::size_t i = members_.size(); i-- != 0 && enough != 0;) {
            tree_member& each = members_[i];
            if (each.process.has_pidfd()) {
                each.process = process_reference(each.entry.pid, each.entry.stat.start_time);
                --enough;
            }
        }
    }

    /// Waits for one whose process_reference cannot wait.
    [[nodiscard]] bool wait_in_proc(const tree_member& member, time_point deadline) const noexcept {
        constexpr std::chrono::milliseconds pause(2);
        for (;;) {
            std::error_code error;
            const auto stat = table_.proc().stat(member.entry.pid, error);
            if (error == std::errc::no_such_process ||
                (stat && (stat->start_time != member.entry.stat.start_time || !stat->running()))) {
                return true;
            }
            if (std::chrono::steady_clock::now() >= deadline) {
                return false;
            }
            std::this_thread::sleep_for(pause);
        }
    }

    process_table table_;
    identity means_;
    bool starved_ = false;
    std::error_code error_;
    tree_members<tree_member> members_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
