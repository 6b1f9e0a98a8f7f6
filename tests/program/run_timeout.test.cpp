// SPDX-License-Identifier: MIT
//
// "skyutil run": the timeout, and commands that stop.

#include <sstream>
#include <string>
#include <vector>

#include <signal.h>
#include <unistd.h>

#include "program/terminal.hpp"
#include "support_linux.hpp"

namespace {

using namespace skyutil_tests;
using words = std::vector<std::string>;

TEST_CASE("no process is left after the timeout, orphans in sessions of their own included") {
    for (const words& options : {words{}, words{"--json"}}) {
        CAPTURE(options);
        const temporary_directory directory;
        const std::string pids = directory / "pids";
        // Each writes its id: a child, one in a session, one in a session whose parent has ended.
        const std::string sleeper = "sh -c \"echo \\$\\$ >> " + pids + "; exec sleep 1000\"";
        running child(wrapped(sh(sleeper + " & setsid " + sleeper + " & (setsid sh -c '" + sleeper +
                                 " & exec sleep 0.01' &); wait; sleep 1000"),
                              options + words{"--timeout", "3", "--grace", "60"}));
        CHECK(child.exit_code() == 124);
        std::istringstream lines(read_file(pids));
        int count = 0;
        for (int pid = 0; lines >> pid; ++count) {
            CHECK_FALSE(is_alive(pid));
        }
        CHECK(count == 3);
    }
}

TEST_CASE("what the command leaves behind when it ends by itself is left alone") {
    const temporary_directory directory;
    running child(wrapped(sh("sleep 1000 >/dev/null 2>&1 & echo $!.; exit 3"),
                          {"--timeout", "1h", "--grace", "0"}));
    const pid_t left = std::stoi(child.expect("."));
    CHECK(child.exit_code() == 3);
    CHECK(is_alive(left));
    ::kill(left, SIGKILL);
}

TEST_CASE("processes from before the program are no concern of the timeout") {
    running child(
        {"sh", "-c",
         "sleep 1000 >/dev/null 2>&1 & echo $!.; exec \"$0\" run --timeout 0.2 -- sleep 1000",
         SKYUTIL_TEST_PROGRAM});
    const pid_t stranger = std::stoi(child.expect("."));
    CHECK(child.exit_code() == 124);
    CHECK(is_alive(stranger));
    ::kill(stranger, SIGKILL);
}

TEST_CASE("Ctrl-Z stops the program with the command, and fg continues both") {
    shell_on_terminal shell;
    shell.run(
        "--timeout 1h -- sh -c 'trap \"echo contin\"\"ued\" CONT; echo rea\"\"dy; "
        "while :; do read line && break; done; echo li\"\"ne $line; exit 4'");
    shell.expect("ready");
    for (int round = 0; round != 2; ++round) {
        shell.type(ctrl_z);
        shell.expect("Stopped");
        shell.expect("prompt>");
        shell.type("fg\n");
        shell.expect("continued");
    }
    shell.type("hello\n");
    shell.expect("line hello");
    CHECK(shell.last_code() == "4");
}

TEST_CASE("a command that was continued is not continued again: that would undo the next Ctrl-Z") {
    shell_on_terminal shell;
    shell.run(
        "-- sh -c 'trap \"echo contin\"\"ued\" CONT; echo rea\"\"dy $$.; "
        "sleep 1000 & while :; do wait; done'");
    shell.expect("ready ");
    const std::string command = shell.expect(".");
    shell.type(ctrl_z);
    shell.expect("prompt>");
    // As fg does, which continues the whole group at once, but slowly.
    shell.type("kill -CONT " + command + "\n");
    shell.expect("continued");
    shell.type("kill -CONT $(jobs -p)\n");
    CHECK_FALSE(shell.comes("continued", std::chrono::milliseconds(300)));
    shell.type("kill $(jobs -p); wait; echo en''ded\n");
    shell.expect("ended");
}

TEST_CASE("a program that is continued alone continues its command") {
    shell_on_terminal shell;
    shell.run("-- sh -c 'kill -STOP $$; echo go\"\"ne on'");
    shell.expect("Stopped");
    shell.expect("prompt>");
    shell.type("kill -CONT $(jobs -p)\n");
    shell.expect("gone on");
}

TEST_CASE("a command that stops itself on a terminal gives the shell its prompt back") {
    shell_on_terminal shell;
    shell.run("-- sh -c 'kill -STOP $$; exit 4'");
    shell.expect("Stopped");
    shell.expect("prompt>");
    shell.type("fg\n");
    shell.expect("fg");
    CHECK(shell.last_code() == "4");
}

TEST_CASE("a terminal is as it was after a command that was ended with it") {
    shell_on_terminal shell;
    shell.type("\"" SKYUTIL_TEST_PROGRAM
               "\" run --timeout 1 -- sh -c 'stty raw -echo; exec sleep 1000'; echo co''de=$?.; "
               "stty -a | tr ' ' '\\n' | grep -x -- 'icanon\\|echo'; echo e''nd\n");
    shell.expect("code=124.");
    const std::string modes = shell.expect("end");
    CHECK(modes.find("icanon") != modes.npos);
    CHECK(modes.find("echo") != modes.npos);
}

TEST_CASE("a standard descriptor that the caller closed is closed in the command") {
    const std::string list = "cd /proc/self/fd && echo *";
    running bare(sh(list), [] { ::close(0); });
    running child(wrapped(sh(list)), [] { ::close(0); });
    CHECK(child.rest() == bare.rest());
}

TEST_CASE("Ctrl-Z does nothing to the program when the command ignores it") {
    shell_on_terminal shell;
    shell.run("-- sh -c 'trap \"\" TSTP; echo rea\"\"dy; read line; echo li\"\"ne $line; exit 4'");
    shell.expect("ready");
    shell.type(ctrl_z);
    shell.type("hello\n");
    shell.expect("line hello");
    CHECK(shell.last_code() == "4");
}

TEST_CASE("the timeout ends a command that is stopped") {
    running child(
        wrapped(sh("echo ready; kill -STOP $$; exit 4"), {"--timeout", "0.5", "--grace", "1h"}));
    child.expect("ready");
    CHECK(child.exit_code() == 124);
}

TEST_CASE("the command ends with a program that is killed") {
    running child(wrapped(sh("echo $$.; exec sleep 1000")));
    const pid_t command = std::stoi(child.expect("."));
    child.signal(SIGKILL);
    CHECK(child.exit_code() == 128 + SIGKILL);
    CHECK(becomes([&] { return !is_alive(command); }));
}

}  // namespace
