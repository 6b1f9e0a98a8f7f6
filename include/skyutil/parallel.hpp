// SPDX-License-Identifier: MIT
//
// skyutil/parallel.hpp: a function called for each element of a range, several at a time.
//
//     std::vector<digest> digests = skyutil::run_in_parallel(hash_one, paths);
//     skyutil::run_in_parallel(upload, paths, {.threads = 16, .stop = source.get_token()});
//     skyutil::slow_start(servers, [](server& each) { each.start(); });
//
// No thread outlives the call that started it, and nothing is kept between calls. Everything is
// safe to call from several threads at once, from within one of its calls, and after fork(2).

#pragma once

#include <skyutil/detail/parallel/parallel_work.hpp>
#include <skyutil/detail/system/cpu_count.hpp>
#include <skyutil/stop_token.hpp>
#include <skyutil/version.hpp>
#include <skyutil/workers.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <ranges>
#include <type_traits>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// A range whose elements can be handed to calls in other threads: any forward range, and a
/// single-pass range if its elements can be copied (or moved, if it gives values or T&&).
template <class R>
concept parallel_range = std::ranges::input_range<R> && detail::keepable_elements<R>;

/// A function that can be called with an element of the range, and that returns nothing or a result
/// that can be moved.
template <class F, class R>
concept parallel_function =
    parallel_range<R> && std::invocable<F&, detail::argument_t<R>> &&
    detail::keepable_result<std::invoke_result_t<F&, detail::argument_t<R>>>;

/// How run_in_parallel() makes its calls.
struct parallel_options {
    int threads = get_parallel_threads();  ///< calls at a time; less than 1 means 1
    stop_token stop = {};                  ///< once a stop is requested no further call starts
};

/// Returns the results of func(element) for all elements of the range, several calls at a time.
///
///     std::vector<std::size_t> sizes = skyutil::run_in_parallel(size_of_file, paths);
///
/// The result is a std::vector in input order; nothing if `func` returns void. If `func` returns a
/// reference, what it refers to is copied.
///
/// There are as many calls at a time as there are threads. An element has its call as soon as a
/// thread is free, in input order. The calling thread is one of the threads.
///
/// **Errors**
/// - When a call throws, no further call starts. Once all calls have ended, the exception of the
///   first element in input order whose call threw is rethrown: the one that a loop would have met.
///   An exception while the range is iterated counts as thrown by the call with the element that
///   was to be read.
/// - errc::operation_canceled (std::system_error): a stop was requested and kept a call from
///   starting, and no call threw.
///
/// **Guarantees**
/// - Calls may use run_in_parallel() themselves: each use has its own threads.
/// - `func` itself is called in all threads, not copies of it.
/// - No other thread is started for no or one element, or with one thread. A sized range has no
///   more threads than elements. If the system has no more threads, those that run do all the work.
/// - Calls get what the iterators of the range give: T& even for a range that is a temporary. From
///   a single-pass range they get a copy of an element that is an lvalue.
/// - A single-pass range is read by one thread at a time, and only when a thread is free, so it may
///   be endless.
///
/// **Limits**
/// - The elements of random access and other forward ranges are dereferenced by several threads at
///   once.
/// - With a single-pass range the first call starts only once it is known whether there is a second
///   element.
/// - A stop does not interrupt the reading of an element, nor a call that has started.
///
/// **Cost**
/// - About 20 microseconds for each thread, and a few contended atomic operations for each element.
template <class F, class R>
    requires parallel_function<F, R>
[[nodiscard]] auto run_in_parallel(F&& func, R&& range, const parallel_options& options) {
    return detail::run_in_parallel(func, range, options.threads, options.stop);
}

/// The same with a number of threads; less than 1 means 1.
template <class F, class R>
    requires parallel_function<F, R>
[[nodiscard]] auto run_in_parallel(F&& func, R&& range, int threads = get_parallel_threads()) {
    return detail::run_in_parallel(func, range, threads, stop_token());
}

/// How slow_start() starts elements.
struct slow_start_options {
    /// The time from the end of a batch to the next one; less than 0 means 0.
    std::chrono::nanoseconds delay = std::chrono::seconds(2);

    /// The largest number of elements in a batch; less than 1 means 1.
    int max_batch = (std::max)(1, detail::cpu_count() / 2);

    stop_token stop = {};  ///< once a stop is requested no further element is started
};

/// Calls start(element) for all elements of the range, in batches of 1, 2, 4... up to
/// options.max_batch elements, with a delay between batches.
///
///     skyutil::slow_start(servers, [](server& each) { each.start(); }, {.delay = 500ms});
///
/// So the first elements are ready early, and all of them not much later than if they had been
/// started at once. `start` sets something going, such as a process or a server, and should not
/// wait for it.
///
/// When a stop is requested, nothing more is started, a delay ends, and the function returns.
///
/// **Errors**
/// - An exception of a call or of the range ends the function.
///
/// **Guarantees**
/// - The calling thread makes all calls, one after the other, in input order.
template <std::ranges::input_range R, class F>
    requires std::invocable<F&, std::ranges::range_reference_t<R>>
void slow_start(R&& range, F&& start, const slow_start_options& options = {});

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE

#include <skyutil/detail/parallel/impl.hpp>  // IWYU pragma: keep
