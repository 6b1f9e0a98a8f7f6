// SPDX-License-Identifier: MIT
//
// A timeout, a stop request, and what is left after the end of a command.

#include <skyutil/stop_token.hpp>
#include <skyutil/subprocess.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>

#include "subprocess/commands.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using skyutil::completed_process;
using skyutil::run;
using skyutil::shell;
using std::chrono::steady_clock;

namespace {

TEST_CASE("a timeout ends the whole tree and keeps what was printed") {
    const completed_process result =
        run_into_timeout(6, actor({"family", "5"}), {.timeout = 300ms, .grace = grace});
    CHECK(result.elapsed < 4 * patience);
    CHECK(result.timed_out);
    CHECK(result.signal == SIGTERM);
    const std::vector<std::int64_t> pids = numbers(result.stdout_text);
    CHECK(pids.size() == 6);
    CHECK(std::none_of(pids.begin(), pids.end(),
                       [](std::int64_t pid) { return skyutil::is_process_alive(pid); }));
}

TEST_CASE("a command that does not hear SIGTERM is killed after the grace") {
    const auto start = steady_clock::now();
    const completed_process result =
        run_into_timeout(1, actor({"deaf"}), {.timeout = 100ms, .grace = grace});
    CHECK(steady_clock::now() - start >= 100ms + grace);
    CHECK(result.timed_out);
    CHECK(result.signal == SIGKILL);
    CHECK(result.stdout_text == "ready\n");
}

TEST_CASE("what a command prints when it is told to end is kept, more than a pipe holds too") {
    const completed_process result =
        run_into_timeout(1, actor({"goodbye", "1000000"}), {.timeout = 200ms, .grace = patience});
    CHECK(result.timed_out);
    CHECK(result.exit_code == 3);
    CHECK(result.stdout_text.size() == 6 + 1'000'000);
}

TEST_CASE("a timeout ends orphans of the session and what floods its output") {
    const completed_process result =
        run_into_timeout(2, shell(std::string(SKYUTIL_TEST_ACTOR) + " orphan; yes"),
                         {.timeout = 300ms, .grace = grace, .max_output = 100});
    CHECK(result.timed_out);
    CHECK(are_gone({numbers(result.stdout_text).at(0)}));
}

TEST_CASE("a command that ends in time is not ended") {
    const completed_process result = run(shell("exit 2"), {.timeout = patience});
    CHECK(result.exit_code == 2);
    CHECK_FALSE(result.timed_out);
    CHECK(run({"true"}, {.timeout = std::chrono::milliseconds::max()}).ok());
    CHECK(run({"sleep", "1000"}, {.timeout = 0ms, .grace = grace}).timed_out);
    CHECK(run({"sleep", "1000"}, {.timeout = -1ms, .grace = grace}).timed_out);
}

TEST_CASE("a stop request ends the tree") {
    const completed_process result = run_until(3, actor({"family", "2"}), {.grace = grace});
    CHECK(result.stopped);
    CHECK_FALSE(result.timed_out);
    CHECK(result.signal == SIGTERM);
    CHECK(are_gone(numbers(result.stdout_text)));
    skyutil::stop_source source;
    source.request_stop();
    const completed_process late = run({"true"}, {.stop = source.get_token()});
    CHECK(late.stopped);
    CHECK(late.exit_code == -1);
}

TEST_CASE("a process that holds the output open does not hold up its parent's end") {
    const auto start = steady_clock::now();
    const completed_process result =
        run(shell("echo here; " + std::string(SKYUTIL_TEST_ACTOR) + " orphan"));
    CHECK(steady_clock::now() - start < patience);
    const std::vector<std::int64_t> left = numbers(result.stdout_text.substr(5));
    CHECK(result.stdout_text.substr(0, 5) == "here\n");
    REQUIRE(left.size() == 1);
    CHECK(skyutil::is_process_alive(left[0]));  // left alone
    ::kill(static_cast<pid_t>(left[0]), SIGKILL);

    const completed_process patient = run(shell("(sleep 0.3; echo late) & echo now"),
                                          {.drain = std::chrono::milliseconds(patience)});
    CHECK(patient.stdout_text == "now\nlate\n");
}

TEST_CASE("a process that fills the output for ever does not hold up its parent's end") {
    const completed_process result = run(shell("yes & echo $! >&2"), {.max_output = 10});
    CHECK(result.exit_code == 0);
    ::kill(static_cast<pid_t>(numbers(result.stderr_text).at(0)), SIGKILL);
}

}  // namespace
