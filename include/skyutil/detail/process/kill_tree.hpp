// SPDX-License-Identifier: MIT
//
// detail/process/kill_tree.hpp: ending a process and everything it started; the options and the
// report are public through process.hpp.
//
// A process that forks while its tree is listed leaves a child nobody has listed, and once the
// parent is gone nothing leads from one to the other. So the tree is stopped first, member by
// member (SIGSTOP), until all have stopped and another look finds no new one: then nothing is born
// and nothing is lost, and what is listed is the tree. Only then are they told to end, children
// before parents: nobody sees its workers end before it has its own signal, as it is stopped; and a
// process group that is left without a parent while members are stopped would be hung up (SIGHUP)
// by the kernel.

#pragma once

#include <skyutil/detail/os.hpp>
#include <skyutil/detail/process/process_handle.hpp>
#include <skyutil/detail/process/process_table.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

struct kill_tree_options {
    /// From SIGTERM to SIGKILL, for the whole tree together. 0 and less: none; more than a hundred
    /// years: for ever.
    std::chrono::milliseconds grace = std::chrono::seconds(10);

    /// SIGKILL at once, no SIGTERM.
    bool force = false;

    /// The process itself too, not only those it started.
    bool include_root = true;

    /// The first signal, by number; std::errc::invalid_argument for one that is none. SIGKILL is
    /// the same as `force`.
    int end_signal = detail::os::terminate_signal;

    /// Processes that are left alone, with all that they started.
    std::vector<std::int64_t> spare{};
};

/// What became of the processes that were to be ended. A process is in a list at most once.
struct kill_report {
    struct process_left {
        std::int64_t pid;

        /// errc::operation_not_permitted for another user's and for the calling process,
        /// errc::timed_out for one that is still there 10 s after SIGKILL (a frozen control group
        /// of version 1 keeps it, as does a system call that cannot be interrupted), else why the
        /// signal could not be sent.
        std::error_code error;

        friend bool operator==(const process_left&, const process_left&) = default;
    };

    /// Who got SIGTERM or SIGKILL.
    std::vector<std::int64_t> signalled;

    /// Who of these got SIGKILL: all with kill_tree_options::force.
    std::vector<std::int64_t> killed;

    /// Who is left.
    std::vector<process_left> left;
};

namespace detail {

/// What tells a child of this process from whoever gets its id once it has been reaped. Used while
/// the pidfd is open, from any thread.
struct child_identity {
    std::int64_t pid = 0;
    int pidfd = -1;              ///< -1: none
    bool leads_group = false;    ///< made a process group of its own
    bool leads_session = false;  ///< and a session

    /// Until then the child had its id for certain, in clock ticks since the machine started.
    std::uint64_t owned_until = 0;

    /// Whether it has it still: it runs, or nobody has reaped it.
    [[nodiscard]] bool has_its_id() const noexcept {
        return os::has_its_id(static_cast<pid_t>(pid), pidfd);
    }

    /// Whether others are in its group, as far as the kernel tells. While they are, nobody gets the
    /// number.
    [[nodiscard]] bool has_group() const noexcept {
        std::error_code error;
        if (leads_group && pidfd != -1) {
            os::signal_group_of_pidfd(pidfd, 0, error);
        }
        return leads_group && pidfd != -1 &&
               (!error || error == std::errc::operation_not_permitted);
    }
};

/// A process that is to end.
struct tree_member {
    process_handle handle;
    process_entry entry;
    bool spared = false;   ///< never signalled: the calling process, a root that shall live
    bool gone = false;     ///< has ended, or is a zombie
    bool stopped = false;  ///< by us
    bool asked = false;    ///< by SIGTERM
    bool killed = false;
    bool owns_group = false;  ///< leads a process group that is taken to be the tree's
    std::error_code error{};  ///< why the last signal could not be sent

    /// Whether it is there, as far as can be told.
    [[nodiscard]] bool is_left() noexcept {
        if (!gone) {
            std::error_code unknown;
            gone = !handle.alive(unknown) && !unknown;
        }
        return !gone;
    }

    /// Whether it is there to be signalled. An error that is no lack of permission may pass.
    [[nodiscard]] bool is_target() noexcept {
        return !spared && error != std::errc::operation_not_permitted && is_left();
    }

    /// Whether the signal was sent.
    bool send(int signal) noexcept {
        std::error_code failed;
        handle.signal(signal, failed);
        if (failed == std::errc::no_such_process) {
            gone = true;
        } else {
            error = failed;
        }
        return !failed;
    }

    void stop() noexcept { stopped = stopped || (is_target() && send(os::stop_signal)); }

    void resume() noexcept {
        if (std::exchange(stopped, false)) {
            std::error_code ignored;
            handle.signal(os::continue_signal, ignored);
        }
    }

    void ask(int signal) noexcept {
        if (!asked && is_target() && send(signal)) {
            asked = true;
            stopped = true;  // by somebody else, maybe: it cannot hear the signal then
        }
        resume();
    }

    /// Whether it is on its way: SIGKILL was sent.
    [[nodiscard]] bool is_dying() noexcept { return killed && is_target(); }

    void kill() noexcept {
        if (!killed && is_target()) {
            killed = send(os::kill_signal);
        }
        stopped = stopped && !killed;
        resume();
    }
};

class tree_killer {
public:
    /// Finds the tree. With `child` the root is that child of this process, and nobody else.
    tree_killer(std::int64_t root, const child_identity* child, const kill_tree_options& options,
                identity means, std::error_code& error)
        : table_(error),
          means_(means),
          end_signal_(options.end_signal),
          strangers_(options.spare),
          root_lives_(!options.include_root) {
        if (!error) {
            table_.refresh(error);
        }
        if (error) {
            return;
        }
        const process_entry* entry = table_.find(root);
        find_strangers();
        if (child != nullptr &&
            !child->has_its_id()) {  // nor had it when the table was read, maybe
            entry = nullptr;
            add_reaped(*child);
        } else if (entry != nullptr) {
            add(*entry);
        }
        if (members_.empty()) {
            if (!is_stranger(root)) {
                error = missing_process(root);
            }
            return;
        }
        constexpr std::size_t most = 1000;  // numbers that were given anew could go in a circle
        for (auto at = entry != nullptr ? entry : &members_.front().entry;
             at != nullptr && reapers_.size() < most; at = table_.find(at->parent())) {
            reapers_.push_back(at->parent());
        }
        members_.front().spared = members_.front().spared || root_lives_;
        find_members();
    }
    tree_killer(const tree_killer&) = delete;
    tree_killer& operator=(const tree_killer&) = delete;

    /// None stays stopped, whatever happens.
    ~tree_killer() {
        for_each_child_first([](tree_member& each) { each.resume(); });
    }

    /// Sends the first signal and waits for as long as the grace. What a member starts while it
    /// ends is left alone for as long as the member lives (it may be what cleans up), and asked
    /// when it is still there then.
    void ask_all(std::chrono::milliseconds grace) {
        using std::chrono::milliseconds;
        const time_point deadline = deadline_after(grace);
        freeze();
        for_each_child_first([this](tree_member& each) { each.ask(end_signal_); });
        for (milliseconds pause(10);; pause = (std::min)(2 * pause, milliseconds(160))) {
            const bool ended =
                wait_until((std::min)(deadline, deadline_after(pause)), &tree_member::is_target);
            const bool found = look();
            const bool asked = ask_orphans();
            if ((ended && !found && !asked) || std::chrono::steady_clock::now() >= deadline) {
                return;
            }
        }
    }

    /// Sends SIGKILL and waits until all are gone; again for those that were born meanwhile, and a
    /// few times to those whom it could not be sent.
    void kill_all() {
        const time_point deadline = deadline_after(kill_patience);
        int more_tries = 3;
        do {
            freeze();
            for_each_child_first([](tree_member& each) { each.kill(); });
        } while (wait_until(deadline, &tree_member::is_dying) &&
                 (look() || (any_left() && more_tries-- != 0)) &&
                 std::chrono::steady_clock::now() < deadline);
    }

    [[nodiscard]] bool any_left() noexcept {
        return std::any_of(members_.begin(), members_.end(),
                           [](tree_member& each) { return each.is_target(); });
    }

    [[nodiscard]] kill_report report() {
        kill_report result;
        for (tree_member& each : members_) {
            const std::int64_t pid = each.entry.pid;
            if (each.asked || each.killed) {
                result.signalled.push_back(pid);
            }
            if (each.killed) {
                result.killed.push_back(pid);
            }
            const bool lives = root_lives_ && &each == &members_.front();
            if (!lives && each.is_left()) {
                result.left.push_back({pid, each.spared
                                                ? os::make_error(std::errc::operation_not_permitted)
                                            : each.error ? each.error
                                                         : os::make_error(std::errc::timed_out)});
            }
        }
        return result;
    }

    /// What kept a look at the processes from being complete.
    [[nodiscard]] const std::error_code& error() const noexcept { return error_; }

private:
    template <class Function>
    void for_each_child_first(Function function) {
        for (std::size_t i = members_.size(); i-- != 0;) {
            function(members_[i]);
        }
    }

    /// Adds what a child has left behind that others have reaped: everybody in its session or
    /// group, if that is proven to be the child's. It is while the kernel says that others are in
    /// the group of the child, or when one is in its session who was there while the child had its
    /// id.
    void add_reaped(const child_identity& child) {
        const auto number = static_cast<std::uint64_t>(child.pid);
        const auto is_older = [&](const process_entry& each) {
            return child.leads_session && each.stat.session == number &&
                   each.stat.start_time <= child.owned_until;
        };
        const auto& all = table_.entries();
        if (table_.find(child.pid) != nullptr ||
            !(child.has_group() || std::any_of(all.begin(), all.end(), is_older))) {
            return;
        }
        tree_member root{process_handle_access::make(child.pid, 0), {}};
        root.entry.pid = child.pid;
        root.entry.stat.parent = static_cast<std::uint64_t>(os::process_id());
        root.entry.stat.group = number;
        root.entry.stat.session = child.leads_session ? number : 0;
        root.spared = true;
        root.gone = true;
        by_pid_.push_back(0);
        members_.push_back(std::move(root));
    }

    /// Stops all until none is new; a tree that grows faster than it can be stopped for so long is
    /// given up.
    void freeze() {
        constexpr std::chrono::milliseconds patience = std::chrono::seconds(5);
        const time_point deadline = deadline_after(patience);
        std::size_t next = 0;
        do {
            const std::size_t first = std::exchange(next, members_.size());
            for (std::size_t i = first; i != next; ++i) {
                members_[i].stop();
            }
            settle(first, deadline);
        } while (look() && std::chrono::steady_clock::now() < deadline);
    }

    /// Waits until those from the first on that were told to stop have: one in fork(2) finishes
    /// that first, and one that is ready to run needs a processor for it, which takes its time on a
    /// busy machine. One that sleeps in the kernel for longer is not waited for.
    void settle(std::size_t first, time_point latest) const {
        using std::chrono::microseconds;
        constexpr microseconds longest(1000);
        constexpr std::chrono::milliseconds patience(100);
        const time_point sleepers_latest = (std::min)(latest, deadline_after(patience));
        for (std::size_t i = first; i != members_.size(); ++i) {
            const tree_member& each = members_[i];
            for (microseconds pause(50); each.stopped; pause = (std::min)(2 * pause, longest)) {
                const char state = state_of(each);
                const bool has_stopped = state == 'T' || state == 't' || state == 'Z';
                const time_point until = state == 'R' ? latest : sleepers_latest;
                if (has_stopped || std::chrono::steady_clock::now() >= until) {
                    break;
                }
                std::this_thread::sleep_for(pause);
            }
        }
    }

    /// As in /proc/PID/stat; Z for one that is gone.
    char state_of(const tree_member& each) const {
        std::error_code error;
        const auto stat = table_.proc().stat(each.entry.pid, error);
        const bool is_gone = !stat || stat->start_time != each.entry.stat.start_time;
        return is_gone || stat->state == 'X' ? 'Z' : stat->state;
    }

    /// Looks for new members; whether there are any, or were: one that has ended since may have
    /// started another before.
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
        }
        if (error) {
            return false;
        }
        find_strangers();
        return find_members();
    }

    /// Finds those who are spared and what they started.
    void find_strangers() {
        if (strangers_.empty()) {
            return;
        }
        const children_index children{table_};
        for (std::size_t i = 0; i != strangers_.size(); ++i) {
            children.for_each_child(strangers_[i], [&](std::size_t child) {
                const std::int64_t pid = table_.entries()[child].pid;
                if (std::find(strangers_.begin(), strangers_.end(), pid) == strangers_.end()) {
                    strangers_.push_back(pid);
                }
            });
        }
    }

    [[nodiscard]] bool is_stranger(std::int64_t pid) const noexcept {
        return std::find(strangers_.begin(), strangers_.end(), pid) != strangers_.end();
    }

    bool find_members() {
        const children_index index{table_};
        bool found = false;
        std::size_t next = 0;
        do {
            for (; next != members_.size(); ++next) {
                const process_entry parent = members_[next].entry;
                index.for_each_child(parent.pid, [&](std::size_t i) {
                    const process_entry& child = table_.entries()[i];
                    found = (is_of(parent, child) && add(child)) || found;
                });
            }
            found = adopt() || found;
        } while (next != members_.size());
        return found;
    }

    /// Whether the parent of that id, or the maker of the session of that number, is this one, and
    /// not another that has the id now.
    bool is_of(const process_entry& parent, const process_entry& child) const noexcept {
        const process_entry* const now = table_.find(parent.pid);
        return can_be_parent(parent.stat, child.stat) &&
               (now == nullptr || now->stat.start_time == parent.stat.start_time ||
                !can_be_parent(now->stat, child.stat));
    }

    /// Adds those that lost their parent and were given to a reaper: init, or an ancestor that
    /// asked for it (PR_SET_CHILD_SUBREAPER).
    ///
    /// All processes of a session descend from the one that made it (setsid(2)), whose id it has.
    /// Process groups have the id of a leader too, but a shell puts siblings into one (a pipeline):
    /// a group is taken to be the tree's if everybody in it is a member or was given to a reaper
    /// that is not the leader's parent.
    bool adopt() {
        for (tree_member& each : members_) {
            each.owns_group = true;
        }
        for (const process_entry& entry : table_.entries()) {
            tree_member* const leader = find_member(entry.stat.group);
            if (leader != nullptr && leader->owns_group && find_member(entry) == nullptr) {
                leader->owns_group = is_orphan_of(*leader, entry);
            }
        }
        bool found = false;
        for (const process_entry& entry : table_.entries()) {
            const tree_member* const maker = find_member(entry.stat.session);
            const tree_member* const leader = find_member(entry.stat.group);
            const bool descends = (maker != nullptr && is_of(maker->entry, entry)) ||
                                  (leader != nullptr && leader->owns_group);
            found = (descends && add(entry)) || found;
        }
        return found;
    }

    bool is_orphan_of(const tree_member& leader, const process_entry& entry) const {
        if (!is_of(leader.entry, entry)) {
            return false;
        }
        const std::int64_t parent = entry.parent();
        const bool reaped =
            parent <= 1 || std::find(reapers_.begin(), reapers_.end(), parent) != reapers_.end();
        return reaped && parent != leader.entry.parent();
    }

    /// Where the id is, or would be.
    std::vector<std::size_t>::iterator place_of(std::int64_t pid) noexcept {
        return std::lower_bound(
            by_pid_.begin(), by_pid_.end(), pid,
            [this](std::size_t each, std::int64_t value) { return pid_of(each) < value; });
    }

    [[nodiscard]] std::int64_t pid_of(std::size_t member) const noexcept {
        return members_[member].entry.pid;
    }

    tree_member* find_member(std::uint64_t pid) noexcept {
        const auto found = place_of(static_cast<std::int64_t>(pid));
        return found == by_pid_.end() || pid_of(*found) != static_cast<std::int64_t>(pid)
                   ? nullptr
                   : &members_[*found];
    }

    /// The member that the entry is about.
    tree_member* find_member(const process_entry& entry) noexcept {
        tree_member* const known = find_member(static_cast<std::uint64_t>(entry.pid));
        return known != nullptr && known->entry.stat.start_time == entry.stat.start_time &&
                       (known->entry.inode == entry.inode || known->is_left())
                   ? known
                   : nullptr;
    }

    /// Adds a process, unless it is gone; false for one that is a member already, or spared.
    bool add(const process_entry& entry) {
        if (find_member(entry) != nullptr || is_stranger(entry.pid)) {
            return false;
        }
        tree_member added{process_handle_access::make(entry.pid, entry.stat.start_time), entry};
        added.spared = entry.pid == os::process_id();
        added.gone = !entry.stat.running();
        if (!added.gone && !starved_ && means_ == identity::best) {
            std::error_code error;
            process_handle opened = process_handle_access::open(entry.pid, means_, error);
            if (is_starved(error)) {
                spare_descriptors();
            } else if (error == std::errc::no_such_process || !is_same(entry)) {
                return true;
            } else if (!error && process_handle_access::has_pidfd(opened)) {
                added.handle = std::move(opened);
            }
        }
        const auto place = place_of(entry.pid);
        if (place != by_pid_.end() && pid_of(*place) == entry.pid) {
            *place = members_.size();
        } else {
            by_pid_.insert(place, members_.size());
        }
        members_.push_back(std::move(added));
        return true;
    }

    /// Whether the process of that id is still the one that was listed.
    bool is_same(const process_entry& entry) const noexcept {
        if (table_.proc().inode(entry.pid) == entry.inode) {
            return true;
        }
        std::error_code error;
        const auto stat = table_.proc().stat(entry.pid, error);
        return stat && stat->start_time == entry.stat.start_time;
    }

    /// From now on members are told by their start time: /proc must be readable.
    void spare_descriptors() {
        starved_ = true;
        std::size_t enough = 8;
        for (std::size_t i = members_.size(); i-- != 0 && enough != 0;) {
            tree_member& each = members_[i];
            if (process_handle_access::has_pidfd(each.handle)) {
                each.handle =
                    process_handle_access::make(each.entry.pid, each.entry.stat.start_time);
                --enough;
            }
        }
    }

    /// Whether all of that kind have ended at that time.
    bool wait_until(time_point deadline, bool (tree_member::*is_awaited)() noexcept) {
        for (tree_member& each : members_) {
            if (!(each.*is_awaited)()) {
                continue;
            }
            std::error_code error;
            each.gone = process_handle_access::wait_until(each.handle, deadline, error);
            if (error) {
                each.gone = wait_in_proc(each, deadline);
            }
            if (!each.gone) {
                return false;
            }
        }
        return true;
    }

    /// The same for one whose handle cannot be waited for.
    bool wait_in_proc(const tree_member& each, time_point deadline) const noexcept {
        constexpr std::chrono::milliseconds pause(2);
        for (;;) {
            std::error_code error;
            const auto stat = table_.proc().stat(each.entry.pid, error);
            if (error == std::errc::no_such_process ||
                (stat && (stat->start_time != each.entry.stat.start_time || !stat->running()))) {
                return true;
            }
            if (std::chrono::steady_clock::now() >= deadline) {
                return false;
            }
            std::this_thread::sleep_for(pause);
        }
    }

    /// Sends the first signal to those who came after it, if their parent is not there to end them;
    /// whether there were any.
    bool ask_orphans() {
        bool found = false;
        for (tree_member& each : members_) {
            if (each.asked || !each.is_target()) {
                continue;
            }
            tree_member* const parent = find_member(each.entry.stat.parent);
            if (parent == nullptr || !parent->is_target()) {
                each.ask(end_signal_);
                found = true;
            }
        }
        return found;
    }

    process_table table_;
    std::vector<tree_member> members_;  ///< parents before children
    std::vector<std::size_t> by_pid_;   ///< the last member of each id, ascending
    std::vector<std::int64_t> reapers_;
    identity means_;
    int end_signal_;
    std::vector<std::int64_t> strangers_;  ///< not to be members
    bool root_lives_;
    bool starved_ = false;
    std::error_code error_;
};

inline kill_report kill_tree(std::int64_t root, const child_identity* child,
                             const kill_tree_options& options, identity means,
                             std::error_code& error) {
    error.clear();
    if (!os::is_signal(options.end_signal)) {
        error = os::make_error(std::errc::invalid_argument);
        return {};
    }
    tree_killer tree(root, child, options, means, error);
    if (error) {
        return {};
    }
    if (!options.force && options.end_signal != os::kill_signal) {
        tree.ask_all(options.grace);
    }
    if (tree.any_left()) {
        tree.kill_all();
    }
    error = tree.error();
    return tree.report();
}

inline kill_report kill_tree(std::int64_t root, const kill_tree_options& options, identity means,
                             std::error_code& error) {
    return kill_tree(root, nullptr, options, means, error);
}

/// The same for one process alone.
inline kill_report end_process(std::int64_t pid, std::chrono::milliseconds grace, identity means,
                               std::error_code& error) {
    kill_report report;
    const process_handle handle = process_handle_access::open(pid, means, error);
    if (error) {
        return report;
    }
    if (pid == 1 || pid == os::process_id()) {
        error = os::make_error(std::errc::operation_not_permitted);
        return report;
    }
    const auto [ended, asked, killed] =
        process_handle_access::terminate(handle, deadline_after(grace), error);
    if (asked) {
        report.signalled.push_back(pid);
    }
    if (killed) {
        report.killed.push_back(pid);
    }
    if (!ended && (!error || error == std::errc::operation_not_permitted)) {
        report.left.push_back({pid, error ? error : os::make_error(std::errc::timed_out)});
        error.clear();
    }
    return report;
}

}  // namespace detail

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
