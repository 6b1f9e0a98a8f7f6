// SPDX-License-Identifier: MIT
//
// detail/process/kill_tree.hpp: ending a tree of processes. Included at the end of
// skyutil/process.hpp.
//
// A process that forks while its tree is listed leaves a child that is not in the list, and once
// the parent is gone nothing leads from one to the other. So the tree is stopped first, member by
// member (SIGSTOP), until all have stopped and another look finds no new one. From then on no
// process is started and none gets lost: the list is the tree.
//
// Only then are they told to end, children before parents. No process sees its children end before
// it has its own signal, as it is stopped. And a process group that is left without a parent while
// members are stopped would get SIGHUP from the kernel.

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/os/process_tree.hpp>
#include <skyutil/detail/os/processes.hpp>
#include <skyutil/detail/process/child_identity.hpp>
#include <skyutil/detail/process/watched_tree.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <thread>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

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
        for_each_child_first([](tree_member& each) { each.resume(); });
    }

    /// Sends the first signal and waits for as long as the grace. What a member starts while it
    /// ends may be what cleans up: it gets the signal only if it is still there when that member
    /// has ended.
    void ask_all() {
        using std::chrono::milliseconds;
        const time_point deadline = deadline_after(options_.grace);
        freeze();
        for_each_child_first([this](tree_member& each) { each.ask(options_.end_signal); });
        for (milliseconds pause(10);; pause = (std::min)(2 * pause, milliseconds(160))) {
            const bool ended =
                wait_until((std::min)(deadline, deadline_after(pause)), &tree_member::is_target);
            const bool found = tree_.look();
            const bool asked = ask_orphans();
            if ((ended && !found && !asked) || std::chrono::steady_clock::now() >= deadline) {
                return;
            }
        }
    }

    /// Sends SIGKILL and waits until all are gone. Does so again for those that were started
    /// meanwhile, and a few times for those to which it could not be sent.
    void kill_all() {
        const time_point deadline = deadline_after(kill_patience);
        int more_tries = 3;
        do {
            freeze();
            for_each_child_first([](tree_member& each) { each.kill(); });
        } while (wait_until(deadline, &tree_member::is_dying) &&
                 (tree_.look() || (any_left() && more_tries-- != 0)) &&
                 std::chrono::steady_clock::now() < deadline);
    }

    [[nodiscard]] bool any_left() noexcept {
        return std::any_of(tree_.members().begin(), tree_.members().end(),
                           [](tree_member& each) { return each.is_target(); });
    }

    [[nodiscard]] kill_report report() {
        kill_report result;
        for (std::size_t i = 0; i != tree_.members().size(); ++i) {
            tree_member& each = tree_.members()[i];
            const bool shall_live = i == 0 && !options_.include_root;
            const std::int64_t pid = each.entry.pid;
            if (each.asked || each.killed) {
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

    /// Stops all members until no new one is found. Gives up a tree that grows faster than it can
    /// be stopped for too long.
    void freeze() {
        constexpr std::chrono::milliseconds patience = std::chrono::seconds(5);
        const time_point deadline = deadline_after(patience);
        std::size_t next = 0;
        do {
            const std::size_t first = std::exchange(next, tree_.members().size());
            for (std::size_t i = first; i != next; ++i) {
                tree_.members()[i].stop();
            }
            settle(first, deadline);
        } while (tree_.look() && std::chrono::steady_clock::now() < deadline);
    }

    /// Waits until the members from the first on that were told to stop have stopped, or will not
    /// soon.
    void settle(std::size_t first, time_point latest) {
        using std::chrono::microseconds, std::chrono::steady_clock;
        constexpr microseconds longest(1000);
        const time_point told = steady_clock::now();
        for (std::size_t i = first; i != tree_.members().size(); ++i) {
            const tree_member& each = tree_.members()[i];
            for (microseconds pause(50); each.stopped; pause = (std::min)(2 * pause, longest)) {
                const time_point now = steady_clock::now();
                if (now >= latest ||
                    tree_.guard().look(each.entry, now - told) != os::stillness::settling) {
                    break;
                }
                std::this_thread::sleep_for(pause);
            }
        }
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

    /// Sends the first signal to the members that were found after it was sent, if their parent is
    /// not there to end them; whether there were any.
    bool ask_orphans() {
        bool found = false;
        for (tree_member& each : tree_.members()) {
            if (each.asked || !each.is_target()) {
                continue;
            }
            tree_member* const parent = tree_.members().find(each.entry.parent);
            if (parent == nullptr || !parent->is_target()) {
                each.ask(options_.end_signal);
                found = true;
            }
        }
        return found;
    }

    watched_tree& tree_;
    const kill_tree_options& options_;
};

/// As kill_process_tree() says. With `child` the root is that child of this process, and no other
/// process with its id.
inline kill_report kill_tree(std::int64_t root, const child_identity* child,
                             const kill_tree_options& options, std::error_code& error) {
    error.clear();
    if (!os::is_signal(options.end_signal)) {
        error = os::make_error(std::errc::invalid_argument);
        return {};
    }
    watched_tree tree(root, child, options.spare, error);
    if (error) {
        return {};
    }
    tree_killer killer(tree, options);
    if (!options.force && options.end_signal != os::kill_signal) {
        killer.ask_all();
    }
    if (killer.any_left()) {
        killer.kill_all();
    }
    error = tree.error();
    return killer.report();
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
