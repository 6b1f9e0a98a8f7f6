// SPDX-License-Identifier: MIT
//
// detail/system/cpu_rule.hpp: which of the numbers of CPUs decides how many a thread may use.

#pragma once

#include <skyutil/version.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Returns the lowest of the numbers that are known, 1 where none is.
inline double lowest_cpus(const std::optional<int>& online, const std::optional<int>& affinity,
                          const std::optional<int>& cpuset,
                          const std::optional<double>& quota) noexcept {
    int count = (std::numeric_limits<int>::max)();
    for (const std::optional<int>& each : {online, affinity, cpuset}) {
        count = (std::min)(count, each.value_or(count));
    }
    if (count == (std::numeric_limits<int>::max)() && !quota) {
        return 1;
    }
    const double least = count;
    return (std::min)(least, quota.value_or(least));
}

/// Returns a rounded number of CPUs as an int, at least 1.
inline int whole_cpus(double rounded) noexcept {
    return static_cast<int>((std::clamp)(rounded, 1.0, double{(std::numeric_limits<int>::max)()}));
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
