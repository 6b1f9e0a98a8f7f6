// SPDX-License-Identifier: MIT
//
// skyutil/process.hpp: whether processes are alive, and how to end them with all they started.
//
//     skyutil::is_process_alive(pid);                    // false for a zombie
//     auto server = skyutil::process_handle::open(pid);  // this process, even if its id is reused
//     skyutil::kill_report report = skyutil::kill_process_tree(pid, {.grace = 5s});
//
// Process ids are std::int64_t. A number that the system cannot give to a process, such as 0 or a
// negative one, is treated as the id of no process, and nothing is ever signalled for it.
//
// Functions with a std::error_code& set it when they fail, and clear it on success; the others
// throw std::system_error. Everything is safe to call from several threads at once, and after
// fork(2).

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/os/processes.hpp>
#include <skyutil/detail/process/terminate.hpp>
#include <skyutil/version.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

// ------------------------------------------------------------------------------------------------
// one process

/// Returns whether a process has this id.
///
/// True for a process that runs, is stopped or is a zombie, and for processes of other users. False
/// for the id of a thread that is not the first one of its process.
///
/// **Limits**
/// - Windows: a process that has ended keeps its id while anybody has a handle of it, as a zombie
///   does.
///
/// **Cost**
/// - One system call (tgkill(2) with signal 0). Windows: OpenProcess and what closes that.
[[nodiscard]] inline bool pid_exists(std::int64_t pid) noexcept {
    return detail::os::process_exists(pid);
}

/// Returns whether a process is alive: whether any of its threads is still executing.
///
/// False for a zombie. True for a process of which only the first thread has ended, and for one
/// that the caller has no permission to signal.
///
/// **Errors**
/// - errc::too_many_files_open: no descriptor is left to ask with.
///
/// **Limits**
/// - The answer comes from a pidfd (pidfd_open(2), Linux 5.3). Where the kernel has none or a
///   seccomp filter forbids it, the state and the number of threads in /proc/PID/stat decide. Where
///   /proc does not show the process either, it counts as alive if its id exists.
/// - Windows: a process that may not be opened is alive if the list of all processes has it.
[[nodiscard]] bool is_process_alive(std::int64_t pid, std::error_code& error);
[[nodiscard]] bool is_process_alive(std::int64_t pid);

/// Refers to one process for ever. If the id of that process is given to another one later, the
/// other one is neither signalled nor mistaken for it.
///
///     const auto server = skyutil::process_handle::open(pid);
///     server.signal(SIGHUP);
///     const bool ended = server.wait(5s) || server.terminate(10s);
///
/// A handle can be moved but not copied; one that was moved from refers to no process.
///
/// **Guarantees**
/// - Different handles may be used by several threads at once. So may one handle, except while it
///   is moved.
///
/// **Limits**
/// - A handle holds a pidfd (pidfd_open(2), Linux 5.3). Where the kernel has none or a filter
///   forbids it, the start time in /proc/PID/stat is compared before every answer and every signal.
///   Between that and the signal the process can end and its id be given away: as ids go round,
///   that takes some 32,000 new processes within microseconds.
/// - Where neither is available open() fails.
/// - Windows: a handle holds a HANDLE, which also keeps the id from being given away. A process
///   that may not be opened, such as a protected one, is told from others by when it was started.
class [[nodiscard]] process_handle {
public:
    /// Returns a handle of the process with this id: of any user, alive or a zombie.
    ///
    /// **Errors**
    /// - errc::no_such_process: no process has this id. The id of a thread that is not the first
    ///   one of its process counts as no process.
    /// - errc::too_many_files_open
    /// - errc::function_not_supported: nothing here tells one process from another.
    static process_handle open(std::int64_t pid, std::error_code& error) noexcept;
    static process_handle open(std::int64_t pid);

    process_handle(process_handle&&) noexcept = default;
    process_handle& operator=(process_handle&&) noexcept = default;
    process_handle(const process_handle&) = delete;
    process_handle& operator=(const process_handle&) = delete;
    ~process_handle() = default;

    /// Returns the id, also after the process has ended; 0 for a handle that was moved from.
    [[nodiscard]] std::int64_t pid() const noexcept { return process_.pid(); }

    /// Returns whether the process is alive, as is_process_alive() does. Once the answer is false
    /// it stays false.
    ///
    /// **Errors**
    /// - errc::too_many_files_open: only without a pidfd.
    ///
    /// **Cost**
    /// - One system call (poll(2)).
    [[nodiscard]] bool alive(std::error_code& error) const noexcept {
        error.clear();
        return process_.alive(error);
    }
    [[nodiscard]] bool alive() const;

    /// Sends a signal by its number (signal(7)); 0 only tests whether a signal may be sent.
    ///
    /// A zombie accepts every signal without effect.
    ///
    /// **Limits**
    /// - Windows: there are 0, 9, which ends the process at once, and 15, which asks it to as
    ///   terminate() does; all others are errc::function_not_supported, and so is 15 to a process
    ///   that nothing asks. What has ended is errc::no_such_process.
    ///
    /// **Errors**
    /// - errc::no_such_process: the process is gone.
    /// - errc::operation_not_permitted
    /// - errc::invalid_argument: no signal has this number.
    void signal(int signal, std::error_code& error) const noexcept {
        error.clear();
        process_.signal(signal, error);
    }
    void signal(int signal) const;

    /// Waits until the process has ended or the timeout is over; returns whether it has ended.
    ///
    /// A timeout of 0 or less only asks. One of more than a hundred years, such as
    /// std::chrono::milliseconds::max(), waits for ever.
    ///
    /// Any process can be waited for, not only a child. To reap the process and to take its exit
    /// code remains the task of its parent.
    ///
    /// **Cost**
    /// - One system call that sleeps; without a pidfd a look every few milliseconds.
    template <class Rep, class Period>
    [[nodiscard]] bool wait(const std::chrono::duration<Rep, Period>& timeout,
                            std::error_code& error) const noexcept {
        error.clear();
        return process_.wait_until(detail::deadline_after(timeout), error);
    }
    template <class Rep, class Period>
    [[nodiscard]] bool wait(const std::chrono::duration<Rep, Period>& timeout) const;

    /// Waits until the process has ended, without a timeout.
    void wait(std::error_code& error) const noexcept {
        error.clear();
        static_cast<void>(process_.wait_until(detail::for_ever, error));
    }
    void wait() const;

    /// Ends the process, but not its children, and returns whether it has ended.
    ///
    /// Sends SIGTERM (and SIGCONT, in case the process is stopped) and waits for at most the grace;
    /// then sends SIGKILL and waits for at most 10 s. A process that has ended already is no error.
    ///
    /// **Limits**
    /// - Windows has nothing that asks any process to end. Its main windows are asked to close; one
    ///   that has none in this session is ended at once, without the grace, with the exit code 1.
    ///
    /// **Errors**
    /// - errc::operation_not_permitted: the process is process 1, the calling one or another
    ///   user's. The first two are never signalled.
    template <class Rep, class Period>
    [[nodiscard]] bool terminate(const std::chrono::duration<Rep, Period>& grace,
                                 std::error_code& error) const noexcept {
        error.clear();
        return detail::terminate(process_, detail::deadline_after(grace), error).ended;
    }
    template <class Rep, class Period>
    [[nodiscard]] bool terminate(const std::chrono::duration<Rep, Period>& grace) const;

private:
    friend struct detail::process_handle_access;

    process_handle() noexcept = default;

    detail::os::process_ref process_;
};

// ------------------------------------------------------------------------------------------------
// children

/// Which processes child_processes() returns.
enum class kinship {
    children,     ///< those that the process started
    descendants,  ///< also those that these started, and so on
};

/// Returns the ids of the processes that a process started, parents before children.
///
/// With kinship::descendants (or `true`) it also returns those that these started, and so on.
/// Zombies are included, the process itself is not.
///
/// **Errors**
/// - errc::no_such_process: no process has this id.
/// - errc::function_not_supported: there is no /proc for this pid namespace, or it hides the
///   process.
/// - errc::too_many_files_open
///
/// **Limits**
/// - This is a look at one moment, by the parents that /proc names. A process whose parent has
///   ended is by then a child of init or of a subreaper (prctl(2), PR_SET_CHILD_SUBREAPER).
/// - Processes that /proc hides (hidepid) are missing.
/// - Windows: a process stays the child of the one that started it, even when that has ended;
///   what has ended is not listed. Who is a child is told by ids and times of creation: one that
///   was started after the clock had been set back before the start of its parent is missed.
///
/// **Cost**
/// - Reads one file for each process of the machine.
[[nodiscard]] std::vector<std::int64_t> child_processes(std::int64_t pid, kinship which,
                                                        std::error_code& error);
[[nodiscard]] std::vector<std::int64_t> child_processes(std::int64_t pid, kinship which);
[[nodiscard]] std::vector<std::int64_t> child_processes(std::int64_t pid, bool recursive,
                                                        std::error_code& error);
[[nodiscard]] std::vector<std::int64_t> child_processes(std::int64_t pid, std::error_code& error);
[[nodiscard]] std::vector<std::int64_t> child_processes(std::int64_t pid, bool recursive = false);

/// A process in the result of process_tree().
struct process_info {
    std::int64_t pid;
    std::int64_t parent;  ///< 0 for a parent outside of the pid namespace

    /// At most 15 bytes of any value, see prctl(2), PR_SET_NAME. Windows: the name of the program's
    /// file, in UTF-8.
    std::string name;

    bool alive;  ///< false for a zombie

    friend bool operator==(const process_info&, const process_info&) = default;
};

/// Returns the process itself and then its descendants, parents before children.
///
/// Errors, limits and cost are those of child_processes().
[[nodiscard]] std::vector<process_info> process_tree(std::int64_t pid, std::error_code& error);
[[nodiscard]] std::vector<process_info> process_tree(std::int64_t pid);

// ------------------------------------------------------------------------------------------------
// ending processes

/// A signal that asks processes to end, and the time that they get before the next step.
struct end_step {
    int signal;  ///< by number
    std::chrono::milliseconds grace;
};

/// How kill_process_tree() and kill_children_processes() end processes.
struct kill_tree_options {
    /// The time from SIGTERM to SIGKILL, for the whole tree together. 0 or less: no time at all.
    /// More than a hundred years: for ever.
    std::chrono::milliseconds grace = std::chrono::seconds(10);

    /// Send SIGKILL at once, and no SIGTERM.
    bool force = false;

    /// End the process itself too, not only those it started.
    bool include_root = true;

    /// The signal to send first, by number. A number that no signal has is
    /// std::errc::invalid_argument; SIGKILL means the same as `force`. Windows has 9 and 15 alone.
    int end_signal = detail::os::terminate_signal;

    /// Several signals, one after the other, of which each has a time of its own; SIGKILL comes
    /// after the last. Those that have ended get no more. Not empty: end_signal and grace have no
    /// effect.
    ///
    ///     skyutil::kill_process_tree(pid, {.end_steps = {{SIGINT, 30s}, {SIGTERM, 5s}}});
    std::vector<end_step> end_steps{};

    /// The ids of processes to leave alone, together with all that they started.
    std::vector<std::int64_t> spare{};
};

/// What became of the processes that were to be ended. Each list holds a process at most once.
struct kill_report {
    /// A process that is still there.
    struct process_left {
        std::int64_t pid;

        /// Why it is still there:
        /// - errc::operation_not_permitted: it is another user's process or the calling one;
        /// - errc::timed_out: it has not ended within 10 s after SIGKILL. A frozen control group of
        ///   version 1 can hold it, or a system call that cannot be interrupted;
        /// - any other error: the signal could not be sent.
        std::error_code error;

        friend bool operator==(const process_left&, const process_left&) = default;
    };

    /// Those that got SIGTERM or SIGKILL.
    std::vector<std::int64_t> signalled;

    /// Those of them that got SIGKILL: all with kill_tree_options::force.
    std::vector<std::int64_t> killed;

    /// Those that are still there.
    std::vector<process_left> left;
};

/// Ends one process, but not its children, and returns what became of it.
///
/// Sends SIGTERM (and SIGCONT, in case the process is stopped) and waits for at most the grace;
/// then sends SIGKILL and waits for at most 10 s. A zombie counts as ended.
///
/// **Limits**
/// - Windows: as process_handle::terminate() says.
///
/// **Errors**
/// - errc::no_such_process: no process has this id.
/// - errc::operation_not_permitted: it is process 1 or the calling one. Another user's process is
///   no error, but is listed in kill_report::left.
[[nodiscard]] kill_report terminate_process(std::int64_t pid, std::chrono::milliseconds grace,
                                            std::error_code& error);
[[nodiscard]] kill_report terminate_process(
    std::int64_t pid, std::chrono::milliseconds grace = std::chrono::seconds(10));

/// Ends a process and everything it started, and returns what became of them.
///
///     const auto report = skyutil::kill_process_tree(pid, {.grace = 5s});
///     for (const auto& [left, why] : report.left) { ... }
///
/// The tree is stopped first (SIGSTOP), until no new process is found in it. Then each process gets
/// SIGTERM (kill_tree_options::end_signal) and SIGCONT, children before parents. Those that are
/// left when the grace is over get SIGKILL. The call returns when all have ended, or 10 s after
/// SIGKILL.
///
/// **Guarantees**
/// - Every process is found that leads to the root by its parents, also after setsid(2) and double
///   forks, as long as these parents are there when the tree is listed. A process that was seen
///   once is remembered.
/// - A process whose parent had ended before is found by its session if a process of the tree made
///   that session, and by its process group if a process of the tree leads that group and no
///   process outside of the tree is in it.
/// - Processes that are started meanwhile are found too. What a process starts while it is ending
///   may be what cleans up: it is left alone until that process has ended, and is ended then.
/// - No other process is signalled when an id is reused: every signal goes through a pidfd or,
///   where the kernel has none or no descriptor is left, follows a comparison of the start time.
/// - Process 1 (Windows: 4, System) and the calling process are never signalled.
/// - Zombies count as ended. To reap them remains the task of their parents.
///
/// **Limits**
/// - Not found: a process that lost its parent before and has left both the session and the group,
///   and a process that /proc hides.
/// - A tree that still grows after 5 s is signalled as far as it is known then.
/// - A process in fork(2) is not signalled before its child is known, however long the grace lets
///   that take. When SIGKILL is due it is waited for, up to a second in a call that cannot be
///   interrupted and up to 5 s for a processor; after that its child can be missed.
/// - Parents see their children stop and continue (waitpid(2) with WUNTRACED, SIGCHLD).
/// - A process group whose last tie to its session ends while one of its processes is stopped gets
///   SIGHUP from the kernel (setpgid(2)). To avoid that, give children a group of their own, as
///   run() does.
/// - Processes in a frozen control group cannot receive SIGTERM. In version 2 SIGKILL ends them, in
///   version 1 they are left (errc::timed_out). Nothing is thawed.
/// - If the calling process is killed during the call, processes can stay stopped.
/// - Windows: nothing is stopped. The processes are put into a job, which has all that they start
///   from then on; those in jobs that cannot be nested with it are found by their parents. Parents
///   are ended before their children. What is started in the moment of the end can be ended
///   without being in the report.
/// - Windows: each is asked to end as process_handle::terminate() does. Where nothing asks any of
///   them there is no grace.
/// - Windows: not found is what a process that is no more had left behind before, and what other
///   programs, such as services, start for the tree. A process whose end would stop Windows is
///   never ended (errc::operation_not_permitted).
///
/// **Errors**
/// - errc::no_such_process: no process has this id.
/// - errc::operation_not_permitted: it is process 1 (Windows: 4).
/// - errc::invalid_argument: kill_tree_options::end_signal is no signal.
/// - errc::function_not_supported: there is no /proc for this pid namespace, or it hides the
///   process. Nothing was signalled.
/// - errc::too_many_files_open: if the report names processes that were signalled, others may have
///   been missed.
/// - A process that cannot be ended is no error but is listed in kill_report::left: another user's,
///   and the calling process (errc::operation_not_permitted).
///
/// **Cost**
/// - Reads one file for each process of the machine, and one for each that is started meanwhile.
/// - Holds one descriptor for each process of the tree, or fewer if there are not that many.
[[nodiscard]] kill_report kill_process_tree(std::int64_t pid, const kill_tree_options& options,
                                            std::error_code& error);
[[nodiscard]] kill_report kill_process_tree(std::int64_t pid, std::error_code& error);
[[nodiscard]] kill_report kill_process_tree(std::int64_t pid,
                                            const kill_tree_options& options = {});

/// Ends everything that the calling process started, and returns what became of it.
///
/// Works like kill_process_tree(), with the same guarantees, limits, errors and cost.
/// kill_tree_options::include_root has no effect. Children that other threads start meanwhile are
/// ended too.
///
/// **Limits**
/// - Every process whose parent is the calling one is ended with its descendants, even if another
///   library started it, or the program that ran in this process before execve(2).
/// - In process 1 of a container and in a subreaper, that includes the orphans that the process was
///   given, among them programs of run_detached().
[[nodiscard]] kill_report kill_children_processes(const kill_tree_options& options,
                                                  std::error_code& error);
[[nodiscard]] kill_report kill_children_processes(std::error_code& error);
[[nodiscard]] kill_report kill_children_processes(const kill_tree_options& options = {});

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE

#include <skyutil/detail/process/impl.hpp>  // IWYU pragma: keep
