// SPDX-License-Identifier: MIT
//
// Signals that a caller chooses: the first one of the end of a tree, those that are blocked in a
// child; and who is spared when all others are ended.

#include <skyutil/process.hpp>
#include <skyutil/subprocess.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

#include <signal.h>
#include <unistd.h>

#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using nlohmann::json;
using skyutil::child_process;

namespace {

/// A shell that has begun to run a script; the script says so with a line.
child_process start(const std::string& script) {
    child_process child({"sh", "-c", script}, {.stdout_to = skyutil::stdio_mode::pipe});
    char byte = 0;
    if (::read(child.stdout_pipe().get(), &byte, 1) != 1) {
        throw_errno("read");
    }
    return child;
}

std::string mask_of(const std::vector<int>& blocked) {
    const std::string status =
        skyutil::run({"cat", "/proc/self/status"}, {.attributes = {.blocked_signals = blocked}})
            .stdout_text;
    const std::size_t begin = status.find("SigBlk:\t") + 8;
    return status.substr(begin, status.find('\n', begin) - begin);
}

TEST_CASE("the first signal of the end of a tree can be chosen") {
    // Until it is another program, what the shell forked takes signals as the shell does.
    child_process child = start(
        "trap 'exit 7' USR1; sleep 1000 &"
        " until grep -q sleep /proc/$!/comm; do :; done; echo; wait");
    const skyutil::kill_report report =
        skyutil::kill_process_tree(child.pid(), {.grace = 60s, .end_signal = SIGUSR1});
    CHECK(report.signalled.size() == 2);
    CHECK(report.killed.empty());
    CHECK(child.wait().exit_code == 7);
}

TEST_CASE("a tree whose first signal is SIGKILL is killed at once") {
    child_process child = start("trap '' TERM; echo; while :; do sleep 1000; done");
    const skyutil::kill_report report =
        skyutil::kill_process_tree(child.pid(), {.grace = 24h, .end_signal = SIGKILL});
    CHECK(report.killed == report.signalled);
    CHECK(child.wait().signal == SIGKILL);
}

TEST_CASE("what is no signal is refused before anything is ended") {
    child_process child({"sleep", "1000"});
    for (const int number : {0, -1, 65, 1 << 30}) {
        CAPTURE(number);
        std::error_code error;
        static_cast<void>(skyutil::kill_process_tree(child.pid(), {.end_signal = number}, error));
        CHECK(error == std::errc::invalid_argument);
        skyutil::run({"true"}, {.attributes = {.blocked_signals = {number}}}, error);
        CHECK(error == std::errc::invalid_argument);
    }
    CHECK(child.running());
}

TEST_CASE("who is spared goes on with all that it started, while the others end") {
    const json alive = run_in_child([] {
        const child_process spared = start("sleep 1000 & echo; wait");
        const child_process other = start("sleep 1000 & echo; wait");
        const std::vector<std::int64_t> of_spared = skyutil::child_processes(spared.pid());
        const skyutil::kill_report report =
            skyutil::kill_children_processes({.force = true, .spare = {spared.pid()}});
        return json{of_spared.size(),
                    report.killed.size(),
                    report.left.size(),
                    skyutil::is_process_alive(spared.pid()),
                    skyutil::is_process_alive(of_spared.front()),
                    skyutil::is_process_alive(other.pid())};
    });
    CHECK(alive == json{1, 2, 0, true, true, false});
}

TEST_CASE("a child has those signals blocked that it is told to, whatever is blocked here") {
    const json masks = run_in_child([] {
        sigset_t all;
        ::sigfillset(&all);
        ::sigprocmask(SIG_BLOCK, &all, nullptr);
        return json{mask_of({}), mask_of({SIGHUP, SIGUSR1}), mask_of({64})};
    });
    CHECK(masks == json{"0000000000000000", "0000000000000201", "8000000000000000"});
}

}  // namespace
