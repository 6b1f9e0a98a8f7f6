// SPDX-License-Identifier: MIT
//
// The last lines of files that are truncated and written to meanwhile.

#include <skyutil/files.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/faults_linux.hpp"
#include "files/log.hpp"
#include "files/outcomes_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

/// Whether a line is one of the log, or the start of one when it may be unfinished.
bool is_of_log(std::string_view line, bool unfinished) {
    std::array<std::uint64_t, 2> numbers{};
    std::string_view rest = line;
    for (std::uint64_t& number : numbers) {
        const std::size_t end = rest.find(':');
        if (end == std::string_view::npos) {  // so short that it can be any line's start
            return unfinished && rest.size() < 20 &&
                   rest.find_first_not_of("0123456789") == std::string_view::npos;
        }
        if (end == 0 || end > 19 ||
            rest.substr(0, end).find_first_not_of("0123456789") != std::string_view::npos) {
            return false;
        }
        for (const char c : rest.substr(0, end)) {
            number = number * 10 + static_cast<std::uint64_t>(c - '0');
        }
        rest.remove_prefix(end + 1);
    }
    std::string whole = log_line(numbers[0], numbers[1]);
    whole.pop_back();
    return unfinished ? whole.starts_with(line) : whole == line;
}

/// What a run found: lines read, and those that are no lines of the log.
struct torn_count {
    std::uint64_t reads = 0;
    std::uint64_t read = 0;
    std::uint64_t torn = 0;
    std::uint64_t errors = 0;
    std::string example;

    void look_at(const outcome& result) {
        ++reads;
        errors += result.error ? 1 : 0;
        for (std::size_t i = 0; i < result.found.size(); ++i) {
            ++read;
            if (!is_of_log(result.found[i], i + 1 == result.found.size())) {
                ++torn;
                example = result.found[i];
            }
        }
    }
};

/// Reads a log that a thread truncates and fills up again, over and over, until so many lines were
/// written, and returns what was found.
torn_count read_while_truncating(const fs::path& path, std::uint64_t lines_to_write) {
    constexpr std::size_t most_lines = 30'000;
    std::array<std::string, 5> logs;
    std::vector<std::size_t> ends;  // of the lines of all logs, as they are equally long
    for (std::size_t i = 0; i < most_lines; ++i) {
        const std::string line = log_line(1, i);
        ends.push_back(line.size() + (ends.empty() ? 0 : ends.back()));
        for (std::size_t generation = 0; generation < logs.size(); ++generation) {
            logs[generation] += log_line(1 + generation, i);
        }
    }
    write_file(path, "");
    std::atomic<bool> done = false;
    std::thread writer([&] {
        const skyutil::unique_fd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
        std::mt19937_64 random(17);  // NOLINT(*-msc51-cpp)
        std::uint64_t written = 0;
        for (std::uint64_t i = 0; written < lines_to_write; ++i) {
            const std::size_t count = most_lines >> (random() % 4);
            const std::string& log = logs[i % logs.size()];
            const std::size_t size = (std::min)(log.size(), ends[count - 1]);
            const std::size_t piece = random() % 2 == 0 ? size : 1 + random() % 200'000;
            (void)!::ftruncate(fd.get(), 0);
            for (std::size_t at = 0; at < size; at += piece) {
                write_all(fd.get(), std::string_view(log).substr(at, (std::min)(piece, size - at)));
            }
            written += count;
        }
        done = true;
    });
    torn_count found;
    constexpr std::array<std::size_t, 5> counts{1, 60, 500, 3000, most_lines};
    for (std::size_t i = 0; !done; ++i) {
        const std::size_t n = counts[i % counts.size()];
        found.look_at(i % 2 == 0 ? try_tail(path, n) : try_read(path, n));
    }
    writer.join();
    return found;
}

void check_no_torn(const torn_count& found) {
    INFO(found.reads << " reads of " << found.read << " lines, torn: " << found.example);
    CHECK(found.reads > 0);
    CHECK(found.torn == 0);
    CHECK(found.errors == 0);
}

}  // namespace

TEST_CASE("no line joins what stood in a file before it was truncated and what was written then") {
    const temporary_directory directory;
    check_no_torn(read_while_truncating(directory / "log", 300'000));
}

TEST_CASE("ten million lines and none torn", "[.stress]") {
    const temporary_directory directory;
    const torn_count found = read_while_truncating(directory / "log", 10'000'000);
    std::cout << found.reads << " reads of " << found.read << " lines, " << found.torn << " torn, "
              << found.errors << " errors" << std::endl;
    check_no_torn(found);
}

TEST_CASE(
    "a file that is truncated and fills up again between two system calls gives whole lines") {
    const temporary_directory directory;
    const fs::path path = directory / "log";
    constexpr std::size_t size = 300'000;
    const std::map<std::string, std::function<void()>> changes{
        {"as long as before", [&] { write_file(path, log_text(2, size)); }},
        {"longer", [&] { write_file(path, log_text(2, 2 * size)); }},
        {"shorter", [&] { write_file(path, log_text(2, size - 5000)); }},
        {"much shorter", [&] { write_file(path, log_text(2, 1000)); }},
        {"empty", [&] { write_file(path, ""); }},
        {"with the same times",
         [&] {
             const fs::file_time_type time = fs::last_write_time(path);
             write_file(path, log_text(2, size));
             fs::last_write_time(path, time);
         }},
    };
    for (const auto& [name, change] : changes) {
        for (const char* const call : {"pread", "fstat"}) {
            for (int before = 0; before < 12; ++before) {
                for (const std::size_t n : {std::size_t{3}, std::size_t{1000}}) {
                    for (const bool old : {false, true}) {
                        INFO(name << " before " << call << " " << before << ", " << n << " lines"
                                  << (old ? ", long after it was written" : ""));
                        write_file(path, log_text(1, size));
                        if (old) {  // as far as the times of the file say
                            fs::last_write_time(path, fs::file_time_type::clock::now() - 24h);
                        }
                        outcome result;
                        {
                            const fault fault(call, before, change);
                            result = try_tail(path, n);
                        }
                        torn_count found;
                        found.look_at(result);
                        CHECK(found.torn == 0);
                        CHECK_FALSE(result.error);
                        CHECK(result.found.size() <= n);
                        CHECK(result.end <= 2 * size);
                    }
                }
            }
        }
    }
}

TEST_CASE("a file that is truncated before every read of it ends in few lines or an error") {
    const temporary_directory directory;
    const fs::path path = directory / "log";
    for (const std::size_t n : {std::size_t{1}, std::size_t{1000}}) {
        std::uint64_t generation = 0;
        const std::function<void()> change = [&] {
            write_file(path, log_text(++generation % 3, 300'000));
        };
        change();
        const fault fault("pread", fault::every_call, change);
        torn_count found;
        const outcome result = try_tail(path, n);
        found.look_at(result);
        CHECK(found.torn == 0);
        CHECK((!result.error || result.error == std::errc::resource_unavailable_try_again));
        CHECK(generation < 2000);
    }
}

TEST_CASE("a file that only grows is read once more at most") {
    const temporary_directory directory;
    const fs::path path = directory / "log";
    write_file(path, log_text(1, 300'000));
    std::map<std::string, int> calls;
    {
        const fault fault("pread", 0, [&] { std::ofstream(path, std::ios::app) << "more\n"; });
        CHECK(try_tail(path, 60).found.size() == 60);
        calls = fault.calls();
    }
    CHECK(calls["pread"] == 2);
    CHECK(calls["fstat"] == 2);
}

TEST_CASE("a file at rest is read once") {
    const temporary_directory directory;
    const fs::path path = directory / "log";
    write_file(path, log_text(1, 300'000));
    struct stat info{};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    if (info.st_ctim.tv_nsec == 0) {
        SKYUTIL_SKIP("the file system has times in whole seconds");
    }
    std::this_thread::sleep_for(50ms);  // no change can have the same time any more
    for (const std::size_t n : {std::size_t{3}, std::size_t{60}}) {
        const fault fault;
        CHECK(try_tail(path, n).found.size() == n);
        CHECK(fault.calls().at("pread") == 1);
        CHECK(fault.calls().at("fstat") == (n == 3 ? 1 : 2));
    }
}

TEST_CASE("a file that is empty at first and fills up while it is read gives whole lines") {
    const temporary_directory directory;
    const fs::path path = directory / "log";
    for (int before = 0; before < 4; ++before) {
        write_file(path, "");
        outcome result;
        std::uint64_t generation = 0;
        {
            const fault fault("read", before,
                              [&] { write_file(path, log_text(++generation % 3, 200'000)); });
            result = try_tail(path, 100);
        }
        torn_count found;
        found.look_at(result);
        CHECK(found.torn == 0);
        CHECK_FALSE(result.error);
        CHECK(result.end == (generation == 0 ? 0 : 200'000));
    }
}
