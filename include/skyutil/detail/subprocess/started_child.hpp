// SPDX-License-Identifier: MIT
//
// detail/subprocess/started_child.hpp: a child that is always ended and reaped. The classes of
// subprocess.hpp hold it; it knows none of their types.

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/base/interruption.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/children.hpp>
#include <skyutil/detail/os/programs.hpp>
#include <skyutil/detail/subprocess/end_child_tree.hpp>
#include <skyutil/process.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Three descriptors: standard input, standard output, standard error.
using standard_descriptors = std::array<unique_fd, 3>;

/// A child of this process. No other process can get its id until the child is reaped. The
/// destructor ends the child and all processes that it started, and reaps the child.
class started_child {
public:
    started_child() = default;

    /// The destructor ends the child in this way.
    started_child(os::started_program started, kill_tree_options ending,
                  time_point start_time) noexcept
        : child_(started.child),
          keeper_(std::move(started.keeper)),
          ending_(std::move(ending)),
          start_time_(start_time) {}

    started_child(started_child&& other) noexcept
        : child_(std::exchange(other.child_, {})),
          keeper_(std::move(other.keeper_)),
          ending_(std::move(other.ending_)),
          start_time_(other.start_time_),
          end_(std::exchange(other.end_, {})),
          reaped_(std::exchange(other.reaped_, false)) {}
    started_child& operator=(started_child&& other) noexcept {
        if (this != &other) {
            finish();
            child_ = std::exchange(other.child_, {});
            keeper_ = std::move(other.keeper_);
            ending_ = std::move(other.ending_);
            start_time_ = other.start_time_;
            end_ = std::exchange(other.end_, {});
            reaped_ = std::exchange(other.reaped_, false);
        }
        return *this;
    }
    started_child(const started_child&) = delete;
    started_child& operator=(const started_child&) = delete;
    ~started_child() { finish(); }

    [[nodiscard]] bool started() const noexcept { return child_.pid != 0; }
    [[nodiscard]] std::int64_t pid() const noexcept { return child_.pid; }

    /// os::no_handle where the system has none.
    [[nodiscard]] os::native_handle handle() const noexcept { return child_.handle; }

    [[nodiscard]] const kill_tree_options& ending() const noexcept { return ending_; }

    /// When its start began.
    [[nodiscard]] time_point start_time() const noexcept { return start_time_; }

    /// Whether the end of the child has been seen.
    [[nodiscard]] bool known_end() const noexcept { return end_.has_value(); }

    /// What end_child_tree() needs, also in another thread.
    [[nodiscard]] os::child identity() const noexcept { return child_; }

    /// Returns how the child ended, std::nullopt while it runs. Does not reap it.
    std::optional<os::process_end> look() noexcept {
        os::process_end end;
        if (!end_ && started()) {
            set_state(child_.look(end), end);
        }
        return end_;
    }

    /// The same, waiting until a point in time.
    std::optional<os::process_end> wait_until(time_point deadline) noexcept {
        os::process_end end;
        if (!end_ && started()) {
            set_state(child_.look_until(deadline, end), end);
        }
        return end_;
    }

    /// Ends the child and all processes that it started, also if it has already ended, and waits
    /// until they are gone. Leaves a child that cannot be ended alone, and does not reap the child.
    kill_report end_tree(const kill_tree_options& options) noexcept {
        look();
        return end_child_tree(child_, options);
    }

    /// Waits for the end of the child and reaps it.
    os::process_end reap() noexcept {
        const uninterrupted until_reaped;
        wait_until(for_ever);
        take();
        child_.release();
        reaped_ = false;
        if (keeper_.joinable()) {
            keeper_.join();
        }
        return end_.value_or(os::process_end());
    }

    /// Gives the child up: it runs on and is not reaped here.
    void detach() noexcept {
        child_.release();
        reaped_ = false;
        if (keeper_.joinable()) {
            keeper_.detach();
        }
    }

private:
    /// Ends the tree and reaps the child. If the child has ended by itself, looks for what it has
    /// left behind only if the system says that there can be something.
    void finish() noexcept {
        if (!started()) {
            return;
        }
        const uninterrupted until_gone;
        const bool ended_itself = look().has_value();
        if (!ended_itself) {
            end_tree(ending_);
        }
        if (!look()) {
            detach();  // it cannot be ended
            return;
        }
        take();
        if (ended_itself && child_.may_have_left_processes()) {
            end_child_tree(child_, ending_);
        }
        reap();
    }

    void set_state(os::child_state state, const os::process_end& end) noexcept {
        reaped_ = state == os::child_state::reaped;
        if (state != os::child_state::running) {
            end_ = end;
        }
    }

    /// Reaps a child that has ended. From then on another process can get its id.
    void take() noexcept {
        if (!std::exchange(reaped_, true) && end_) {
            child_.reap(*end_);
        }
    }

    os::child child_;
    std::thread keeper_;
    kill_tree_options ending_;
    time_point start_time_{};
    std::optional<os::process_end> end_;
    bool reaped_ = false;  ///< here or by other code: another process can get the id
};

/// Output of a child that was taken while something else was waited for.
class unread_text {
public:
    [[nodiscard]] inline bool empty() const noexcept;

    /// Adds what has come; returns whether there is room for more.
    inline bool add(std::string_view more);

    inline std::string take_all();

    /// Takes a line, without its end, or 1 MiB of a longer one; nullopt if none is complete.
    inline std::optional<std::string> take_line();

private:
    inline std::string take(std::size_t size);

    std::string text_;
    std::size_t at_ = 0;        ///< where what is unread starts
    std::size_t searched_ = 0;  ///< from there, for the end of a line
};

/// Gives other headers of the library access to the members of child_process.
struct child_process_access;

/// The same for stdio_target.
struct stdio_target_access;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
