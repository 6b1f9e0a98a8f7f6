// SPDX-License-Identifier: MIT
//
// Hashing files of other kinds, files that change and files that cannot be read.

#include <skyutil/hash.hpp>
#include <skyutil/stop_token.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "hash/contents.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using skyutil::digest;
using skyutil::hash_algorithm;

namespace {

namespace fs = std::filesystem;

}  // namespace

TEST_CASE("files without a size, devices and streams are hashed to their end") {
    const temporary_directory directory;
    const fs::path fifo = directory / "fifo";
    SECTION("/proc") {
        const std::string text = read_file("/proc/filesystems");
        REQUIRE(fs::file_size("/proc/filesystems") == 0);
        REQUIRE(!text.empty());
        CHECK(skyutil::hash_file("/proc/filesystems").hex() ==
              hash_text(text, hash_algorithm::sha256));
    }
    SECTION("/dev/null") {
        CHECK(skyutil::hash_file("/dev/null").hex() == hash_text("", hash_algorithm::sha256));
    }
    SECTION("a pipe") {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        std::thread writer([fd = ends[1]] {
            for (std::uint64_t offset = 0; offset < 700'000; offset += 1000) {
                const std::string piece = pattern(offset, 1000);
                (void)!::write(fd, piece.data(), piece.size());  // a pipe takes it whole
            }
            ::close(fd);
        });
        std::error_code error;
        const digest result =
            skyutil::hash_file<pattern_hasher>("/proc/self/fd/" + std::to_string(ends[0]), error);
        ::close(ends[0]);
        writer.join();
        CHECK_FALSE(error);
        CHECK(pattern_hasher::count(result) == 700'000);
        CHECK(pattern_hasher::right(result));
    }
    SECTION("a FIFO") {
        REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
        std::thread writer([&] { write_file(fifo, "abc"); });
        const outcome result = try_hash(fifo);
        writer.join();
        CHECK_FALSE(result.error);
        CHECK(result.result.hex() == hash_text("abc", hash_algorithm::sha256));
    }
}

TEST_CASE("a file that changes meanwhile is hashed as it was read") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    constexpr std::uint64_t size = 250 * 4096;  // whole pages, which truncation does not write into
    constexpr std::uint64_t most = size + 5'000'000;
    write_file(path, pattern(0, size));
    const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    REQUIRE(fd != -1);
    std::vector<std::string> pieces;
    for (std::uint64_t offset = size; offset < most; offset += 50'000) {
        pieces.push_back(pattern(offset, 50'000));
    }
    const bool shrinks = GENERATE(false, true);
    std::atomic<bool> stop = false;
    std::thread writer([&] {
        while (!stop) {
            for (const std::string& piece : pieces) {
                (void)!::write(fd, piece.data(), piece.size());
            }
            if (!shrinks) {
                return;
            }
            (void)!::ftruncate(fd, size);
        }
    });
    const auto deadline = std::chrono::steady_clock::now() + 500ms;
    int wrong = 0;
    int reads = 0;
    do {
        std::error_code error;
        const digest result = skyutil::hash_file<pattern_hasher>(path, error);
        const bool right = !error && pattern_hasher::right(result) &&
                           pattern_hasher::count(result) >= size &&
                           pattern_hasher::count(result) <= most;
        wrong += right ? 0 : 1;
        ++reads;
    } while (std::chrono::steady_clock::now() < deadline);
    stop = true;
    writer.join();
    ::close(fd);
    INFO(reads << " reads");
    CHECK(wrong == 0);
}

TEST_CASE("what cannot be read is the error of its kind, with an empty digest") {
    const temporary_directory directory;
    fs::create_symlink("loop", directory / "loop");
    struct row {
        std::string name;
        fs::path path;
        std::errc expected;
    };
    const std::vector<row> rows{
        {"a directory", directory.path(), std::errc::is_a_directory},
        {"missing", directory / "missing", std::errc::no_such_file_or_directory},
        {"an empty path", "", std::errc::no_such_file_or_directory},
        {"a loop of links", directory / "loop", std::errc::too_many_symbolic_link_levels},
        {"a name that is too long", directory / std::string(300, 'x'),
         std::errc::filename_too_long},
        {"a NUL in the path", directory.path().native() + std::string("/f\0x", 4),
         std::errc::invalid_argument},
        {"a device that never ends", "/dev/zero", std::errc::file_too_large},
        {"another that never ends", "/dev/urandom", std::errc::file_too_large},
        {"memory that is not mapped", "/proc/self/mem", std::errc::io_error},
    };
    for (const row& row : rows) {
        INFO(row.name);
        const outcome result = try_hash(row.path);
        CHECK(result.error == row.expected);
        CHECK(result.result == digest());
        const auto check_exception = [&](auto hash) {
            try {
                (void)hash();
                FAIL_CHECK("no exception");
            } catch (const fs::filesystem_error& error) {
                CHECK(error.code() == row.expected);
                CHECK(error.path1() == row.path);
                CHECK(std::string(error.what()).find("skyutil::hash_file") != std::string::npos);
                CHECK(std::string(error.what()).find(row.path.c_str()) != std::string::npos);
            }
        };
        check_exception([&] { return skyutil::hash_file(row.path); });
        check_exception([&] { return skyutil::hash_file(row.path, "md5"); });
        check_exception([&] { return skyutil::hash_file<CryptoPP::SHA1>(row.path); });
        check_exception(
            [&] { return skyutil::hash_file<CryptoPP::SHA1, CryptoPP::SHA256>(row.path); });
    }
}

TEST_CASE("a file without permission is permission_denied, and too many descriptors are that") {
    const temporary_directory directory;
    write_file(directory / "closed", "abc");
    write_file(directory / "file", "abc");
    fs::permissions(directory / "closed", fs::perms::none);
    const nlohmann::json answer = run_in_child([&] {
        drop_privileges();
        const outcome closed = try_hash(directory / "closed");
        meet_error_types();
        (void)try_hash(directory / "file");  // for the types of hashers likewise
        const rlimit limit{64, 64};
        ::setrlimit(RLIMIT_NOFILE, &limit);
        std::vector<int> copies;
        for (int fd = ::dup(0); fd != -1; fd = ::dup(0)) {
            copies.push_back(fd);
        }
        const outcome full = try_hash(directory / "file");
        ::close(copies.back());
        for (int i = 0; i < 1000; ++i) {  // one descriptor is left
            (void)try_hash(directory / "closed");
            (void)try_hash(directory.path());
        }
        const outcome again = try_hash(directory / "file");
        for (const int fd : copies) {  // sanitizers need descriptors
            ::close(fd);
        }
        return nlohmann::json{{"closed", closed.error.value()},
                              {"full", full.error.value()},
                              {"again", again.error.value()},
                              {"digest", again.result.hex()}};
    });
    CHECK(answer == nlohmann::json{{"closed", EACCES},
                                   {"full", EMFILE},
                                   {"again", 0},
                                   {"digest", hash_text("abc", hash_algorithm::sha256)}});
}

TEST_CASE("several threads hash at once") {
    const temporary_directory directory;
    write_file(directory / "file", random_bytes(300'000));
    const digest expected = skyutil::hash_file(directory / "file");
    std::array<int, 4> wrong{};
    std::vector<std::thread> threads;
    for (int& bad : wrong) {
        threads.emplace_back([&] {
            for (int i = 0; i < 20; ++i) {
                bad += skyutil::hash_file(directory / "file") == expected ? 0 : 1;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(wrong == std::array<int, 4>{});
}

TEST_CASE("short reads are completed, and an error between them is no end") {
    // What read(2) may do, in a row: so many bytes, the end, or an error.
    struct step {
        std::size_t size;
        std::errc error = {};
    };
    struct scripted_input {
        std::vector<step> steps;
        std::size_t at = 0;
        std::uint64_t offset = 0;

        std::size_t read(std::span<char> buffer, std::error_code& error,
                         const skyutil::stop_token&) {
            const step now = steps.at(at++);
            if (now.error != std::errc()) {
                error = std::make_error_code(now.error);
                return 0;
            }
            const std::size_t size = (std::min)(now.size, buffer.size());
            const std::string text = pattern(offset, size);
            std::copy(text.begin(), text.end(), buffer.begin());
            offset += size;
            return size;
        }
    };
    std::vector<char> block(1000);
    const auto count = [&](std::vector<step> steps, std::error_code& error) {
        scripted_input input{std::move(steps)};
        pattern_hasher hash;
        skyutil::detail::read_blocks(input, block, error, [&](std::span<const std::byte> bytes) {
            skyutil::detail::update_hash(hash, bytes);
        });
        CHECK(input.at == input.steps.size());
        const digest result = skyutil::detail::finish_hash(hash);
        CHECK(pattern_hasher::right(result));
        return pattern_hasher::count(result);
    };
    std::error_code error;
    CHECK(count({{1}, {999}, {1}, {5000}, {7}, {0}}, error) == 2008);
    CHECK_FALSE(error);
    CHECK(count({{0}}, error) == 0);
    CHECK_FALSE(error);
    CHECK(count({{1000}, {3}, {0, std::errc::io_error}}, error) == 1003);
    CHECK(error == std::errc::io_error);
    CHECK(count({{0, std::errc::permission_denied}}, error) == 0);
    CHECK(error == std::errc::permission_denied);
}

TEST_CASE("signals that interrupt a wait for the writer change nothing") {
    const temporary_directory directory;
    const fs::path fifo = directory / "fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    const nlohmann::json answer = run_in_child([&] {
        static std::atomic<int> signals = 0;
        struct sigaction action{};
        action.sa_handler = [](int) { ++signals; };  // without SA_RESTART
        ::sigaction(SIGALRM, &action, nullptr);
        const itimerval often{{0, 2000}, {0, 2000}};
        ::setitimer(ITIMER_REAL, &often, nullptr);
        std::thread writer([&] {
            sigset_t all;
            ::sigfillset(&all);
            ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
            std::this_thread::sleep_for(30ms);
            const int fd = ::open(fifo.c_str(), O_WRONLY | O_CLOEXEC);
            for (std::uint64_t offset = 0; offset < 20'000; offset += 1000) {
                const std::string piece = pattern(offset, 1000);
                (void)!::write(fd, piece.data(), piece.size());
                std::this_thread::sleep_for(3ms);
            }
            ::close(fd);
        });
        std::error_code error;
        const digest result = skyutil::hash_file<pattern_hasher>(fifo, error);
        writer.join();
        return nlohmann::json{{"error", error.value()},
                              {"count", pattern_hasher::count(result)},
                              {"right", pattern_hasher::right(result)},
                              {"interrupted", signals > 5}};
    });
    CHECK(answer ==
          nlohmann::json{{"error", 0}, {"count", 20'000}, {"right", true}, {"interrupted", true}});
}
