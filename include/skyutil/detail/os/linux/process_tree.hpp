// SPDX-License-Identifier: MIT
//
// detail/os/linux/process_tree.hpp: what detail/os/process_tree.hpp declares: with SIGSTOP, and the
// states in /proc.

#pragma once

#include <skyutil/detail/os/linux/procfs/process_files.hpp>
#include <skyutil/version.hpp>

#include <chrono>
#include <cstdint>
#include <system_error>
#include <vector>

#include <signal.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {
constexpr bool is_still(char state) noexcept {
    return state == 'T' || state == 't' || state == 'Z' || state == 'X' || state == 'x';
}

/// The state of a process that was started then, as in /proc/PID/stat: of the thread that keeps it
/// from holding still, as the first one may have stopped while another is in fork(2). T when the
/// process is gone.
inline char busiest_state(int proc, std::int64_t pid, std::uint64_t start) noexcept {
    std::error_code gone;
    const auto first = read_stat(proc, pid, gone);
    if (!first || first->start_time != start) {
        return 'T';
    }
    if (first->threads <= 1) {
        return first->state;
    }
    char busiest = 'T';
    for_each_thread(proc, pid, [&](const process_stat& thread) {
        const bool tells_more =
            is_still(busiest) || thread.state == 'R' || (thread.state == 'D' && busiest != 'R');
        busiest = tells_more && !is_still(thread.state) ? thread.state : busiest;
    });
    return busiest;
}
}  // namespace sys

inline tree_guard::tree_guard(const process_list& list) noexcept : list_(list) {}

inline bool tree_guard::stops() noexcept { return true; }

inline void tree_guard::hold(const process_ref& process, std::error_code& error) const noexcept {
    process.signal(SIGSTOP, error);
}

/// One that is ready to run (R) needs a processor; one that cannot be interrupted (D) waits for
/// memory or a lock, or for a stopped child that it started with vfork(2), or is frozen.
inline stillness tree_guard::look(const process_entry& entry,
                                  std::chrono::steady_clock::duration held) const noexcept {
    const char state = sys::busiest_state(list_.source_.get(), entry.pid, entry.start);
    const auto patience = state == 'R'   ? std::chrono::milliseconds(5000)
                          : state == 'D' ? std::chrono::milliseconds(1000)
                                         : std::chrono::milliseconds(100);
    return sys::is_still(state) ? stillness::still
           : held < patience    ? stillness::settling
           : state == 'D'       ? stillness::stuck
                                : stillness::restless;
}

inline void tree_guard::release(const process_ref& process) const noexcept {
    std::error_code ignored;
    process.signal(SIGCONT, ignored);
}

inline std::vector<std::int64_t> tree_guard::kept() const { return {}; }

inline void tree_guard::end_kept() const noexcept {}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
