// SPDX-License-Identifier: MIT
//
// Reading files that are no regular ones or have no size, and those that cannot be read.

#include <skyutil/files.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include "files/outcomes_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;
using lines = std::vector<std::string>;

// ------------------------------------------------------------------------------------- helpers

/// Waits until the other side has read all that is in a pipe.
void wait_until_drained(int fd) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    for (int bytes = 1; bytes != 0 && std::chrono::steady_clock::now() < deadline;) {
        if (::ioctl(fd, FIONREAD, &bytes) == -1) {
            return;
        }
        std::this_thread::yield();
    }
}

/// Opens a FIFO for writing once someone has it open for reading.
skyutil::unique_fd open_after_reader(const fs::path& path) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    for (;;) {
        skyutil::unique_fd fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
        if (fd || errno != ENXIO || std::chrono::steady_clock::now() > deadline) {
            if (fd) {
                ::fcntl(fd.get(), F_SETFL, 0);
            }
            return fd;
        }
        std::this_thread::yield();
    }
}

}  // namespace

// ------------------------------------------------------------------------ files of other kinds

TEST_CASE("files whose size reads as 0 give their lines") {
    for (const char* const path :
         {"/proc/self/limits", "/proc/self/mountinfo", "/proc/filesystems"}) {
        INFO(path);
        const std::string text = read_file(path);
        REQUIRE(fs::file_size(path) == 0);
        REQUIRE(std::count(text.begin(), text.end(), '\n') > 3);
        for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{3}, all}) {
            CHECK(skyutil::read_last_n_lines(path, n) == last_lines(text, n));
        }
    }
}

TEST_CASE("files with fewer bytes than their size give their lines") {
    int tried = 0;
    for (const char* const path :
         {"/sys/kernel/mm/transparent_hugepage/enabled", "/sys/kernel/uevent_helper",
          "/sys/devices/system/cpu/online", "/sys/class/net/lo/mtu", "/sys/power/state"}) {
        std::error_code error;
        if (fs::file_size(path, error) == 0 || error || ::access(path, R_OK) == -1) {
            continue;
        }
        INFO(path);
        const std::string text = read_file(path);
        REQUIRE(fs::file_size(path) > text.size());
        CHECK(skyutil::read_last_n_lines(path, 1) == last_lines(text, 1));
        CHECK(skyutil::read_last_n_lines(path, all) == last_lines(text, all));
        ++tried;
    }
    if (tried == 0) {
        SKYUTIL_SKIP("no file in /sys can be read");
    }
}

TEST_CASE("devices are read, but for those that never end") {
    CHECK(skyutil::read_last_n_lines("/dev/null", 5).empty());
    for (const char* const path : {"/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}) {
        INFO(path);
        CHECK(try_read(path, 1).error == std::errc::file_too_large);
    }
}

TEST_CASE("a pipe whose writer waits for its reader is read to the end") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const skyutil::unique_fd read_end(ends[0]);
    std::thread writer([fd = ends[1]] {
        for (const char* const piece : {"o", "ne", "\n", "two\nthr", "ee", "\n", "four"}) {
            write_all(fd, piece);
            wait_until_drained(fd);
        }
        ::close(fd);
    });
    const outcome result = try_read("/proc/self/fd/" + std::to_string(read_end.get()), 3);
    writer.join();
    CHECK_FALSE(result.error);
    CHECK(result.found == lines{"two", "three", "four"});
}

TEST_CASE("a FIFO is read to the end") {
    const temporary_directory directory;
    const fs::path fifo = directory / "fifo";
    make_fifo(fifo);
    outcome result;

    SECTION("when its writer comes after the reader") {
        std::thread writer([&] { write_all(open_after_reader(fifo).get(), "one\ntwo\nthree\n"); });
        result = try_read(fifo, 2);
        writer.join();
        CHECK(result.found == lines{"two", "three"});
    }
    SECTION("when its writer comes first") {
        std::thread writer([&] {
            const skyutil::unique_fd fd(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
            write_all(fd.get(), "one\ntwo\nthree\n");
        });
        result = try_read(fifo, 2);
        writer.join();
        CHECK(result.found == lines{"two", "three"});
    }
    SECTION("when its writer waits for the reader after every piece") {
        std::thread writer([&] {
            const skyutil::unique_fd fd = open_after_reader(fifo);
            for (int i = 0; i < 200; ++i) {
                write_all(fd.get(), std::to_string(i) + (i % 2 == 0 ? "\n" : "+"));
                wait_until_drained(fd.get());
            }
        });
        result = try_read(fifo, 2);
        writer.join();
        CHECK(result.found == lines{"197+198", "199+"});
    }
    SECTION("when its writer leaves without a word") {
        std::thread writer([&] { (void)open_after_reader(fifo); });
        result = try_read(fifo, 2);
        writer.join();
        CHECK(result.found.empty());
    }
    SECTION("when it gets more than it holds") {
        std::string text;
        for (int i = 0; i < 100'000; ++i) {
            text += std::to_string(i) + "\n";
        }
        std::thread writer([&] { write_all(open_after_reader(fifo).get(), text); });
        result = try_read(fifo, 50'000);
        writer.join();
        CHECK(result.found == last_lines(text, 50'000));
    }
    CHECK_FALSE(result.error);
}

TEST_CASE("a FIFO that nobody opens for writing is an error after a time") {
    const temporary_directory directory;
    const fs::path fifo = directory / "fifo";
    make_fifo(fifo);
    const auto read_with_patience = [&](std::chrono::milliseconds patience) {
        std::error_code error;
        skyutil::detail::input_file file(fifo, error, patience);
        const auto start = std::chrono::steady_clock::now();
        (void)skyutil::detail::read_tail_forward(file, {1, 1000}, error);
        return std::pair(error, std::chrono::steady_clock::now() - start);
    };
    const auto [error, waited] = read_with_patience(50ms);
    CHECK(error == std::errc::timed_out);
    CHECK(waited >= 50ms);
    CHECK(waited < 5s);
    CHECK(read_with_patience(0ms).first == std::errc::timed_out);

    SECTION("also while signals keep coming") {
        const nlohmann::json answer = run_in_child(
            [&] {
                struct sigaction action{};
                action.sa_handler = [](int) {};
                ::sigaction(SIGALRM, &action, nullptr);
                const itimerval timer{{0, 5000}, {0, 5000}};
                ::setitimer(ITIMER_REAL, &timer, nullptr);
                return read_with_patience(50ms).first.value();
            },
            10s);
        CHECK(answer == ETIMEDOUT);
    }
}

// -------------------------------------------------------------------------------------- errors

TEST_CASE("a file that cannot be read is the error of its kind") {
    const temporary_directory directory;
    write_file(directory / "file", "x\n");
    fs::create_symlink("nothing", directory / "dangling");
    fs::create_symlink("loop", directory / "loop");
    struct row {
        std::string name;
        fs::path path;
        std::errc expected;
    };
    const std::vector<row> rows{
        {"missing", directory / "missing", std::errc::no_such_file_or_directory},
        {"in a missing directory", directory / "missing/file",
         std::errc::no_such_file_or_directory},
        {"a dangling link", directory / "dangling", std::errc::no_such_file_or_directory},
        {"a loop of links", directory / "loop", std::errc::too_many_symbolic_link_levels},
        {"a name that is too long", directory / std::string(300, 'x'),
         std::errc::filename_too_long},
        {"a path that is too long", directory / std::string(5000, '/').append("x"),
         std::errc::filename_too_long},
        {"in a file", directory / "file/x", std::errc::not_a_directory},
        {"an empty path", "", std::errc::no_such_file_or_directory},
        {"a NUL in the path", directory.path().native() + std::string("/file\0x", 7),
         std::errc::invalid_argument},
        {"a directory", directory.path(), std::errc::is_a_directory},
        {"a directory in /proc", "/proc/self", std::errc::is_a_directory},
    };
    for (const row& row : rows) {
        for (const std::size_t n : {std::size_t{0}, std::size_t{1}, all}) {
            INFO(row.name << ", n = " << n);
            const outcome result = try_read(row.path, n);
            CHECK(result.error == row.expected);
            CHECK(result.found.empty());
            try {
                (void)skyutil::read_last_n_lines(row.path, n);
                FAIL_CHECK("no exception");
            } catch (const fs::filesystem_error& error) {
                CHECK(error.code() == row.expected);
                CHECK(error.path1() == row.path);
                CHECK(std::string(error.what()).find("skyutil::read_last_n_lines") !=
                      std::string::npos);
                CHECK(std::string(error.what()).find(row.path.c_str()) !=
                      std::string::npos);  // up to a NUL
            }
        }
        INFO(row.name << ", counted");
        std::error_code error;
        const std::size_t entries = skyutil::count_directory_entries(row.path, error);
        if (row.expected == std::errc::is_a_directory) {
            CHECK_FALSE(error);
        } else {
            CHECK(error == row.expected);
            CHECK(entries == 0);
            CHECK_THROWS_AS(skyutil::count_directory_entries(row.path), fs::filesystem_error);
        }
    }
}

TEST_CASE("success clears an error that was there before") {
    const temporary_directory directory;
    write_file(directory / "file", "x\n");
    std::error_code error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::read_last_n_lines(directory / "file", 1, error) == lines{"x"});
    CHECK_FALSE(error);
    error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::read_last_n_lines(directory / "file", 0, error).empty());
    CHECK_FALSE(error);
    error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::count_directory_entries(directory.path(), error) == 1);
    CHECK_FALSE(error);
}

TEST_CASE("a file or directory without permission is permission_denied") {
    const temporary_directory directory;
    write_file(directory / "file", "x\n");
    fs::create_directory(directory / "closed");
    write_file(directory / "closed/file", "x\n");
    fs::permissions(directory / "file", fs::perms::none);
    fs::permissions(directory / "closed", fs::perms::none);
    const nlohmann::json answer = run_in_child([&] {
        drop_privileges();
        std::error_code counted;
        (void)skyutil::count_directory_entries(directory / "closed", counted);
        return nlohmann::json{
            {"file", try_read(directory / "file", 1).error.value()},
            {"in a directory", try_read(directory / "closed/file", 1).error.value()},
            {"directory", counted.value()}};
    });
    fs::permissions(directory / "closed", fs::perms::owner_all);
    CHECK(answer ==
          nlohmann::json{{"file", EACCES}, {"in a directory", EACCES}, {"directory", EACCES}});
}
