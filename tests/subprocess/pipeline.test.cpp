// SPDX-License-Identifier: MIT
//
// Pipelines, retries and detached programs.

#include <skyutil/detail/base/joining_thread.hpp>
#include <skyutil/stop_token.hpp>
#include <skyutil/subprocess.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "subprocess/commands.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using skyutil::command;
using skyutil::completed_process;
using skyutil::shell;
using skyutil::detail::joining_thread;
using std::chrono::steady_clock;

namespace {

TEST_CASE("a pipeline gives each exit code, and what its last command prints") {
    const auto results = skyutil::pipeline(
        {shell("cat; echo one >&2; exit 1"), {"grep", "b"}, shell("cat; echo three >&2; exit 3")},
        {.input = "a\nb\nbb\n"});
    REQUIRE(results.size() == 3);
    CHECK(results[0].exit_code == 1);
    CHECK(results[1].exit_code == 0);
    CHECK(results[2].exit_code == 3);
    CHECK(results[0].stdout_text.empty());
    CHECK(results[2].stdout_text == "b\nbb\n");
    CHECK(results[0].stderr_text == "one\n");
    CHECK(results[2].stderr_text == "three\n");
}

TEST_CASE("a pipeline ends when its last command does not want more") {
    const auto results = skyutil::pipeline({{"yes"}, {"head", "-n", "1"}}, {.timeout = 60s});
    CHECK(results[0].signal == SIGPIPE);
    CHECK(results[1].stdout_text == "y\n");
    CHECK_FALSE(results[1].timed_out);
}

TEST_CASE("a pipeline ends as a whole") {
    const auto start = steady_clock::now();
    const auto results = skyutil::pipeline({actor({"deaf"}), actor({"deaf"}), {"cat"}},
                                           {.timeout = 100ms, .grace = grace});
    CHECK(steady_clock::now() - start < 100ms + 2 * grace + patience);
    CHECK(std::all_of(results.begin(), results.end(),
                      [](const completed_process& each) { return each.timed_out; }));
}

TEST_CASE("a pipeline that cannot be started leaves nothing") {
    std::error_code error;
    skyutil::pipeline({{"sleep", "1000"}, {"skyutil-no-such-program"}}, {.grace = grace}, error);
    CHECK(error == std::errc::no_such_file_or_directory);
    CHECK_THAT(message_of([] { skyutil::pipeline({{"true"}, {"skyutil-no-such-program"}}); }),
               ContainsSubstring("skyutil::pipeline: cannot start 'skyutil-no-such-program'"));
    skyutil::pipeline({}, {}, error);
    CHECK(error == std::errc::invalid_argument);
    CHECK_THROWS_AS(skyutil::pipeline({}), std::system_error);
    CHECK_THROWS_AS(skyutil::pipeline({{"false"}, {"true"}}, {.check = true}),
                    skyutil::command_error);
}

TEST_CASE("a command that fails is run again, with longer pauses") {
    const temporary_directory directory;
    const std::string counter = directory / "counter";
    const auto fails = [&](int times, const std::string& how) {
        std::filesystem::remove(counter);
        return shell("echo >> " + counter + "; [ $(wc -l < " + counter + ") -gt " +
                     std::to_string(times) + " ] || { " + how + "; }");
    };
    std::vector<std::chrono::milliseconds> pauses;
    skyutil::backoff_options backoff{.first = 10ms, .most = 35ms};
    backoff.random = [] { return 0.0; };
    backoff.sleep = [&](std::chrono::milliseconds time) { pauses.push_back(time); };

    CHECK(skyutil::run_with_retries(fails(3, "exit 4"), {.backoff = backoff}).ok());
    CHECK(pauses == std::vector{10ms, 20ms, 35ms});
    pauses.clear();
    CHECK(skyutil::run_with_retries(fails(9, "exit 4"), {.backoff = backoff}).exit_code == 4);
    CHECK(pauses.size() == 3);
    pauses.clear();
    backoff.random = [] { return 1.0; };
    CHECK(skyutil::run_with_retries(fails(1, "kill -9 $$"), {.backoff = backoff}).ok());
    CHECK(pauses == std::vector{5ms});

    const auto runs = [&](const command& what, skyutil::retry_options retries) {
        pauses.clear();
        retries.backoff = backoff;
        static_cast<void>(skyutil::run_with_retries(what, retries));
        return pauses.size() + 1;
    };
    CHECK(runs(fails(2, "exit 4"), {.retry_codes = {4, 5}}) == 3);
    CHECK(runs(fails(2, "exit 3"), {.retry_codes = {4, 5}}) == 1);
    CHECK(runs(fails(2, "echo try again >&2; exit 3"), {.retry_stderr = {"again"}}) == 3);
    CHECK(runs(fails(2, "echo never >&2; exit 3"), {.retry_stderr = {"again"}}) == 1);
    CHECK(runs(fails(2, "echo again >&2; exit 3"),
               {.retry_codes = {4}, .retry_stderr = {"again"}}) == 3);
    CHECK(runs(fails(2, "exit 3"), {.max_retries = 0}) == 1);
    CHECK(runs(fails(0, "false"), {}) == 1);

    CHECK_THAT(message_of([] { skyutil::run_with_retries({"skyutil-no-such-program"}); }),
               ContainsSubstring("skyutil::run_with_retries: cannot start"));
    CHECK_THROWS_AS(skyutil::run_with_retries({"false"}, {.max_retries = 0}, {.check = true}),
                    skyutil::command_error);
}

TEST_CASE("a stop request ends the pause before a retry") {
    skyutil::stop_source source;
    joining_thread stopper;
    const auto before_the_pause = [&] {
        stopper = joining_thread([&] {
            std::this_thread::sleep_for(100ms);
            source.request_stop();
        });
        return 0.0;
    };
    const completed_process result = skyutil::run_with_retries(
        {"false"}, {.backoff = {.first = 1h, .most = 1h, .random = before_the_pause}},
        {.stop = source.get_token()});
    CHECK(result.stopped);
    CHECK(result.exit_code == 1);
}

TEST_CASE("the longest pause is a pause, and a stop request ends it") {
    constexpr auto most = (std::chrono::milliseconds::max)();
    skyutil::stop_source source;
    std::atomic<bool> asked = false;
    joining_thread stopper([&] {
        std::this_thread::sleep_for(100ms);
        asked = true;
        source.request_stop();
    });
    const completed_process result = skyutil::run_with_retries(
        {"false"}, {.backoff = {.first = most, .most = most}}, {.stop = source.get_token()});
    CHECK(asked);
    CHECK(result.stopped);
}

TEST_CASE("pauses stay within their bounds whatever the options") {
    using skyutil::detail::backoff_time;
    CHECK(backoff_time({.first = 1s, .most = 30s}, 1000, 0) == 30s);
    CHECK(backoff_time({.first = 1s, .most = 30s, .factor = 1e300}, 10, 0) == 30s);
    CHECK(backoff_time({.first = 1s, .most = 30s, .jitter = 1}, 3, 1) == 0s);
    CHECK(backoff_time({.first = 1s, .most = 30s, .jitter = 7}, 3, 9) == 0s);
    CHECK(backoff_time({.first = -1s, .most = -1s}, 3, 0) == 0s);
    CHECK(backoff_time({.first = 1s, .most = 30s, .jitter = 0.5}, 0, 0.5) == 750ms);

    constexpr std::chrono::milliseconds longest = std::chrono::years(100);
    constexpr auto most = (std::chrono::milliseconds::max)();
    CHECK(backoff_time({.first = most, .most = most}, 0, 0) == longest);
    CHECK(backoff_time({.first = 1ms, .most = most, .factor = 1e308}, 3, 0) == longest);
    CHECK(backoff_time({.first = 1ms, .most = most}, 3, std::nan("")) == 0s);
    CHECK(backoff_time({.first = (std::chrono::milliseconds::min)(), .most = most}, 3, 0) == 0s);
}

TEST_CASE("a detached program is no child, in a session of its own, and writes a log") {
    const temporary_directory directory;
    write_file(directory / "log", "before\n");
    const std::int64_t pid = skyutil::run_detached(
        shell("echo out; echo err >&2; echo $VALUE; pwd; cat; exec sleep 1000"), directory / "log",
        {.cwd = "/usr", .env = {{"VALUE", "7"}}});
    REQUIRE(pid > 0);
    const auto deadline = steady_clock::now() + patience;
    const std::string expected = "before\nout\nerr\n7\n/usr\n";
    while (read_file(directory / "log") != expected && steady_clock::now() < deadline) {
        std::this_thread::sleep_for(1ms);
    }
    CHECK(read_file(directory / "log") == expected);
    CHECK(::getsid(static_cast<pid_t>(pid)) == pid);
    CHECK(::waitpid(static_cast<pid_t>(pid), nullptr, WNOHANG) == -1);
    CHECK(skyutil::kill_process_tree(pid, {.force = true}).left.empty());

    std::error_code error;
    CHECK(skyutil::run_detached({"skyutil-no-such-program"}, directory / "log", error) == 0);
    CHECK(error == std::errc::no_such_file_or_directory);
    CHECK(skyutil::run_detached({"true"}, directory / "no/log", error) == 0);
    CHECK(error == std::errc::no_such_file_or_directory);
    CHECK_THAT(message_of([] { (void)skyutil::run_detached({"true"}, "/no/such/log"); }),
               ContainsSubstring("cannot open the log '/no/such/log'"));
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}

}  // namespace
