// SPDX-License-Identifier: MIT
//
// Hashing files beside its floor, the same hash class over the same bytes in memory and the copying
// of them from the page cache, and beside other ways to read a file: Crypto++'s FileSource,
// OpenSSL, mmap(2), and the programs of coreutils. Files are in the page cache, with random
// content.
//
// SKYUTIL_BENCH_LARGEST=BYTES sets the largest file (1 GiB), which takes as much space in the
// temporary directory and in memory.

#include "rivals/hash.hpp"

#include <skyutil/hash.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#if defined(SKYUTIL_BENCH_OPENSSL)
#include <skyutil/hash_openssl.hpp>
#endif

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kib = 1024;
constexpr std::int64_t mib = 1024 * kib;

/// Files made when first asked for, gone when the program ends.
class scratch {
public:
    scratch() {
        std::string name = fs::temp_directory_path() / "skyutil-bench-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) {
            std::perror("mkdtemp");
            std::exit(2);
        }
        path_ = name;
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    ~scratch() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }

    /// Random bytes, as many as the largest file asked for so far has.
    const std::string& bytes(std::size_t size) {
        const std::size_t from = bytes_.size();
        if (from < size) {
            bytes_.resize(size);
            for (std::size_t i = from; i < size; i += 8) {
                const std::uint64_t bits = random_();
                for (std::size_t j = i; j < (std::min)(i + 8, size); ++j) {
                    bytes_[j] = static_cast<char>(static_cast<unsigned char>(bits >> 8 * (j - i)));
                }
            }
        }
        return bytes_;
    }

    /// `count` files of this size, each with other content.
    const std::vector<fs::path>& files(std::size_t size, std::size_t count) {
        std::vector<fs::path>& files = files_[{size, count}];
        const std::string& text = bytes(size + count);
        while (files.size() != count) {
            files.push_back(path_ / (std::to_string(size) + "-" + std::to_string(count) + "-" +
                                     std::to_string(files.size())));
            std::ofstream out(files.back(), std::ios::binary);
            out.write(text.data() + files.size() - 1, static_cast<std::streamsize>(size));
            if (!out.flush()) {
                std::perror("write");
                std::exit(2);
            }
        }
        return files;
    }

    static scratch& instance() {
        static scratch directory;
        return directory;
    }

private:
    fs::path path_;
    std::string bytes_;
    std::map<std::pair<std::size_t, std::size_t>, std::vector<fs::path>> files_;
    std::mt19937_64 random_{1};  // NOLINT(*-msc51-cpp): the same inputs in every run
};

/// A few files of one size, so that inputs change; one where they are large.
const std::vector<fs::path>& variants(std::size_t size) {
    return scratch::instance().files(size, size < std::size_t{mib} ? 16 : 1);
}

void sizes(benchmark::internal::Benchmark* benchmark) {
    const char* const largest = std::getenv("SKYUTIL_BENCH_LARGEST");
    const std::int64_t most = largest != nullptr ? std::atoll(largest) : 1024 * mib;
    for (const std::int64_t size : {4 * kib, 64 * kib, mib, 16 * mib, 100 * mib, 1024 * mib}) {
        if (size <= most) {
            benchmark->Arg(size);
        }
    }
    benchmark->UseRealTime()->Unit(benchmark::kMicrosecond);
}

/// Calls `hash` with one file after the other.
template <class Hash>
void each_file(benchmark::State& state, Hash hash) {
    const auto size = static_cast<std::size_t>(state.range());
    const std::vector<fs::path>& files = variants(size);
    std::size_t i = 0;
    for (auto _ : state) {
        auto result = hash(files[i++ % files.size()]);
        benchmark::DoNotOptimize(result);
    }
    state.SetBytesProcessed(state.iterations() * state.range());
}

/// The floor's first part: bytes in memory, in blocks as they come from files.
template <class H>
void raw(benchmark::State& state) {
    const auto size = static_cast<std::size_t>(state.range());
    const std::string& bytes = scratch::instance().bytes(size);
    const auto* const data = reinterpret_cast<const unsigned char*>(bytes.data());
    for (auto _ : state) {
        H hash;
        for (std::size_t at = 0; at < size; at += 256 * kib) {
            hash.Update(data + at, (std::min)(std::size_t{256 * kib}, size - at));
        }
        auto result = rivals::finish(hash);
        benchmark::DoNotOptimize(result);
    }
    state.SetBytesProcessed(state.iterations() * state.range());
}

/// The floor's second part: open, read into one block of 256 KiB, close.
void copy(benchmark::State& state) {
    const auto block = std::make_unique_for_overwrite<char[]>(256 * kib);
    each_file(state, [&](const fs::path& path) {
        const rivals::descriptor file(path);
        ssize_t sum = 0;
        for (ssize_t count; (count = ::read(file.fd, block.get(), 256 * kib)) > 0;) {
            sum += count;
        }
        return sum;
    });
}

/// The floor in one loop: the raw hash class over read(2).
template <class H>
void floor_in_one(benchmark::State& state) {
    const auto block = std::make_unique_for_overwrite<char[]>(256 * kib);
    each_file(state, [&](const fs::path& path) {
        return rivals::hash_by_hand<H>(path, {block.get(), 256 * kib});
    });
}

void hash_file(benchmark::State& state, skyutil::hash_algorithm algorithm) {
    each_file(state, [&](const fs::path& path) { return skyutil::hash_file(path, algorithm); });
}

template <class H>
void hash_file_by_type(benchmark::State& state) {
    each_file(state, [](const fs::path& path) { return skyutil::hash_file<H>(path); });
}

template <class H>
void file_source(benchmark::State& state) {
    each_file(state, rivals::hash_by_file_source<H>);
}

template <class H>
void mapped(benchmark::State& state) {
    each_file(state, rivals::hash_by_mmap<H>);
}

/// With the start of a shell and of the program.
void program(benchmark::State& state, const char* name) {
    each_file(state, [&](const fs::path& path) {
        const std::string command = std::string(name) + ' ' + path.string();
        std::FILE* const pipe = ::popen(command.c_str(), "r");
        std::array<char, 256> line{};
        const bool read = pipe != nullptr && std::fgets(line.data(), line.size(), pipe) != nullptr;
        if (pipe == nullptr || ::pclose(pipe) != 0 || !read) {
            state.SkipWithError("the program is not there");
        }
        return line;
    });
}

#define SKYUTIL_BENCH(algorithm, type, tool) \
    BENCHMARK_CAPTURE(hash_file, algorithm, skyutil::hash_algorithm::algorithm)->Apply(sizes); \
    BENCHMARK_TEMPLATE(hash_file_by_type, type)->Apply(sizes); \
    BENCHMARK_TEMPLATE(raw, type)->Apply(sizes); \
    BENCHMARK_TEMPLATE(floor_in_one, type)->Apply(sizes); \
    BENCHMARK_TEMPLATE(file_source, type)->Apply(sizes); \
    BENCHMARK_TEMPLATE(mapped, type)->Apply(sizes); \
    BENCHMARK_CAPTURE(program, tool, #tool)->Apply(sizes)

using cryptopp_md5 = CryptoPP::Weak1::MD5;
using cryptopp_sha256 = CryptoPP::SHA256;
using cryptopp_sha512 = CryptoPP::SHA512;

BENCHMARK(copy)->Apply(sizes);
SKYUTIL_BENCH(md5, cryptopp_md5, md5sum);
SKYUTIL_BENCH(sha256, cryptopp_sha256, sha256sum);
SKYUTIL_BENCH(sha512, cryptopp_sha512, sha512sum);

#if defined(SKYUTIL_BENCH_OPENSSL)
using openssl_md5 = skyutil::openssl::md5;
using openssl_sha256 = skyutil::openssl::sha256;
using openssl_sha512 = skyutil::openssl::sha512;

BENCHMARK_TEMPLATE(hash_file_by_type, openssl_md5)->Apply(sizes);
BENCHMARK_TEMPLATE(raw, openssl_md5)->Apply(sizes);
BENCHMARK_TEMPLATE(hash_file_by_type, openssl_sha256)->Apply(sizes);
BENCHMARK_TEMPLATE(raw, openssl_sha256)->Apply(sizes);
BENCHMARK_TEMPLATE(hash_file_by_type, openssl_sha512)->Apply(sizes);
BENCHMARK_TEMPLATE(raw, openssl_sha512)->Apply(sizes);
#endif

// -------------------------------------------------------------------------------------- many files

/// A number of files of a size, and for `mixed` one as large as all others together, which comes
/// last.
struct many {
    std::size_t size;
    std::size_t count;
    bool with_large_one;
};

std::vector<fs::path> paths_of(const many& files) {
    std::vector<fs::path> paths = scratch::instance().files(files.size, files.count);
    if (files.with_large_one) {
        paths.push_back(scratch::instance().files(files.size * files.count, 1).front());
    }
    return paths;
}

void each_set(benchmark::State& state, const many& files, auto hash) {
    const std::vector<fs::path> paths = paths_of(files);
    for (auto _ : state) {
        auto result = hash(paths);
        benchmark::DoNotOptimize(result);
    }
    state.SetBytesProcessed(
        state.iterations() *
        static_cast<std::int64_t>(files.size * files.count * (files.with_large_one ? 2 : 1)));
}

/// The floor: hash_file, one file after the other.
void one_by_one(benchmark::State& state, many files) {
    each_set(state, files, [](const std::vector<fs::path>& paths) {
        std::vector<skyutil::digest> digests;
        for (const fs::path& path : paths) {
            digests.push_back(skyutil::hash_file(path));
        }
        return digests;
    });
}

void hash_files(benchmark::State& state, many files) {
    each_set(state, files, [&](const std::vector<fs::path>& paths) {
        return skyutil::hash_files(paths, skyutil::hash_algorithm::sha256,
                                   {.threads = static_cast<int>(state.range())});
    });
}

void hash_files_with_progress(benchmark::State& state, many files) {
    std::uint64_t seen = 0;
    each_set(state, files, [&](const std::vector<fs::path>& paths) {
        return skyutil::hash_files(
            paths, skyutil::hash_algorithm::sha256,
            {.threads = static_cast<int>(state.range()),
             .progress = [&](std::uint64_t bytes, std::size_t) { seen += bytes; }});
    });
    benchmark::DoNotOptimize(seen);
}

void threads(benchmark::internal::Benchmark* benchmark) {
    benchmark->Arg(1)->Arg(2)->Arg(4)->UseRealTime()->Unit(benchmark::kMicrosecond);
}

#define SKYUTIL_BENCH_MANY(name, ...) \
    BENCHMARK_CAPTURE(one_by_one, name, many{__VA_ARGS__}) \
        ->UseRealTime() \
        ->Unit(benchmark::kMicrosecond); \
    BENCHMARK_CAPTURE(hash_files, name, many{__VA_ARGS__})->Apply(threads); \
    BENCHMARK_CAPTURE(hash_files_with_progress, name, many{__VA_ARGS__})->Apply(threads)

SKYUTIL_BENCH_MANY(5000_of_4_KiB, 4 * kib, 5000, false);
SKYUTIL_BENCH_MANY(1000_of_64_KiB, 64 * kib, 1000, false);
SKYUTIL_BENCH_MANY(200_of_1_MiB, mib, 200, false);
SKYUTIL_BENCH_MANY(200_of_1_MiB_and_one_of_200, mib, 200, true);
SKYUTIL_BENCH_MANY(8_of_16_MiB, 16 * mib, 8, false);

}  // namespace
