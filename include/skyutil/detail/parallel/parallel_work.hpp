// SPDX-License-Identifier: MIT
//
// detail/parallel/parallel_work.hpp: hands the elements of a range to calls in several threads.
//
// Elements are taken in input order, one at a time, and a call has started once its element is
// taken. So every element before a taken one has been taken too: whichever call fails first in
// time, the failure that is first in input order is always among those that happen.

#pragma once

#include <skyutil/detail/base/joining_thread.hpp>
#include <skyutil/detail/base/throw.hpp>
#include <skyutil/stop_token.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <mutex>
#include <optional>
#include <ranges>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// What a call gets for an element of a single-pass range. Such an element is gone when the next
/// one is read, so it is kept as a value. The call gets the value as what the range would have
/// given: T& as T&, T as T&&, and a proxy as its value.
template <class R>
using kept_argument_t =
    std::conditional_t<std::same_as<std::remove_cvref_t<std::ranges::range_reference_t<R>>,
                                    std::ranges::range_value_t<R>>,
                       std::ranges::range_reference_t<R>&&, std::ranges::range_value_t<R>&&>;

template <class R>
using argument_t = std::conditional_t<std::ranges::forward_range<R>,
                                      std::ranges::range_reference_t<R>, kept_argument_t<R>>;

/// What a result is kept as: a value, even if the call returns a reference.
template <class F, class R>
using parallel_value_t = std::remove_cvref_t<std::invoke_result_t<F&, argument_t<R>>>;

template <class R>
concept keepable_elements =
    std::ranges::forward_range<R> ||
    (std::constructible_from<std::ranges::range_value_t<R>, std::ranges::range_reference_t<R>> &&
     std::move_constructible<std::ranges::range_value_t<R>>);

template <class Result>
concept keepable_result =
    std::is_void_v<Result> || (std::constructible_from<std::remove_cvref_t<Result>, Result> &&
                               std::move_constructible<std::remove_cvref_t<Result>>);

/// A range whose elements can be counted by one atomic number. (The difference type of iota over 64
/// bits is wider.)
template <class R>
concept indexable = std::ranges::random_access_range<R> && std::ranges::sized_range<R> &&
                    sizeof(std::ranges::range_difference_t<R>) <= sizeof(std::ptrdiff_t);

/// Results that can be stored in a std::vector of their own type, to be assigned later. Not bool:
/// its neighbours in a std::vector share a byte.
template <class T>
concept plain_result = std::is_trivially_default_constructible_v<T> &&
                       std::is_trivially_copy_assignable_v<T> && !std::same_as<T, bool>;

/// Moves the values of all std::optional into a vector.
template <class Cells>
auto collect_from(Cells& cells) {
    std::vector<typename Cells::value_type::value_type> results;
    results.reserve(cells.size());
    for (auto& each : cells) {
        results.push_back(*std::move(each));
    }
    return results;
}

/// The results of a known number of calls.
template <class T>
class fixed_results {
public:
    explicit fixed_results(std::size_t size) : slots_(size) {}

    template <class Result>
    void put(std::size_t index, Result&& result) {
        if constexpr (plain_result<T>) {
            slots_[index] = std::forward<Result>(result);
        } else {
            slots_[index].emplace(std::forward<Result>(result));
        }
    }
    std::vector<T> collect() {
        if constexpr (plain_result<T>) {
            return std::move(slots_);
        } else {
            return collect_from(slots_);
        }
    }

private:
    std::vector<std::conditional_t<plain_result<T>, T, std::optional<T>>> slots_;
};

template <>
class fixed_results<void> {
public:
    explicit fixed_results(std::size_t /*size*/) {}

    static void collect() {}
};

/// The results of an unknown number of calls. Slots are added one after the other, and their
/// addresses stay the same.
template <class T>
class growing_results {
public:
    using slot = std::optional<T>*;

    slot add() { return &slots_.emplace_back(); }
    std::vector<T> collect() { return collect_from(slots_); }

private:
    std::deque<std::optional<T>> slots_;
};

template <>
class growing_results<void> {
public:
    using slot = std::nullptr_t;

    static slot add() { return nullptr; }
    static void collect() {}
};

/// Keeps the exception of the first element, in input order, whose call threw one.
class first_failure {
public:
    /// Notes the exception that is being handled.
    void add(std::size_t index) noexcept {
        const std::lock_guard lock(mutex_);
        if (!exception_ || index < index_) {
            index_ = index;
            exception_ = std::current_exception();
        }
    }

    void rethrow_if_any() const {
        if (exception_) {
            std::rethrow_exception(exception_);
        }
    }

private:
    std::mutex mutex_;
    std::size_t index_ = 0;
    std::exception_ptr exception_;
};

/// What is asked before a thread is started for the next element. Whether a stream has one is known
/// only after waiting for it.
enum class next_element { must_be_there, may_be_there };

/// The elements of a random access range. All that threads share is the index of the next one.
template <class R, class T>
class indexed_elements {
public:
    struct taken {
        std::size_t index;
    };

    explicit indexed_elements(R& range)
        : size_(static_cast<std::size_t>(std::ranges::size(range))),
          begin_(std::ranges::begin(range)),
          results_(size_) {}

    std::optional<taken> take(first_failure& /*failure*/) noexcept {
        const std::size_t index = next_.fetch_add(1, std::memory_order_relaxed);
        return index < size_ ? std::optional<taken>(taken{index}) : std::nullopt;
    }

    bool has_more(next_element /*asked*/, first_failure& /*failure*/) const noexcept {
        return next_.load(std::memory_order_relaxed) < size_;
    }

    /// From now on no element is taken.
    void close() noexcept { next_.store(size_, std::memory_order_relaxed); }

    argument_t<R> argument(const taken& element) const {
        return begin_[static_cast<std::ranges::range_difference_t<R>>(element.index)];
    }
    template <class Result>
    void put(const taken& element, Result&& result) {
        results_.put(element.index, std::forward<Result>(result));
    }
    auto collect() { return results_.collect(); }

private:
    std::size_t size_;
    std::ranges::iterator_t<R> begin_;
    fixed_results<T> results_;
    alignas(64) std::atomic<std::size_t> next_ = 0;  // alone in its cache line
};

/// The elements of any other range, taken under a lock. Those of forward ranges are then used
/// without it.
template <class R, class T>
class locked_elements {
    static constexpr bool keeps_iterator = std::ranges::forward_range<R>;

public:
    struct taken {
        std::size_t index;
        typename growing_results<T>::slot slot;
        std::conditional_t<keeps_iterator, std::ranges::iterator_t<R>,
                           std::ranges::range_value_t<R>>
            element;
    };

    explicit locked_elements(R& range)
        : next_(std::ranges::begin(range)), end_(std::ranges::end(range)) {}

    std::optional<taken> take(first_failure& failure) noexcept {
        const std::lock_guard lock(mutex_);
        if (!is_at_element(failure)) {
            return std::nullopt;
        }
        return catch_exception(
            [this] {
                std::optional<taken> element;
                if constexpr (keeps_iterator) {
                    element.emplace(taken{size_, results_.add(), next_});
                } else {
                    element.emplace(
                        taken{size_, results_.add(), std::ranges::range_value_t<R>(*next_)});
                }
                ++size_;
                is_taken_ = true;
                return element;
            },
            [&] {
                failure.add(size_);
                close();
                return std::optional<taken>();
            });
    }

    bool has_more(next_element asked, first_failure& failure) noexcept {
        if (asked == next_element::may_be_there) {
            return !closed_.load(std::memory_order_relaxed);
        }
        const std::lock_guard lock(mutex_);
        return is_at_element(failure);
    }

    /// From now on no element is taken. Does not wait for an element that is being read.
    void close() noexcept { closed_.store(true, std::memory_order_relaxed); }

    argument_t<R> argument(taken& element) const {
        if constexpr (keeps_iterator) {
            return *element.element;
        } else {
            return static_cast<argument_t<R>>(element.element);
        }
    }
    template <class Result>
    static void put(const taken& element, Result&& result) {
        element.slot->emplace(std::forward<Result>(result));
    }
    auto collect() { return results_.collect(); }

private:
    /// Whether there is an element to take. The iterator is not advanced when an element is taken
    /// but here, when the next one is asked for: behind the last element of a stream, to advance
    /// means to wait for more.
    bool is_at_element(first_failure& failure) noexcept {
        if (closed_.load(std::memory_order_relaxed)) {
            return false;
        }
        const bool is_there = catch_exception(
            [this]() -> bool {
                if (is_taken_) {
                    ++next_;
                    is_taken_ = false;
                }
                return next_ != end_;
            },
            [&] {
                failure.add(size_);
                return false;
            });
        if (!is_there) {
            close();
        }
        return is_there;
    }

    std::mutex mutex_;
    std::atomic<bool> closed_ = false;
    bool is_taken_ = false;  // whether the element at next_ has been taken
    std::size_t size_ = 0;   // elements taken so far
    std::ranges::iterator_t<R> next_;
    std::ranges::sentinel_t<R> end_;
    growing_results<T> results_;
};

/// Calls a function with each element, in several threads, until there are no more elements, a call
/// fails or a stop is requested.
template <class Elements, class F>
class parallel_work {
public:
    parallel_work(Elements& elements, F& func, const stop_token& stop)
        : elements_(elements), func_(func), stop_(stop) {}

    /// Uses up to `threads` threads, the calling one included. The others have ended when it
    /// returns.
    void run(int threads) noexcept { work(threads, next_element::must_be_there); }

    /// Throws what the call of the first element, in input order, threw; without such an exception
    /// errc::operation_canceled if a stop kept a call from starting.
    void throw_if_incomplete() const {
        failure_.rethrow_if_any();
        if (stopped_.load(std::memory_order_relaxed)) {
            throw_exception(std::system_error(
                std::make_error_code(std::errc::operation_canceled),
                "skyutil::run_in_parallel: stopped before every element had its call"));
        }
    }

private:
    using taken = typename Elements::taken;

    /// Takes an element. If there may be more, starts up to two other threads before it uses the
    /// element; each of them starts half of the remaining threads in the same way.
    void work(int threads, next_element next) noexcept {
        std::optional<taken> element = elements_.take(failure_);
        if (!element) {
            return;
        }
        std::array<joining_thread, 2> others;  // joined at the end
        const int half = (threads - 1) / 2;
        std::size_t started = 0;
        for (const int share : {threads - 1 - half, half}) {
            if (share == 0 || !elements_.has_more(next, failure_) ||
                !start(others[started++], share)) {
                break;
            }
            next = next_element::may_be_there;
        }
        call(*element);
        while (std::optional<taken> each = elements_.take(failure_)) {
            call(*each);
        }
    }

    /// Returns false when the system has no more threads. Those that run do the work then.
    bool start(joining_thread& thread, int threads) noexcept {
        return catch_exception(
            [&] {
                thread =
                    joining_thread([this, threads] { work(threads, next_element::may_be_there); });
                return true;
            },
            [] { return false; });
    }

    void call(taken& element) noexcept {
        if (stop_.stop_requested()) {
            stopped_.store(true, std::memory_order_relaxed);
            elements_.close();
            return;
        }
        catch_exception(
            [&] {
                using result = decltype(std::invoke(func_, elements_.argument(element)));
                if constexpr (std::is_void_v<result>) {
                    std::invoke(func_, elements_.argument(element));
                } else {
                    elements_.put(element, std::invoke(func_, elements_.argument(element)));
                }
            },
            [&] {
                failure_.add(element.index);
                elements_.close();
            });
    }

    Elements& elements_;
    F& func_;
    const stop_token& stop_;
    first_failure failure_;
    std::atomic<bool> stopped_ = false;
};

/// The body of run_in_parallel(): returns a std::vector, or nothing.
template <class F, class R>
auto run_in_parallel(F& func, R& range, int threads, const stop_token& stop) {
    using value = parallel_value_t<F, R>;
    using elements_type =
        std::conditional_t<indexable<R>, indexed_elements<R, value>, locked_elements<R, value>>;
    elements_type elements(range);
    parallel_work work(elements, func, stop);
    threads = (std::max)(threads, 1);
    if constexpr (std::ranges::sized_range<R>) {
        const auto size = std::ranges::size(range);
        threads = std::cmp_less(size, threads) ? (std::max)(static_cast<int>(size), 1) : threads;
    }
    work.run(threads);
    work.throw_if_incomplete();
    return elements.collect();
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
