// SPDX-License-Identifier: MIT
//
// detail/process/kill_tree.hpp: ending a tree of processes. Included at the end of
// skyutil/process.hpp.
//
// A process that forks while its tree is listed leaves a child that is not in the list, and once
// the parent is gone nothing leads from one to the other. So the tree is stopped first, member by
// member, until all have stopped and another look finds no new one. From then on no process is
// started and none gets lost: the list is the tree.
//
// Only then are they told to end, children before parents. No process sees its children end before
// it has its own signal, as it is stopped. And a process group that is left without a parent while
// members are stopped would get SIGHUP from the kernel, where there are such groups.
//
// A system that cannot stop them keeps what they start together with them instead (os::tree_guard).
// There parents are ended before their children, so that they start no others in their place.
//
// A member that has been told to stop and has not may be in fork(2), where a busy machine or a lack
// of memory can keep it. It is held back, with those it descends from: it gets the signal once it
// has stopped and its child has been found.

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/os/children.hpp>
#include <skyutil/detail/os/process_tree.hpp>
#include <skyutil/detail/os/processes.hpp>
#include <skyutil/detail/process/watched_tree.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <system_error>
#include <thread>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Returns the number among those of the signals that the system has no signal for.
inline std::optional<int> wrong_signal(const kill_tree_options& options) noexcept {
    if (!os::is_signal(options.end_signal)) {
        return options.end_signal;
    }
    for (const end_step& each : options.end_steps) {
        if (!os::is_signal(each.signal)) {
            return each.signal;
        }
    }
    return std::nullopt;
}

/// Calls `take(step)` for each signal before SIGKILL, until it returns false.
template <class Take>
void for_each_step(const kill_tree_options& options, Take take) {
    const end_step only{options.end_signal, options.grace};
    const std::span<const end_step> steps =
        options.end_steps.empty() ? std::span(&only, 1) : std::span(options.end_steps);
    for (const end_step& each : steps) {
        if (options.force || each.signal == os::kill_signal || !take(each)) {
            return;
        }
    }
}

class tree_killer {
public:
    tree_killer(watched_tree& tree, const kill_tree_options& options) noexcept
        : tree_(tree), options_(options) {
        if (!options.include_root && !tree.members().empty()) {
            tree.members()[0].spared = true;
        }
    }
    tree_killer(const tree_killer&) = delete;
    tree_killer& operator=(const tree_killer&) = delete;

    /// No member stays stopped, whatever happens.
    ~tree_killer() {
        for_each_child_first([this](tree_member& each) { each.resume(tree_.guard()); });
    }

    /// Sends the signal of a step and waits for as long as its grace. What a member starts while it
    /// ends may be what cleans up: it gets the signal only if it is still there when that member
    /// has ended.
    void ask_all(const end_step& step) {
        using std::chrono::milliseconds;
        const time_point deadline = deadline_after(step.grace);
        for (tree_member& each : tree_.members()) {
            each.asked = false;
        }
        bool ended = false;
        for (milliseconds pause(10);; pause = (std::min)(2 * pause, milliseconds(160))) {
            const bool found = freeze();
            const bool asked =
                send([&](tree_member& each) { each.ask(step.signal, tree_.guard()); });
            if ((ended && !found && !asked) || are_all_deaf() ||
                std::chrono::steady_clock::now() >= deadline) {
                return;
            }
            ended =
                wait_until((std::min)(deadline, deadline_after(pause)), &tree_member::is_target);
        }
    }

    /// Kills all and waits until they are gone. Does so again for those that were started
    /// meanwhile, and a few times for those to which it could not be sent.
    void kill_all() {
        const time_point latest = deadline_after(kill_patience);
        kills_ = true;
        int more_tries = 3;
        for (bool again = true; again;) {
            freeze();
            holds_back_ = std::chrono::steady_clock::now() < latest;
            send([this](tree_member& each) { each.kill(tree_.guard()); });
            tree_.guard().end_kept();
            if (is_any_held_back()) {
                wait_until(deadline_after(std::chrono::milliseconds(10)), &tree_member::is_target);
                continue;
            }
            again = wait_until(deadline_after(kill_patience), &tree_member::is_dying) &&
                    holds_back_ && (look() || (any_left() && more_tries-- != 0));
        }
    }

    [[nodiscard]] bool any_left() noexcept {
        return std::any_of(tree_.members().begin(), tree_.members().end(),
                           [](tree_member& each) { return each.is_target(); });
    }

    /// Whether there are members left, and nothing asks any of them to end: waiting is in vain.
    [[nodiscard]] bool are_all_deaf() noexcept {
        return any_left() &&
               std::all_of(tree_.members().begin(), tree_.members().end(), [](tree_member& each) {
                   return !each.is_target() || each.is_deaf_target();
               });
    }

    [[nodiscard]] kill_report report() {
        kill_report result;
        for (std::size_t i = 0; i != tree_.members().size(); ++i) {
            tree_member& each = tree_.members()[i];
            const bool shall_live = i == 0 && !options_.include_root;
            const std::int64_t pid = each.entry.pid;
            if (each.signalled || each.killed) {
                result.signalled.push_back(pid);
            }
            if (each.killed) {
                result.killed.push_back(pid);
            }
            if (!shall_live && each.is_left()) {
                result.left.push_back({pid, each.spared
                                                ? os::make_error(std::errc::operation_not_permitted)
                                            : each.error ? each.error
                                                         : os::make_error(std::errc::timed_out)});
            }
        }
        return result;
    }

private:
    template <class Function>
    void for_each_child_first(Function function) {
        for (std::size_t i = tree_.members().size(); i-- != 0;) {
            function(tree_.members()[i]);
        }
    }

    /// Children first, where they stand still until they are told.
    template <class Function>
    void for_each_in_order(Function function) {
        if (os::tree_guard::stops()) {
            for_each_child_first(function);
        } else {
            std::for_each(tree_.members().begin(), tree_.members().end(), function);
        }
    }

    /// Stops the members that are to get a signal until no new one is found; whether the last look
    /// found any, that are left alone or have ended since. Gives up a tree that grows faster than
    /// it can be stopped for too long.
    bool freeze() {
        const time_point deadline = deadline_after(std::chrono::seconds(5));
        stop_due();
        bool found = look();
        while (found && (stop_due() || !is_any_left_alone_) &&
               std::chrono::steady_clock::now() < deadline) {
            found = look();
        }
        return found;
    }

    /// Looks for new members; whether there are any, or were. All children are known of those that
    /// had stopped before.
    bool look() {
        for (tree_member& each : tree_.members()) {
            each.last_seen = stillness_of(each);
        }
        return tree_.look();
    }

    /// Decides who is to get the signal, and stops those; whether any has been told to.
    bool stop_due() {
        bool told = false;
        is_any_left_alone_ = false;
        for (std::size_t i = 0; i != tree_.members().size(); ++i) {
            tree_member& each = tree_.members()[i];
            const tree_member* const parent =
                i == 0 ? nullptr : tree_.members().find(each.entry.parent);
            each.awaited = each.is_target();
            each.left_alone = !kills_ && !each.asked && parent != nullptr && parent->awaited &&
                              (parent->asked || parent->left_alone);
            each.due = each.awaited && !each.left_alone && !(kills_ ? each.killed : each.asked);
            is_any_left_alone_ = is_any_left_alone_ || each.left_alone;
            if (each.due && !each.stopped) {
                each.stop(tree_.guard());
                told = told || each.stopped;
            }
        }
        settle();
        return told;
    }

    /// Waits until the members that were told to stop have done so, but not for long.
    void settle() {
        using std::chrono::microseconds;
        constexpr microseconds longest(1000);
        for (tree_member& each : tree_.members()) {
            for (microseconds pause(50); stillness_of(each) == os::stillness::settling &&
                                         std::chrono::steady_clock::now() < each.told + settle_time;
                 pause = (std::min)(2 * pause, longest)) {
                std::this_thread::sleep_for(pause);
            }
        }
    }

    /// Returns how still a member is that was told to hold still; still if it was not.
    os::stillness stillness_of(tree_member& member) const {
        if (!member.stopped || member.settled) {
            return os::stillness::still;
        }
        const auto held = std::chrono::steady_clock::now() - member.told;
        const os::stillness how = tree_.guard().look(member.entry, held);
        member.settled = how == os::stillness::still;
        return how;
    }

    /// Sends a signal to the members that are to get it, in order; whether there were any. Holds
    /// back those that have not stopped: with those they descend from for a while, and alone for as
    /// long as they could not hear it anyway.
    template <class Send>
    bool send(Send send) {
        for (tree_member& each : tree_.members()) {
            each.held_back = false;
        }
        bool sent = false;
        for_each_in_order([&](tree_member& each) {
            const bool settles = each.due && each.last_seen == os::stillness::settling;
            const bool is_stuck = each.due && each.last_seen == os::stillness::stuck;
            if (holds_back_ && (each.held_back || settles)) {
                each.held_back = true;
                if (tree_member* const parent = tree_.members().find(each.entry.parent)) {
                    parent->held_back = true;
                }
            } else if (is_stuck && !kills_) {
                each.held_back = true;
            } else if (each.due) {
                send(each);
                sent = true;
            }
        });
        return sent;
    }

    [[nodiscard]] bool is_any_held_back() noexcept {
        return std::any_of(tree_.members().begin(), tree_.members().end(),
                           [](tree_member& each) { return each.held_back && each.is_target(); });
    }

    /// Waits until all members of that kind have ended, but not beyond the deadline; whether they
    /// have.
    bool wait_until(time_point deadline, bool (tree_member::*is_awaited)() noexcept) {
        for (tree_member& each : tree_.members()) {
            if ((each.*is_awaited)() && !tree_.wait_for_end(each, deadline)) {
                return false;
            }
        }
        return true;
    }

    /// How long a process takes to stop when nothing keeps it from it.
    static constexpr std::chrono::milliseconds settle_time{100};

    watched_tree& tree_;
    const kill_tree_options& options_;
    bool kills_ = false;      ///< the signal ends a process at once, and all get it
    bool holds_back_ = true;  ///< those that have not stopped
    bool is_any_left_alone_ = false;
};

/// As kill_process_tree() says. With `child` the root is that child of this process, and no other
/// process with its id.
inline kill_report kill_tree(std::int64_t root, const os::child* child,
                             const kill_tree_options& options, std::error_code& error) {
    error.clear();
    if (wrong_signal(options)) {
        error = os::make_error(std::errc::invalid_argument);
        return {};
    }
    watched_tree tree(root, child, options.spare, error);
    if (error) {
        return {};
    }
    tree_killer killer(tree, options);
    for_each_step(options, [&](const end_step& step) {
        killer.ask_all(step);
        return killer.any_left();
    });
    if (killer.any_left()) {
        killer.kill_all();
    }
    error = tree.error();
    return killer.report();
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
