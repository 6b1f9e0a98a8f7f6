// SPDX-License-Identifier: MIT
//
// detail/os/windows/output_loop_types.hpp: the types of detail/os/output_loop.hpp.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/windows/api/programs.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

enum class loop_source : int;

namespace sys {

/// What an output_loop does for a source.
enum class loop_stage {
    idle,  ///< nothing yet
    busy,  ///< the system reads, writes or waits
    done,  ///< that is over, and to be told
    over,  ///< the end was told, or the source was forgotten
};

/// What an output_loop reads from, writes to or waits for.
struct loop_entry {
    loop_source kind;
    std::size_t index;
    native_handle source;
    std::string_view text;  ///< what is still to be written
    loop_stage stage = loop_stage::idle;
    std::error_code error{};            ///< of what is over
    std::size_t count = 0;              ///< the bytes that it has moved
    overlapped operation{};             ///< what the system does
    std::unique_ptr<char[]> buffer{};   // NOLINT(*-c-arrays)
    std::optional<std::size_t> left{};  ///< what is left to be read, once that has been asked for
    handle wait = no_handle;            ///< that of a thread of the system, for a process
    handle port = no_handle;            ///< which it tells
    size_type key = 0;                  ///< the name of the source there
};

struct loop_state {
    unique_fd port;                   ///< tells what is over
    std::error_code error;            ///< why there is none
    std::vector<loop_entry> entries;  ///< they stay where they are
    std::size_t at = 0;               ///< the first one that may be told next
    bool woken = false;
};

}  // namespace sys

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
