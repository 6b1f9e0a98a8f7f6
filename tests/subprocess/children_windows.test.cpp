// SPDX-License-Identifier: MIT
//
// What children on Windows read and write, and how they end.

#include <skyutil/stop_token.hpp>
#include <skyutil/subprocess.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <windows.h>

#include "subprocess/commands_windows.hpp"
#include "windows/calls.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using skyutil::child_process;
using skyutil::completed_process;
using skyutil::output_overflow;
using skyutil::output_stream;
using skyutil::run;
using skyutil::stdio_mode;
using std::chrono::steady_clock;

namespace {

/// Runs a command, and requests a stop when it has written so many lines.
completed_process run_until(std::size_t lines, const skyutil::command& what,
                            skyutil::run_options options = {}) {
    skyutil::stop_source source;
    options.stop = source.get_token();
    options.max_output = std::size_t{1} << 20;
    options.on_line = [&](output_stream, std::string_view) {
        if (lines != 0 && --lines == 0) {
            source.request_stop();
        }
    };
    return run(what, options);
}

bool are_gone(const std::vector<std::int64_t>& pids) {
    return std::none_of(pids.begin(), pids.end(), is_running);
}

/// Reads from a child until there are so many lines.
std::string read_lines(const skyutil::unique_fd& from, std::ptrdiff_t lines) {
    std::string text;
    while (std::count(text.begin(), text.end(), '\n') < lines) {
        char buffer[256];
        DWORD count = 0;
        if (::ReadFile(from.get(), buffer, sizeof buffer, &count, nullptr) == 0) {
            break;
        }
        text.append(buffer, count);
    }
    return text;
}

TEST_CASE("much output on both sides, and much input and output at once, is no deadlock") {
    constexpr std::size_t size = 5'000'000;
    const completed_process flood = run(actor({"flood", std::to_string(size)}));
    CHECK(flood.ok());
    CHECK(flood.stdout_text.size() == size);
    CHECK(flood.stderr_text.size() == size);
    std::string input(20'000'000, '\0');
    for (std::size_t i = 0; i != input.size(); ++i) {
        input[i] = static_cast<char>(i * 7 + i / 1000);
    }
    const completed_process echo = run(actor({"echo"}), {.input = input});
    CHECK(echo.ok());
    CHECK((echo.stdout_text == input));
}

TEST_CASE("input that a child does not want, and no bytes that it writes, are no error") {
    CHECK(run(actor({"exit", "3"}), {.input = std::string(1 << 20, 'x')}).exit_code == 3);
    CHECK(run(actor({"nothing"})).stdout_text == "something");
    CHECK(run(actor({"echo"})).stdout_text.empty());
}

TEST_CASE("output is bounded, cut into lines, merged, dropped") {
    const completed_process head = run(actor({"lines", "100000"}), {.max_output = 8});
    CHECK(head.stdout_text == "1\n2\n3\n4\n");
    CHECK(head.truncated);
    std::error_code error;
    const completed_process full =
        run(actor({"lines", "1000000"}), {.max_output = 4, .on_overflow = output_overflow::fail},
            error);
    CHECK(error == std::errc::no_buffer_space);
    CHECK(full.stdout_text == "1\n2\n");
    std::size_t next = 1;
    bool in_order = true;
    static_cast<void>(
        run(actor({"lines", "200000"}), {.on_line = [&](output_stream, std::string_view text) {
                in_order = in_order && text == std::to_string(next);
                ++next;
            }}));
    CHECK(in_order);
    CHECK(next == 200'001);
    const completed_process merged = run(actor({"complain", "why"}), {.merge_stderr = true});
    CHECK(merged.stdout_text == "why");
    CHECK(merged.stderr_text.empty());
    CHECK(run(actor({"complain", "why"}), {.stderr_to = stdio_mode::null}).stderr_text.empty());
    CHECK_THAT(message_of([] { run(actor({"complain", "because"}), {.check = true}); }),
               ContainsSubstring("ended with exit code 1: because"));
}

TEST_CASE("the peak of memory is told") {
    const completed_process result = run(actor({"memory", "100"}));
    CHECK(result.ok());
    if (result.peak_memory == 0) {
        SKYUTIL_SKIP("the system tells no peak of a process that has ended");
    }
    CHECK(result.peak_memory >= std::uint64_t{100} << 20);
    CHECK(result.peak_memory < std::uint64_t{1000} << 20);
}

TEST_CASE("a timeout and a stop request end the whole tree and keep what was printed") {
    const completed_process stopped = run_until(4, actor({"family", "3"}));
    CHECK(stopped.stopped);
    CHECK(stopped.exit_code == 1);
    CHECK(stopped.signal == 0);
    CHECK(stopped.not_ended.empty());
    CHECK(numbers(stopped.stdout_text).size() == 4);
    CHECK(are_gone(numbers(stopped.stdout_text)));

    const auto start = steady_clock::now();
    const completed_process late = run(actor({"sleep"}), {.timeout = 100ms, .grace = 100ms});
    CHECK(late.timed_out);
    CHECK(steady_clock::now() - start >= 100ms);
    CHECK_FALSE(run(actor({"exit", "2"}), {.timeout = patience}).timed_out);
}

TEST_CASE("what a child leaves behind is left alone by run(), and holds nothing up") {
    const auto start = steady_clock::now();
    const completed_process result = run(actor({"orphan"}));
    CHECK(steady_clock::now() - start < patience);
    CHECK(result.ok());
    CHECK(result.output_incomplete);
    const std::int64_t left = numbers(result.stdout_text).at(0);
    CHECK(is_running(left));
    kill(left);
    const completed_process late = run(actor({"orphan", "late"}), {.drain = patience});
    CHECK(late.stdout_text.ends_with("\nlate\n"));
    CHECK_FALSE(late.output_incomplete);
}

TEST_CASE("a function that throws ends the command and everything it started") {
    std::vector<std::int64_t> pids;
    CHECK(message_of([&] {
              run(actor({"family", "2"}), {.on_line = [&](auto, std::string_view text) {
                      pids.push_back(std::stoll(std::string(text)));
                      if (pids.size() == 3) {
                          throw std::runtime_error("enough");
                      }
                  }});
          }) == "enough");
    CHECK(are_gone(pids));
}

TEST_CASE("the end of a scope ends a child, everything it started, and what it left behind") {
    std::vector<std::int64_t> pids;
    {
        child_process child(actor({"family", "2"}), {.stdout_to = stdio_mode::pipe});
        pids = numbers(read_lines(child.stdout_pipe(), 3));
        REQUIRE(pids.size() == 3);
        CHECK(child.running());
        CHECK(child.pid() == pids[0]);
    }
    CHECK(are_gone(pids));
    {
        child_process child(actor({"orphan"}), {.stdout_to = stdio_mode::pipe});
        CHECK(child.wait().ok());
        pids = numbers(read_lines(child.stdout_pipe(), 1));
        CHECK(is_running(pids.at(0)));
    }
    CHECK(are_gone(pids));
}

TEST_CASE("a child can be talked to, waited for, ended, and given up") {
    child_process child(actor({"echo"}),
                        {.stdin_from = stdio_mode::pipe, .stdout_to = stdio_mode::pipe});
    DWORD count = 0;
    REQUIRE(::WriteFile(child.stdin_pipe().get(), "hello\n", 6, &count, nullptr) != 0);
    CHECK(read_lines(child.stdout_pipe(), 1) == "hello\n");
    CHECK_FALSE(child.wait(20ms));
    child.stdin_pipe().reset();
    CHECK(child.wait().ok());
    CHECK(child.wait(0ms)->ok());
    CHECK_FALSE(child.running());

    child_process ended(actor({"sleep"}));
    CHECK(ended.terminate(10ms).exit_code == 1);
    CHECK(ended.not_ended().empty());

    std::int64_t pid = 0;
    {
        child_process given_up(actor({"sleep"}));
        pid = given_up.detach();
        CHECK(given_up.pid() == 0);
    }
    CHECK(is_running(pid));
    kill(pid);
}

TEST_CASE("commands of a pipeline read from each other and end together") {
    const auto results = skyutil::pipeline(
        {actor({"lines", "50000"}), actor({"echo"}), actor({"echo"})}, {.timeout = patience});
    REQUIRE(results.size() == 3);
    CHECK(std::all_of(results.begin(), results.end(),
                      [](const completed_process& each) { return each.ok(); }));
    CHECK(results[2].stdout_text.ends_with("\n49999\n50000\n"));
    const auto late =
        skyutil::pipeline({actor({"deaf"}), actor({"echo"})}, {.timeout = 50ms, .grace = 50ms});
    CHECK(late[0].timed_out);
    CHECK(late[1].timed_out);
    std::error_code error;
    skyutil::pipeline({actor({"sleep"}), {"skyutil-no-such-program"}}, {}, error);
    CHECK(error == std::errc::no_such_file_or_directory);
}

TEST_CASE("a command that fails is run again") {
    int pauses = 0;
    skyutil::retry_options retries{.max_retries = 2};
    retries.backoff.sleep = [&](std::chrono::milliseconds) { ++pauses; };
    CHECK(skyutil::run_with_retries(actor({"exit", "4"}), retries).exit_code == 4);
    CHECK(pauses == 2);
}

TEST_CASE("a detached program is in no job of its own, and adds to a log") {
    const temporary_directory directory;
    write_file(directory / "log", "before\n");
    const std::int64_t pid =
        skyutil::run_detached(actor({"deaf"}), directory / "log", {.cwd = directory.path()});
    REQUIRE(pid > 0);
    CHECK(soon([&] { return read_file(directory / "log") == "before\nready\n"; }));
    CHECK(is_running(pid));
    kill(pid);
    std::error_code error;
    CHECK(skyutil::run_detached({"skyutil-no-such-program"}, directory / "log", error) == 0);
    CHECK(error == std::errc::no_such_file_or_directory);
    CHECK_THAT(message_of([&] {
                   static_cast<void>(skyutil::run_detached(actor({"exit"}), directory / "no/log"));
               }),
               ContainsSubstring("cannot open the log"));
}

TEST_CASE("a parent that is killed", "[.]") {
    const child_process child(actor({"family", "1"}), {.stdout_to = stdio_mode::inherit,
                                                       .attributes = {.die_with_parent = true}});
    child_process given_up(actor({"family", "0"}), {.attributes = {.die_with_parent = true}});
    given_up.detach();
    std::this_thread::sleep_for(patience);
}

TEST_CASE("a child and all that it started die with this process when they are told to") {
    wchar_t program[1024];
    ::GetModuleFileNameW(nullptr, program, 1024);
    std::vector<std::int64_t> pids;
    {
        child_process parent({utf8(program), "a parent that is killed"},
                             {.stdout_to = stdio_mode::pipe});
        const std::string text = read_lines(parent.stdout_pipe(), 4);
        pids = numbers(text.substr(text.find('\n') + 1));  // after the name of the test
        REQUIRE(pids.size() == 3);
        CHECK_FALSE(are_gone(pids));
        const std::int64_t pid = parent.detach();  // what ends is this process alone
        kill(pid);
    }
    CHECK(soon([&] { return are_gone(pids); }));
}

TEST_CASE("what a child that dies with this process leaves behind does not") {
    const completed_process result =
        run(actor({"orphan"}), {.attributes = {.die_with_parent = true}});
    const std::int64_t left = numbers(result.stdout_text).at(0);
    CHECK(is_running(left));
    kill(left);
}

TEST_CASE("many starts leave no handle") {
    const auto handles = [] {
        DWORD count = 0;
        ::GetProcessHandleCount(::GetCurrentProcess(), &count);
        return count;
    };
    if (handles() == 0) {
        SKYUTIL_SKIP("the system does not count handles");
    }
    static_cast<void>(run(actor({"exit"}), {.input = "text"}));
    const DWORD before = handles();
    for (int i = 0; i != 50; ++i) {
        static_cast<void>(run(actor({"exit"}), {.input = "text"}));
        std::error_code error;
        static_cast<void>(run({"skyutil-no-such-program"}, error));
    }
    CHECK(handles() <= before + 5);
}

}  // namespace
