// SPDX-License-Identifier: MIT
//
// detail/subprocess/retries.hpp: when a command is run again. Included at the end of
// skyutil/subprocess.hpp.

#pragma once

#include <skyutil/detail/base/compiler.hpp>
#include <skyutil/detail/base/stoppable_wait.hpp>
#include <skyutil/detail/subprocess/run_together.hpp>
#include <skyutil/detail/subprocess/start_child.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Returns the time to wait before a retry; the first one is 0. `random` is from 0 to 1.
inline std::chrono::milliseconds backoff_time(const backoff_options& options, int retry,
                                              double random) noexcept {
    constexpr std::chrono::milliseconds longest = std::chrono::years(100);
    double time = static_cast<double>(options.first.count());
    const auto most = static_cast<double>(
        (std::clamp)(options.most, std::chrono::milliseconds(0), longest).count());
    for (int i = 0; i != retry && time < most; ++i) {
        time *= options.factor;
    }
    time = (std::min)(time, most) *
           (1 - (std::clamp)(options.jitter, 0.0, 1.0) * (std::clamp)(random, 0.0, 1.0));
    return std::chrono::milliseconds(time > 0 ? static_cast<std::int64_t>(time) : 0);
}

/// Returns whether another run can change a result.
inline bool is_worth_retrying(const retry_options& retries, const completed_process& result) {
    if (result.ok() || result.stopped) {
        return false;
    }
    const auto& codes = retries.retry_codes;
    const auto& texts = retries.retry_stderr;
    return (codes.empty() && texts.empty()) ||
           (result.signal == 0 &&
            std::find(codes.begin(), codes.end(), result.exit_code) != codes.end()) ||
           std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
               return result.stderr_text.find(text) != std::string::npos;
           });
}

SKYUTIL_OWN inline double random_number() {
    thread_local std::minstd_rand generator{std::random_device()()};
    return std::uniform_real_distribution<double>()(generator);
}

inline completed_process run_with_retries(const command& what, const retry_options& retries,
                                          const run_options& options, start_problem& problem,
                                          std::error_code& error) {
    for (int retry = 0;; ++retry) {
        completed_process result =
            std::move(run_together({&what, 1}, options, problem, error).front());
        if (error || retry >= retries.max_retries || !is_worth_retrying(retries, result)) {
            return result;
        }
        const backoff_options& backoff = retries.backoff;
        const std::chrono::milliseconds time =
            backoff_time(backoff, retry, backoff.random ? backoff.random() : random_number());
        if (backoff.sleep) {
            backoff.sleep(time);
        } else {
            wait_unless_stopped(time, options.stop);
        }
        if (options.stop.stop_requested()) {
            result.stopped = true;
            return result;
        }
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
