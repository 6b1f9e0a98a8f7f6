// SPDX-License-Identifier: MIT
//
// How children end: no output is lost, frozen trees, and orphans.

#include <skyutil/detail/base/joining_thread.hpp>
#include <skyutil/process.hpp>
#include <skyutil/stop_token.hpp>
#include <skyutil/subprocess.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "subprocess/commands.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using nlohmann::json;
using skyutil::child_process;
using skyutil::completed_process;
using skyutil::output_stream;
using skyutil::run;
using skyutil::shell;
using skyutil::detail::joining_thread;

// ------------------------------------------------------------------------------------------------
// nothing is lost

TEST_CASE("output that comes after the end of a command is taken as long as it comes") {
    const completed_process done =
        run(shell("(for i in 1 2 3 4 5 6; do sleep 0.4; echo $i; done) & echo 0"), {.drain = 2s});
    CHECK(done.stdout_text == "0\n1\n2\n3\n4\n5\n6\n");
    CHECK_FALSE(done.output_incomplete);
    CHECK(done.exit_code == 0);
}

TEST_CASE("output that somebody still holds is said to be incomplete") {
    const completed_process done =
        run(shell("echo here; " + std::string(SKYUTIL_TEST_ACTOR) + " orphan"));
    CHECK(done.output_incomplete);
    ::kill(static_cast<pid_t>(numbers(done.stdout_text.substr(5)).at(0)), SIGKILL);
    CHECK_FALSE(run(shell("echo here")).output_incomplete);
    CHECK_FALSE(run(shell("yes | head -c 100000")).output_incomplete);
    CHECK_FALSE(run({"sleep", "1000"}, {.timeout = 50ms, .grace = grace}).output_incomplete);
}

TEST_CASE("the timeout and a stop request bound what is taken after the end") {
    std::string pids;
    const auto note = [&](output_stream from, std::string_view line) {
        if (from == output_stream::err) {
            pids += std::string(line) + "\n";
        }
    };
    completed_process late;
    for (auto timeout = 500ms; late.exit_code != 0 && timeout < patience; timeout *= 4) {
        late = run(shell("yes & echo $! >&2"), {.timeout = timeout, .on_line = note});
    }
    CHECK(late.exit_code == 0);
    CHECK_FALSE(late.timed_out);
    CHECK(late.output_incomplete);

    skyutil::stop_source source;
    joining_thread stopper;
    const auto note_and_stop = [&](output_stream from, std::string_view line) {
        note(from, line);
        if (from == output_stream::err) {
            stopper = joining_thread([&] {
                std::this_thread::sleep_for(300ms);
                source.request_stop();
            });
        }
    };
    const completed_process stopped =
        run(shell("yes & echo $! >&2"), {.on_line = note_and_stop, .stop = source.get_token()});
    CHECK(stopped.output_incomplete);
    for (const std::int64_t pid : numbers(pids)) {
        ::kill(static_cast<pid_t>(pid), SIGKILL);
    }
}

TEST_CASE("the first signal of the end can be another than SIGTERM") {
    const completed_process done = run_until(
        1, shell("trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.05; done"),
        {.grace = patience, .end_signal = SIGINT});
    CHECK(done.stopped);
    CHECK(done.exit_code == 5);
    CHECK(done.stdout_text == "ready\ninterrupted\n");
    CHECK(run_until(1, actor({"deaf"}), {.grace = patience, .end_signal = SIGKILL}).signal ==
          SIGKILL);
}

// ------------------------------------------------------------------------------------------------
// frozen

namespace {

/// A frozen tree of a run, in a control group of a hierarchy that is mounted for this.
json run_frozen(const char* type, const char* options, const char* file, const char* frozen,
                const char* thawed) {
    const temporary_directory directory;
    if (::unshare(CLONE_NEWNS) == -1 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1 ||
        ::mount("none", directory.path().c_str(), type, 0, options) == -1) {
        throw cannot_run{std::string("cannot mount ") + type};
    }
    const std::filesystem::path group = directory / ("skyutil-test-" + std::to_string(::getpid()));
    std::filesystem::create_directory(group);
    const auto write = [&](const char* name, const std::string& text) {
        return static_cast<bool>(std::ofstream(group / name) << text << std::flush);
    };
    std::error_code error;
    bool froze = false;
    std::int64_t pid = 0;
    const completed_process done =
        run(shell("echo $$; sleep 1000"),
            {.timeout = 500ms,
             .grace = grace,
             .on_line =
                 [&](output_stream, std::string_view line) {
                     pid = std::stoll(std::string(line));
                     froze = write("cgroup.procs", std::string(line)) && write(file, frozen);
                 }},
            error);
    write(file, thawed);
    const bool gone = are_gone({pid});
    ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
    std::filesystem::remove(group);
    ::umount2(directory.path().c_str(), MNT_DETACH);
    if (!froze) {
        throw cannot_run{std::string("cannot freeze with ") + type};
    }
    return {error.value(), done.timed_out, done.not_ended.size(), gone};
}

}  // namespace

TEST_CASE("a tree that a control group of version 2 has frozen is killed") {
    const json answer =
        run_in_child([] { return run_frozen("cgroup2", nullptr, "cgroup.freeze", "1", "0"); });
    CHECK(answer == json{0, true, 0, true});
}

TEST_CASE("a tree that a control group of version 1 has frozen is an error, and left") {
    const json result = run_in_child(
        [] { return run_frozen("cgroup", "freezer", "freezer.state", "FROZEN", "THAWED"); }, 60s);
    CHECK(result[0] == ETIMEDOUT);
    CHECK(result[1] == true);
    CHECK(result[2] >= 1);
    CHECK(result[3] == true);  // SIGKILL waits until it is thawed
}

// ------------------------------------------------------------------------------------------------
// orphans

TEST_CASE("a subreaper reaps its orphans, and nobody that it started") {
    const json result = run_in_child([] {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        const temporary_directory directory;
        const auto detached = skyutil::run_detached({"true"}, directory / "log");
        const completed_process left = run(shell("(exit 5) & sleep 0.1 & echo $!"), {.drain = 0ms});
        child_process held({"true"});
        const pid_t plain = ::fork();
        if (plain == 0) {
            ::_exit(6);
        }
        const pid_t leader = ::fork();
        if (leader == 0) {
            ::setsid();
            ::_exit(7);
        }
        std::vector<std::int64_t> reaped;
        const std::vector<std::int64_t> orphans{detached, numbers(left.stdout_text).at(0)};
        const bool found = soon([&] {
            for (const auto& each : skyutil::reap_orphans()) {
                reaped.push_back(each.pid);
            }
            return std::all_of(orphans.begin(), orphans.end(), [&](std::int64_t pid) {
                return std::find(reaped.begin(), reaped.end(), pid) != reaped.end();
            });
        });
        int status = 0;
        const bool plain_left = ::waitpid(plain, &status, 0) == plain && WEXITSTATUS(status) == 6;
        const bool leader_left =
            ::waitpid(leader, &status, 0) == leader && WEXITSTATUS(status) == 7;
        return json{found, plain_left, leader_left, held.wait().exit_code,
                    skyutil::reap_orphans().size()};
    });
    CHECK(result == json{true, true, true, 0, 0});
}

TEST_CASE("all orphans are reaped where everybody else is held by a pidfd") {
    const json result = run_in_child([] {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        child_process held(shell("exit 3"));
        // A shell reaps what ends before it does, so these two wait for its end.
        const completed_process left =
            run(shell("wait_for_the_end=\"while kill -0 $$; do sleep 0.01; done 2>/dev/null\"; "
                      "setsid sh -c \"$wait_for_the_end\" & sh -c \"$wait_for_the_end\" & :"),
                {.drain = 0ms, .attributes = {.group = skyutil::child_group::same}});
        std::size_t reaped = 0;
        const bool found = soon([&] {
            reaped += skyutil::reap_orphans(skyutil::orphan_scope::all).size();
            return reaped == 2;
        });
        return json{found, left.exit_code, held.wait().exit_code};
    });
    CHECK(result == json{true, 0, 3});
}

TEST_CASE("without orphans there are none to reap") {
    CHECK(skyutil::reap_orphans().empty());
    std::error_code error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::reap_orphans(error).empty());
    CHECK_FALSE(error);
    const json answer = run_in_child([] {
        hide_proc();
        std::error_code failed;
        static_cast<void>(skyutil::reap_orphans(failed));
        return json(failed == std::errc::function_not_supported);
    });
    CHECK(answer == true);
}
