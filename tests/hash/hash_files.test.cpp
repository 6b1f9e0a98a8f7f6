// SPDX-License-Identifier: MIT
//
// hash_files: many files at once.

#include <skyutil/detail/base/joining_thread.hpp>
#include <skyutil/hash.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <mutex>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
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

/// Waits in Update until as many hashers as wanted have met, at most ten seconds.
class meeting_hasher {
public:
    static constexpr unsigned DIGESTSIZE = 1;
    static inline std::atomic<int> wanted = 0;
    static inline std::atomic<int> there = 0;

    void Update(const unsigned char*, std::size_t) {
        ++there;
        const auto deadline = std::chrono::steady_clock::now() + 10s;
        while (there < wanted && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::yield();
        }
        met_ = there >= wanted;
    }
    void Final(unsigned char* out) { *out = met_ ? 1 : 0; }

private:
    bool met_ = false;
};

/// How many files are being hashed now, and the most there ever were.
class counted_hasher {
public:
    static constexpr unsigned DIGESTSIZE = 1;
    static inline std::atomic<int> now = 0;
    static inline std::atomic<int> most = 0;

    counted_hasher() {
        const int count = ++now;
        for (int known = most; known < count && !most.compare_exchange_weak(known, count);) {
        }
    }
    counted_hasher(const counted_hasher&) = delete;
    counted_hasher& operator=(const counted_hasher&) = delete;
    ~counted_hasher() { --now; }

    void Update(const unsigned char*, std::size_t) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    void Final(unsigned char* out) { *out = 0; }
};

/// Remembers in which order the first bytes of files came. The first file is not read on before
/// there is a second, so that with two threads these two are those that were started first.
class order_hasher {
public:
    static constexpr unsigned DIGESTSIZE = 1;
    static inline std::mutex mutex;
    static inline std::condition_variable another;
    static inline std::vector<unsigned char> seen;

    void Update(const unsigned char* bytes, std::size_t) {
        std::unique_lock lock(mutex);
        if (first_) {
            seen.push_back(*bytes);
            another.notify_all();
            another.wait(lock, [] { return seen.size() >= 2; });
        }
        first_ = false;
    }
    void Final(unsigned char* out) { *out = 0; }

private:
    bool first_ = true;
};

}  // namespace

TEST_CASE("hash_files gives what hash_file gives, in input order, with any number of threads") {
    const temporary_directory directory;
    const std::vector<fs::path> paths =
        make_files(directory, {0, 300'000, 5, 70'000, 0, 262'144, 1, 1'000'000, 17, 4096});
    const int threads = GENERATE(-1, 0, 1, 3, std::numeric_limits<int>::max());
    INFO(threads << " threads");
    for (const hash_algorithm algorithm : every_algorithm) {
        INFO(to_string(algorithm));
        const auto files = skyutil::hash_files(paths, algorithm, {.threads = threads});
        REQUIRE(files.size() == paths.size());
        for (std::size_t i = 0; i < files.size(); ++i) {
            CHECK(files[i].path == paths[i]);
            CHECK_FALSE(files[i].error);
            CHECK(files[i].digest == skyutil::hash_file(paths[i], algorithm));
        }
    }
    const auto files =
        skyutil::hash_files<pattern_hasher>(std::vector(30, paths[1]), {.threads = threads});
    CHECK(std::all_of(files.begin(), files.end(), [](const skyutil::file_digest& file) {
        return pattern_hasher::count(file.digest) == 300'000;
    }));
}

TEST_CASE("hash_files takes any range of paths") {
    const temporary_directory directory;
    const std::vector<fs::path> paths = make_files(directory, {3, 3, 3});
    const digest first = skyutil::hash_file(paths.front());
    CHECK(skyutil::hash_files(std::vector<std::string>{paths[0]})[0].digest == first);
    CHECK(skyutil::hash_files(std::set<fs::path>(paths.begin(), paths.end()))[0].digest == first);
    CHECK(skyutil::hash_files({paths[0], paths[1]}).size() == 2);
    CHECK(skyutil::hash_files({paths[0].string()}, hash_algorithm::md5)[0].digest ==
          skyutil::hash_file(paths[0], "md5"));
    const std::array names{paths[0].c_str(), paths[1].c_str()};
    CHECK(skyutil::hash_files(names)[0].digest == first);
    CHECK(skyutil::hash_files(fs::directory_iterator(directory.path())).size() == 3);
    CHECK(skyutil::hash_files(paths | std::views::take(1)).size() == 1);

    int calls = 0;
    const auto none = skyutil::hash_files(std::vector<fs::path>(), hash_algorithm::md5,
                                          {.progress = [&](std::uint64_t bytes, std::size_t count) {
                                              ++calls;
                                              CHECK(bytes + count == 0);
                                          }});
    CHECK(none.empty());
    CHECK(calls == 1);
    CHECK_THROWS_AS(skyutil::hash_files(std::vector<fs::path>(), static_cast<hash_algorithm>(99)),
                    std::invalid_argument);
    CHECK_THROWS_AS(skyutil::hash_files(paths, static_cast<hash_algorithm>(99)),
                    std::invalid_argument);
}

TEST_CASE("files that cannot be read have their error in their own entry, and stop no other") {
    const temporary_directory directory;
    std::vector<fs::path> paths;
    std::vector<outcome> expected;
    for (int i = 0; i < 500; ++i) {
        const fs::path path = directory / std::to_string(i);
        switch (i % 7) {
            case 0:
                paths.push_back(path);  // missing
                break;
            case 1:
                fs::create_directory(path);
                paths.push_back(path);
                break;
            case 2:
                paths.emplace_back("/proc/self/mem");  // EIO
                break;
            case 3:
                paths.emplace_back("/dev/zero");
                break;
            case 4:
                fs::create_symlink(path, path);
                paths.push_back(path);
                break;
            default:
                write_file(path, random_bytes(static_cast<std::size_t>(i * 37)));
                paths.push_back(path);
        }
        expected.push_back(try_hash(paths.back()));
    }
    std::uint64_t last_bytes = 0;
    std::size_t last_files = 0;
    const auto files = skyutil::hash_files(
        paths, hash_algorithm::sha256,
        {.threads = GENERATE(1, 4), .progress = [&](std::uint64_t bytes, std::size_t count) {
             last_bytes = bytes;
             last_files = count;
         }});
    REQUIRE(files.size() == 500);
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < files.size(); ++i) {
        INFO(paths[i]);
        CHECK(files[i].path == paths[i]);
        CHECK(files[i].error == expected[i].error);
        CHECK(files[i].digest == expected[i].result);
        CHECK(static_cast<bool>(files[i].error) == (i % 7 < 5));
        bytes += files[i].error ? 0 : fs::file_size(paths[i]);
    }
    CHECK(last_bytes == bytes);
    CHECK(last_files == 500);
}

TEST_CASE("a file without permission stops no other") {
    const temporary_directory directory;
    const std::vector<fs::path> paths = make_files(directory, {3, 3, 3});
    fs::permissions(paths[1], fs::perms::none);
    const nlohmann::json answer = run_in_child([&] {
        drop_privileges();
        const auto files = skyutil::hash_files(paths, hash_algorithm::md5, {.threads = 2});
        return nlohmann::json{
            {"errors", {files[0].error.value(), files[1].error.value(), files[2].error.value()}},
            {"digest", files[2].digest.hex()}};
    });
    CHECK(answer["errors"] == nlohmann::json{0, EACCES, 0});
    CHECK(answer["digest"] == skyutil::hash_file(paths[2], "md5").hex());
}

TEST_CASE("as many files are hashed at once as there are threads, and never more") {
    const temporary_directory directory;
    const std::vector<fs::path> paths = make_files(directory, std::vector<std::size_t>(200, 10));
    meeting_hasher::wanted = 4;
    meeting_hasher::there = 0;
    for (const auto& file : skyutil::hash_files<meeting_hasher>(paths, {.threads = 4})) {
        CHECK(file.digest == digest::from_hex("01"));
    }
    counted_hasher::most = 0;
    CHECK(skyutil::hash_files<counted_hasher>(paths, {.threads = 3}).size() == 200);
    CHECK(counted_hasher::most <= 3);
    counted_hasher::most = 0;
    CHECK(skyutil::hash_files<counted_hasher>(paths, {.threads = 1}).size() == 200);
    CHECK(counted_hasher::most == 1);
}

TEST_CASE("hash_files needs no more descriptors than threads, and leaves none open") {
    const temporary_directory directory;
    const std::vector<fs::path> paths =
        make_files(directory, std::vector<std::size_t>(300, 20'000));
    const nlohmann::json answer = run_in_child([&] {
        meet_error_types();
        static_cast<void>(skyutil::hash_files(paths, hash_algorithm::sha1, {.threads = 3}));
        const std::size_t before = count_open_descriptors();
        std::vector<int> copies;
        const rlimit limit{64, 64};
        ::setrlimit(RLIMIT_NOFILE, &limit);
        for (int fd = ::dup(0); fd != -1; fd = ::dup(0)) {
            copies.push_back(fd);
        }
        for (int i = 0; i < 3; ++i) {  // three are left
            ::close(copies.back());
            copies.pop_back();
        }
        const auto files = skyutil::hash_files(paths, hash_algorithm::sha1, {.threads = 3});
        for (const int fd : copies) {
            ::close(fd);
        }
        return nlohmann::json{
            {"failed", std::count_if(files.begin(), files.end(),
                                     [](const auto& file) { return bool(file.error); })},
            {"left", count_open_descriptors() - before}};
    });
    CHECK(answer == nlohmann::json{{"failed", 0}, {"left", 0}});
}

TEST_CASE("where no thread can be started the calling one does it all") {
    const temporary_directory directory;
    const std::vector<fs::path> paths = make_files(directory, std::vector<std::size_t>(50, 1000));
    const nlohmann::json answer = run_in_child([&] {
        drop_privileges();
        const rlimit none{0, 0};
        ::setrlimit(RLIMIT_NPROC, &none);
        bool refused = false;
        try {
            std::thread([] {}).join();
        } catch (const std::system_error&) {
            refused = true;
        }
        if (!refused) {
            throw cannot_run{"threads cannot be forbidden here"};
        }
        const auto files = skyutil::hash_files<pattern_hasher>(paths, {.threads = 8});
        return std::count_if(files.begin(), files.end(), [](const auto& file) {
            return pattern_hasher::count(file.digest) == 1000;
        });
    });
    CHECK(answer == 50);
}

TEST_CASE("the largest files are started first where they are worth asking for") {
    const temporary_directory directory;
    std::vector<fs::path> paths;
    for (std::size_t i = 0; i < 40; ++i) {
        const std::size_t size = i == 39 ? 4'000'000 : 200'000 + i * 1000;
        paths.push_back(directory / std::to_string(i));
        write_file(paths.back(), std::string(size, static_cast<char>(i)));
    }
    order_hasher::seen.clear();
    const auto files = skyutil::hash_files<order_hasher>(paths, {.threads = 2});
    REQUIRE(order_hasher::seen.size() == 40);
    CHECK(std::set{order_hasher::seen[0], order_hasher::seen[1]} ==
          std::set<unsigned char>{38, 39});
    for (std::size_t i = 0; i < files.size(); ++i) {
        CHECK(files[i].path == paths[i]);
    }

    using skyutil::file_digest;
    const auto order_of = [](const std::vector<fs::path>& names, std::size_t threads) {
        std::vector<file_digest> entries;
        for (const fs::path& name : names) {
            entries.push_back({name, {}, {}});
        }
        return skyutil::detail::starting_order(entries, threads);
    };
    CHECK(order_of(paths, 2).front() == 39);
    CHECK(order_of(paths, 1).front() == 0);
    CHECK(order_of({paths[0], directory / "missing", directory.path(), paths[39], paths[1]}, 2) ==
          std::vector<std::size_t>{3, 4, 0, 1, 2});
    const std::vector<fs::path> small(1000, make_files(directory, {10}).front());
    const std::vector<std::size_t> order = order_of(small, 2);
    CHECK(order.size() == 1000);
    CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("FIFOs among many files are read to their end") {
    const temporary_directory directory;
    std::vector<fs::path> paths = make_files(directory, std::vector<std::size_t>(20, 100));
    for (const char* const name : {"fifo1", "fifo2"}) {
        paths.push_back(directory / name);
        REQUIRE(::mkfifo(paths.back().c_str(), 0600) == 0);
    }
    joining_thread writer([&] {
        for (std::size_t i : {std::size_t{20}, std::size_t{21}}) {
            write_file(paths[i], std::string(100'000, 'x'));
        }
    });
    const auto files = skyutil::hash_files(paths, hash_algorithm::sha1, {.threads = 2});
    for (std::size_t i : {std::size_t{20}, std::size_t{21}}) {
        CHECK_FALSE(files[i].error);
        CHECK(files[i].digest.hex() == hash_text(std::string(100'000, 'x'), hash_algorithm::sha1));
    }
}

TEST_CASE("files that grow and shrink are hashed as they were read, many at once") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    constexpr std::size_t size = 74 * 4096;  // whole pages, which truncation does not write into
    write_file(path, pattern(0, size));
    std::atomic<bool> stop = false;
    joining_thread writer([&] {
        const std::string more = pattern(size, size);
        const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
        while (!stop) {
            (void)!::write(fd, more.data(), more.size());
            (void)!::ftruncate(fd, size);
        }
        ::close(fd);
    });
    int wrong = 0;
    for (int i = 0; i < 5; ++i) {
        for (const auto& file :
             skyutil::hash_files<pattern_hasher>(std::vector(10, path), {.threads = 3})) {
            const bool right = !file.error && pattern_hasher::right(file.digest) &&
                               pattern_hasher::count(file.digest) >= size &&
                               pattern_hasher::count(file.digest) <= 2 * size;
            wrong += right ? 0 : 1;
        }
    }
    stop = true;
    CHECK(wrong == 0);
}

TEST_CASE("several calls of hash_files at once do not disturb each other") {
    const temporary_directory directory;
    const std::vector<fs::path> paths = make_files(directory, std::vector<std::size_t>(30, 20'000));
    std::array<int, 3> wrong{};
    {
        std::vector<joining_thread> threads;
        for (int& bad : wrong) {
            threads.emplace_back([&] {
                for (int i = 0; i < 5; ++i) {
                    for (const auto& file :
                         skyutil::hash_files(paths, hash_algorithm::md5, {.threads = 3})) {
                        bad += file.error ? 1 : 0;
                    }
                }
            });
        }
    }
    CHECK(wrong == std::array<int, 3>{});
}
