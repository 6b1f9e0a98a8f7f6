// SPDX-License-Identifier: MIT
//
// The signals by which trees are ended, the first of several children to end, what they have used.

#include <skyutil/process.hpp>
#include <skyutil/subprocess.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <signal.h>

#include "subprocess/commands.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using skyutil::child_process;
using skyutil::completed_process;
using skyutil::run;
using skyutil::shell;
using skyutil::start_step;
using skyutil::stdio_mode;

namespace {

/// Says "ready", then what it is asked by, and ends with the second signal.
const std::string reluctant =
    "trap 'echo int' INT; trap 'echo term; exit 5' TERM; echo ready; "
    "while :; do sleep 0.01; done";

TEST_CASE("the steps of an end come in turn, each after its time, and no more than are needed") {
    completed_process done;
    // A busy machine can keep the shell from hearing the first signal in time.
    for (auto time = 100ms; done.stdout_text != "ready\nint\nterm\n" && time < patience;
         time *= 4) {
        done = run_until(1, shell(reluctant), {.end_steps = {{SIGINT, time}, {SIGTERM, 20s}}});
    }
    CHECK(done.stopped);
    CHECK(done.stdout_text == "ready\nint\nterm\n");
    CHECK(done.exit_code == 5);
    CHECK(done.not_ended.empty());
    const completed_process at_once =
        run_until(1, shell(reluctant), {.end_steps = {{SIGTERM, 20s}, {SIGINT, 100ms}}});
    CHECK(at_once.stdout_text == "ready\nterm\n");
}

TEST_CASE("what no step ends is killed") {
    const completed_process done = run_until(3, actor({"deaf family", "2"}),
                                             {.end_steps = {{SIGTERM, 20ms}, {SIGTERM, 20ms}}});
    CHECK(done.signal == SIGKILL);
    CHECK(are_gone(numbers(done.stdout_text)));
    const completed_process killed =
        run_until(1, shell(reluctant), {.end_steps = {{SIGKILL, 20s}, {SIGTERM, 20s}}});
    CHECK(killed.signal == SIGKILL);
    CHECK(killed.stdout_text == "ready\n");
}

TEST_CASE("a child_process is ended by its own signal or steps") {
    const skyutil::child_options options{.stdout_to = stdio_mode::pipe,
                                         .end_steps = {{SIGINT, 50ms}, {SIGTERM, 20s}}};
    child_process child(shell(reluctant), options);
    CHECK(child.read_line(skyutil::output_stream::out, patience) == "ready");
    CHECK(child.terminate().exit_code == 5);
    CHECK_THAT(child.communicate().stdout_text, ContainsSubstring("term\n"));
    child_process other({"sleep", "1000"}, {.end_signal = SIGINT});
    CHECK(other.terminate().signal == SIGINT);
}

TEST_CASE("a number that no signal has is an error before anything is started") {
    std::error_code error;
    run({"true"}, {.end_steps = {{SIGTERM, 1s}, {1000, 1s}}}, error);
    CHECK(error == std::errc::invalid_argument);
    const child_process child({"true"}, {.end_signal = -3}, error);
    CHECK(error == std::errc::invalid_argument);
    CHECK(child.failed_step() == start_step::arguments);
    CHECK(child.pid() == 0);
    CHECK_THAT(message_of([] { run({"true"}, {.end_steps = {{1000, 1s}}}); }),
               ContainsSubstring("no signal has the number 1000"));
    static_cast<void>(skyutil::kill_process_tree(1'000'000'000, {.end_steps = {{0, 1s}}}, error));
    CHECK(error == std::errc::invalid_argument);
}

TEST_CASE("the first of several children to end is found, and all can be waited for") {
    std::vector<std::unique_ptr<child_process>> children;
    std::vector<child_process*> all;
    for (int i = 0; i != 100; ++i) {
        children.push_back(std::make_unique<child_process>(
            skyutil::command{"cat"}, skyutil::child_options{.stdin_from = stdio_mode::pipe}));
        all.push_back(children.back().get());
    }
    CHECK_FALSE(skyutil::wait_any(all, 20ms));
    CHECK_FALSE(skyutil::wait_all(all, 20ms));
    all[70]->close_stdin();
    CHECK(skyutil::wait_any(all, patience) == 70);
    CHECK(skyutil::wait_any(all) == 70);
    CHECK(all[70]->wait().ok());
    for (child_process* each : all) {
        each->close_stdin();
    }
    CHECK(skyutil::wait_all(all, patience));
    CHECK(skyutil::wait_any(all, 0ms) == 0);
    CHECK(skyutil::wait_all({}));
    child_process& gone = *all[3];
    const child_process moved = std::move(gone);
    const std::vector<child_process*> none{&gone};
    CHECK(skyutil::wait_any(none) == 0);
    std::error_code error;
    CHECK_FALSE(skyutil::wait_any({}, 1ms, error));
    CHECK(error == std::errc::invalid_argument);
}

TEST_CASE("what a command has used is told, with what it has waited for") {
    const auto burn = shell("(i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done); sleep 0.02");
    const completed_process done = run(burn);
    CHECK(done.usage.user_time > 10ms);
    CHECK(done.usage.user_time < done.elapsed);
    CHECK(done.usage.voluntary_switches > 0);
    child_process child(burn);
    const skyutil::exit_status status = child.wait();
    CHECK(status.usage.user_time > 10ms);
    CHECK(status.usage.user_time + status.usage.system_time > 10ms);
}

}  // namespace
