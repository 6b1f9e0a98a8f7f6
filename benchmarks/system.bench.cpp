// SPDX-License-Identifier: MIT
//
// CPUs and memory beside their rivals and floors. Nothing here varies by its input: what varies is
// how much is known already. "steady" is a call in a loop; "again" reads the limits of groups it
// knows; "first" finds them too.
//
// Floors: sched_getaffinity(2) and sysinfo(2), one system call each, and the files that name the
// groups, read with open(2), read(2) and close(2).

#include "rivals/system.hpp"

#include <skyutil/system.hpp>

#include <benchmark/benchmark.h>

#include <chrono>
#include <thread>

#include <unistd.h>

#if defined(SKYUTIL_BENCH_LIBUV)
#include <uv.h>
#endif
#if defined(SKYUTIL_BENCH_HWLOC)
#include <hwloc.h>
#endif

namespace {

template <class Call>
void repeat(benchmark::State& state, Call call) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(call());
    }
}

// ------------------------------------------------------------------------------------------------
// steady

void cpu_count_steady(benchmark::State& state) {
    repeat(state, [] { return skyutil::get_cpu_count(); });
}
BENCHMARK(cpu_count_steady)->ThreadRange(1, 8);

void cpu_count_floor_sched_getaffinity(benchmark::State& state) { repeat(state, rivals::affinity); }
BENCHMARK(cpu_count_floor_sched_getaffinity)->ThreadRange(1, 8);

void cpu_count_hardware_concurrency(benchmark::State& state) {
    repeat(state, [] { return std::thread::hardware_concurrency(); });
}
BENCHMARK(cpu_count_hardware_concurrency);

void cpu_count_sysconf(benchmark::State& state) {
    repeat(state, [] { return ::sysconf(_SC_NPROCESSORS_ONLN); });
}
BENCHMARK(cpu_count_sysconf);

void mem_size_steady(benchmark::State& state) {
    repeat(state, [] { return skyutil::get_mem_size_gb(); });
}
BENCHMARK(mem_size_steady)->ThreadRange(1, 8);

void mem_size_floor_sysinfo(benchmark::State& state) { repeat(state, rivals::memory_in_gib); }
BENCHMARK(mem_size_floor_sysinfo)->ThreadRange(1, 8);

// ------------------------------------------------------------------------------------------------
// first call and later ones

void cpu_count_first(benchmark::State& state) {
    repeat(state, [] { return skyutil::resource_monitor().cpu_count(); });
}
BENCHMARK(cpu_count_first);

void cpu_count_first_floor(benchmark::State& state) {
    repeat(state, [] {
        // The last one stands for a file with a limit: a short text of sysfs.
        return rivals::read_files({"/proc/thread-self/cgroup", "/proc/thread-self/mountinfo",
                                   "/sys/devices/system/cpu/online"});
    });
}
BENCHMARK(cpu_count_first_floor);

void cpu_count_again(benchmark::State& state) {
    skyutil::resource_monitor monitor({}, std::chrono::milliseconds(0));
    repeat(state, [&] { return monitor.cpu_count(); });
}
BENCHMARK(cpu_count_again);

void mem_size_first(benchmark::State& state) {
    repeat(state, [] { return skyutil::resource_monitor().mem_size_gb(); });
}
BENCHMARK(mem_size_first);

void mem_size_again(benchmark::State& state) {
    skyutil::resource_monitor monitor({}, std::chrono::milliseconds(0));
    repeat(state, [&] { return monitor.mem_size_gb(); });
}
BENCHMARK(mem_size_again);

void cpu_budget(benchmark::State& state) {
    repeat(state, [] { return skyutil::get_cpu_budget().usable(); });
}
BENCHMARK(cpu_budget);

void memory_budget(benchmark::State& state) {
    repeat(state, [] { return skyutil::get_memory_budget().available(); });
}
BENCHMARK(memory_budget);

void describe(benchmark::State& state) {
    repeat(state, [] { return skyutil::describe_resources().size(); });
}
BENCHMARK(describe);

void open_fd_count(benchmark::State& state) {
    repeat(state, [] { return skyutil::open_fd_count(); });
}
BENCHMARK(open_fd_count);

// ------------------------------------------------------------------------------------------------
// libraries

#if defined(SKYUTIL_BENCH_LIBUV)
void cpu_count_libuv(benchmark::State& state) {
    repeat(state, [] { return uv_available_parallelism(); });
}
BENCHMARK(cpu_count_libuv);

void mem_size_libuv(benchmark::State& state) {
    repeat(state, [] { return uv_get_constrained_memory(); });
}
BENCHMARK(mem_size_libuv);
#endif

#if defined(SKYUTIL_BENCH_HWLOC)
void cpu_count_hwloc(benchmark::State& state) {
    repeat(state, [] {
        hwloc_topology_t topology{};
        hwloc_topology_init(&topology);
        hwloc_topology_load(topology);
        const int count = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU);
        hwloc_topology_destroy(topology);
        return count;
    });
}
BENCHMARK(cpu_count_hwloc);
#endif

}  // namespace
