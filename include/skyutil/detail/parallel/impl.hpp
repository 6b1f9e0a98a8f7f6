// SPDX-License-Identifier: MIT
//
// detail/parallel/impl.hpp: the body of slow_start(). Included at the end of skyutil/parallel.hpp.

#pragma once

#include <skyutil/detail/base/stoppable_wait.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <functional>
#include <ranges>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

namespace detail {

constexpr int next_batch(int batch, int most) noexcept {
    return batch > most / 2 ? most : batch * 2;
}

/// As slow_start() says; `wait` is called with the delay between two batches.
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

template <std::ranges::input_range R, class F>
    requires std::invocable<F&, std::ranges::range_reference_t<R>>
void slow_start(R&& range, F&& start, const slow_start_options& options) {
    detail::slow_start(range, start, options, [&](std::chrono::nanoseconds delay) {
        detail::wait_unless_stopped(delay, options.stop);
    });
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
