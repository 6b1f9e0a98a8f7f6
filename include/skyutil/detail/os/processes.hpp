// SPDX-License-Identifier: MIT
//
// detail/os/processes.hpp: single processes: their ids, and what refers to one of them for ever.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/files.hpp>   // IWYU pragma: keep
#include <skyutil/detail/text/scan.hpp>  // IWYU pragma: keep
#include <skyutil/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <system_error>
#include <thread>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

inline constexpr int kill_signal = 9;        ///< ends a process at once; the same on every system
inline constexpr int terminate_signal = 15;  ///< asks a process to end; the same on every system

/// Whether a signal can have that number; 0 is none.
inline bool is_signal(int number) noexcept;

/// Whether the system could give the number to a process: never 0 or a negative one, which some
/// calls take for groups of processes.
inline bool is_process_id(std::int64_t number) noexcept;

/// Whether that is the process that started all others, and is never to be ended.
inline bool is_first_process(std::int64_t pid) noexcept;

/// Whether the number is the id of a process, of any user and dead or alive. The id of a thread
/// that is not the first one of its process is not.
inline bool process_exists(std::int64_t pid) noexcept;

/// Whether the error means that nothing could be asked, for want of handles or memory. It says
/// nothing about processes then.
inline bool is_starved(const std::error_code& error) noexcept {
    return error == std::errc::too_many_files_open ||
           error == std::errc::too_many_files_open_in_system ||
           error == std::errc::not_enough_memory;
}

/// Refers to one process, by a handle of the system or else by the time when it was started. A
/// process that gets its id later is never taken for it.
///
/// A process that has ended and was not reaped yet (a zombie) is there, but not alive: it takes
/// every signal without effect. What sends a signal fails with errc::no_such_process when the
/// process is gone, and with errc::operation_not_permitted.
class process_ref {
public:
    /// No process.
    process_ref() noexcept = default;

    /// The process of an open handle.
    process_ref(std::int64_t pid, unique_fd handle) noexcept
        : pid_(pid), handle_(std::move(handle)) {}

    /// The process that was started then (process_entry::start), without a handle.
    process_ref(std::int64_t pid, std::uint64_t start) noexcept : pid_(pid), start_(start) {}

    process_ref(process_ref&& other) noexcept
        : pid_(std::exchange(other.pid_, 0)),
          start_(other.start_),
          handle_(std::move(other.handle_)) {}
    process_ref& operator=(process_ref&& other) noexcept {
        pid_ = std::exchange(other.pid_, 0);
        start_ = other.start_;
        handle_ = std::move(other.handle_);
        return *this;
    }
    process_ref(const process_ref&) = delete;
    process_ref& operator=(const process_ref&) = delete;
    ~process_ref() = default;

    /// errc::no_such_process where process_exists() is false; errc::function_not_supported where
    /// nothing tells one process from another; see is_starved(), too.
    static process_ref open(std::int64_t pid, std::error_code& error) noexcept;

    /// The same without a handle.
    static process_ref open_by_start(std::int64_t pid, std::error_code& error) noexcept;

    [[nodiscard]] std::int64_t pid() const noexcept { return pid_; }
    [[nodiscard]] bool has_handle() const noexcept { return static_cast<bool>(handle_); }
    [[nodiscard]] native_handle handle() const noexcept { return handle_.get(); }

    /// Whether any thread of it is left; false after an error.
    [[nodiscard]] bool alive(std::error_code& error) const noexcept;

    /// Waits until it has ended, but not beyond the deadline, whose maximum is for ever; whether it
    /// has.
    [[nodiscard]] bool wait_until(time_point deadline, std::error_code& error) const noexcept;

    /// Sends a signal; 0 only tests whether one may be sent. errc::function_not_supported: the
    /// system has no such signal.
    void signal(int number, std::error_code& error) const noexcept;

    /// Asks it to end, with that signal, and lets it go on if it is stopped.
    /// errc::function_not_supported: nothing asks it, and only kill() ends it.
    void ask(int number, std::error_code& error) const noexcept;

    /// Ends it. It may take until after the call.
    void kill(std::error_code& error) const noexcept;

private:
    friend class tree_guard;

    /// wait_until() without a handle: looks every few milliseconds.
    [[nodiscard]] bool watch_until(time_point deadline, std::error_code& error) const noexcept {
        using std::chrono::milliseconds, std::chrono::steady_clock;
        for (milliseconds pause(1);; pause = (std::min)(2 * pause, milliseconds(16))) {
            std::error_code failed;
            const bool is_alive = alive(failed);
            if (!is_alive || failed) {
                error = failed ? failed : error;
                return !failed;
            }
            const time_point now = steady_clock::now();
            if (now >= deadline) {
                return false;
            }
            std::this_thread::sleep_until((std::min)(deadline, now + pause));
        }
    }

    std::int64_t pid_ = 0;
    std::uint64_t start_ = 0;  ///< used without a handle
    unique_fd handle_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/linux/processes.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/processes.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/processes.hpp>  // IWYU pragma: export
#endif
