// SPDX-License-Identifier: MIT

#include "../../rivals/files.hpp"
#include "../../rivals/system.hpp"
#include "peer.hpp"

#include <skyutil/files.hpp>
#include <skyutil/process.hpp>
#include <skyutil/workers.hpp>

#include <filesystem>

#include <sys/resource.h>

namespace {

using peer::add;
using peer::fields;

struct last_lines {
    std::string path;
    std::size_t n;
};

last_lines last_input(const fields& line) { return {line.at(0), std::stoul(line.at(1))}; }

std::vector<std::filesystem::path> paths(const fields& line) { return {line.begin(), line.end()}; }

int workers_by_hand(const fields& sources) {
    std::size_t most = 5;
    for (const std::string& source : sources) {
        most = (std::max)(most, 5 * rivals::entries_by_getdents(source));
    }
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const int threads = (std::max)(4, rivals::affinity_count() - 1);
    return limit.rlim_cur == RLIM_INFINITY
               ? threads
               : static_cast<int>((std::max)(
                     std::int64_t{1}, (std::min)(std::int64_t{threads},
                                                 (static_cast<std::int64_t>(limit.rlim_cur) - 100) /
                                                     static_cast<std::int64_t>(most))));
}

const peer::registration registered([] {
    add("skyutil", "read_last_n_lines", last_input,
        [](const last_lines& x) { return skyutil::read_last_n_lines(x.path, x.n); });
    add("floor: pread backwards, memrchr, strings", "read_last_n_lines", last_input,
        [](const last_lines& x) { return rivals::lines_by_hand<std::string>(x.path, x.n).lines; });
    add("mmap", "read_last_n_lines", last_input,
        [](const last_lines& x) { return rivals::lines_by_mmap(x.path, x.n); });

    add("skyutil", "estimate_fd_for_directory", peer::text,
        [](const std::string& path) { return skyutil::estimate_fd_for_directory(path); });
    add("floor: getdents64", "estimate_fd_for_directory", peer::text,
        [](const std::string& path) { return 5 * rivals::entries_by_getdents(path); });
    add("std::filesystem", "estimate_fd_for_directory", peer::text,
        [](const std::string& path) { return 5 * rivals::entries_by_iterator(path); });

    add("skyutil", "get_max_workers_for_file_mounts", paths,
        [](const std::vector<std::filesystem::path>& x) {
            return skyutil::get_max_workers_for_file_mounts(x);
        });
    add(
        "floor: getdents64, getrlimit, sched_getaffinity", "get_max_workers_for_file_mounts",
        [](const fields& line) { return line; }, workers_by_hand);
});

}  // namespace
