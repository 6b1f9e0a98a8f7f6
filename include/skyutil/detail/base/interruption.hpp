// SPDX-License-Identifier: MIT
//
// detail/base/interruption.hpp: lets whom a thread works for end its system calls: a language
// runtime that handles signals itself, and by exceptions, has to be asked when there was one.

#pragma once

#include <skyutil/detail/base/compiler.hpp>
#include <skyutil/version.hpp>

#include <chrono>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// How long a thread that can be interrupted works or waits before it asks again.
inline constexpr std::chrono::milliseconds interruption_interval{20};

/// While an object of this class lives, the system calls of its thread ask `question(context)` now
/// and then, and each time that a signal interrupts one. Once the answer is true they fail with
/// errc::interrupted, this one and all that follow.
///
/// The innermost object of a thread counts, and none while the question is answered: that may run
/// any code.
class interruption {
public:
    using question = bool (*)(void* context) noexcept;

    interruption(question asked, void* context) noexcept
        : question_(asked), context_(context), outer_(std::exchange(current, this)) {}
    ~interruption() { current = outer_; }
    interruption(const interruption&) = delete;
    interruption& operator=(const interruption&) = delete;

    /// Whether this thread can be interrupted.
    static bool possible() noexcept { return current != nullptr; }

    /// Whether this thread is to end what it does. `signalled` asks at once.
    static bool requested(bool signalled = false) noexcept {
        return current != nullptr && current->ask(signalled);
    }

private:
    friend class uninterrupted;

    using clock = std::chrono::steady_clock;

    bool ask(bool signalled) noexcept {
        if (requested_) {
            return true;
        }
        const clock::time_point now = clock::now();
        if (signalled || now >= next_) {
            current = nullptr;
            requested_ = question_(context_);
            current = this;
            next_ = clock::now() + interruption_interval;
        }
        return requested_;
    }

    SKYUTIL_OWN static inline constinit thread_local interruption* current = nullptr;

    question question_;
    void* context_;
    interruption* outer_;
    bool requested_ = false;
    clock::time_point next_ = clock::now() + interruption_interval;
};

/// While an object of this class lives, no system call of its thread fails for an interruption:
/// what has to be undone, or ended, is.
class uninterrupted {
public:
    uninterrupted() noexcept : outer_(std::exchange(interruption::current, nullptr)) {}
    ~uninterrupted() { interruption::current = outer_; }
    uninterrupted(const uninterrupted&) = delete;
    uninterrupted& operator=(const uninterrupted&) = delete;

private:
    interruption* outer_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
