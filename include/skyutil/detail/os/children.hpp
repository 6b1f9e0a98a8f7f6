// SPDX-License-Identifier: MIT
//
// detail/os/children.hpp: the children of this process: whether and how they have ended, what tells
// them from other processes, how they are ended.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/files.hpp>      // IWYU pragma: keep
#include <skyutil/detail/os/processes.hpp>  // IWYU pragma: keep
#include <skyutil/version.hpp>

#include <chrono>
#include <cstdint>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

/// How a process has ended.
struct process_end {
    int exit_code = -1;             ///< -1 after a signal, or when nothing tells
    int signal = 0;                 ///< the number of the signal that ended it; 0 after an exit
    std::uint64_t peak_memory = 0;  ///< in bytes
    std::chrono::microseconds user_time{};
    std::chrono::microseconds system_time{};
    std::uint64_t voluntary_switches = 0;
    std::uint64_t involuntary_switches = 0;
};

enum class child_state {
    running,
    ended,   ///< and keeps its id until it is reaped
    reaped,  ///< by this or other code of the process: its id can be another process's
};

/// A child of this process, and what tells it from a process that gets its id once it has been
/// reaped. It owns nothing and may be copied; the const members may be called for copies in any
/// thread, until one is released.
struct child {
    std::int64_t pid = 0;              ///< 0: there is no child
    native_handle handle = no_handle;  ///< to wait for; no_handle where the system has none
    bool leads_group = false;          ///< it made a process group of its own
    bool leads_session = false;        ///< and a session of its own

    /// What keeps the child and all that it starts together, where the system has such a thing:
    /// ask() is for all of them that can hear it, and kill() for all. Else no_handle.
    native_handle tree = no_handle;
    bool tied = false;  ///< the system ends them with this process

    /// Until then the child certainly had its id, on the clock of the start times of processes.
    /// Set by look(), look_until() and reap().
    std::uint64_t owned_until = 0;

    /// Returns the state of the child, and how it has ended. Does not reap it, but where nothing
    /// else tells.
    [[nodiscard]] inline child_state look(process_end& end) noexcept;

    /// The same, waiting for the end until a point in time; its maximum is for ever.
    [[nodiscard]] inline child_state look_until(time_point deadline, process_end& end) noexcept;

    /// Reaps the child, which has ended, unless other code of this process has. Adds what is known
    /// of its end only then. Where a handle keeps the id, the child has it until it is released.
    inline void reap(process_end& end) noexcept;

    /// Waits for the end of the child until a point in time, and returns whether it has ended, as
    /// far as can be told without reaping it.
    [[nodiscard]] inline bool wait_for_end(time_point deadline) const noexcept;

    /// Waits until a point in time for the end of the child and of all that `tree` keeps together
    /// with it, and returns whether they have ended.
    [[nodiscard]] inline bool wait_for_tree(time_point deadline) const noexcept;

    /// Whether the child still has its id: it runs, or has not been reaped. Then no other process
    /// has the id, and no other group or session that number.
    [[nodiscard]] inline bool has_its_id() const noexcept;

    /// Whether other processes are in the group of the child, as far as the system tells. While
    /// they are, no new process gets the number.
    [[nodiscard]] inline bool has_group() const noexcept;

    /// Whether a process can still be in the group or session of the child, which has been reaped.
    /// True where nothing tells.
    [[nodiscard]] inline bool may_have_left_processes() const noexcept;

    /// Tells the child and the group that it leads to end, with a signal by number where the system
    /// has signals, and has them go on if they are stopped. The error is about the child alone.
    inline void ask(int signal, std::error_code& error) const noexcept;

    /// Ends the child and the group that it leads. The error is about the child alone.
    inline void kill(std::error_code& error) const noexcept;

    /// Gives back what the system holds for this process to know the child. There is no child then.
    inline void release() noexcept;
};

/// Whether orphans below this process become its children.
inline bool adopts_orphans() noexcept;

/// Whether the system has handles of processes, which tell the children that something in this
/// process has started from those that it was given.
inline bool has_process_handles() noexcept;

/// Reaps a child of this process that it does not hold, if that has ended, and returns whether so.
inline bool reap_adopted(std::int64_t pid, process_end& end) noexcept;

/// Calls the function with the id of each process that this process holds a handle of.
template <class Function>
void for_each_held_process(Function function, std::error_code& error);

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/linux/children.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/children.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/children.hpp>  // IWYU pragma: export
#endif
