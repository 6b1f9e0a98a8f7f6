// SPDX-License-Identifier: MIT
//
// child_process.

#include <skyutil/subprocess.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "subprocess/commands.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using skyutil::child_process;
using skyutil::stdio_mode;

namespace {

TEST_CASE("the end of a scope ends the child and everything it started") {
    std::vector<std::int64_t> pids;
    {
        child_process child(actor({"family", "3"}),
                            {.stdout_to = stdio_mode::pipe, .grace = grace});
        std::string text;
        while (std::count(text.begin(), text.end(), '\n') != 4) {
            char buffer[100];
            const ssize_t count = ::read(child.stdout_pipe().get(), buffer, sizeof buffer);
            REQUIRE(count > 0);
            text.append(buffer, static_cast<std::size_t>(count));
        }
        pids = numbers(text);
        CHECK(child.running());
        CHECK(child.pid() == pids[0]);
        CHECK(child.handle().alive());
    }
    CHECK(std::none_of(pids.begin(), pids.end(),
                       [](std::int64_t pid) { return skyutil::is_process_alive(pid); }));
    CHECK_FALSE(skyutil::pid_exists(pids[0]));  // reaped
}

TEST_CASE("the end of a scope ends what a child has left behind") {
    std::int64_t left = 0;
    {
        child_process child(actor({"orphan"}), {.stdout_to = stdio_mode::pipe});
        CHECK(child.wait().ok());
        char buffer[100]{};
        REQUIRE(::read(child.stdout_pipe().get(), buffer, sizeof buffer - 1) > 0);
        left = numbers(buffer).at(0);
        CHECK(skyutil::is_process_alive(left));
    }
    CHECK(are_gone({left}));
}

TEST_CASE("a child can be waited for, also for a while") {
    child_process child(actor({"goodbye", "0"}),
                        {.stdin_from = stdio_mode::pipe, .stdout_to = stdio_mode::pipe});
    char buffer[10];
    REQUIRE(::read(child.stdout_pipe().get(), buffer, sizeof buffer) == 6);
    CHECK_FALSE(child.wait(0ms));
    CHECK_FALSE(child.wait(20ms));
    ::kill(static_cast<pid_t>(child.pid()), SIGTERM);
    const auto status = child.wait(patience);
    REQUIRE(status);
    CHECK(status->exit_code == 3);
    CHECK(status->peak_memory > 0);
    CHECK(child.wait().exit_code == 3);  // as often as wanted
    CHECK(child.wait(0ms)->exit_code == 3);
    CHECK_FALSE(child.running());
    CHECK(child.terminate().exit_code == 3);
}

TEST_CASE("a child can be talked to") {
    child_process child({"cat"}, {.stdin_from = stdio_mode::pipe, .stdout_to = stdio_mode::pipe});
    REQUIRE(::write(child.stdin_pipe().get(), "hello", 5) == 5);
    char buffer[10];
    CHECK(::read(child.stdout_pipe().get(), buffer, sizeof buffer) == 5);
    child.stdin_pipe().reset();
    CHECK(child.wait().ok());
    CHECK_FALSE(child.stderr_pipe());
}

TEST_CASE("a detached child is left alone") {
    std::int64_t pid = 0;
    {
        child_process child({"sleep", "1000"});
        pid = child.detach();
        CHECK(child.pid() == 0);
        CHECK_FALSE(child.running());
        CHECK(child.wait().exit_code == -1);
    }
    CHECK(skyutil::is_process_alive(pid));
    ::kill(static_cast<pid_t>(pid), SIGKILL);
    CHECK(::waitpid(static_cast<pid_t>(pid), nullptr, 0) == pid);
}

TEST_CASE("a moved child is one child") {
    child_process first({"sleep", "1000"}, {.grace = grace});
    const std::int64_t pid = first.pid();
    child_process second = std::move(first);
    CHECK(first.pid() == 0);  // NOLINT(*-use-after-move)
    CHECK(second.pid() == pid);
    second = child_process({"sleep", "1000"});
    CHECK_FALSE(skyutil::pid_exists(pid));
    CHECK(second.running());
}

TEST_CASE("a child that cannot be started is an error") {
    std::error_code error;
    child_process child({"skyutil-no-such-program"}, {.stdout_to = stdio_mode::pipe}, error);
    CHECK(error == std::errc::no_such_file_or_directory);
    CHECK(child.pid() == 0);
    CHECK_FALSE(child.running());
    CHECK(child.wait().exit_code == -1);
    CHECK_THAT(message_of([] {
                   child_process other({"skyutil-no-such-program"},
                                       {.attributes = {.die_with_parent = true}});
               }),
               ContainsSubstring("skyutil::child_process: cannot start 'skyutil-no-such-program'"));
}

}  // namespace
