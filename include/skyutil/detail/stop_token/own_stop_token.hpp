// SPDX-License-Identifier: MIT
//
// detail/stop_token/own_stop_token.hpp: what stands in for <stop_token> where the standard library
// has none. See there: what the members do is the same.

#pragma once

#include <skyutil/version.hpp>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::own_stop {

/// A callback as the state keeps it, in a list.
struct registered_callback {
    using caller = void (*)(registered_callback&) noexcept;

    explicit registered_callback(caller function) noexcept : call(function) {}

    caller call;
    registered_callback* before = nullptr;
    registered_callback* next = nullptr;
};

/// What the sources, tokens and callbacks that belong together share.
class stop_state {
public:
    [[nodiscard]] bool requested() const noexcept {
        return requested_.load(std::memory_order_acquire);
    }
    [[nodiscard]] bool possible() const noexcept {
        return requested() || sources_.load(std::memory_order_acquire) != 0;
    }
    void add_source() noexcept { sources_.fetch_add(1, std::memory_order_relaxed); }
    void remove_source() noexcept { sources_.fetch_sub(1, std::memory_order_acq_rel); }

    /// Calls the callbacks, unless that was done before: then it returns false.
    bool request() noexcept {
        std::unique_lock lock(mutex_);
        if (requested()) {
            return false;
        }
        caller_ = std::this_thread::get_id();
        requested_.store(true, std::memory_order_release);
        while (first_ != nullptr) {
            called_ = first_;
            unlink(*called_);
            lock.unlock();
            called_->call(*called_);  // it may have been destroyed after this
            lock.lock();
            called_ = nullptr;
            returned_.notify_all();
        }
        return true;
    }

    /// Returns false where a stop was requested before.
    bool add(registered_callback& callback) noexcept {
        const std::scoped_lock lock(mutex_);
        if (requested()) {
            return false;
        }
        callback.next = std::exchange(first_, &callback);
        if (callback.next != nullptr) {
            callback.next->before = &callback;
        }
        return true;
    }

    /// When it returns the callback does not run, unless this thread runs it.
    void remove(registered_callback& callback) noexcept {
        std::unique_lock lock(mutex_);
        if (callback.before != nullptr || first_ == &callback) {
            unlink(callback);
        } else if (caller_ != std::this_thread::get_id()) {
            returned_.wait(lock, [&] { return called_ != &callback; });
        }
    }

private:
    void unlink(registered_callback& callback) noexcept {
        (callback.before == nullptr ? first_ : callback.before->next) = callback.next;
        if (callback.next != nullptr) {
            callback.next->before = callback.before;
        }
        callback.before = callback.next = nullptr;
    }

    std::atomic<bool> requested_ = false;
    std::atomic<std::size_t> sources_ = 0;
    std::mutex mutex_;
    std::condition_variable returned_;
    std::thread::id caller_;
    registered_callback* first_ = nullptr;
    registered_callback* called_ = nullptr;
};

struct nostopstate_t {
    explicit nostopstate_t() = default;
};
inline constexpr nostopstate_t nostopstate{};

class stop_source;
template <class Callback>
class stop_callback;

class stop_token {
public:
    stop_token() noexcept = default;

    void swap(stop_token& other) noexcept { state_.swap(other.state_); }
    [[nodiscard]] bool stop_requested() const noexcept {
        return state_ != nullptr && state_->requested();
    }
    [[nodiscard]] bool stop_possible() const noexcept {
        return state_ != nullptr && state_->possible();
    }

    friend bool operator==(const stop_token&, const stop_token&) noexcept = default;
    friend void swap(stop_token& a, stop_token& b) noexcept { a.swap(b); }

private:
    friend class stop_source;
    template <class Callback>
    friend class stop_callback;

    explicit stop_token(std::shared_ptr<stop_state> state) noexcept : state_(std::move(state)) {}

    std::shared_ptr<stop_state> state_;
};

class stop_source {
public:
    stop_source() : state_(std::make_shared<stop_state>()) { state_->add_source(); }
    explicit stop_source(nostopstate_t) noexcept {}
    stop_source(const stop_source& other) noexcept : state_(other.state_) {
        if (state_ != nullptr) {
            state_->add_source();
        }
    }
    stop_source(stop_source&&) noexcept = default;
    stop_source& operator=(const stop_source& other) noexcept {
        stop_source(other).swap(*this);
        return *this;
    }
    stop_source& operator=(stop_source&& other) noexcept {
        stop_source(std::move(other)).swap(*this);
        return *this;
    }
    ~stop_source() {
        if (state_ != nullptr) {
            state_->remove_source();
        }
    }

    void swap(stop_source& other) noexcept { state_.swap(other.state_); }
    [[nodiscard]] stop_token get_token() const noexcept { return stop_token(state_); }
    [[nodiscard]] bool stop_possible() const noexcept { return state_ != nullptr; }
    [[nodiscard]] bool stop_requested() const noexcept {
        return state_ != nullptr && state_->requested();
    }
    bool request_stop() const noexcept {  // NOLINT(modernize-use-nodiscard)
        // Kept: a callback may destroy the source.
        const std::shared_ptr<stop_state> state = state_;
        return state != nullptr && state->request();
    }

    friend bool operator==(const stop_source&, const stop_source&) noexcept = default;
    friend void swap(stop_source& a, stop_source& b) noexcept { a.swap(b); }

private:
    std::shared_ptr<stop_state> state_;
};

template <class Callback>
class stop_callback : registered_callback {
public:
    using callback_type = Callback;

    template <class C>
        requires std::is_constructible_v<Callback, C>
    explicit stop_callback(const stop_token& token,
                           C&& callback) noexcept(std::is_nothrow_constructible_v<Callback, C>)
        : stop_callback(token.state_, std::forward<C>(callback)) {}
    template <class C>
        requires std::is_constructible_v<Callback, C>
    explicit stop_callback(stop_token&& token,
                           C&& callback) noexcept(std::is_nothrow_constructible_v<Callback, C>)
        : stop_callback(std::move(token.state_), std::forward<C>(callback)) {}
    stop_callback(const stop_callback&) = delete;
    stop_callback& operator=(const stop_callback&) = delete;
    ~stop_callback() {
        if (state_ != nullptr) {
            state_->remove(*this);
        }
    }

private:
    template <class C>
    stop_callback(std::shared_ptr<stop_state> state, C&& callback)
        : registered_callback([](registered_callback& self) noexcept {
              std::forward<Callback>(static_cast<stop_callback&>(self).callback_)();
          }),
          callback_(std::forward<C>(callback)) {
        if (state != nullptr && !state->add(*this)) {
            std::forward<Callback>(callback_)();
        } else {
            state_ = std::move(state);
        }
    }

    Callback callback_;
    std::shared_ptr<stop_state> state_;
};

template <class Callback>
stop_callback(stop_token, Callback) -> stop_callback<Callback>;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::own_stop
