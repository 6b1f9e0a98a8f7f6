// SPDX-License-Identifier: MIT
//
// detail/os/process_list.hpp: all processes that the system shows.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/processes.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

/// A process. Where the system has no process groups or sessions, these are 0.
struct process_entry {
    std::int64_t pid;
    std::int64_t parent;  ///< 0: none, or one that cannot be seen from here
    std::int64_t group;
    std::int64_t session;

    /// When it was started, in a unit of the system: never before its parent. Two processes that
    /// had the same id can have the same time only if they were started in the same unit.
    std::uint64_t start;

    /// Equal numbers are from the same process, where it has the same id. Different ones can be
    /// from the same process, too. 0 is none.
    std::uint64_t identity;

    bool alive;  ///< whether any thread of it is left, see process_ref
};

/// By pid, ascending, each pid once.
using process_entries = std::vector<process_entry>;

/// Where the entry of the process is, or would be.
inline process_entries::const_iterator place_of(const process_entries& entries,
                                                std::int64_t pid) noexcept {
    return std::lower_bound(
        entries.begin(), entries.end(), pid,
        [](const process_entry& entry, std::int64_t value) { return entry.pid < value; });
}

/// The processes of the system, empty until it is refreshed.
class process_list {
public:
    /// errc::function_not_supported: the system does not show the processes to this one.
    explicit process_list(std::error_code& error) noexcept;

    /// Each entry is from the time when its process was first seen: it names the parent that
    /// started the process even if that one has ended since.
    [[nodiscard]] const process_entries& entries() const noexcept { return entries_; }

    /// Reads the list again. To do that again costs little: only new processes are looked at. An
    /// error leaves the entries as they were.
    void refresh(std::error_code& error);

    /// What the process is now, without its identity. errc::no_such_process when it is gone,
    /// errc::operation_not_permitted when it is hidden from this user.
    [[nodiscard]] std::optional<process_entry> look(std::int64_t pid,
                                                    std::error_code& error) const noexcept;

    /// Whether the process of an entry has its id still, and can be seen.
    [[nodiscard]] bool shows(const process_entry& entry) const noexcept;

    /// The name of the process: bytes of any value; empty when it is gone.
    [[nodiscard]] std::string name_of(std::int64_t pid) const;

private:
    friend class tree_guard;

    unique_fd source_;  ///< where the system has something to read from
    process_entries entries_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#if defined(__linux__) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/linux/process_list.hpp>  // IWYU pragma: export
#elif defined(_WIN32) && !defined(SKYUTIL_OS_UNSUPPORTED)
#include <skyutil/detail/os/windows/process_list.hpp>  // IWYU pragma: export
#else
#include <skyutil/detail/os/unsupported/process_list.hpp>  // IWYU pragma: export
#endif
