// SPDX-License-Identifier: MIT
//
// The last lines of a file beside a hand-written search backwards, mmap, std::ifstream and GNU
// tail; the entries of a directory beside getdents64. The number of lines changes with every call,
// so that nothing is a constant. The files are made in the directory TMPDIR names and removed at
// the end.

#include <skyutil/files.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kib = 1024;
constexpr std::int64_t mib = 1024 * kib;
constexpr std::int64_t gib = 1024 * mib;

[[noreturn]] void give_up(const char* what) {
    std::perror(what);
    std::exit(1);
}

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
            give_up("write");
        }
    }
    return path;
}

// --------------------------------------------------------------------------------- what is beside

std::size_t size_of(int fd) {
    struct stat info{};
    if (::fstat(fd, &info) == -1) {
        give_up("fstat");
    }
    return static_cast<std::size_t>(info.st_size);
}

/// Where the last `n` lines start, by blocks read backwards.
std::size_t find_backwards(int fd, std::size_t size, std::size_t n) {
    constexpr std::size_t largest = 65536;
    static thread_local std::array<char, largest> buffer;
    std::size_t offset = size;
    for (std::size_t block = 8192; offset != 0; block = (std::min)(2 * block, largest)) {
        std::size_t length = (std::min)(offset, block);
        offset -= length;
        if (::pread(fd, buffer.data(), length, static_cast<off_t>(offset)) !=
            static_cast<ssize_t>(length)) {
            give_up("pread");
        }
        length -= offset + length == size ? 1 : 0;
        while (const void* const found = ::memrchr(buffer.data(), '\n', length)) {
            length = static_cast<std::size_t>(static_cast<const char*>(found) - buffer.data());
            if (--n == 0) {
                return offset + length + 1;
            }
        }
    }
    return 0;
}

template <class Lines>
std::size_t split(std::string_view text, Lines& lines) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix((std::min)(end, text.size() - 1) + 1);
    }
    return lines.size();
}

std::size_t floor_find(const std::string& path, std::size_t n) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const std::size_t found = find_backwards(fd, size_of(fd), n);
    ::close(fd);
    return found;
}

/// The search, one pread of what it found, and the lines.
template <class Line>
std::size_t floor_lines(const std::string& path, std::size_t n) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const std::size_t size = size_of(fd);
    const std::size_t start = find_backwards(fd, size, n);
    const auto text = std::make_unique_for_overwrite<char[]>(size - start);
    if (::pread(fd, text.get(), size - start, static_cast<off_t>(start)) !=
        static_cast<ssize_t>(size - start)) {
        give_up("pread");
    }
    ::close(fd);
    std::vector<Line> lines;
    return split({text.get(), size - start}, lines);
}

std::size_t rival_mmap(const std::string& path, std::size_t n) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const std::size_t size = size_of(fd);
    void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    ::close(fd);
    const char* const text = static_cast<const char*>(address);
    std::size_t length = size - 1;
    std::size_t start = 0;
    while (const void* const found = ::memrchr(text, '\n', length)) {
        length = static_cast<std::size_t>(static_cast<const char*>(found) - text);
        if (--n == 0) {
            start = length + 1;
            break;
        }
    }
    std::vector<std::string> lines;
    const std::size_t count = split({text + start, size - start}, lines);
    ::munmap(address, size);
    return count;
}

std::size_t rival_ifstream(const std::string& path, std::size_t n) {
    std::ifstream in(path, std::ios::binary);
    std::deque<std::string> lines;
    for (std::string line; std::getline(in, line);) {
        lines.push_back(line);
        if (lines.size() > n) {
            lines.pop_front();
        }
    }
    return lines.size();
}

std::size_t rival_gnu_tail(const std::string& path, std::size_t n) {
    FILE* const pipe = ::popen(("tail -n " + std::to_string(n) + " " + path).c_str(), "re");
    std::array<char, 65536> buffer;  // NOLINT(*-member-init)
    std::size_t bytes = 0;
    while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe)) {
        bytes += count;
    }
    if (::pclose(pipe) != 0) {
        give_up("tail");
    }
    return bytes;
}

std::size_t floor_getdents(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    alignas(dirent64) std::array<char, 32768> buffer;  // NOLINT(*-member-init)
    std::size_t entries = 0;
    for (;;) {
        const long size = ::syscall(SYS_getdents64, fd, buffer.data(), buffer.size());
        if (size <= 0) {
            break;
        }
        for (long at = 0; at < size; ++entries) {
            std::uint16_t length = 0;
            std::memcpy(&length, buffer.data() + at + offsetof(dirent64, d_reclen), sizeof length);
            at += length;
        }
    }
    ::close(fd);
    return entries - 2;
}

std::size_t rival_directory_iterator(const std::string& path) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path), fs::directory_iterator()));
}

// ------------------------------------------------------------------------------------- benchmarks

std::size_t read_last_n_lines(const std::string& path, std::size_t n) {
    return skyutil::read_last_n_lines(path, n).size();
}

std::size_t file_tail(const std::string& path, std::size_t n) {
    const skyutil::file_tail tail(path, n);
    return tail.lines().size();
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

BENCHMARK_CAPTURE(last_lines, floor_find, floor_find)->Apply(any_size);
BENCHMARK_CAPTURE(last_lines, floor_strings, floor_lines<std::string>)->Apply(any_size);
BENCHMARK_CAPTURE(last_lines, read_last_n_lines, read_last_n_lines)->Apply(any_size);
BENCHMARK_CAPTURE(last_lines, floor_views, floor_lines<std::string_view>)->Apply(any_size);
BENCHMARK_CAPTURE(last_lines, file_tail, file_tail)->Apply(any_size);
BENCHMARK_CAPTURE(last_lines, mmap, rival_mmap)->Apply(any_size);
BENCHMARK_CAPTURE(last_lines, ifstream, rival_ifstream)->Apply(small_size);
BENCHMARK_CAPTURE(last_lines, gnu_tail, rival_gnu_tail)->Apply(any_size)->UseRealTime();

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

BENCHMARK_CAPTURE(million_lines, floor_find, floor_find)->Unit(benchmark::kMillisecond)->MinTime(1);
BENCHMARK_CAPTURE(million_lines, floor_strings, floor_lines<std::string>)
    ->Unit(benchmark::kMillisecond)
    ->MinTime(1);
BENCHMARK_CAPTURE(million_lines, read_last_n_lines, read_last_n_lines)
    ->Unit(benchmark::kMillisecond)
    ->MinTime(1);
BENCHMARK_CAPTURE(million_lines, floor_views, floor_lines<std::string_view>)
    ->Unit(benchmark::kMillisecond)
    ->MinTime(1);
BENCHMARK_CAPTURE(million_lines, file_tail, file_tail)->Unit(benchmark::kMillisecond)->MinTime(1);
BENCHMARK_CAPTURE(million_lines, mmap, rival_mmap)->Unit(benchmark::kMillisecond)->MinTime(1);
BENCHMARK_CAPTURE(million_lines, ifstream, rival_ifstream)
    ->Unit(benchmark::kMillisecond)
    ->MinTime(1);
BENCHMARK_CAPTURE(million_lines, gnu_tail, rival_gnu_tail)
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

BENCHMARK_CAPTURE(entries, floor_getdents, floor_getdents)
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
BENCHMARK_CAPTURE(entries, directory_iterator, rival_directory_iterator)
    ->Arg(100)
    ->Arg(1000)
    ->Arg(100'000)
    ->Unit(benchmark::kMicrosecond)
    ->Complexity();

}  // namespace
