// SPDX-License-Identifier: MIT
//
// detail/process/process_reference.hpp: one process, told from a later one that gets its id. It is
// what a process_handle holds.

#pragma once

#include <skyutil/detail/base/deadline.hpp>
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

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// How a process is told from a later one with its id.
enum class identity {
    best,        ///< by a pidfd, or by the start time where there is none
    start_time,  ///< by the start time, as on kernels without pidfd
};

/// What terminate() did to a process.
struct process_ending {
    bool ended = false;   ///< the process is gone, or a zombie
    bool asked = false;   ///< SIGTERM was sent
    bool killed = false;  ///< SIGKILL was sent
};

/// What the members return and which errors they have: see process_handle.
class process_reference {
public:
    /// No process.
    process_reference() noexcept = default;

    /// A process whose start time is known, without a pidfd.
    process_reference(std::int64_t pid, std::uint64_t start_time) noexcept
        : pid_(pid), start_time_(start_time) {}

    /// The process of a pidfd.
    process_reference(std::int64_t pid, unique_fd pidfd) noexcept
        : pid_(pid), fd_(std::move(pidfd)) {}

    process_reference(process_reference&& other) noexcept
        : pid_(std::exchange(other.pid_, 0)),
          start_time_(other.start_time_),
          fd_(std::move(other.fd_)) {}
    process_reference& operator=(process_reference&& other) noexcept {
        pid_ = std::exchange(other.pid_, 0);
        start_time_ = other.start_time_;
        fd_ = std::move(other.fd_);
        return *this;
    }
    process_reference(const process_reference&) = delete;
    process_reference& operator=(const process_reference&) = delete;
    ~process_reference() = default;

    static process_reference open(std::int64_t pid, identity means,
                                  std::error_code& error) noexcept {
        error.clear();
        process_reference opened;
        if (!os::fits_pid(pid)) {
            error = os::make_error(std::errc::no_such_process);
            return opened;
        }
        if (means == identity::best) {
            opened.fd_.reset(os::open_pidfd(static_cast<pid_t>(pid), error));
        }
        if (!opened.fd_ &&
            (means == identity::start_time || error == std::errc::function_not_supported)) {
            opened.start_time_ = find_start_time(pid, error);
        }
        opened.pid_ = error ? 0 : pid;
        return opened;
    }

    [[nodiscard]] std::int64_t pid() const noexcept { return pid_; }
    [[nodiscard]] bool has_pidfd() const noexcept { return static_cast<bool>(fd_); }

    [[nodiscard]] bool alive(std::error_code& error) const noexcept {
        error.clear();
        return fd_ ? !os::has_ended(fd_.get(), error) && !error : is_same(error);
    }

    void signal(int signal, std::error_code& error) const noexcept {
        error.clear();
        if (fd_) {
            os::send_signal_to_pidfd(fd_.get(), signal, error);
            if (!error || error == std::errc::no_such_process) {
                return;
            }
            error.clear();  // a filter can forbid this call, with any error, and allow kill(2)
        }
        if (exists_same(error)) {
            os::send_signal(static_cast<pid_t>(pid_), signal, error);
        } else if (!error) {
            error = os::make_error(std::errc::no_such_process);
        }
    }

    [[nodiscard]] bool wait_until(time_point deadline, std::error_code& error) const noexcept {
        using std::chrono::milliseconds, std::chrono::steady_clock;
        error.clear();
        if (fd_) {
            return os::wait_until_ended(fd_.get(), deadline, error);
        }
        for (milliseconds pause(1);; pause = (std::min)(2 * pause, milliseconds(16))) {
            const bool running = is_same(error);
            if (!running || error) {
                return !error;
            }
            const time_point now = steady_clock::now();
            if (now >= deadline) {
                return false;
            }
            std::this_thread::sleep_until((std::min)(deadline, now + pause));
        }
    }

    /// Sends SIGTERM, waits until the deadline, and then sends SIGKILL.
    [[nodiscard]] process_ending terminate(time_point deadline,
                                           std::error_code& error) const noexcept {
        process_ending result;
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

private:
    static std::uint64_t find_start_time(std::int64_t pid, std::error_code& error) noexcept {
        error.clear();
        // /proc/ID is there for the ids of threads too.
        if (!os::pid_exists(static_cast<pid_t>(pid))) {
            error = os::make_error(std::errc::no_such_process);
            return 0;
        }
        const proc_directory proc(error);
        const auto stat = error ? std::nullopt : proc.stat(pid, error);
        // Hidden from this user, or gone since.
        if (error && !is_starved(error)) {
            error = os::make_error(os::pid_exists(static_cast<pid_t>(pid))
                                       ? std::errc::function_not_supported
                                       : std::errc::no_such_process);
        }
        return stat ? stat->start_time : 0;
    }

    /// Returns what the kernel says of the process now, nullopt when it is gone.
    [[nodiscard]] std::optional<process_stat> stat(std::error_code& error) const noexcept {
        if (pid_ == 0 || !os::pid_exists(static_cast<pid_t>(pid_))) {
            return std::nullopt;
        }
        const proc_directory proc(error);
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

    std::int64_t pid_ = 0;
    std::uint64_t start_time_ = 0;  ///< used without a pidfd
    unique_fd fd_;
};

struct process_handle_access;  // what the machinery may do with process_handle, in impl.hpp

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
