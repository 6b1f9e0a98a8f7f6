// SPDX-License-Identifier: MIT
//
// detail/process/impl.hpp: the bodies of what skyutil/process.hpp declares. Included at its end.

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/base/error.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/process_list.hpp>
#include <skyutil/detail/os/processes.hpp>
#include <skyutil/detail/process/kill_tree.hpp>
#include <skyutil/detail/process/process_entries.hpp>
#include <skyutil/detail/process/terminate.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

// ------------------------------------------------------------------------------------------------
// one process

namespace detail {

/// What the rest of the library and the tests may do with handles.
struct process_handle_access {
    static process_handle make(os::process_ref process) noexcept {
        process_handle handle;
        handle.process_ = std::move(process);
        return handle;
    }

    /// os::no_handle where the system has none.
    static os::native_handle native_handle(const process_handle& handle) noexcept {
        return handle.process_.handle();
    }
};

}  // namespace detail

inline bool is_process_alive(std::int64_t pid, std::error_code& error) {
    error.clear();
    const auto process = detail::os::process_ref::open(pid, error);
    if (!error) {
        return process.alive(error);
    }
    const bool exists =  // and nothing tells more of it
        error == std::errc::function_not_supported && detail::os::process_exists(pid);
    if (exists || error == std::errc::no_such_process) {
        error.clear();
    }
    return exists;
}

inline bool is_process_alive(std::int64_t pid) {
    return detail::or_throw([&](std::error_code& error) { return is_process_alive(pid, error); },
                            "skyutil::is_process_alive: cannot look at process ", pid);
}

inline process_handle process_handle::open(std::int64_t pid, std::error_code& error) noexcept {
    error.clear();
    return detail::process_handle_access::make(detail::os::process_ref::open(pid, error));
}

inline process_handle process_handle::open(std::int64_t pid) {
    return detail::or_throw([&](std::error_code& error) { return open(pid, error); },
                            "skyutil::process_handle::open: cannot open process ", pid);
}

inline bool process_handle::alive() const {
    return detail::or_throw([&](std::error_code& error) { return alive(error); },
                            "skyutil::process_handle::alive: cannot look at process ", pid());
}

inline void process_handle::signal(int signal) const {
    std::error_code error;
    this->signal(signal, error);
    detail::throw_if(error, "skyutil::process_handle::signal: cannot signal process ", pid());
}

template <class Rep, class Period>
bool process_handle::wait(const std::chrono::duration<Rep, Period>& timeout) const {
    return detail::or_throw([&](std::error_code& error) { return wait(timeout, error); },
                            "skyutil::process_handle::wait: cannot wait for process ", pid());
}

inline void process_handle::wait() const {
    static_cast<void>(wait((std::chrono::milliseconds::max)()));
}

template <class Rep, class Period>
bool process_handle::terminate(const std::chrono::duration<Rep, Period>& grace) const {
    return detail::or_throw([&](std::error_code& error) { return terminate(grace, error); },
                            "skyutil::process_handle::terminate: cannot end process ", pid());
}

// ------------------------------------------------------------------------------------------------
// children

namespace detail {

/// Lists the processes, calls a function with the list and the entry of the process, and returns
/// what it returns; nothing after an error.
template <class Function>
auto with_entry_of(std::int64_t pid, std::error_code& error, Function function)
    -> decltype(function(std::declval<const os::process_list&>(),
                         std::declval<const process_entry&>())) {
    error.clear();
    os::process_list list(error);
    if (!error) {
        list.refresh(error);
    }
    const std::optional<process_entry> entry = error ? std::nullopt : entry_of(list, pid);
    if (!entry) {
        error = error ? error : missing_process(pid);
        return {};
    }
    return function(list, *entry);
}

}  // namespace detail

inline std::vector<std::int64_t> child_processes(std::int64_t pid, kinship which,
                                                 std::error_code& error) {
    using namespace detail;
    return with_entry_of(
        pid, error, [&](const os::process_list& list, const process_entry& parent) {
            std::vector<std::int64_t> pids;
            for (const std::size_t i : find_descendants(
                     list.entries(), parent,
                     which == kinship::descendants ? generations::all : generations::one)) {
                pids.push_back(list.entries()[i].pid);
            }
            return pids;
        });
}

inline std::vector<std::int64_t> child_processes(std::int64_t pid, kinship which) {
    return detail::or_throw(
        [&](std::error_code& error) { return child_processes(pid, which, error); },
        "skyutil::child_processes: cannot list the children of process ", pid);
}

inline std::vector<std::int64_t> child_processes(std::int64_t pid, bool recursive,
                                                 std::error_code& error) {
    return child_processes(pid, recursive ? kinship::descendants : kinship::children, error);
}

inline std::vector<std::int64_t> child_processes(std::int64_t pid, std::error_code& error) {
    return child_processes(pid, kinship::children, error);
}

inline std::vector<std::int64_t> child_processes(std::int64_t pid, bool recursive) {
    return child_processes(pid, recursive ? kinship::descendants : kinship::children);
}

inline std::vector<process_info> process_tree(std::int64_t pid, std::error_code& error) {
    using namespace detail;
    return with_entry_of(pid, error, [&](const os::process_list& list, const process_entry& root) {
        std::vector<process_info> infos;
        const auto add = [&](const process_entry& entry) {
            infos.push_back({entry.pid, entry.parent, list.name_of(entry.pid), entry.alive});
        };
        add(root);
        for (const std::size_t i : find_descendants(list.entries(), root, generations::all)) {
            add(list.entries()[i]);
        }
        return infos;
    });
}

inline std::vector<process_info> process_tree(std::int64_t pid) {
    return detail::or_throw([&](std::error_code& error) { return process_tree(pid, error); },
                            "skyutil::process_tree: cannot list the tree of process ", pid);
}

// ------------------------------------------------------------------------------------------------
// ending processes

inline kill_report terminate_process(std::int64_t pid, std::chrono::milliseconds grace,
                                     std::error_code& error) {
    using namespace detail;
    kill_report report;
    error.clear();
    const auto process = os::process_ref::open(pid, error);
    if (error) {
        return report;
    }
    if (os::is_first_process(pid) || pid == os::process_id()) {
        error = os::make_error(std::errc::operation_not_permitted);
        return report;
    }
    const process_ending ending = terminate(process, deadline_after(grace), error);
    if (ending.asked || ending.killed) {
        report.signalled.push_back(pid);
    }
    if (ending.killed) {
        report.killed.push_back(pid);
    }
    if (!ending.ended && (!error || error == std::errc::operation_not_permitted)) {
        report.left.push_back({pid, error ? error : os::make_error(std::errc::timed_out)});
        error.clear();
    }
    return report;
}

inline kill_report terminate_process(std::int64_t pid, std::chrono::milliseconds grace) {
    return detail::or_throw(
        [&](std::error_code& error) { return terminate_process(pid, grace, error); },
        "skyutil::terminate_process: cannot end process ", pid);
}

inline kill_report kill_process_tree(std::int64_t pid, const kill_tree_options& options,
                                     std::error_code& error) {
    if (detail::os::is_first_process(pid) &&
        (options.include_root || detail::os::process_id() != pid)) {
        error = detail::os::make_error(std::errc::operation_not_permitted);
        return {};
    }
    return detail::kill_tree(pid, nullptr, options, error);
}

inline kill_report kill_process_tree(std::int64_t pid, std::error_code& error) {
    return kill_process_tree(pid, kill_tree_options(), error);
}

inline kill_report kill_process_tree(std::int64_t pid, const kill_tree_options& options) {
    return detail::or_throw(
        [&](std::error_code& error) { return kill_process_tree(pid, options, error); },
        "skyutil::kill_process_tree: cannot end the tree of process ", pid);
}

inline kill_report kill_children_processes(const kill_tree_options& options,
                                           std::error_code& error) {
    kill_tree_options children = options;
    children.include_root = false;
    return kill_process_tree(detail::os::process_id(), children, error);
}

inline kill_report kill_children_processes(std::error_code& error) {
    return kill_children_processes(kill_tree_options(), error);
}

inline kill_report kill_children_processes(const kill_tree_options& options) {
    return detail::or_throw(
        [&](std::error_code& error) { return kill_children_processes(options, error); },
        "skyutil::kill_children_processes: cannot end the children of this process");
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
