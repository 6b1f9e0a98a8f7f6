// SPDX-License-Identifier: MIT
//
// skyutil/process.hpp: whether processes are alive, and how to end them with all they started.
//
//     skyutil::is_process_alive(pid);             // false for a zombie
//     auto server = skyutil::process_handle::open(pid);  // this one, whoever has its id later
//     skyutil::kill_report report = skyutil::kill_process_tree(pid, {.grace = 5s});
//
// Process ids are std::int64_t: one that the system cannot have given, 0 and negative ones
// included, is no process and is never signalled. The throwing forms throw std::system_error (with
// a path std::filesystem::filesystem_error), the others set their std::error_code and clear it on
// success. Everything is safe to call from several threads at once, and after fork.

#pragma once

#include <skyutil/detail/base/error.hpp>
#include <skyutil/detail/os.hpp>
#include <skyutil/detail/process/kill_tree.hpp>
#include <skyutil/detail/process/proc_stat.hpp>
#include <skyutil/detail/process/process_handle.hpp>
#include <skyutil/detail/process/process_table.hpp>
#include <skyutil/version.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

namespace detail {

/// What the state in /proc says of a process, else whether its id exists. /proc/ID has files for
/// the id of any thread, so the id has to be a process's in any case.
inline bool is_alive_in_proc(std::int64_t pid, std::error_code& error) noexcept {
    const proc_directory proc(error);
    const std::optional<process_stat> stat = error ? std::nullopt : proc.stat(pid, error);
    if (is_starved(error)) {
        return false;
    }
    error.clear();
    return os::pid_exists(static_cast<pid_t>(pid)) && (!stat || stat->running());
}

}  // namespace detail

/// Returns whether a process has this id: running, stopped or a zombie, also another user's. The id
/// of a thread that is not its process's first is none. One system call (tgkill(2) with signal 0).
[[nodiscard]] inline bool pid_exists(std::int64_t pid) noexcept {
    return detail::os::fits_pid(pid) && detail::os::pid_exists(static_cast<pid_t>(pid));
}

/// Returns whether any thread of the process is executing: false for a zombie, true when only its
/// first thread has ended, true without permission to signal it.
///
/// Asks through a pidfd (pidfd_open(2), Linux 5.3). Where there is none, or a seccomp filter
/// forbids it, the state and the number of threads in /proc/PID/stat answer; where /proc does not
/// show the process either, it is alive if its id exists. errc::too_many_files_open when no
/// descriptor is left.
[[nodiscard]] inline bool is_process_alive(std::int64_t pid, std::error_code& error) {
    error.clear();
    if (!detail::os::fits_pid(pid)) {
        return false;
    }
    const auto state = detail::os::pidfd_state(static_cast<pid_t>(pid), error);
    if (error) {
        return false;
    }
    if (state != detail::os::process_state::unknown) {
        return state == detail::os::process_state::running;
    }
    return detail::is_alive_in_proc(pid, error);
}

[[nodiscard]] inline bool is_process_alive(std::int64_t pid) {
    std::error_code error;
    const bool alive = is_process_alive(pid, error);
    detail::throw_if(error, "skyutil::is_process_alive: cannot look at process ", pid);
    return alive;
}

/// Which processes child_processes() returns.
enum class kinship {
    children,     ///< those that the process started
    descendants,  ///< also those that these started, and so on
};

/// Returns the processes that the process started (true or kinship::descendants: and that these
/// started, and so on), parents before children; zombies too, the process itself not.
///
/// A look at one moment through the parents in /proc: one that lost its parent belongs to init or a
/// subreaper by then (prctl(2), PR_SET_CHILD_SUBREAPER), one that /proc hides (hidepid) is missing.
/// errc::no_such_process; errc::function_not_supported where there is no /proc for this pid
/// namespace, or it hides the process; errc::too_many_files_open. Reads one file for each process
/// of the machine.
[[nodiscard]] inline std::vector<std::int64_t> child_processes(std::int64_t pid, kinship which,
                                                               std::error_code& error) {
    error.clear();
    std::vector<std::int64_t> pids;
    detail::process_table table(error);
    if (!error) {
        table.refresh(error);
    }
    if (!error) {
        for (const std::size_t i :
             detail::find_descendants(table, pid, which == kinship::descendants, error)) {
            pids.push_back(table.entries()[i].pid);
        }
    }
    return pids;
}

[[nodiscard]] inline std::vector<std::int64_t> child_processes(std::int64_t pid, kinship which) {
    std::error_code error;
    std::vector<std::int64_t> pids = child_processes(pid, which, error);
    detail::throw_if(error, "skyutil::child_processes: cannot list the children of process ", pid);
    return pids;
}

[[nodiscard]] inline std::vector<std::int64_t> child_processes(std::int64_t pid, bool recursive,
                                                               std::error_code& error) {
    return child_processes(pid, recursive ? kinship::descendants : kinship::children, error);
}

[[nodiscard]] inline std::vector<std::int64_t> child_processes(std::int64_t pid,
                                                               std::error_code& error) {
    return child_processes(pid, kinship::children, error);
}

[[nodiscard]] inline std::vector<std::int64_t> child_processes(std::int64_t pid,
                                                               bool recursive = false) {
    return child_processes(pid, recursive ? kinship::descendants : kinship::children);
}

/// A process as process_tree() shows it.
struct process_info {
    std::int64_t pid;
    std::int64_t parent;  ///< 0 for one outside of the pid namespace
    std::string name;     ///< at most 15 bytes of anything, see prctl(2), PR_SET_NAME
    bool alive;           ///< false for a zombie

    friend bool operator==(const process_info&, const process_info&) = default;
};

/// Returns the process itself and then its descendants, parents before children. Errors and limits
/// are those of child_processes().
[[nodiscard]] inline std::vector<process_info> process_tree(std::int64_t pid,
                                                            std::error_code& error) {
    error.clear();
    std::vector<process_info> infos;
    detail::process_table table(error);
    if (!error) {
        table.refresh(error);
    }
    if (!error) {
        const auto add = [&](const detail::process_entry& entry) {
            infos.push_back(
                {entry.pid, entry.parent(), table.proc().comm(entry.pid), entry.stat.running()});
        };
        if (const detail::process_entry* const root = table.find(pid)) {
            add(*root);
        }
        for (const std::size_t i : detail::find_descendants(table, pid, true, error)) {
            add(table.entries()[i]);
        }
    }
    return infos;
}

[[nodiscard]] inline std::vector<process_info> process_tree(std::int64_t pid) {
    std::error_code error;
    std::vector<process_info> infos = process_tree(pid, error);
    detail::throw_if(error, "skyutil::process_tree: cannot list the tree of process ", pid);
    return infos;
}

/// Ends one process: SIGTERM (and SIGCONT, for one that is stopped), a wait of at most the grace,
/// SIGKILL, a wait of at most 10 s. Returns what became of it; its children are left alone, and a
/// zombie counts as gone. errc::no_such_process when there is none; process 1 and the calling one:
/// errc::operation_not_permitted. Another user's is no error, but left in the report.
[[nodiscard]] inline kill_report terminate_process(std::int64_t pid,
                                                   std::chrono::milliseconds grace,
                                                   std::error_code& error) {
    return detail::end_process(pid, grace, detail::identity::best, error);
}

[[nodiscard]] inline kill_report terminate_process(
    std::int64_t pid, std::chrono::milliseconds grace = std::chrono::seconds(10)) {
    std::error_code error;
    kill_report report = terminate_process(pid, grace, error);
    detail::throw_if(error, "skyutil::terminate_process: cannot end process ", pid);
    return report;
}

/// Ends a process and everything it started, and returns what became of them.
///
/// The tree is stopped (SIGSTOP) until no new member is found, so that none is born and none gets
/// away while it is listed. Then all get SIGTERM (kill_tree_options::end_signal) and SIGCONT,
/// children before parents; whoever is left when the grace of all is over gets SIGKILL. What a
/// member starts while it ends is left alone as long as the member lives, for it may be what cleans
/// up, and then ended too. Parents see their children stop and continue (waitpid(2) with WUNTRACED,
/// SIGCHLD). A process group whose last tie to its session ends while a member is stopped gets
/// SIGHUP from the kernel (setpgid(2)); to keep out of that, give children a group of their own, as
/// run() does. Returns when all are gone, or 10 s after SIGKILL. Processes that the freezer of a
/// control group holds cannot hear SIGTERM; in version 2 SIGKILL ends them, in version 1 they are
/// left (errc::timed_out): nothing is thawed.
///
/// Found are all that lead to the process by their parents, through setsid(2) and double forks too
/// as long as the parents are there when the tree is listed; whoever was seen once is remembered.
/// One that lost its parent before is found by its session, if a member made that, and by its
/// process group, if a member leads that and nobody else is in it. One that has left both, and whom
/// /proc hides, is not found.
///
/// Every signal goes through a pidfd, or follows a look at the start time where the kernel has none
/// or no descriptor is left: nobody else is signalled when an id is given away. Never signalled are
/// the calling process (it is left, with errc::operation_not_permitted) and process 1
/// (errc::operation_not_permitted); zombies count as gone, and reaping them stays the task of their
/// parents. Members of another user are in the report and no error.
///
/// errc::no_such_process; errc::function_not_supported where there is no /proc for this pid
/// namespace, or it hides the process: then nothing was signalled. errc::too_many_files_open after
/// some were signalled means that others may have been missed. A calling process that is killed
/// meanwhile can leave processes stopped.
[[nodiscard]] inline kill_report kill_process_tree(std::int64_t pid,
                                                   const kill_tree_options& options,
                                                   std::error_code& error) {
    if (pid == 1 && (options.include_root || detail::os::process_id() != 1)) {
        error = detail::os::make_error(std::errc::operation_not_permitted);
        return {};
    }
    return detail::kill_tree(pid, options, detail::identity::best, error);
}

[[nodiscard]] inline kill_report kill_process_tree(std::int64_t pid, std::error_code& error) {
    return kill_process_tree(pid, kill_tree_options(), error);
}

[[nodiscard]] inline kill_report kill_process_tree(std::int64_t pid,
                                                   const kill_tree_options& options = {}) {
    std::error_code error;
    kill_report report = kill_process_tree(pid, options, error);
    detail::throw_if(error, "skyutil::kill_process_tree: cannot end the tree of process ", pid);
    return report;
}

/// The same for everything that the calling process started; kill_tree_options::include_root means
/// nothing here. Children that other threads start meanwhile are ended as well.
///
/// Taken is every process whose parent is the calling one, and what descends from it: whoever
/// started it (another library, a program that was this process before execve(2)), and in process 1
/// of a container and in a subreaper also the orphans that it was given, programs of run_detached()
/// among them.
[[nodiscard]] inline kill_report kill_children_processes(const kill_tree_options& options,
                                                         std::error_code& error) {
    kill_tree_options children = options;
    children.include_root = false;
    return kill_process_tree(detail::os::process_id(), children, error);
}

[[nodiscard]] inline kill_report kill_children_processes(std::error_code& error) {
    return kill_children_processes(kill_tree_options(), error);
}

[[nodiscard]] inline kill_report kill_children_processes(const kill_tree_options& options = {}) {
    std::error_code error;
    kill_report report = kill_children_processes(options, error);
    detail::throw_if(error,
                     "skyutil::kill_children_processes: cannot end the children of this process");
    return report;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
