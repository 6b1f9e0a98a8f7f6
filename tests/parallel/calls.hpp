// SPDX-License-Identifier: MIT
//
// tests/parallel/calls.hpp: calls that wait for each other or fail, and ranges that count.

#pragma once

#include <skyutil/parallel.hpp>

#include <chrono>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <vector>

namespace skyutil_tests {

using namespace std::chrono_literals;

/// Opens once it has been arrived at so many times. A test whose threads do not all come fails
/// after a time instead of hanging.
class gate {
public:
    explicit gate(int arrivals = 1) : missing_(arrivals) {}

    void arrive() {
        const std::lock_guard lock(mutex_);
        --missing_;
        opened_.notify_all();
    }
    bool wait() {
        std::unique_lock lock(mutex_);
        return opened_.wait_for(lock, 30s, [&] { return missing_ <= 0; });
    }
    bool arrive_and_wait() {
        arrive();
        return wait();
    }

private:
    std::mutex mutex_;
    std::condition_variable opened_;
    int missing_;
};

inline std::vector<int> numbers(int count) {
    std::vector<int> result(static_cast<std::size_t>(count));
    std::iota(result.begin(), result.end(), 0);
    return result;
}

/// Thrown by calls and ranges of these tests.
struct failure {
    int index;
};

/// The index that is thrown; nothing when nothing is.
template <class Call>
std::optional<int> thrown_by(Call call) {
    try {
        call();
    } catch (const failure& thrown) {
        return thrown.index;
    }
    return std::nullopt;
}

/// A single-pass range of 0, 1... with an iterator that cannot be copied. Reads everything without
/// synchronisation, and says what happens to whoever wants to know.
template <class Value>
class source {
public:
    std::function<Value(int)> read = [](int i) {
        if constexpr (std::constructible_from<Value, int>) {
            return Value(i);
        } else {
            return std::make_unique<int>(i);
        }
    };
    std::function<void(int)> step = [](int) {};
    std::function<bool(int)> at_end = [](int) { return false; };

    class iterator {
    public:
        using value_type = Value;
        using difference_type = std::ptrdiff_t;

        explicit iterator(source& from) : source_(&from) {}
        iterator(iterator&&) = default;
        iterator& operator=(iterator&&) = default;

        Value operator*() const { return source_->read(source_->position_); }
        iterator& operator++() {
            source_->step(source_->position_ + 1);
            ++source_->position_;
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const {
            return source_->at_end(source_->position_);
        }

    private:
        source* source_;
    };

    iterator begin() { return iterator(*this); }
    static std::default_sentinel_t end() { return {}; }

private:
    int position_ = 0;
};

template <class Value = int>
source<Value> make_source(int size) {
    source<Value> result;
    result.at_end = [size](int i) { return i == size; };
    return result;
}

}  // namespace skyutil_tests
