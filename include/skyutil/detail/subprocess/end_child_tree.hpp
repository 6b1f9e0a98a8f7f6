// SPDX-License-Identifier: MIT
//
// detail/subprocess/end_child_tree.hpp: ends a child of this process with all that it started, and
// does what is possible where the processes of the system cannot be listed.

#pragma once

#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/os/programs.hpp>
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
inline std::error_code end_group(const child_identity& child, const kill_tree_options& options,
                                 time_point deadline) noexcept {
    const auto pid = static_cast<pid_t>(child.pid);
    std::error_code error;
    const auto send = [&](int signal) {
        error.clear();
        if (child.leads_group) {
            os::signal_group_of_pidfd(child.pidfd, signal, error);
            if (error && child.has_its_id()) {  // before Linux 6.9, or the group is empty
                os::signal_group(pid, signal, error);
            }
        }
        error.clear();
        if (child.pidfd != -1) {
            os::send_signal_to_pidfd(child.pidfd, signal, error);
        }
        if ((child.pidfd == -1 || (error && error != std::errc::no_such_process)) &&
            child.has_its_id()) {
            error.clear();
            os::send_signal(pid, signal, error);
        }
        return !error;
    };
    const auto wait = [&](time_point until) {
        using std::chrono::milliseconds, std::chrono::steady_clock;
        for (;;) {
            std::error_code unknown;
            if (child.pidfd != -1 && os::wait_until_ended(child.pidfd, until, unknown)) {
                return true;
            }
            os::process_end end;
            unknown.clear();
            if (os::wait_child(pid, child.pidfd, os::waiting::look, end, unknown) ||
                unknown == std::errc::no_child_process) {
                return true;
            }
            if (steady_clock::now() >= until) {
                return false;
            }
            std::this_thread::sleep_until((std::min)(until, steady_clock::now() + milliseconds(5)));
        }
    };
    if (!options.force && options.end_signal != os::kill_signal) {
        const bool sent = send(options.end_signal);
        send(os::continue_signal);
        if (!sent || wait(deadline)) {
            constexpr std::chrono::milliseconds moment(100);
            std::this_thread::sleep_until((std::min)(deadline, deadline_after(moment)));
        }
    }
    const bool sent = send(os::kill_signal);
    if (wait(sent ? deadline_after(kill_patience) : std::chrono::steady_clock::now())) {
        return {};
    }
    return error ? error : os::make_error(std::errc::timed_out);
}

/// Ends a child and all processes that it started, and waits until they are gone. Finds what the
/// child has left behind, too, if the child has already ended. May be called in another thread as
/// long as the child is not reaped meanwhile.
inline kill_report end_child_tree(const child_identity& child,
                                  const kill_tree_options& options) noexcept {
    const time_point deadline = deadline_after(options.grace);
    std::error_code error;
    kill_report report;
    catch_std_exception([&] { report = kill_tree(child.pid, &child, options, error); },
                        [&] { error = os::make_error(std::errc::not_enough_memory); });
    if (error && error != std::errc::no_such_process) {  // without /proc, descriptors or memory
        error = end_group(child, options, deadline);
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
