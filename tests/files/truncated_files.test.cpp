// SPDX-License-Identifier: MIT
//
// The last lines of files that are truncated and written to meanwhile, reading that is asked to
// stop, where reading ended, and lines with carriage returns in them.

#include <skyutil/files.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <limits>
#include <map>
#include <random>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/faults.hpp"
#include "support.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

using lines = std::vector<std::string>;
using skyutil::line_end;
using skyutil::tail_options;

constexpr std::size_t all = (std::numeric_limits<std::size_t>::max)();

struct outcome {
    std::error_code error;
    lines found;
    std::uint64_t end = 0;
};

outcome try_tail(const fs::path& path, std::size_t n, const tail_options& options = {}) {
    outcome result;
    result.error = std::make_error_code(std::errc::bad_message);
    const skyutil::file_tail tail(path, n, options, result.error);
    result.found.assign(tail.lines().begin(), tail.lines().end());
    result.end = tail.end_offset();
    return result;
}

outcome try_read(const fs::path& path, std::size_t n, const tail_options& options = {}) {
    outcome result;
    result.error = std::make_error_code(std::errc::bad_message);
    result.found = skyutil::read_last_n_lines(path, n, options, result.error);
    return result;
}

void append(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count == -1 && errno != EINTR) {
            return;
        }
        text.remove_prefix(count == -1 ? 0 : static_cast<std::size_t>(count));
    }
}

void make_fifo(const fs::path& path) {
    if (::mkfifo(path.c_str(), 0666) == -1) {
        throw_errno("mkfifo");
    }
}

}  // namespace

// ------------------------------------------------------------- truncated and written to meanwhile

namespace {

/// Lines of a log that is truncated now and then: generation, number and what follows from both, so
/// that a line which joins two others is none.
std::string log_line(std::uint64_t generation, std::uint64_t number) {
    std::string line = std::to_string(generation) + ":" + std::to_string(number) + ":";
    std::uint64_t state = generation * 0x9e37'79b9'7f4a'7c15U + number * 0xbf58'476d'1ce4'e5b9U + 1;
    const std::size_t length = 5 + number * 7919 % 120;
    for (std::size_t i = 0; i < length; ++i) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        line += static_cast<char>('a' + (state >> 40) % 26);
    }
    return line + ";\n";
}

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
                append(fd.get(), std::string_view(log).substr(at, (std::min)(piece, size - at)));
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

/// A log of one generation, cut off anywhere.
std::string_view log_text(std::uint64_t generation, std::size_t size) {
    static std::map<std::uint64_t, std::string> logs;
    std::string& text = logs[generation];
    if (text.empty()) {
        for (std::uint64_t i = 0; text.size() < 600'000; ++i) {
            text += log_line(generation, i);
        }
    }
    return std::string_view(text).substr(0, size);
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

// --------------------------------------------------------------------------------------- a stop

namespace {

/// Calls with a stop that comes after a time; how long it took from the stop on.
template <class Call>
std::chrono::milliseconds time_after_stop(std::chrono::milliseconds before, Call call) {
    std::stop_source source;
    std::chrono::steady_clock::time_point stopped;
    std::thread stopper([&] {
        std::this_thread::sleep_for(before);
        stopped = std::chrono::steady_clock::now();
        source.request_stop();
    });
    call(source.get_token());
    const auto end = std::chrono::steady_clock::now();
    stopper.join();
    return std::chrono::duration_cast<std::chrono::milliseconds>(end - stopped);
}

constexpr auto soon = 5s;  // below the 10 seconds that a FIFO without a writer is waited for

}  // namespace

TEST_CASE("a stop ends the wait for the writer of a FIFO") {
    const temporary_directory directory;
    const fs::path fifo = directory / "fifo";
    make_fifo(fifo);
    for (const bool views : {false, true}) {
        outcome result;
        const auto time = time_after_stop(50ms, [&](const std::stop_token& stop) {
            result = views ? try_tail(fifo, 1, {.stop = stop}) : try_read(fifo, 1, {.stop = stop});
        });
        CHECK(result.error == std::errc::operation_canceled);
        CHECK(result.found.empty());
        CHECK(result.end == 0);
        CHECK(time < soon);
    }
}

TEST_CASE("a stop ends the wait for a writer that writes no more") {
    const temporary_directory directory;
    const fs::path fifo = directory / "fifo";
    make_fifo(fifo);
    const skyutil::unique_fd both(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));
    append(both.get(), "one\ntwo\n");
    outcome result;
    const auto time = time_after_stop(
        50ms, [&](const std::stop_token& stop) { result = try_tail(fifo, 1, {.stop = stop}); });
    CHECK(result.error == std::errc::operation_canceled);
    CHECK(result.found.empty());
    CHECK(time < soon);
    try {
        std::stop_source source;
        source.request_stop();
        (void)skyutil::read_last_n_lines(fifo, 1, {.stop = source.get_token()});
        FAIL_CHECK("no exception");
    } catch (const fs::filesystem_error& error) {
        CHECK(error.code() == std::errc::operation_canceled);
    }
}

TEST_CASE("a stop that was requested before ends the reading of any file") {
    const temporary_directory directory;
    write_file(directory / "file", "one\ntwo\n");
    std::stop_source source;
    source.request_stop();
    for (const fs::path& path : {directory / "file", fs::path("/proc/self/stat")}) {
        for (const std::size_t n : {std::size_t{0}, std::size_t{1}, all}) {
            const outcome result = try_tail(path, n, {.stop = source.get_token()});
            CHECK(result.error == std::errc::operation_canceled);
            CHECK(result.found.empty());
        }
    }
}

TEST_CASE("a stop that is not requested changes nothing") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, log_text(1, 3'000'000));
    const std::stop_source source;
    for (const std::size_t n : {std::size_t{1}, std::size_t{1000}, all}) {
        CHECK(try_tail(path, n, {.stop = source.get_token()}).found == try_read(path, n).found);
    }
}

TEST_CASE("a stop ends the reading of a large file between two blocks") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "");
    fs::resize_file(path, 100'000'000);
    for (const int before : {1, 3, 200}) {
        std::stop_source source;
        const fault fault("pread", before, [&] { source.request_stop(); });
        const outcome result = try_tail(path, 10, {.stop = source.get_token()});
        CHECK(result.error == std::errc::operation_canceled);
        CHECK(fault.calls().at("pread") == before + 1);
    }
}

TEST_CASE("a stop ends the wait for a lease that another process has on the file") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "one\n");
    const skyutil::unique_fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    struct sigaction ignore{};
    struct sigaction before{};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGIO, &ignore, &before);
    if (::fcntl(fd.get(), F_SETLEASE, F_WRLCK) == -1) {
        SKYUTIL_SKIP("the file system has no leases");
    }
    outcome result;
    const auto time = time_after_stop(
        50ms, [&](const std::stop_token& stop) { result = try_tail(path, 1, {.stop = stop}); });
    CHECK(result.error == std::errc::operation_canceled);
    CHECK(time < soon);
    std::thread holder([&] {
        std::this_thread::sleep_for(50ms);
        ::fcntl(fd.get(), F_SETLEASE, F_UNLCK);
    });
    const std::stop_source source;
    result = try_tail(path, 1, {.stop = source.get_token()});
    holder.join();
    ::sigaction(SIGIO, &before, nullptr);
    CHECK_FALSE(result.error);
    CHECK(result.found == lines{"one"});
}

// --------------------------------------------------------------------------- where reading ended

TEST_CASE("a reader goes on at the end offset without a gap or a repeat") {
    const temporary_directory directory;
    const fs::path path = directory / "log";
    std::string text(log_text(1, 200'000));
    write_file(path, text);
    std::string seen;
    std::uint64_t from = 0;
    std::mt19937 random(7);  // NOLINT(*-msc51-cpp)
    for (int i = 0; i < 40; ++i) {
        const skyutil::file_tail tail(path, all, {.line_end = line_end::keep});
        std::string whole;
        for (const std::string_view line : tail.lines()) {
            whole += line;
        }
        REQUIRE(whole.size() == tail.end_offset());
        REQUIRE(from <= tail.end_offset());
        seen += whole.substr(static_cast<std::size_t>(from));
        from = tail.end_offset();
        const std::string more(log_text(2, random() % 500));
        std::ofstream(path, std::ios::app) << more;  // ends within a line as a rule
        text += more;
    }
    CHECK(text.starts_with(seen));
    CHECK(seen.size() == from);
}

TEST_CASE("the end offset is the size at first, whatever is asked for and however the file grows") {
    const temporary_directory directory;
    const fs::path path = directory / "log";
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{100}, std::size_t{8192}, std::size_t{300'000}}) {
        write_file(path, log_text(1, size));
        for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{500}, all}) {
            for (const auto invalid :
                 {skyutil::invalid_utf8::keep, skyutil::invalid_utf8::replace}) {
                for (const auto end :
                     {line_end::strip_lf, line_end::keep, line_end::any, line_end::terminal}) {
                    CHECK(try_tail(path, n, {.line_end = end, .invalid_utf8 = invalid}).end ==
                          size);
                }
            }
        }
        const fault fault("pread", 0, [&] { std::ofstream(path, std::ios::app) << "more\n"; });
        CHECK(try_tail(path, 3).end == size);
    }
    CHECK(skyutil::file_tail().end_offset() == 0);
    CHECK(try_tail(directory / "missing", 1).end == 0);
    write_file(path, "");
    CHECK(try_tail(path, 1).end == 0);
}

TEST_CASE("the end offset of what has no size is the number of bytes read") {
    const temporary_directory directory;
    const fs::path fifo = directory / "fifo";
    make_fifo(fifo);
    const std::string text(log_text(1, 300'000));
    std::thread writer([&] {
        const skyutil::unique_fd fd(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
        append(fd.get(), text);
    });
    const outcome result = try_tail(fifo, 2);
    writer.join();
    CHECK(result.found.size() == 2);
    CHECK(result.end == text.size());
    CHECK(try_tail("/proc/self/comm", 1).end == read_file("/proc/self/comm").size());
}

// ------------------------------------------------------------------------------ carriage returns

namespace {

/// The lines of a text, found the slow way.
lines split_at_any(std::string_view text, std::size_t n) {
    lines found;
    std::string line;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\n' && text[i] != '\r') {
            line += text[i];
            continue;
        }
        i += text.substr(i).starts_with("\r\n") ? 1 : 0;
        found.push_back(line);
        line.clear();
    }
    if (!line.empty()) {
        found.push_back(line);
    }
    found.erase(found.begin(),
                found.end() - static_cast<std::ptrdiff_t>((std::min)(n, found.size())));
    return found;
}

}  // namespace

TEST_CASE("with line_end::any a carriage return alone ends a line too") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    struct row {
        std::string text;
        lines expected;
    };
    for (const auto& [text, expected] :
         {row{"a\rb\nc\r\nd", {"a", "b", "c", "d"}}, row{"a\r", {"a"}}, row{"a\r\n", {"a"}},
          row{"\r", {""}}, row{"\r\n", {""}}, row{"\r\r", {"", ""}}, row{"\n\r", {"", ""}},
          row{"\r\n\r\n", {"", ""}}, row{"\r\r\n", {"", ""}}, row{"a\n\rb", {"a", "", "b"}},
          row{" 10%\r 20%\r100%\ndone\n", {" 10%", " 20%", "100%", "done"}}, row{"", {}},
          row{"x", {"x"}}}) {
        INFO(Catch::Detail::stringify(text));
        write_file(path, text);
        for (std::size_t n = 0; n <= expected.size() + 1; ++n) {
            const lines last(
                expected.end() - static_cast<std::ptrdiff_t>((std::min)(n, expected.size())),
                expected.end());
            CHECK(try_tail(path, n, {.line_end = line_end::any}).found == last);
            CHECK(try_read(path, n, {.line_end = line_end::any}).found == last);
        }
    }
}

TEST_CASE("with line_end::any the lines are those that a slow search finds, in pipes too") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    std::mt19937 random(3);  // NOLINT(*-msc51-cpp)
    for (int i = 0; i < 60; ++i) {
        const std::size_t size = i % 10 == 0 ? 8191 + random() % 3 : random() % 70'000;
        const unsigned rarity = 1U << (random() % 12);
        std::string text(size, 'x');
        for (char& c : text) {
            c = random() % rarity == 0 ? (random() % 2 == 0 ? '\r' : '\n') : 'x';
        }
        for (int k = 0; k < 20 && size > 9000; ++k) {  // where blocks meet
            const std::size_t at = size - 8192 - random() % 3;
            text[at] = random() % 2 == 0 ? '\r' : '\n';
        }
        write_file(path, text);
        for (const std::size_t n : {std::size_t{1}, std::size_t{2}, std::size_t{random() % 3000}}) {
            const lines expected = split_at_any(text, n);
            const bool same = try_tail(path, n, {.line_end = line_end::any}).found == expected &&
                              try_read(path, n, {.line_end = line_end::any}).found == expected;
            if (!same) {
                FAIL_CHECK("text " << i << ", " << n << " lines");
            }
        }
        if (i % 10 == 0) {
            const fs::path fifo = directory / "fifo";
            make_fifo(fifo);
            std::thread writer([&] {
                const skyutil::unique_fd fd(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
                append(fd.get(), text);
            });
            const bool same =
                try_tail(fifo, 20, {.line_end = line_end::any}).found == split_at_any(text, 20);
            writer.join();
            fs::remove(fifo);
            CHECK(same);
        }
    }
}

TEST_CASE("with line_end::terminal a line is what a terminal would show of it") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    struct row {
        std::string text;
        lines expected;
    };
    for (const auto& [text, expected] : {
             row{"a\nb\n", {"a", "b"}},
             row{"  9%\r 10%\r100%\ndone\n", {"100%", "done"}},
             row{"  9%\r 10%\r", {" 10%"}},
             row{"windows\r\n", {"windows"}},
             row{"12345\rab\n", {"ab345"}},
             row{"12345\rab\rX", {"Xb345"}},
             row{"12345\r\r\r\n", {"12345"}},
             row{"\r\n", {""}},
             row{"\rx\n", {"x"}},
             row{"done\rcopying 10%\n", {"copying 10%"}},
             row{"copying 10%\rdone\x1b[K\n", {"done"}},
             row{"copying 10%\r\x1b[Kdone\n", {"done"}},
             row{"copying 10%\x1b[2K\rdone\n", {"done"}},
             row{"copying 10%\r\x1b[2Kdone\n", {"done"}},
             row{"copying 10%\rdo\x1b[0Kne\n", {"done"}},
             row{"abc\x1b[2Kdef\rx\n", {"x  def"}},
             row{"a\x1b[K\r\xc3\xa4\xc3\xb6\n", {"\xc3\xa4\xc3\xb6"}},
             row{"\xc3\xa4\xc3\xb6\xe2\x82\xac\rx\n", {"x\xc3\xb6\xe2\x82\xac"}},
             row{"xyz\r\xe2\x82\xac\n", {"\xe2\x82\xacyz"}},
             row{"12345\r\x1b[32mab\x1b[0m\n", {"\x1b[32mab\x1b[0m345"}},
             row{"\x1b[31m12345\x1b[0m\rabcde\n", {"abcde\x1b[0m"}},
             row{"abc\r\x1b[\n", {"\x1b[c"}},
             row{"abc\r\x1b\n",
                 {"\x1b"
                  "bc"}},
         }) {
        INFO(Catch::Detail::stringify(text));
        write_file(path, text);
        CHECK(try_tail(path, all, {.line_end = line_end::terminal}).found == expected);
        CHECK(try_read(path, all, {.line_end = line_end::terminal}).found == expected);
        CHECK(try_tail(path, 1, {.line_end = line_end::terminal}).found == lines{expected.back()});
    }
    write_file(path,
               "a\xff"
               "cd\r\xe2\x82\n");
    for (const auto read : {try_tail, try_read}) {
        CHECK(read(path, 1,
                   {.line_end = line_end::terminal, .invalid_utf8 = skyutil::invalid_utf8::replace})
                  .found == lines{"\xef\xbf\xbd\xef\xbf\xbd"
                                  "cd"});
    }
}

TEST_CASE("many steps of progress in one line take little time") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    std::string text;
    for (int i = 0; i < 100'000; ++i) {
        text += std::to_string(i) + " of 100000\r";
    }
    write_file(path, text + "\nend\n");
    const outcome result = try_tail(path, 2, {.line_end = line_end::terminal});
    CHECK(result.found == lines{"99999 of 100000", "end"});
}
