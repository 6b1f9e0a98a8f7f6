// SPDX-License-Identifier: MIT
//
// detail/asio/looking.hpp: waits for something that is looked at, as an asynchronous operation: for
// a handle that is readable once it is time to look, or, without one, for a moment.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/pipes.hpp>
#include <skyutil/follow.hpp>
#include <skyutil/process.hpp>
#include <skyutil/subprocess.hpp>
#include <skyutil/version.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// What boost::asio::async_compose runs. A look has `bool operator()(std::error_code&)`, which does
/// not wait and returns whether the operation is over, `handle()`, and `complete(self, error)`.
template <class Look>
class looking {
public:
    looking(const boost::asio::any_io_executor& executor, Look look)
        : waiting_(std::make_unique<waiting>(executor)), look_(std::move(look)) {}

    template <class Self>
    void operator()(Self& self, boost::system::error_code error = {}) {
        if (!std::exchange(begun_, true)) {
            self.reset_cancellation_state(boost::asio::enable_total_cancellation());
            boost::asio::post(waiting_->timer.get_executor(), std::move(self));
            return;
        }
        if (self.cancelled() != boost::asio::cancellation_type::none) {
            error = boost::asio::error::operation_aborted;
        }
        if (!error) {
            std::error_code failed;
            if (look_(failed)) {
                end(self, {});
                return;
            }
            error = failed;
        }
        boost::asio::posix::stream_descriptor& descriptor = waiting_->descriptor;
        const os::native_handle handle = look_.handle();
        if (!error && handle != os::no_handle && !descriptor.is_open()) {
            // A copy, as a handle can be in a reactor once.
            std::error_code failed;
            const os::native_handle copy = os::duplicate(handle, failed);
            error = failed;
            if (!error) {
                descriptor.assign(copy, error);  // NOLINT(bugprone-unused-return-value)
                if (error) {
                    os::close(copy);
                }
            }
        }
        if (error) {
            end(self, error);
        } else if (handle != os::no_handle) {
            descriptor.async_wait(descriptor.wait_read, std::move(self));
        } else {
            boost::asio::steady_timer& timer = waiting_->timer;
            timer.expires_after(std::chrono::milliseconds(10));
            timer.async_wait(std::move(self));
        }
    }

private:
    /// Stays where it is while the operation is moved.
    struct waiting {
        explicit waiting(const boost::asio::any_io_executor& executor)
            : descriptor(executor), timer(executor) {}

        boost::asio::posix::stream_descriptor descriptor;
        boost::asio::steady_timer timer;
    };

    template <class Self>
    void end(Self& self, boost::system::error_code error) {
        waiting_.reset();  // what it takes is given back before the handler runs
        look_.complete(self, error);
    }

    std::unique_ptr<waiting> waiting_;
    Look look_;
    bool begun_ = false;
};

/// Starts an operation that looks, and that completes with a signature. A token of the caller's
/// is named as a reference, and not moved from.
template <class Signature, class Token, class Look>
auto async_look(const boost::asio::any_io_executor& executor, Look look, Token& token) {
    return boost::asio::async_compose<Token, Signature>(looking(executor, std::move(look)), token,
                                                        executor);
}

class look_for_end {
public:
    explicit look_for_end(const process_handle& process) noexcept : process_(process) {}

    bool operator()(std::error_code& error) const noexcept {
        return process_.wait(std::chrono::milliseconds(0), error);
    }
    [[nodiscard]] os::native_handle handle() const noexcept {
        return process_handle_access::native_handle(process_);
    }
    template <class Self>
    void complete(Self& self, boost::system::error_code error) {
        self.complete(error);
    }

private:
    const process_handle& process_;
};

class look_for_status {
public:
    explicit look_for_status(child_process& child) noexcept : child_(child) {}

    bool operator()(std::error_code&) {
        const std::optional<exit_status> status = child_.wait(std::chrono::milliseconds(0));
        status_ = status.value_or(exit_status{});
        return status.has_value();
    }
    [[nodiscard]] os::native_handle handle() const noexcept {
        return child_process_access::child(child_).handle();
    }
    template <class Self>
    void complete(Self& self, boost::system::error_code error) {
        self.complete(error, status_);
    }

private:
    child_process& child_;
    exit_status status_{};
};

template <class Follower>
class look_for_event {
public:
    explicit look_for_event(Follower& follower) noexcept : follower_(follower) {}

    bool operator()(std::error_code& error) {
        event_ = follower_.next(std::chrono::milliseconds(0), error);
        return event_ || (!error && follow_access::is_stopped(follower_));
    }
    [[nodiscard]] os::native_handle handle() const noexcept { return follower_.native_handle(); }
    template <class Self>
    void complete(Self& self, boost::system::error_code error) {
        self.complete(error, event_);
    }

private:
    Follower& follower_;
    std::optional<follow_event> event_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
