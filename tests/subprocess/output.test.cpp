// SPDX-License-Identifier: MIT
//
// Input and output of a command.

#include <skyutil/subprocess.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "subprocess/commands.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
using skyutil::command;
using skyutil::completed_process;
using skyutil::output_overflow;
using skyutil::output_stream;
using skyutil::run;
using skyutil::shell;
using skyutil::stdio_mode;
using std::chrono::steady_clock;

namespace {

TEST_CASE("input reaches the command, and nothing is left of what it does not want") {
    std::string binary;
    for (int i = 0; i != 100'000; ++i) {
        binary += static_cast<char>(i * 7);
    }
    CHECK(run(actor({"echo"}), {.input = binary}).stdout_text == binary);
    CHECK(run({"cat"}).stdout_text.empty());
    CHECK(run({"true"}, {.input = std::string(1 << 20, 'x')}).exit_code == 0);
    const completed_process head = run({"head", "-c", "3"}, {.input = std::string(1 << 20, 'x')});
    CHECK(head.stdout_text == "xxx");
    sigset_t pending;
    ::sigpending(&pending);
    CHECK(::sigismember(&pending, SIGPIPE) == 0);
}

TEST_CASE("a pending SIGPIPE of the caller stays pending, another's stays away") {
    const json pending = run_in_child([] {
        sigset_t pipe_signal;
        ::sigemptyset(&pipe_signal);
        ::sigaddset(&pipe_signal, SIGPIPE);
        ::sigprocmask(SIG_BLOCK, &pipe_signal, nullptr);
        const auto is_pending = [] {
            sigset_t set;
            ::sigpending(&set);
            return ::sigismember(&set, SIGPIPE) == 1;
        };
        const std::string input(1 << 20, 'x');
        static_cast<void>(run({"true"}, {.input = input}));
        const bool after_run = is_pending();
        ::raise(SIGPIPE);
        static_cast<void>(run({"true"}, {.input = input}));
        return json{after_run, is_pending()};
    });
    CHECK(pending == json{false, true});
}

TEST_CASE("much output on both sides and much input at once is no deadlock") {
    constexpr std::size_t size = 20'000'000;
    const completed_process flood = run(actor({"flood", std::to_string(size)}));
    CHECK(flood.stdout_text.size() == size);
    CHECK(flood.stderr_text.size() == size);
    const std::string input(100'000'000, 'i');
    const completed_process echo = run(actor({"echo"}), {.input = input});
    CHECK(echo.stdout_text == input);
}

TEST_CASE("output keeps its head, its tail, or is an error beyond its bound") {
    const command lines = {"seq", "1", "100000"};
    const completed_process head = run(lines, {.max_output = 8});
    CHECK(head.stdout_text == "1\n2\n3\n4\n");
    CHECK(head.truncated);
    CHECK(head.exit_code == 0);
    const completed_process tail =
        run(lines, {.max_output = 13, .on_overflow = output_overflow::keep_tail});
    CHECK(tail.stdout_text == "99999\n100000\n");
    CHECK(tail.truncated);
    for (const output_overflow keep :
         {output_overflow::keep_head, output_overflow::keep_tail, output_overflow::fail}) {
        const completed_process exact =
            run({"printf", "12345"}, {.max_output = 5, .on_overflow = keep});
        CHECK(exact.stdout_text == "12345");
        CHECK_FALSE(exact.truncated);
        CHECK(exact.ok());
    }
    const completed_process nothing = run({"printf", "12345"}, {.max_output = 0});
    CHECK(nothing.stdout_text.empty());
    CHECK(nothing.truncated);

    std::error_code error;
    const completed_process endless = run(
        {"yes"}, {.grace = grace, .max_output = 10, .on_overflow = output_overflow::fail}, error);
    CHECK(error == std::errc::no_buffer_space);
    CHECK(endless.stdout_text == "y\ny\ny\ny\ny\n");
    CHECK(endless.truncated);
    CHECK(endless.signal != 0);
    CHECK_THAT(
        message_of([&] { run(lines, {.max_output = 1, .on_overflow = output_overflow::fail}); }),
        ContainsSubstring("more output than max_output"));
}

TEST_CASE("an endless output keeps its tail in little memory until the timeout") {
    const completed_process result = run({"yes"}, {.timeout = 200ms,
                                                   .grace = grace,
                                                   .max_output = 1000,
                                                   .on_overflow = output_overflow::keep_tail});
    CHECK(result.timed_out);
    CHECK(result.stdout_text.size() == 1000);
}

TEST_CASE("stderr comes into stdout in the order of writing") {
    const completed_process result =
        run(shell("for i in 1 2 3; do echo out; echo err >&2; done"), {.merge_stderr = true});
    CHECK(result.stdout_text == "out\nerr\nout\nerr\nout\nerr\n");
    CHECK(result.stderr_text.empty());
}

TEST_CASE("lines come to a function one by one, whatever is in them") {
    using line = std::pair<output_stream, std::string>;
    std::vector<line> lines;
    const auto take = [&](output_stream from, std::string_view text) {
        lines.emplace_back(from, text);
    };
    const completed_process result =
        run({"printf", "one\\n\\ntw\\000o\\377\\nlast"}, {.on_line = take});
    using enum output_stream;
    CHECK(lines == std::vector<line>{
                       {out, "one"}, {out, ""}, {out, std::string("tw\0o\xff", 5)}, {out, "last"}});
    CHECK(result.stdout_text.empty());
    CHECK_FALSE(result.truncated);

    lines.clear();
    const completed_process both = run(shell("echo 1; sleep 0.1; echo 2 >&2; sleep 0.1; printf 3"),
                                       {.max_output = 100, .on_line = take});
    CHECK(lines == std::vector<line>{{out, "1"}, {err, "2"}, {out, "3"}});
    CHECK(both.stdout_text == "1\n3");
    CHECK(both.stderr_text == "2\n");
}

TEST_CASE("lines come while the command runs") {
    steady_clock::time_point first;
    static_cast<void>(run(shell("echo; sleep 0.5"),
                          {.on_line = [&](auto, auto) { first = steady_clock::now(); }}));
    CHECK(steady_clock::now() - first > 250ms);
}

TEST_CASE("lines are whole across reads, and long ones come in pieces") {
    std::size_t next = 1;
    bool in_order = true;
    static_cast<void>(run({"seq", "1", "200000"}, {.on_line = [&](auto, std::string_view text) {
                              in_order = in_order && text == std::to_string(next);
                              ++next;
                          }}));
    CHECK(in_order);
    CHECK(next == 200'001);

    std::vector<std::size_t> sizes;
    static_cast<void>(
        run({"head", "-c", "2500000", "/dev/zero"},
            {.on_line = [&](auto, std::string_view text) { sizes.push_back(text.size()); }}));
    CHECK(sizes == std::vector<std::size_t>{1 << 20, 1 << 20, 2'500'000 - (2 << 20)});
}

TEST_CASE("a gigabyte goes through a function in constant memory") {
    const auto resident = [] {
        std::ifstream in("/proc/self/statm");
        std::size_t size = 0;
        in >> size >> size;
        return size * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    };
    const std::size_t before = resident();
    std::size_t most = 0;
    std::size_t bytes = 0;
    static_cast<void>(run({"head", "-c", "1000000000", "/dev/zero"},
                          {.on_line = [&](auto, std::string_view text) {
                              bytes += text.size();
                              most = (std::max)(most, resident());
                          }}));
    CHECK(bytes == 1'000'000'000);
    CHECK(most < before + (32 << 20));
}

TEST_CASE("a function that throws ends the command and everything it started") {
    std::vector<std::int64_t> pids;
    const auto family = [&] {
        run(actor({"family", "2"}), {.grace = grace, .on_line = [&](auto, std::string_view text) {
                                         pids.push_back(std::stoll(std::string(text)));
                                         if (pids.size() == 3) {
                                             throw std::runtime_error("enough");
                                         }
                                     }});
    };
    CHECK(message_of(family) == "enough");
    CHECK(pids.size() == 3);
    CHECK(std::none_of(pids.begin(), pids.end(), [](std::int64_t pid) {
        return skyutil::pid_exists(pid) && skyutil::is_process_alive(pid);
    }));
}

TEST_CASE("check throws what failed, with the result") {
    try {
        run(shell("echo out; echo because >&2; exit 7"), {.check = true});
        FAIL("no exception");
    } catch (const skyutil::command_error& error) {
        CHECK_THAT(error.what(), ContainsSubstring("ended with exit code 7: because"));
        CHECK(error.result().exit_code == 7);
        CHECK(error.result().stdout_text == "out\n");
    }
    CHECK_THROWS_AS(run(shell("kill $$"), {.check = true}), skyutil::command_error);
    CHECK_NOTHROW(run({"true"}, {.check = true}));
}

TEST_CASE("descriptors of a command can be this process's, or nothing") {
    const json printed = run_in_child([] {
        const temporary_directory directory;
        const std::string name = directory / "out";
        const int file = ::open(name.c_str(), O_WRONLY | O_CREAT, 0600);
        ::dup2(file, 1);
        const completed_process inherited =
            run(shell("echo out; echo err >&2"),
                {.merge_stderr = true, .stdout_to = stdio_mode::inherit});
        const completed_process dropped =
            run(shell("echo lost; echo kept >&2"), {.stdout_to = stdio_mode::null});
        return json{read_file(name), inherited.stdout_text, dropped.stdout_text,
                    dropped.stderr_text};
    });
    CHECK(printed == json{"out\nerr\n", "", "", "kept\n"});
}

TEST_CASE("the peak of memory is told") {
    const completed_process result =
        run({"dd", "if=/dev/zero", "of=/dev/null", "bs=300M", "count=1"});
    CHECK(result.exit_code == 0);
    CHECK(result.peak_memory >= std::uint64_t{300} << 20);
    rusage own{};  // the kernel counts the calling process's as the child's
    ::getrusage(RUSAGE_SELF, &own);
    CHECK(result.peak_memory <
          (std::max)(std::uint64_t{600} << 20, 2048 * static_cast<std::uint64_t>(own.ru_maxrss)));
}

}  // namespace
