// SPDX-License-Identifier: MIT
//
// hash_files: progress, exceptions and a stop.

#include <skyutil/detail/base/joining_thread.hpp>
#include <skyutil/hash.hpp>
#include <skyutil/stop_token.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <ranges>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hash/contents.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using skyutil::digest;
using skyutil::hash_algorithm;
using skyutil::detail::joining_thread;

namespace {

namespace fs = std::filesystem;

/// A file of zeroes that takes no space.
fs::path make_sparse_file(const fs::path& path, std::uint64_t size) {
    write_file(path, "");
    fs::resize_file(path, size);
    return path;
}

class throwing_hasher {
public:
    static constexpr unsigned DIGESTSIZE = 1;

    void Update(const unsigned char* bytes, std::size_t) {
        if (*bytes == 'x') {
            throw std::runtime_error("refused");
        }
    }
    void Final(unsigned char* out) { *out = 0; }
};

}  // namespace

TEST_CASE("progress comes from the calling thread, never goes back and ends with everything") {
    const temporary_directory directory;
    std::vector<fs::path> paths = make_files(directory, {10, 20, 30});
    for (int i = 0; i < 6; ++i) {
        paths.push_back(make_sparse_file(directory / ("sparse" + std::to_string(i)), 50'000'000));
    }
    struct call {
        std::uint64_t bytes;
        std::size_t files;
    };
    std::vector<call> calls;
    bool elsewhere = false;
    std::atomic<int> inside = 0;
    bool together = false;
    const auto caller = std::this_thread::get_id();
    const auto files = skyutil::hash_files(
        paths, hash_algorithm::sha512,
        {.threads = GENERATE(1, 2, 5), .progress = [&](std::uint64_t bytes, std::size_t count) {
             together = ++inside != 1 || together;
             calls.push_back({bytes, count});
             elsewhere = elsewhere || std::this_thread::get_id() != caller;
             --inside;
         }});
    CHECK_FALSE(elsewhere);
    CHECK_FALSE(together);
    CHECK(calls.size() >= 2);
    CHECK(calls.back().bytes == 300'000'060);
    CHECK(calls.back().files == 9);
    CHECK(std::is_sorted(calls.begin(), calls.end(), [](const call& a, const call& b) {
        return a.bytes < b.bytes && a.files <= b.files;
    }));
    for (const auto& file : files) {
        CHECK_FALSE(file.error);
    }
}

TEST_CASE("what progress throws stops the work and comes out") {
    const temporary_directory directory;
    std::vector<fs::path> paths;
    for (int i = 0; i < 8; ++i) {  // as hashes these would take minutes
        paths.push_back(
            make_sparse_file(directory / ("sparse" + std::to_string(i)), 30'000'000'000));
    }
    const int threads = GENERATE(1, 3);
    int calls = 0;
    try {
        static_cast<void>(
            skyutil::hash_files(paths, hash_algorithm::sha256,
                                {.threads = threads, .progress = [&](std::uint64_t, std::size_t) {
                                     ++calls;
                                     throw std::runtime_error("enough");
                                 }}));
        FAIL_CHECK("no exception");
    } catch (const std::runtime_error& error) {
        CHECK(std::string(error.what()) == "enough");
    }
    CHECK(calls == 1);
    // At the very end too.
    CHECK_THROWS_AS(
        skyutil::hash_files(
            {directory.path()}, hash_algorithm::sha256,
            {.progress = [](std::uint64_t, std::size_t) { throw std::runtime_error("enough"); }}),
        std::runtime_error);
}

TEST_CASE("what a hasher throws stops the work and comes out") {
    const temporary_directory directory;
    std::vector<fs::path> paths = make_files(directory, std::vector<std::size_t>(100, 10));
    write_file(paths[50], "x");
    paths.push_back(make_sparse_file(directory / "sparse", 1'000'000'000'000));  // days
    for (const int threads : {1, 2, 8}) {
        CHECK_THROWS_WITH(skyutil::hash_files<throwing_hasher>(paths, {.threads = threads}),
                          "refused");
    }
}

TEST_CASE("a stop ends the work, and what is not finished is operation_canceled") {
    const temporary_directory directory;
    std::vector<fs::path> paths = make_files(directory, {10, 20, 30});
    skyutil::stop_source stop;
    SECTION("before the start") {
        stop.request_stop();
        for (const auto& file : skyutil::hash_files(paths, hash_algorithm::sha256,
                                                    {.threads = 2, .stop = stop.get_token()})) {
            CHECK(file.error == std::errc::operation_canceled);
            CHECK(file.digest == digest());
        }
    }
    SECTION("in the middle, from progress") {
        for (int i = 0; i < 5; ++i) {
            paths.push_back(make_sparse_file(directory / ("sparse" + std::to_string(i)),
                                             i == 0 ? 30'000'000 : 30'000'000'000));
        }
        std::size_t done = 0;
        const auto files = skyutil::hash_files(std::views::reverse(paths), hash_algorithm::sha256,
                                               {.threads = 1,
                                                .progress =
                                                    [&](std::uint64_t, std::size_t count) {
                                                        stop.request_stop();
                                                        done = count;
                                                    },
                                                .stop = stop.get_token()});
        REQUIRE(files.size() == 8);
        CHECK(files[0].path == paths[7]);
        CHECK(files[0].error == std::errc::operation_canceled);
        CHECK(files[7].error == std::errc::operation_canceled);
        CHECK(done == 0);
    }
    SECTION("while it waits for the writer of a FIFO") {
        const bool with_writer = GENERATE(false, true);
        const fs::path fifo = directory / "fifo";
        REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
        const int writer = with_writer ? ::open(fifo.c_str(), O_RDWR | O_CLOEXEC) : -1;
        paths.push_back(fifo);
        joining_thread stopper([&] {
            std::this_thread::sleep_for(50ms);
            stop.request_stop();
        });
        const auto start = std::chrono::steady_clock::now();
        const auto files = skyutil::hash_files(paths, hash_algorithm::sha256,
                                               {.threads = 2, .stop = stop.get_token()});
        CHECK(std::chrono::steady_clock::now() - start < 8s);  // a FIFO has 10
        CHECK_FALSE(files[0].error);
        CHECK(files[3].error == std::errc::operation_canceled);
        if (with_writer) {
            ::close(writer);
        }
    }
    SECTION("never") {
        for (const auto& file : skyutil::hash_files(paths, hash_algorithm::sha256,
                                                    {.threads = 2, .stop = stop.get_token()})) {
            CHECK_FALSE(file.error);
        }
    }
}
