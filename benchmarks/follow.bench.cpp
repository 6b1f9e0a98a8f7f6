// SPDX-License-Identifier: MIT
//
// How soon a line that was appended is there, beside GNU tail -F, each from the write to what a
// reader finds in a pipe; and how fast what is there already is read, beside file_tail. The files
// are made in the directory TMPDIR names and removed at the end.

#include "rivals/follow.hpp"

#include <skyutil/files.hpp>
#include <skyutil/follow.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using clock_type = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// A thread that writes the lines of a file to a pipe.
template <skyutil::follow_wake Wake>
class follower {
public:
    follower(const std::string& path, int output)
        : thread_([path, output](const std::stop_token& stop) {
              skyutil::follow_file(path,
                                   [output](std::string_view line) {
                                       const std::string text = std::string(line) + "\n";
                                       return ::write(output, text.data(), text.size()) > 0;
                                   },
                                   {.start = skyutil::follow_start::beginning,
                                    .wake = Wake,
                                    .poll_interval = 100ms,
                                    .stop = stop});
          }) {}

private:
    std::jthread thread_;
};

template <class Follower>
void arrival(benchmark::State& state) {
    const skyutil::temporary_directory directory;
    const std::string path = directory.path() / "log";
    const skyutil::unique_fd log(
        ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
    std::array<int, 2> ends{};
    if (!log || ::pipe2(ends.data(), O_CLOEXEC) == -1) {
        state.SkipWithError("cannot make a file or pipe");
        return;
    }
    const skyutil::unique_fd from(ends[0]);
    const skyutil::unique_fd to(ends[1]);
    const Follower follower(path, to.get());
    std::vector<double> times;
    const auto line_arrives = [&] {
        const auto before = clock_type::now();
        char answer[2];  // NOLINT(*-member-init)
        const bool came = ::write(log.get(), "x\n", 2) == 2 && ::read(from.get(), answer, 2) == 2;
        times.push_back(std::chrono::duration<double>(clock_type::now() - before).count());
        return came;
    };
    bool right = line_arrives();
    times.clear();
    while (right && state.KeepRunning()) {
        std::this_thread::sleep_for(2ms);  // it is asleep by then
        right = line_arrives();
        state.SetIterationTime(times.back());
    }
    if (!right) {
        state.SkipWithError("the line has not come");
        return;
    }
    std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2),
                     times.end());
    state.counters["median_us"] = times[times.size() / 2] * 1e6;
}

/// A file of lines of that many bytes.
std::string backlog_of(const fs::path& directory, std::size_t line_size) {
    constexpr std::size_t size = std::size_t{64} << 20;
    const std::string path = directory / "backlog";
    std::ofstream out(path, std::ios::binary);
    const std::string line = std::string(line_size - 1, 'x') + '\n';
    for (std::size_t written = 0; written < size; written += line.size()) {
        out.write(line.data(), static_cast<std::streamsize>(line.size()));
    }
    return path;
}

/// Measures `read(path)`, which returns how many bytes the lines of a file have.
template <class Read>
void backlog(benchmark::State& state, Read read) {
    const skyutil::temporary_directory directory;
    const std::string path = backlog_of(directory.path(), static_cast<std::size_t>(state.range(0)));
    std::size_t bytes = 0;
    for (auto _ : state) {
        bytes += read(path);
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}

void backlog_by_follower(benchmark::State& state) {
    backlog(state, [](const std::string& path) {
        std::size_t bytes = 0;
        skyutil::file_follower log(path, {.start = skyutil::follow_start::beginning});
        while (const auto event = log.next(0s)) {
            bytes += event->text.size() + 1;
        }
        return bytes;
    });
}

void backlog_by_file_tail(benchmark::State& state) {
    backlog(state, [](const std::string& path) {
        std::size_t bytes = 0;
        const skyutil::file_tail tail(path, (std::numeric_limits<std::size_t>::max)());
        for (const std::string_view line : tail.lines()) {
            bytes += line.size() + 1;
        }
        return bytes;
    });
}

void backlog_by_getline(benchmark::State& state) {
    backlog(state, [](const std::string& path) {
        std::size_t bytes = 0;
        std::ifstream in(path, std::ios::binary);
        for (std::string line; std::getline(in, line);) {
            bytes += line.size() + 1;
        }
        return bytes;
    });
}

BENCHMARK(arrival<follower<skyutil::follow_wake::events>>)->UseManualTime();
BENCHMARK(arrival<follower<skyutil::follow_wake::polling>>)->UseManualTime()->Iterations(20);
BENCHMARK(arrival<rivals::gnu_tail>)->UseManualTime();
BENCHMARK(backlog_by_follower)->Arg(20)->Arg(100)->Arg(1000)->UseRealTime();
BENCHMARK(backlog_by_file_tail)->Arg(20)->Arg(100)->Arg(1000)->UseRealTime();
BENCHMARK(backlog_by_getline)->Arg(20)->Arg(100)->Arg(1000)->UseRealTime();

}  // namespace
