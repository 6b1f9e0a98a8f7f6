// SPDX-License-Identifier: MIT
//
// skyutil/parallel.hpp: a function called for each element of a range, several at a time.
//
//     std::vector<digest> digests = skyutil::run_in_parallel(hash_one, paths);
//     skyutil::run_in_parallel(upload, paths, {.threads = 16, .stop = source.get_token()});
//     skyutil::slow_start(servers, [](server& each) { each.start(); });
//
// No thread outlives the call that started it; nothing is kept between calls. Everything is safe to
// call from several threads at once, from within one of its calls, and after fork.

#pragma once

#include <skyutil/detail/base/stoppable_wait.hpp>
#include <skyutil/detail/parallel/parallel_work.hpp>
#include <skyutil/version.hpp>
#include <skyutil/workers.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <functional>
#include <ranges>
#include <stop_token>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// A range whose elements can be given to calls in other threads: any forward range; a single-pass
/// range if its elements can be copied (or moved, where it gives values or T&&).
template <class R>
concept parallel_range = std::ranges::input_range<R> && detail::keepable_elements<R>;

/// What can be called with an element of the range and returns nothing or what can be moved.
template <class F, class R>
concept parallel_function =
    parallel_range<R> && std::invocable<F&, detail::argument_t<R>> &&
    detail::keepable_result<std::invoke_result_t<F&, detail::argument_t<R>>>;

struct parallel_options {
    int threads = get_parallel_threads();  ///< calls at a time; less than 1 is 1
    std::stop_token stop = {};             ///< once it is asked to stop, no further call starts
};

struct slow_start_options {
    /// From the end of a batch to the next one; less than 0 is 0.
    std::chrono::nanoseconds delay = std::chrono::seconds(2);
    /// The most elements that are started at a time; less than 1 is 1.
    int max_batch = (std::max)(1, detail::cpu_count() / 2);
    std::stop_token stop = {};  ///< once it is asked to stop, no further element is started
};

namespace detail {

/// The body of run_in_parallel: std::vector<T> or void.
template <class F, class R>
auto run_in_parallel(F& func, R& range, int threads, const std::stop_token& stop) {
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

constexpr int next_batch(int batch, int most) noexcept {
    return batch > most / 2 ? most : batch * 2;
}

/// The body of slow_start; `wait` is called with the delay between two batches.
template <class R, class F, class Wait>
void slow_start(R&& range, F&& start, const slow_start_options& options, Wait wait) {
    const int most = (std::max)(options.max_batch, 1);
    auto element = std::ranges::begin(range);
    const auto end = std::ranges::end(range);
    for (int batch = 1; element != end; batch = next_batch(batch, most)) {
        for (int started = 0; started != batch && element != end; ++started, ++element) {
            if (options.stop.stop_requested()) {
                return;
            }
            std::invoke(start, *element);
        }
        if (element != end && !options.stop.stop_requested()) {
            wait(options.delay);
        }
    }
}

}  // namespace detail

/// Returns the results of func(element) for all elements of the range, as a std::vector in input
/// order; nothing when `func` returns void. A reference that is returned is copied from.
///
/// As many calls as there are threads are made at a time, each element's as soon as a thread is
/// free, in input order. The calling thread is one of these threads; 0 and 1 element and 1 thread
/// start no other, no sized range starts more than it has elements, and where the system has no
/// more, those there are do all the work. Calls may use run_in_parallel themselves: each use has
/// its own threads.
///
/// When a call throws, no further call starts; once all calls have ended, the exception of the
/// first element in input order that had one is rethrown: the one that a loop would have met. What
/// iterating over the range throws counts as thrown by the call with the element it was to give.
/// When options.stop is asked to stop and this keeps a call from starting:
/// std::system_error with errc::operation_canceled, unless a call threw.
///
/// `func` itself is called in all threads, not copies of it. Calls get what the range's iterators
/// give: T& also of a range that is a temporary. Elements of random access and other forward ranges
/// are dereferenced by several threads at once; single-pass ranges are read by one at a time, and
/// only when a thread is free, so that they may be endless; there a call gets a copy of an
/// element that is an lvalue, and the first call waits until it is known whether there is a second
/// element. A stop does not interrupt the reading of an element.
///
/// Costs about 20 microseconds for each thread, and as much as a few contended atomic operations
/// for each element.
template <class F, class R>
    requires parallel_function<F, R>
[[nodiscard]] auto run_in_parallel(F&& func, R&& range, const parallel_options& options) {
    return detail::run_in_parallel(func, range, options.threads, options.stop);
}

/// Returns the same; less than 1 thread is 1.
template <class F, class R>
    requires parallel_function<F, R>
[[nodiscard]] auto run_in_parallel(F&& func, R&& range, int threads = get_parallel_threads()) {
    return detail::run_in_parallel(func, range, threads, std::stop_token());
}

/// Calls start(element) for all elements of the range in batches of 1, 2, 4... up to
/// options.max_batch elements, with a delay between one batch and the next: the first of what is
/// started is ready early, and all are not much later than if they had been started at once.
///
/// All calls are made one after the other by the calling thread, in input order: `start` sets
/// something going, a process or a server, and does not wait for it. An exception of a call or of
/// the range ends it all. When options.stop is asked to stop, nothing more is started, a delay
/// ends, and the function returns.
template <std::ranges::input_range R, class F>
    requires std::invocable<F&, std::ranges::range_reference_t<R>>
void slow_start(R&& range, F&& start, const slow_start_options& options = {}) {
    detail::slow_start(range, start, options, [&](std::chrono::nanoseconds delay) {
        detail::wait_unless_stopped(delay, options.stop);
    });
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
