// SPDX-License-Identifier: MIT
//
// detail/workers/parallel_threads.hpp: how many threads to work with; public through process.hpp.

#pragma once

#include <skyutil/detail/system/cpu_budget.hpp>

#include <algorithm>
#include <limits>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

namespace detail {

constexpr int parallel_threads(int cpus, std::string_view cloud) noexcept {
    constexpr std::string_view multiplied = "kubernetes";
    const auto same = [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
    };
    const int threads = (std::max)(4, cpus - 1);
    if (!std::equal(cloud.begin(), cloud.end(), multiplied.begin(), multiplied.end(), same)) {
        return threads;
    }
    constexpr int most = (std::numeric_limits<int>::max)();
    return threads > most / 4 ? most : threads * 4;
}

}  // namespace detail

/// Returns how many threads to work with in parallel: one less than get_cpu_count(), at least 4;
/// four times as many when the cloud is "kubernetes" in any letter case (ASCII). Errors are those
/// of get_cpu_count().
[[nodiscard]] inline int get_parallel_threads(std::string_view cloud, std::error_code& error) {
    return detail::parallel_threads(get_cpu_count(error), cloud);
}

[[nodiscard]] inline int get_parallel_threads(std::error_code& error) {
    return get_parallel_threads({}, error);
}

[[nodiscard]] inline int get_parallel_threads(std::string_view cloud = {}) {
    return detail::parallel_threads(get_cpu_count(), cloud);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
