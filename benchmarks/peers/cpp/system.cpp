// SPDX-License-Identifier: MIT

#include "../../rivals/system.hpp"
#include "peer.hpp"

#include <skyutil/process.hpp>
#include <skyutil/system.hpp>
#include <skyutil/workers.hpp>

#include <algorithm>

#include <strings.h>

namespace {

using peer::add;
using peer::none;
using peer::nothing;

const peer::registration registered([] {
    add("skyutil", "get_cpu_count", none, [](nothing) { return skyutil::get_cpu_count(); });
    add("floor: sched_getaffinity", "get_cpu_count", none,
        [](nothing) { return rivals::affinity_count(); });
    add("skyutil", "get_cpu_count_first", none,
        [](nothing) { return skyutil::resource_monitor().cpu_count(); });

    add("skyutil", "get_mem_size_gb", none, [](nothing) { return skyutil::get_mem_size_gb(); });
    add("floor: sysinfo", "get_mem_size_gb", none, [](nothing) { return rivals::memory_in_gib(); });
    add("skyutil", "get_mem_size_gb_first", none,
        [](nothing) { return skyutil::resource_monitor().mem_size_gb(); });
#if defined(SKYUTIL_BENCH_LIBUV)
    add("libuv", "get_cpu_count", none, [](nothing) { return uv_available_parallelism(); });
    add("libuv", "get_mem_size_gb", none, [](nothing) {
        const std::uint64_t limit = uv_get_constrained_memory();
        const std::uint64_t total = uv_get_total_memory();
        return static_cast<double>(limit == 0 ? total : (std::min)(limit, total)) / (1 << 30);
    });
#endif

    add("skyutil", "get_parallel_threads", peer::text,
        [](const std::string& cloud) { return skyutil::get_parallel_threads(cloud); });
    add("floor: sched_getaffinity", "get_parallel_threads", peer::text,
        [](const std::string& cloud) {
            return (std::max)(4, rivals::affinity_count() - 1) *
                   (::strcasecmp(cloud.c_str(), "kubernetes") == 0 ? 4 : 1);
        });
});

}  // namespace
