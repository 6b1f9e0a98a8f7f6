// SPDX-License-Identifier: MIT
//
// The last lines of a file beside a hand-written search backwards, mmap, std::ifstream and GNU
// tail; the entries of a directory beside getdents64. The number of lines changes with every call,
// so that nothing is a constant. The files are made in the directory TMPDIR names and removed at
// the end.

#include "rivals/files.hpp"

#include <skyutil/files.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kib = 1024;
constexpr std::int64_t mib = 1024 * kib;
constexpr std::int64_t gib = 1024 * mib;

const fs::path& scratch() {
    static const skyutil::temporary_directory directory;
    return directory.path();
}

/// A file of about 100 bytes a line. Of a large one all but the end is a hole.
const std::string& text_file(std::int64_t size, std::int64_t most_text = 16 * mib) {
    static std::map<std::int64_t, std::string> files;
    std::string& path = files[size];
    if (path.empty()) {
        path = scratch() / std::to_string(size);
        std::mt19937_64 random(1);  // NOLINT(*-msc51-cpp): the same file in every run
        std::string text;
        while (static_cast<std::int64_t>(text.size()) < (std::min)(size, most_text)) {
            text.append(random() % 200, static_cast<char>('a' + random() % 26));
            text += '\n';
        }
        text.resize(static_cast<std::size_t>((std::min)(size, most_text)), '\n');
        std::ofstream out(path, std::ios::binary);
        out.seekp(size - static_cast<std::int64_t>(text.size()));
        if (!out.write(text.data(), static_cast<std::streamsize>(text.size())).flush()) {
            rivals::give_up("write");
        }
    }
    return path;
}

// ------------------------------------------------------------------------------------- benchmarks

std::size_t read_last_n_lines(const std::string& path, std::size_t n) {
    return skyutil::read_last_n_lines(path, n).size();
}

std::size_t file_tail(const std::string& path, std::size_t n) {
    const skyutil::file_tail tail(path, n);
    return tail.lines().size();
}

template <class Line>
std::size_t lines_by_hand(const std::string& path, std::size_t n) {
    return rivals::lines_by_hand<Line>(path, n).lines.size();
}

std::size_t lines_by_mmap(const std::string& path, std::size_t n) {
    return rivals::lines_by_mmap(path, n).size();
}

using function = std::size_t (*)(const std::string&, std::size_t);

/// Arguments: lines, bytes of the file.
void last_lines(benchmark::State& state, function call) {
    const std::string& path = text_file(state.range(1));
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(call(path, static_cast<std::size_t>(state.range(0)) + i++ % 4));
    }
    state.SetComplexityN(state.range(1));
}

void sizes(benchmark::internal::Benchmark* bench, std::int64_t largest) {
    for (const std::int64_t n : {10, 1000}) {
        for (const std::int64_t size : {4 * kib, 64 * kib, mib, 16 * mib, gib, 10 * gib}) {
            if (size <= largest) {
                bench->Args({n, size});
            }
        }
    }
}

void any_size(benchmark::internal::Benchmark* bench) { sizes(bench, 10 * gib); }
void small_size(benchmark::internal::Benchmark* bench) { sizes(bench, 16 * mib); }

BENCHMARK_CAPTURE(last_lines, floor_find, rivals::find_by_hand)->Apply(any_size);
BENCHMARK_CAPTURE(last_lines, floor_strings, lines_by_hand<std::string>)->Apply(any_size);
BENCHMARK_CAPTURE(last_lines, read_last_n_lines, read_last_n_lines)->Apply(any_size);
BENCHMARK_CAPTURE(last_lines, floor_views, lines_by_hand<std::string_view>)->Apply(any_size);
BENCHMARK_CAPTURE(last_lines, file_tail, file_tail)->Apply(any_size);
BENCHMARK_CAPTURE(last_lines, mmap, lines_by_mmap)->Apply(any_size);
BENCHMARK_CAPTURE(last_lines, ifstream, rivals::count_by_ifstream)->Apply(small_size);
BENCHMARK_CAPTURE(last_lines, gnu_tail, rivals::bytes_by_gnu_tail)->Apply(any_size)->UseRealTime();

/// How the last ten lines depend on the size of the file: O(1).
void ten_lines(benchmark::State& state, function call) {
    const std::string& path = text_file(state.range(0));
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(call(path, 10 + i++ % 4));
    }
    state.SetComplexityN(state.range(0));
}

BENCHMARK_CAPTURE(ten_lines, read_last_n_lines, read_last_n_lines)
    ->RangeMultiplier(10)
    ->Range(1'000'000, 10'000'000'000)
    ->Complexity();
BENCHMARK_CAPTURE(ten_lines, file_tail, file_tail)
    ->RangeMultiplier(10)
    ->Range(1'000'000, 10'000'000'000)
    ->Complexity();

/// A million lines of a file of 101 MB.
void million_lines(benchmark::State& state, function call) {
    const std::string& path = text_file(101'000'000, 101'000'000);
    std::size_t i = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(call(path, 1'000'000 - i++ % 4));
    }
}

BENCHMARK_CAPTURE(million_lines, floor_find, rivals::find_by_hand)
    ->Unit(benchmark::kMillisecond)
    ->MinTime(1);
BENCHMARK_CAPTURE(million_lines, floor_strings, lines_by_hand<std::string>)
    ->Unit(benchmark::kMillisecond)
    ->MinTime(1);
BENCHMARK_CAPTURE(million_lines, read_last_n_lines, read_last_n_lines)
    ->Unit(benchmark::kMillisecond)
    ->MinTime(1);
BENCHMARK_CAPTURE(million_lines, floor_views, lines_by_hand<std::string_view>)
    ->Unit(benchmark::kMillisecond)
    ->MinTime(1);
BENCHMARK_CAPTURE(million_lines, file_tail, file_tail)->Unit(benchmark::kMillisecond)->MinTime(1);
BENCHMARK_CAPTURE(million_lines, mmap, lines_by_mmap)->Unit(benchmark::kMillisecond)->MinTime(1);
BENCHMARK_CAPTURE(million_lines, ifstream, rivals::count_by_ifstream)
    ->Unit(benchmark::kMillisecond)
    ->MinTime(1);
BENCHMARK_CAPTURE(million_lines, gnu_tail, rivals::bytes_by_gnu_tail)
    ->Unit(benchmark::kMillisecond)
    ->MinTime(1)
    ->UseRealTime();

std::size_t count_directory_entries(const std::string& path) {
    return skyutil::count_directory_entries(path);
}

/// Two directories take turns.
void entries(benchmark::State& state, std::size_t (*call)(const std::string&)) {
    static std::map<std::int64_t, std::array<std::string, 2>> directories;
    std::array<std::string, 2>& paths = directories[state.range(0)];
    for (std::size_t which = 0; which != paths.size() && paths.back().empty(); ++which) {
        paths[which] =
            scratch() / ("entries-" + std::to_string(state.range(0)) + "-" + std::to_string(which));
        fs::create_directory(paths[which]);
        for (std::int64_t i = 0; i < state.range(0); ++i) {
            std::ofstream(fs::path(paths[which]) / ("entry-" + std::to_string(i * 7919)));
        }
    }
    std::size_t i = 0;
    for (auto _ : state) {
        const std::size_t count = call(paths[i++ % 2]);
        if (count != static_cast<std::size_t>(state.range(0))) {
            state.SkipWithError("wrong count");
            break;
        }
        benchmark::DoNotOptimize(count);
    }
    state.SetComplexityN(state.range(0));
}

BENCHMARK_CAPTURE(entries, floor_getdents, rivals::entries_by_getdents)
    ->Arg(100)
    ->Arg(1000)
    ->Arg(100'000)
    ->Unit(benchmark::kMicrosecond)
    ->Complexity();
BENCHMARK_CAPTURE(entries, count_directory_entries, count_directory_entries)
    ->Arg(100)
    ->Arg(1000)
    ->Arg(100'000)
    ->Unit(benchmark::kMicrosecond)
    ->Complexity();
BENCHMARK_CAPTURE(entries, directory_iterator, rivals::entries_by_iterator)
    ->Arg(100)
    ->Arg(1000)
    ->Arg(100'000)
    ->Unit(benchmark::kMicrosecond)
    ->Complexity();

}  // namespace
