// SPDX-License-Identifier: MIT

#include "../../rivals/process.hpp"
#include "peer.hpp"

#include <skyutil/process.hpp>

#include <sys/resource.h>

namespace {

using peer::add;

const peer::registration registered([] {
    add("skyutil", "pid_exists", peer::pid,
        [](std::int64_t pid) { return skyutil::pid_exists(pid); });
    add("floor: kill", "pid_exists", peer::pid,
        [](std::int64_t pid) { return ::kill(static_cast<pid_t>(pid), 0) == 0; });

    add("skyutil", "is_process_alive", peer::pid,
        [](std::int64_t pid) { return skyutil::is_process_alive(pid); });
    add("floor: pidfd_open, poll, close", "is_process_alive", peer::pid,
        [](std::int64_t pid) { return rivals::alive_by_pidfd(static_cast<pid_t>(pid)); });

    // How many were ended; a tree is for one call.
    add("skyutil", "kill_process_tree", peer::pid, [](std::int64_t root) {
        return skyutil::kill_process_tree(root, {.force = true}).signalled.size();
    });
    add(
        "floor: reading of /proc, signals, wait", "kill_process_tree",
        [](const peer::fields& line) {
            rlimit limit{};
            ::getrlimit(RLIMIT_NOFILE, &limit);
            limit.rlim_cur = limit.rlim_max;
            ::setrlimit(RLIMIT_NOFILE, &limit);
            return static_cast<pid_t>(peer::pid(line));
        },
        rivals::kill_by_scan_and_signals);
});

}  // namespace
