// SPDX-License-Identifier: MIT
//
// detail/subprocess/end_child_tree.hpp: ends a child of this process with all that it started, and
// does what is possible where the processes of the system cannot be listed.

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/os/children.hpp>
#include <skyutil/process.hpp>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <thread>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Ends a child and the process group that it leads, where the tree cannot be found: without /proc
/// or without descriptors. As long as the child is not reaped, no other group can have its id. When
/// the leader has ended, the rest of the group gets a moment more, because nothing tells when it is
/// gone. Returns why the child has not ended, or no error if it has.
inline std::error_code end_group(const os::child& child,
                                 const kill_tree_options& options) noexcept {
    std::error_code error;
    for_each_step(options, [&](const end_step& step) {
        const time_point deadline = deadline_after(step.grace);
        child.ask(step.signal, error);
        const bool ended = error || child.wait_for_end(deadline);
        if (ended) {
            constexpr std::chrono::milliseconds moment(100);
            std::this_thread::sleep_until((std::min)(deadline, deadline_after(moment)));
        }
        error.clear();
        return !ended;
    });
    child.kill(error);
    if (child.wait_for_end(error ? std::chrono::steady_clock::now()
                                 : deadline_after(kill_patience))) {
        return {};
    }
    return error ? error : os::make_error(std::errc::timed_out);
}

/// Ends a child with all that the system keeps together with it, and waits until they are gone.
/// Returns why they have not ended, or no error if they have.
inline std::error_code end_kept_tree(const os::child& child,
                                     const kill_tree_options& options) noexcept {
    std::error_code error;
    bool ended = false;
    for_each_step(options, [&](const end_step& step) {
        child.ask(step.signal, error);
        ended = !error && child.wait_for_tree(deadline_after(step.grace));
        error.clear();
        return !ended;
    });
    if (!ended) {
        child.kill(error);
        ended = child.wait_for_tree(error ? std::chrono::steady_clock::now()
                                          : deadline_after(kill_patience));
    }
    return ended ? std::error_code() : error ? error : os::make_error(std::errc::timed_out);
}

/// Ends a child and all processes that it started, and waits until they are gone. Finds what the
/// child has left behind, too, if the child has already ended. May be called in another thread as
/// long as the child is not reaped meanwhile.
inline kill_report end_child_tree(const os::child& child,
                                  const kill_tree_options& options) noexcept {
    std::error_code error;
    kill_report report;
    const bool is_kept = child.tree != os::no_handle;
    if (is_kept) {
        error = end_kept_tree(child, options);
    } else {
        catch_std_exception([&] { report = kill_tree(child.pid, &child, options, error); },
                            [&] { error = os::make_error(std::errc::not_enough_memory); });
    }
    if (error && error != std::errc::no_such_process) {  // without /proc, descriptors or memory
        error = is_kept ? error : end_group(child, options);
        const auto is_child = [&](const auto& left) { return left.pid == child.pid; };
        std::erase_if(report.left, is_child);
        if (error) {
            catch_std_exception([&] { report.left.push_back({child.pid, error}); },
                                [] {});  // without memory it is not in the report
        }
    }
    return report;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
