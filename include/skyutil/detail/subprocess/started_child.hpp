// SPDX-License-Identifier: MIT
//
// detail/subprocess/started_child.hpp: a child that is always ended and reaped. The classes of
// subprocess.hpp hold it; it knows none of their types.

#pragma once

#include <skyutil/detail/base/interruption.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/programs.hpp>
#include <skyutil/detail/subprocess/end_child_tree.hpp>
#include <skyutil/detail/subprocess/start_in_thread.hpp>
#include <skyutil/process.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Three descriptors: standard input, standard output, standard error.
using standard_descriptors = std::array<unique_fd, 3>;

/// The thread that starts a child with `dies_with_thread`.
enum class start_thread {
    calling,  ///< the child is killed when the calling thread ends
    own,      ///< one that lives as long as the child: it is killed when this process ends
};

/// A child of this process. No other process can get its id until the child is reaped. The
/// destructor ends the child and all processes that it started, and reaps the child.
class started_child {
public:
    started_child() = default;
    started_child(started_child&& other) noexcept
        : pid_(std::exchange(other.pid_, 0)),
          pidfd_(std::move(other.pidfd_)),
          group_(other.group_),
          grace_(other.grace_),
          owned_until_(other.owned_until_),
          end_(std::exchange(other.end_, {})),
          reaped_(std::exchange(other.reaped_, false)),
          keeper_(std::move(other.keeper_)) {}
    started_child& operator=(started_child&& other) noexcept {
        if (this != &other) {
            finish();
            pid_ = std::exchange(other.pid_, 0);
            pidfd_ = std::move(other.pidfd_);
            group_ = other.group_;
            grace_ = other.grace_;
            owned_until_ = other.owned_until_;
            end_ = std::exchange(other.end_, {});
            reaped_ = std::exchange(other.reaped_, false);
            keeper_ = std::move(other.keeper_);
        }
        return *this;
    }
    started_child(const started_child&) = delete;
    started_child& operator=(const started_child&) = delete;
    ~started_child() { finish(); }

    /// Starts a program; `start.failed` tells what failed. The destructor of the child ends it with
    /// this grace.
    static started_child start(os::program_start& start, std::chrono::milliseconds grace,
                               start_thread thread, std::error_code& error) {
        started_child child;
        child.group_ = start.group;
        child.grace_ = grace;
        const os::started_program program = thread == start_thread::own && start.dies_with_thread
                                                ? start_in_thread(start, child.keeper_, error)
                                                : os::start_program(start, error);
        if (!error) {
            child.pid_ = program.pid;
            child.pidfd_.reset(program.pidfd);
        }
        child.owned_until_ = os::clock_ticks_since_start();
        return child;
    }

    [[nodiscard]] bool started() const noexcept { return pid_ != 0; }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    /// -1 on kernels without pidfd.
    [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }

    /// Whether the end of the child has been seen.
    [[nodiscard]] bool known_end() const noexcept { return end_.has_value(); }

    /// What end_child_tree() needs, also in another thread.
    [[nodiscard]] child_identity identity() const noexcept {
        return {pid_, pidfd_.get(), group_ != os::start_group::same,
                group_ == os::start_group::session, owned_until_};
    }

    /// Returns how the child ended, std::nullopt while it runs. Does not reap it.
    std::optional<os::process_end> look(os::waiting how = os::waiting::look) noexcept {
        if (end_ || !started()) {
            return end_;
        }
        os::process_end end;
        std::error_code error;
        if (os::wait_child(pid_, pidfd_.get(), how, end, error)) {
            end_ = end;
        } else if (error ==
                   std::errc::no_child_process) {  // other code of this process has reaped it
            reaped_ = true;
            os::read_exit_info(pidfd_.get(), end);  // else nothing says how it ended
            end_ = end;
        } else if (error) {
            look_without_waitid(how);
        } else {
            owned_until_ = os::clock_ticks_since_start();
        }
        return end_;
    }

    /// The same, waiting until a point in time.
    std::optional<os::process_end> wait_until(time_point deadline) noexcept {
        std::error_code error;
        if (deadline == for_ever) {
            return look(os::waiting::block);
        }
        if (!end_ && pidfd_) {
            os::wait_until_ended(pidfd_.get(), deadline, error);
        }
        using std::chrono::milliseconds, std::chrono::steady_clock;
        for (milliseconds pause(1); !look() && (!pidfd_ || error) && steady_clock::now() < deadline;
             pause = (std::min)(2 * pause, milliseconds(16))) {
            std::this_thread::sleep_until((std::min)(deadline, steady_clock::now() + pause));
        }
        return end_;
    }

    /// Ends the child and all processes that it started, also if it has already ended, and waits
    /// until they are gone. Leaves a child that cannot be ended alone, and does not reap the child.
    kill_report end_tree(const kill_tree_options& options) noexcept {
        look();
        return end_child_tree(identity(), options);
    }

    /// Waits for the end of the child and reaps it.
    os::process_end reap() noexcept {
        const uninterrupted until_reaped;
        look(os::waiting::block);
        take();
        release();
        if (keeper_.joinable()) {
            keeper_.join();
        }
        return end_.value_or(os::process_end());
    }

    /// Gives the child up: it runs on and is not reaped here.
    void detach() noexcept {
        release();
        if (keeper_.joinable()) {
            keeper_.detach();
        }
    }

private:
    /// Ends the tree and reaps the child. If the child has ended by itself, looks for what it has
    /// left behind only if the kernel says that its id is still in use, as the id of its session or
    /// process group.
    void finish() noexcept {
        if (!started()) {
            return;
        }
        const uninterrupted until_gone;
        const bool ended_itself = look().has_value();
        if (!ended_itself) {
            end_tree({.grace = grace_});
        }
        if (!look()) {
            detach();  // it cannot be ended
            return;
        }
        if (!reaped_) {
            owned_until_ = os::clock_ticks_since_start();
        }
        take();
        if (ended_itself && group_ != os::start_group::same &&
            (!pidfd_ || os::is_id_in_use(pid_, pidfd_.get()))) {
            end_child_tree(identity(), {.grace = grace_});
        }
        reap();
    }

    /// Reaps a child that has ended. From then on another process can get its id.
    void take() noexcept {
        if (!std::exchange(reaped_, true)) {
            os::process_end ignored;
            os::reap_child(pid_, pidfd_.get(), ignored);
        }
    }

    /// Does the same where a filter forbids waitid(2): the pidfd tells that the child has ended,
    /// and wait4(2) how. That reaps it.
    void look_without_waitid(os::waiting how) noexcept {
        std::error_code error;
        for (;;) {
            os::process_end end;
            if (os::reap_child(pid_, pidfd_.get(), end)) {
                reaped_ = true;
                end_ = end;
                return;
            }
            if (pidfd_ && os::has_ended(pidfd_.get(), error) && !error) {
                reaped_ = true;  // or it cannot be reaped
                os::read_exit_info(pidfd_.get(), end);
                end_ = end;
                return;
            }
            if (how == os::waiting::look) {
                return;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }

    void release() noexcept {
        pid_ = 0;
        reaped_ = false;
        pidfd_.reset();
    }

    pid_t pid_ = 0;
    unique_fd pidfd_;
    os::start_group group_ = os::start_group::session;
    std::chrono::milliseconds grace_{};
    std::uint64_t owned_until_ = 0;  ///< see child_identity
    std::optional<os::process_end> end_;
    bool reaped_ = false;  ///< here or by other code: another process can get the id
    std::thread keeper_;   ///< see start_in_thread()
};

/// Gives other headers of the library access to the members of child_process.
struct child_process_access;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
