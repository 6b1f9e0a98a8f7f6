// SPDX-License-Identifier: MIT
//
// Starting a program and taking its output, beside posix_spawn(3), fork(2), popen(3), the launcher
// of Boost.Process v2 and Python's subprocess. The argument of "start" is how many MiB the parent
// has in use; where memory is short the large one is left out. The floor of "capture" is a loop
// that reads the same pipe and drops what it reads.

#include "rivals/subprocess.hpp"

#include <skyutil/subprocess.hpp>

#include <benchmark/benchmark.h>

#include <boost/version.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

namespace {

// ------------------------------------------------------------------------------------------
// start

/// Nothing to read or write: what posix_spawn does above.
struct with_run {
    static void start() {
        using skyutil::stdio_mode;
        rivals::check(skyutil::run({rivals::program}, {.stdin_from = stdio_mode::inherit,
                                                       .stdout_to = stdio_mode::inherit,
                                                       .stderr_to = stdio_mode::inherit})
                          .ok());
    }
};

struct with_run_and_capture {
    static void start() {
        rivals::check(skyutil::run({rivals::program}, {.timeout = std::chrono::hours(1)}).ok());
    }
};

struct with_child_process {
    static void start() {
        skyutil::child_process child({rivals::program},
                                     {.stdin_from = skyutil::stdio_mode::inherit});
        rivals::check(child.wait().ok());
    }
};

template <class How>
void start(benchmark::State& state) {
    const rivals::ballast memory(state.range(0));
    if (!memory) {
        state.SkipWithError("not enough memory");
        return;
    }
    for (auto _ : state) {
        How::start();
    }
}

#define SKYUTIL_BENCH_START(how) \
    BENCHMARK(start<how>)->Arg(10)->Arg(4096)->Unit(benchmark::kMicrosecond)->UseRealTime()

SKYUTIL_BENCH_START(rivals::with_posix_spawn);
SKYUTIL_BENCH_START(with_run);
SKYUTIL_BENCH_START(with_run_and_capture);
SKYUTIL_BENCH_START(with_child_process);
SKYUTIL_BENCH_START(rivals::with_popen);
SKYUTIL_BENCH_START(rivals::with_fork);
#if BOOST_VERSION < 108600
SKYUTIL_BENCH_START(rivals::with_boost);
#endif

/// Python's own measure, without its start.
void start_with_python(benchmark::State& state) {
    const skyutil::command python{
        "python3", "-c",
        "import subprocess, time\n"
        "start = time.perf_counter()\n"
        "for _ in range(20): subprocess.run(['/bin/true'], capture_output=True)\n"
        "print((time.perf_counter() - start) / 20)\n"};
    std::error_code error;
    for (auto _ : state) {
        const skyutil::completed_process result = skyutil::run(python, error);
        if (error || !result.ok()) {
            state.SkipWithError("no python3");
            return;
        }
        state.SetIterationTime(std::stod(result.stdout_text));
    }
}
BENCHMARK(start_with_python)->Unit(benchmark::kMicrosecond)->UseManualTime()->Iterations(10);

// ------------------------------------------------------------------------------------------------
// timeout

constexpr std::chrono::milliseconds timeout(50);
constexpr std::chrono::milliseconds grace(100);

/// How much later than it has to a tree is gone whose time is over: one of a number of processes
/// that hear SIGTERM, and one of as many that do not and have the grace.
void end_after_timeout(benchmark::State& state, bool hears) {
    const std::string ignore = hears ? "" : "trap '' TERM; ";
    const skyutil::command tree{
        "/bin/sh", "-c",
        ignore + "for i in $(seq " + std::to_string(state.range(0)) +
            "); do sleep 1000 & done; for i in $(seq 1000); do wait; sleep 1; done"};
    for (auto _ : state) {
        const auto start = std::chrono::steady_clock::now();
        rivals::check(skyutil::run(tree, {.timeout = timeout, .grace = grace}).timed_out);
        const auto late = std::chrono::steady_clock::now() - start - timeout -
                          (hears ? std::chrono::milliseconds() : grace);
        state.SetIterationTime(std::chrono::duration<double>(late).count());
    }
}

BENCHMARK_CAPTURE(end_after_timeout, polite, true)
    ->Arg(1)
    ->Arg(20)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime()
    ->Iterations(10);
BENCHMARK_CAPTURE(end_after_timeout, deaf, false)
    ->Arg(1)
    ->Arg(20)
    ->Unit(benchmark::kMillisecond)
    ->UseManualTime()
    ->Iterations(10);

// ------------------------------------------------------------------------------------------------
// capture

constexpr std::size_t gigabyte = std::size_t{1} << 30;

/// A GiB as fast as it can be written, or in lines of 100 bytes.
const skyutil::command writer{"/bin/sh", "-c", "exec head -c 1073741824 /dev/zero"};
const skyutil::command line_writer{"/bin/sh", "-c",
                                   "yes " + std::string(99, 'x') + " | head -c 1073741824"};

void drop_all(benchmark::State& state, const std::string& text) {
    std::vector<char> buffer(1U << 16);
    const std::array<const char*, 4> arguments{"/bin/sh", "-c", text.c_str(), nullptr};
    for (auto _ : state) {
        std::array<int, 2> ends{};
        rivals::check(::pipe2(ends.data(), O_CLOEXEC) == 0);
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
        const pid_t pid = rivals::spawn(arguments.data(), &actions);
        ::posix_spawn_file_actions_destroy(&actions);
        ::close(ends[1]);
        std::size_t total = 0;
        for (ssize_t count = 0; (count = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
            total += static_cast<std::size_t>(count);
        }
        ::close(ends[0]);
        rivals::check(rivals::wait_for(pid) && total == gigabyte);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(gigabyte) * state.iterations());
}

void capture_floor(benchmark::State& state) { drop_all(state, writer.words()[2]); }
void capture_floor_lines(benchmark::State& state) { drop_all(state, line_writer.words()[2]); }

void capture_in_memory(benchmark::State& state) {
    for (auto _ : state) {
        const skyutil::completed_process result = skyutil::run(writer);
        rivals::check(result.stdout_text.size() == gigabyte);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(gigabyte) * state.iterations());
}

void capture_tail(benchmark::State& state) {
    for (auto _ : state) {
        const skyutil::completed_process result = skyutil::run(
            writer, {.max_output = 1U << 20, .on_overflow = skyutil::output_overflow::keep_tail});
        rivals::check(result.stdout_text.size() == 1U << 20);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(gigabyte) * state.iterations());
}

void capture_lines(benchmark::State& state) {
    for (auto _ : state) {
        std::size_t total = 0;
        rivals::check(
            skyutil::run(line_writer,
                         {.on_line = [&](skyutil::output_stream,
                                         std::string_view line) { total += line.size() + 1; }})
                .ok());
        rivals::check(total / 100 == gigabyte / 100);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(gigabyte) * state.iterations());
}

/// In memory too, by hand.
void capture_with_popen(benchmark::State& state) {
    std::vector<char> buffer(1U << 16);
    const std::string text = writer.words()[2];
    for (auto _ : state) {
        std::string all;
        std::FILE* const file = ::popen(text.c_str(), "r");
        rivals::check(file != nullptr);
        for (std::size_t count = 0;
             (count = std::fread(buffer.data(), 1, buffer.size(), file)) != 0;) {
            all.append(buffer.data(), count);
        }
        rivals::check(::pclose(file) == 0 && all.size() == gigabyte);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(gigabyte) * state.iterations());
}

/// As whole programs.
void capture_with_wc(benchmark::State& state) {
    for (auto _ : state) {
        rivals::check(std::system((writer.words()[2] + " | cat | wc -c > /dev/null").c_str()) == 0);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(gigabyte) * state.iterations());
}

#define SKYUTIL_BENCH_CAPTURE(function) \
    BENCHMARK(function)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3)

SKYUTIL_BENCH_CAPTURE(capture_floor);
SKYUTIL_BENCH_CAPTURE(capture_tail);
SKYUTIL_BENCH_CAPTURE(capture_in_memory);
SKYUTIL_BENCH_CAPTURE(capture_with_popen);
SKYUTIL_BENCH_CAPTURE(capture_with_wc);
SKYUTIL_BENCH_CAPTURE(capture_floor_lines);
SKYUTIL_BENCH_CAPTURE(capture_lines);

}  // namespace
