// SPDX-License-Identifier: MIT
//
// detail/os/posix/output_loop_types.hpp: the types of detail/os/output_loop.hpp.

#pragma once

#include <skyutil/version.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <poll.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

enum class loop_source : int;

namespace sys {

/// What an output_loop reads from, writes to or waits for.
struct loop_entry {
    loop_source kind;
    std::size_t index;
    std::string_view text{};            ///< what is still to be written
    std::optional<std::size_t> left{};  ///< what is left to be read, once that has been asked for
    bool unwatched = false;             ///< nothing but looking tells
};

struct loop_state {
    // The first one of both is an event, for wake().
    std::vector<loop_entry> entries;
    std::vector<pollfd> polled;  ///< -1 for what has ended, was forgotten or has no descriptor

    std::size_t unwatched = 0;       ///< how much nothing but looking tells of
    std::size_t at = 0;              ///< the first entry that may be ready
    int reads = 0;                   ///< of that entry, since it was found ready
    std::unique_ptr<char[]> buffer;  // NOLINT(*-c-arrays)
};

}  // namespace sys

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
