// SPDX-License-Identifier: MIT
//
// detail/os/limit_types.hpp: the types of what detail/os/limits.hpp and detail/os/resources.hpp
// tell.

#pragma once

#include <skyutil/version.hpp>

#include <optional>
#include <string>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

/// A number, if there is one, and what it was read from, for people: the name of a file, of a call
/// to the system, "job object".
template <class T>
struct sourced {
    std::optional<T> value{};
    std::string source{};
};

/// What was read. `complete` is false when something could not be looked at (no handles or memory
/// are left, the process may no longer see it), so that an earlier answer is the better one.
template <class T>
struct reading {
    T value{};
    bool complete = false;
};

/// The limits on CPUs that are the same for each thread of the process.
struct cpu_limits {
    std::optional<int> cpus;  ///< nullopt where the number of allowed CPUs tells as much
    std::optional<double> quota;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
