// SPDX-License-Identifier: MIT
//
// run_in_parallel beside std::async, Boost.Asio's thread pool, std::execution::par (over TBB) and a
// loop. The arguments are the number of elements and the work for each in nanoseconds; all use as
// many threads as there are CPUs, and each makes the same results.
//
// Floor: the time of the loop divided by the CPUs ("floor_ms" of the loop). Asio's pool and TBB's
// threads exist before the clock starts; run_in_parallel starts and joins its own each time.

#include <skyutil/parallel.hpp>
#include <skyutil/system.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <list>
#include <numeric>
#include <thread>
#include <vector>

#if __has_include(<boost/asio/thread_pool.hpp>)
#define SKYUTIL_BENCH_ASIO
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <latch>
#endif
#if defined(SKYUTIL_BENCH_TBB)
#include <execution>
#endif

namespace {

/// Rounds of a computation that takes a nanosecond or so each; found out once.
std::uint64_t spin(std::uint64_t seed, std::uint64_t rounds) {
    for (std::uint64_t i = 0; i != rounds; ++i) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        benchmark::DoNotOptimize(seed);
    }
    return seed;
}

std::uint64_t rounds_for(std::int64_t nanoseconds) {
    static const double rounds_per_ns = [] {
        constexpr std::uint64_t rounds = 20'000'000;
        const auto start = std::chrono::steady_clock::now();
        spin(1, rounds);
        const std::chrono::duration<double, std::nano> time =
            std::chrono::steady_clock::now() - start;
        return static_cast<double>(rounds) / time.count();
    }();
    return static_cast<std::uint64_t>(static_cast<double>(nanoseconds) * rounds_per_ns);
}

struct workload {
    std::vector<std::uint64_t> input;
    std::uint64_t rounds;

    explicit workload(const benchmark::State& state)
        : input(static_cast<std::size_t>(state.range(0))), rounds(rounds_for(state.range(1))) {
        std::iota(input.begin(), input.end(), 1U);
    }

    std::uint64_t operator()(std::uint64_t each) const { return spin(each, rounds); }
};

template <class Run>
void measure(benchmark::State& state, Run run) {
    const workload work(state);
    for (auto _ : state) {
        benchmark::DoNotOptimize(run(work).data());
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

void sizes(benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgNames({"elements", "ns"})->UseRealTime()->Unit(benchmark::kMillisecond);
    for (const int elements : {1'000, 30'000, 1'000'000}) {
        benchmark->Args({elements, 0});
    }
    benchmark->Args({1'000, 1'000})->Args({100'000, 1'000});
    benchmark->Args({100, 100'000})->Args({1'000, 100'000});
}

/// Without the sizes that take a thread a call too long.
void few(benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgNames({"elements", "ns"})->UseRealTime()->Unit(benchmark::kMillisecond);
    benchmark->Args({1'000, 0})->Args({1'000, 1'000});
    benchmark->Args({100, 100'000})->Args({1'000, 100'000});
}

void loop(benchmark::State& state) {
    const auto start = std::chrono::steady_clock::now();
    measure(state, [](const workload& work) {
        std::vector<std::uint64_t> results(work.input.size());
        std::transform(work.input.begin(), work.input.end(), results.begin(), std::cref(work));
        return results;
    });
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    state.counters["floor_ms"] =
        time.count() / static_cast<double>(state.iterations()) / skyutil::get_cpu_count();
}
BENCHMARK(loop)->Apply(sizes);

void parallel(benchmark::State& state) {
    const int threads = skyutil::get_cpu_count();
    measure(state, [&](const workload& work) {
        return skyutil::run_in_parallel(work, work.input, threads);
    });
}
BENCHMARK(parallel)->Apply(sizes);

void parallel_one_thread(benchmark::State& state) {
    measure(state,
            [&](const workload& work) { return skyutil::run_in_parallel(work, work.input, 1); });
}
BENCHMARK(parallel_one_thread)->Apply(sizes);

void parallel_default_threads(benchmark::State& state) {
    measure(state,
            [&](const workload& work) { return skyutil::run_in_parallel(work, work.input); });
}
BENCHMARK(parallel_default_threads)->Apply(sizes);

void parallel_list(benchmark::State& state) {
    const int threads = skyutil::get_cpu_count();
    const workload work(state);
    const std::list<std::uint64_t> input(work.input.begin(), work.input.end());
    for (auto _ : state) {
        benchmark::DoNotOptimize(skyutil::run_in_parallel(work, input, threads).data());
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(parallel_list)->Apply(sizes);

/// A thread for each element.
void async_each(benchmark::State& state) {
    measure(state, [](const workload& work) {
        std::vector<std::future<std::uint64_t>> futures;
        futures.reserve(work.input.size());
        for (const std::uint64_t each : work.input) {
            futures.push_back(std::async(std::launch::async, std::cref(work), each));
        }
        std::vector<std::uint64_t> results;
        results.reserve(futures.size());
        for (auto& future : futures) {
            results.push_back(future.get());
        }
        return results;
    });
}
BENCHMARK(async_each)->Apply(few);

/// A thread for each CPU, with an equal part of the elements for each.
void async_parts(benchmark::State& state) {
    const auto threads = static_cast<std::size_t>(skyutil::get_cpu_count());
    measure(state, [&](const workload& work) {
        std::vector<std::uint64_t> results(work.input.size());
        std::vector<std::future<void>> futures;
        for (std::size_t i = 0; i != threads; ++i) {
            const auto first = static_cast<std::ptrdiff_t>(work.input.size() * i / threads);
            const auto last = static_cast<std::ptrdiff_t>(work.input.size() * (i + 1) / threads);
            futures.push_back(std::async(std::launch::async, [&, first, last] {
                std::transform(work.input.begin() + first, work.input.begin() + last,
                               results.begin() + first, std::cref(work));
            }));
        }
        for (auto& future : futures) {
            future.get();
        }
        return results;
    });
}
BENCHMARK(async_parts)->Apply(sizes);

#if defined(SKYUTIL_BENCH_ASIO)
void asio_thread_pool(benchmark::State& state) {
    boost::asio::thread_pool pool(static_cast<std::size_t>(skyutil::get_cpu_count()));
    measure(state, [&](const workload& work) {
        std::vector<std::uint64_t> results(work.input.size());
        std::latch done(static_cast<std::ptrdiff_t>(work.input.size()));
        for (std::size_t i = 0; i != work.input.size(); ++i) {
            boost::asio::post(pool, [&, i] {
                results[i] = work(work.input[i]);
                done.count_down();
            });
        }
        done.wait();
        return results;
    });
}
BENCHMARK(asio_thread_pool)->Apply(sizes);
#endif

#if defined(SKYUTIL_BENCH_TBB)
void execution_par(benchmark::State& state) {
    measure(state, [](const workload& work) {
        std::vector<std::uint64_t> results(work.input.size());
        std::transform(std::execution::par, work.input.begin(), work.input.end(), results.begin(),
                       std::cref(work));
        return results;
    });
}
BENCHMARK(execution_par)->Apply(sizes);
#endif

/// Two elements with nothing to do: what the threads cost.
void start_and_join(benchmark::State& state) {
    const std::vector<int> two(2);
    for (auto _ : state) {
        skyutil::run_in_parallel([](int each) { benchmark::DoNotOptimize(each); }, two, 2);
    }
}
BENCHMARK(start_and_join)->UseRealTime();

void start_and_join_floor(benchmark::State& state) {
    for (auto _ : state) {
        std::thread([] {}).join();
    }
}
BENCHMARK(start_and_join_floor)->UseRealTime();

void one_element(benchmark::State& state) {
    const std::vector<int> one(1);
    for (auto _ : state) {
        skyutil::run_in_parallel([](int each) { benchmark::DoNotOptimize(each); }, one, 2);
    }
}
BENCHMARK(one_element);

}  // namespace
