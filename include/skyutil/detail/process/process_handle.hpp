// SPDX-License-Identifier: MIT
//
// detail/process/process_handle.hpp: a process that stays the same one when its id is given to
// another; public through process.hpp.

#pragma once

#include <skyutil/detail/base/error.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os.hpp>
#include <skyutil/detail/process/process_table.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

namespace detail {

using os::time_point;

inline constexpr time_point for_ever = (time_point::max)();

/// The point in time after a duration of any type: now for a negative one, never for one beyond a
/// hundred years.
template <class Rep, class Period>
time_point deadline_after(const std::chrono::duration<Rep, Period>& time) noexcept {
    using std::chrono::duration, std::chrono::hours, std::chrono::steady_clock;
    constexpr hours most(24 * 365 * 100);
    if (!(time < most)) {
        return for_ever;
    }
    const detail::time_point now = steady_clock::now();
    return time > duration<Rep, Period>::zero()
               ? now + std::chrono::ceil<steady_clock::duration>(time)
               : now;
}

/// How long a process may take to end after SIGKILL: the kernel frees its memory, and a call that
/// cannot be interrupted has to return.
inline constexpr std::chrono::milliseconds kill_patience = std::chrono::seconds(10);

/// How a process is told from a later one with its id.
enum class identity {
    best,        ///< a pidfd, else the start time
    start_time,  ///< as on kernels without pidfd
};

struct process_handle_access;

}  // namespace detail

/// One process for ever: when its id is given to another process, that one is never signalled, nor
/// taken for it. Move-only; a moved-from one is no process.
///
/// Holds a pidfd (pidfd_open(2), Linux 5.3). Where the kernel has none, or a filter forbids it, the
/// start time in /proc/PID/stat is compared before every answer and every signal. Between that and
/// the signal the process can end and its id be given away: as ids go round, that takes some 32,000
/// new processes within microseconds. Without both open() fails.
///
/// Different handles may be used by several threads at once; one handle too, but for moving it.
class [[nodiscard]] process_handle {
public:
    /// Returns the handle of a process, dead (a zombie) or alive, any user's. errc::no_such_process
    /// when there is none (the id of a thread that is not its process's first is none),
    /// errc::too_many_files_open, errc::function_not_supported where nothing tells processes apart.
    static process_handle open(std::int64_t pid, std::error_code& error) noexcept {
        return open(pid, detail::identity::best, error);
    }

    static process_handle open(std::int64_t pid) {
        std::error_code error;
        process_handle handle = open(pid, error);
        detail::throw_if(error, "skyutil::process_handle::open: cannot open process ", pid);
        return handle;
    }

    process_handle(process_handle&& other) noexcept
        : pid_(std::exchange(other.pid_, 0)),
          start_time_(other.start_time_),
          fd_(std::move(other.fd_)) {}
    process_handle& operator=(process_handle&& other) noexcept {
        pid_ = std::exchange(other.pid_, 0);
        start_time_ = other.start_time_;
        fd_ = std::move(other.fd_);
        return *this;
    }
    process_handle(const process_handle&) = delete;
    process_handle& operator=(const process_handle&) = delete;
    ~process_handle() = default;

    /// The id, also after the process has ended; 0 when moved from.
    [[nodiscard]] std::int64_t pid() const noexcept { return pid_; }

    /// Returns whether any thread of the process is executing, as is_process_alive() does; false
    /// for ever once it is false. One system call (poll(2)). Without a pidfd
    /// errc::too_many_files_open is possible.
    [[nodiscard]] bool alive(std::error_code& error) const noexcept {
        error.clear();
        return fd_ ? !detail::os::has_ended(fd_.get(), error) && !error : is_same(error);
    }

    [[nodiscard]] bool alive() const {
        std::error_code error;
        const bool result = alive(error);
        detail::throw_if(error, "skyutil::process_handle::alive: cannot look at process ", pid_);
        return result;
    }

    /// Sends a signal, 0 to find out whether that is allowed; signal(7) has the numbers. A zombie
    /// takes every signal without effect. errc::no_such_process when the process is gone,
    /// errc::operation_not_permitted, errc::invalid_argument.
    void signal(int signal, std::error_code& error) const noexcept {
        error.clear();
        if (fd_) {
            detail::os::send_signal_to_pidfd(fd_.get(), signal, error);
            if (!error || error == std::errc::no_such_process) {
                return;
            }
            error.clear();  // a filter can forbid this call, with any error, and allow kill(2)
        }
        if (exists_same(error)) {
            detail::os::send_signal(static_cast<pid_t>(pid_), signal, error);
        } else if (!error) {
            error = detail::os::make_error(std::errc::no_such_process);
        }
    }

    void signal(int signal) const {
        std::error_code error;
        this->signal(signal, error);
        detail::throw_if(error, "skyutil::process_handle::signal: cannot signal process ", pid_);
    }

    /// Returns whether the process has ended, waiting for that at most as long as the timeout: 0
    /// and less only ask, more than a hundred years (and std::chrono::milliseconds::max()) is for
    /// ever. Any process can be waited for, not only a child; it stays the task of its parent to
    /// reap it and to take its exit code. Without a pidfd it is looked at every few milliseconds.
    template <class Rep, class Period>
    [[nodiscard]] bool wait(const std::chrono::duration<Rep, Period>& timeout,
                            std::error_code& error) const noexcept {
        return wait_until(detail::deadline_after(timeout), error);
    }

    template <class Rep, class Period>
    [[nodiscard]] bool wait(const std::chrono::duration<Rep, Period>& timeout) const {
        std::error_code error;
        const bool ended = wait(timeout, error);
        detail::throw_if(error, "skyutil::process_handle::wait: cannot wait for process ", pid_);
        return ended;
    }

    /// The same for ever.
    void wait(std::error_code& error) const noexcept {
        static_cast<void>(wait_until(detail::for_ever, error));
    }

    void wait() const { static_cast<void>(wait((std::chrono::milliseconds::max)())); }

    /// Ends the process and returns whether it has ended: SIGTERM (and SIGCONT, for one that is
    /// stopped), a wait of at most the grace, SIGKILL, a wait of at most 10 s. A process that has
    /// ended already is no error. Never ends process 1 nor the calling one:
    /// errc::operation_not_permitted, as for another user's. Its children are left alone.
    template <class Rep, class Period>
    [[nodiscard]] bool terminate(const std::chrono::duration<Rep, Period>& grace,
                                 std::error_code& error) const noexcept {
        return terminate_until(detail::deadline_after(grace), error).ended;
    }

    template <class Rep, class Period>
    [[nodiscard]] bool terminate(const std::chrono::duration<Rep, Period>& grace) const {
        std::error_code error;
        const bool ended = terminate(grace, error);
        detail::throw_if(error, "skyutil::process_handle::terminate: cannot end process ", pid_);
        return ended;
    }

private:
    friend struct detail::process_handle_access;

    process_handle() noexcept = default;

    static process_handle open(std::int64_t pid, detail::identity means,
                               std::error_code& error) noexcept {
        error.clear();
        process_handle handle;
        if (!detail::os::fits_pid(pid)) {
            error = detail::os::make_error(std::errc::no_such_process);
            return handle;
        }
        if (means == detail::identity::best) {
            handle.fd_.reset(detail::os::open_pidfd(static_cast<pid_t>(pid), error));
        }
        if (!handle.fd_ &&
            (means == detail::identity::start_time || error == std::errc::function_not_supported)) {
            handle.start_time_ = find_start_time(pid, error);
        }
        handle.pid_ = error ? 0 : pid;
        return handle;
    }

    static std::uint64_t find_start_time(std::int64_t pid, std::error_code& error) noexcept {
        error.clear();
        // /proc/ID is there for the ids of threads too.
        if (!detail::os::pid_exists(static_cast<pid_t>(pid))) {
            error = detail::os::make_error(std::errc::no_such_process);
            return 0;
        }
        const detail::proc_directory proc(error);
        const auto stat = error ? std::nullopt : proc.stat(pid, error);
        // Hidden from this user, or gone since.
        if (error && !detail::is_starved(error)) {
            error = detail::os::make_error(detail::os::pid_exists(static_cast<pid_t>(pid))
                                               ? std::errc::function_not_supported
                                               : std::errc::no_such_process);
        }
        return stat ? stat->start_time : 0;
    }

    /// What the kernel says of the process now, nullopt when it is gone.
    [[nodiscard]] std::optional<detail::process_stat> stat(std::error_code& error) const noexcept {
        if (pid_ == 0 || !detail::os::pid_exists(static_cast<pid_t>(pid_))) {
            return std::nullopt;
        }
        const detail::proc_directory proc(error);
        auto stat = error ? std::nullopt : proc.stat(pid_, error);
        if (error == std::errc::no_such_process) {
            error.clear();
        }
        return stat && stat->start_time == start_time_ ? stat : std::nullopt;
    }

    [[nodiscard]] bool is_same(std::error_code& error) const noexcept {
        const auto now = stat(error);
        return now && now->running();
    }

    [[nodiscard]] bool exists_same(std::error_code& error) const noexcept {
        return fd_ ? alive(error) : stat(error).has_value();
    }

    [[nodiscard]] bool wait_until(detail::time_point deadline,
                                  std::error_code& error) const noexcept {
        using std::chrono::milliseconds, std::chrono::steady_clock;
        error.clear();
        if (fd_) {
            return detail::os::wait_until_ended(fd_.get(), deadline, error);
        }
        for (milliseconds pause(1);; pause = (std::min)(2 * pause, milliseconds(16))) {
            const bool running = is_same(error);
            if (!running || error) {
                return !error;
            }
            const detail::time_point now = steady_clock::now();
            if (now >= deadline) {
                return false;
            }
            std::this_thread::sleep_until((std::min)(deadline, now + pause));
        }
    }

    struct ending {
        bool ended = false;
        bool asked = false;
        bool killed = false;
    };

    [[nodiscard]] ending terminate_until(detail::time_point deadline,
                                         std::error_code& error) const noexcept {
        using namespace detail;
        ending result;
        // Whether the signal was sent and the process has not ended until then; sets the rest.
        const auto goes_on_after = [&](int signal, bool& sent, time_point until) {
            this->signal(signal, error);
            sent = !error;
            if (error == std::errc::no_such_process) {
                error.clear();
                result.ended = true;
            }
            if (sent && signal == os::terminate_signal) {
                std::error_code ignored;
                this->signal(os::continue_signal, ignored);
            }
            result.ended = result.ended || (sent && wait_until(until, error));
            return !error && !result.ended;
        };
        error.clear();
        if (pid_ == 1 || pid_ == os::process_id()) {
            error = os::make_error(std::errc::operation_not_permitted);
            return result;
        }
        result.ended = !alive(error) && !error;
        if (!error && !result.ended &&
            goes_on_after(os::terminate_signal, result.asked, deadline)) {
            goes_on_after(os::kill_signal, result.killed, deadline_after(kill_patience));
        }
        return result;
    }

    std::int64_t pid_ = 0;
    std::uint64_t start_time_ = 0;  // without a pidfd
    detail::unique_fd fd_;
};

namespace detail {

/// What the machinery and the tests may do with handles.
struct process_handle_access {
    static process_handle open(std::int64_t pid, identity means, std::error_code& error) noexcept {
        return process_handle::open(pid, means, error);
    }

    /// The handle of a process whose start time is known, without a pidfd.
    static process_handle make(std::int64_t pid, std::uint64_t start_time) noexcept {
        process_handle handle;
        handle.pid_ = pid;
        handle.start_time_ = start_time;
        return handle;
    }

    /// The handle of the process of a pidfd.
    static process_handle make(std::int64_t pid, unique_fd pidfd) noexcept {
        process_handle handle;
        handle.pid_ = pid;
        handle.fd_ = std::move(pidfd);
        return handle;
    }

    static bool has_pidfd(const process_handle& handle) noexcept {
        return static_cast<bool>(handle.fd_);
    }

    static bool wait_until(const process_handle& handle, time_point deadline,
                           std::error_code& error) noexcept {
        return handle.wait_until(deadline, error);
    }

    static auto terminate(const process_handle& handle, time_point deadline,
                          std::error_code& error) noexcept {
        return handle.terminate_until(deadline, error);
    }
};

}  // namespace detail

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
