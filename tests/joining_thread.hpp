// SPDX-License-Identifier: MIT
//
// tests/joining_thread.hpp: std::jthread for libraries that have none.

#pragma once

#include <thread>
#include <utility>

namespace skyutil_tests {

/// A thread that is waited for at its end.
class joining_thread {
public:
    joining_thread() = default;
    template <class Function>
    explicit joining_thread(Function function) : thread_(std::move(function)) {}
    joining_thread(joining_thread&&) = default;
    joining_thread& operator=(joining_thread&& other) noexcept {
        thread_.swap(other.thread_);
        return *this;
    }
    ~joining_thread() {
        if (thread_.joinable()) {
            thread_.join();
        }
    }

private:
    std::thread thread_;
};

}  // namespace skyutil_tests
