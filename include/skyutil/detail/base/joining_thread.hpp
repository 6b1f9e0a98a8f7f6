// SPDX-License-Identifier: MIT
//
// detail/base/joining_thread.hpp: std::jthread without a stop token, as not every standard library
// has that.

#pragma once

#include <skyutil/version.hpp>

#include <thread>
#include <type_traits>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// A thread that is waited for at its end.
class joining_thread {
public:
    joining_thread() noexcept = default;
    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, joining_thread>)
    explicit joining_thread(F&& function) : thread_(std::forward<F>(function)) {}
    joining_thread(joining_thread&&) noexcept = default;
    joining_thread& operator=(joining_thread&& other) noexcept {
        thread_.swap(other.thread_);
        return *this;
    }
    joining_thread(const joining_thread&) = delete;
    joining_thread& operator=(const joining_thread&) = delete;
    ~joining_thread() {
        if (thread_.joinable()) {
            thread_.join();
        }
    }

private:
    std::thread thread_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
