// SPDX-License-Identifier: MIT
//
// "skyutil run" at Ctrl-C and other signals; timeout(1), env(1), nice(1) and nohup(1) are the
// measure.

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "program/terminal.hpp"
#include "support_linux.hpp"

namespace {

using namespace skyutil_tests;
using namespace std::chrono_literals;
using words = std::vector<std::string>;

// -------------------------------------------------------------------------------------------------
// Ctrl-C

TEST_CASE("at Ctrl-C a clean-up runs to its end, and its exit code is kept") {
    shell_on_terminal shell;
    shell.run(
        "sh -c 'trap \"echo cle\"\"aning; sleep 0.3; echo cle\"\"aned; exit 3\" INT; "
        "echo rea\"\"dy; while :; do sleep 0.05; done'");
    shell.expect("ready");
    shell.type(ctrl_c);
    shell.expect("cleaning");
    shell.expect("cleaned");
    CHECK(shell.last_code() == "3");
}

TEST_CASE("the command gets one signal for one Ctrl-C") {
    shell_on_terminal shell;
    shell.run(
        "sh -c 'n=0; trap \"n=\\$((n+1)); echo count=\\$n.\" INT; echo rea\"\"dy; "
        "while :; do read line && break; done; echo total=$n.; exit 6'");
    shell.expect("ready");
    shell.type(ctrl_c);
    shell.expect("count=1.");
    std::this_thread::sleep_for(200ms);
    shell.type("end\n");
    const std::string between = shell.expect("total=1.");
    CHECK(between.find("count=2") == between.npos);
    CHECK(shell.last_code() == "6");
}

TEST_CASE("Python at its prompt survives Ctrl-C, again and again and longer than the grace") {
    if (std::system("python3 -c 'import readline' >/dev/null 2>&1") != 0) {
        SKYUTIL_SKIP("there is no Python with readline");
    }
    on_terminal python(wrapped({"python3", "-q"}, {"--grace", "3"}));
    python.expect(">>> ");
    for (int round = 0; round != 3; ++round) {
        // Python shows one that comes between its prompt and its wait for keys at the next key.
        for (int i = 0; i != 10; ++i) {
            python.type(ctrl_c);
            if (python.comes("KeyboardInterrupt", 2s)) {
                break;
            }
        }
        python.expect("KeyboardInterrupt");
        python.expect(">>> ");
    }
    std::this_thread::sleep_for(3500ms);
    python.type("print(6*7)\r");
    python.expect("\n42");
    python.type("exit(5)\r");
    CHECK(python.exit_code() == 5);
}

TEST_CASE("a second Ctrl-C ends a command that goes on, and so does the end of the grace") {
    for (const bool again : {true, false}) {
        CAPTURE(again);
        shell_on_terminal shell;
        shell.run(std::string(again ? "--grace 1h" : "--grace 0.3") +
                  " -- sh -c 'trap \"\" INT; echo rea\"\"dy; while :; do sleep 0.05; done'");
        shell.expect("ready");
        shell.type(ctrl_c);
        if (again) {
            std::this_thread::sleep_for(100ms);
            shell.type(ctrl_c);
        }
        CHECK(shell.last_code() == "130");
    }
}

TEST_CASE("with --json the command, which is not on the terminal, gets Ctrl-C all the same") {
    shell_on_terminal shell;
    const temporary_directory directory;
    const std::string file = directory / "ready";
    shell.run("--json --grace 1h -- sh -c 'trap \"echo cleaned; exit 3\" INT; echo > " + file +
              "; while :; do sleep 0.05; done'");
    REQUIRE(becomes([&] { return std::filesystem::exists(file); }));
    shell.type(ctrl_c);
    shell.expect("\"exit_code\": 3");
    shell.expect("\"stdout\": \"cleaned");
    CHECK(shell.last_code() == "3");
}

TEST_CASE("a command that handles Ctrl-backslash goes on, and one that does not ends by it") {
    shell_on_terminal shell;
    shell.run(
        "--grace 0.1 -- sh -c 'trap \"echo qu\"\"it.\" QUIT; echo rea\"\"dy; "
        "while :; do read line && break; done; exit 6'");
    shell.expect("ready");
    shell.type(ctrl_backslash);
    shell.expect("quit.");
    std::this_thread::sleep_for(300ms);
    shell.type("end\n");
    CHECK(shell.last_code() == "6");

    shell.run("-- sh -c 'ulimit -c 0; echo rea\"\"dy; exec sleep 1000'");
    shell.expect("ready");
    shell.type(ctrl_backslash);
    CHECK(shell.last_code() == "131");
}

TEST_CASE("an interrupt that is sent to the program alone is passed on once, and ends nothing") {
    running child(wrapped(listener({"INT"}), {"--grace", "0.1"}));
    child.expect("ready");
    for (int round = 0; round != 2; ++round) {
        child.signal(SIGINT);
        child.expect("got INT.");
    }
    std::this_thread::sleep_for(300ms);
    child.type("end\n");
    CHECK(child.rest() == "\n");
    CHECK(child.exit_code() == 5);
}

// -------------------------------------------------------------------------------------------------
// the end by a signal

TEST_CASE("Ctrl-C ends a loop of a shell around the program") {
    shell_on_terminal shell;
    shell.type("for i in 1 2 3; do echo rou''nd $i; \"" SKYUTIL_TEST_PROGRAM
               "\" run -- sleep 1000; done\n");
    shell.expect("round 1");
    // The command is there when its name is.
    std::this_thread::sleep_for(500ms);
    shell.type(ctrl_c);
    CHECK(shell.last_code() == "130");
    shell.type("echo last=$i.\n");
    shell.expect("last=$i.");
    shell.expect("last=");
    CHECK(shell.expect(".") == "1");
}

TEST_CASE("the program ends by the signal that ended the command, without a core of its own") {
    for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGSEGV, SIGTERM, SIGUSR1, 40}) {
        CAPTURE(signal);
        const temporary_directory directory;
        running child(wrapped(sh("ulimit -c 0; kill -" + std::to_string(signal) + " $$")), [&] {
            const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
            ::setrlimit(RLIMIT_CORE, &all);
            static_cast<void>(::chdir(directory.path().c_str()));
        });
        const int status = child.wait();
        CHECK(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == signal);
        CHECK_FALSE(WCOREDUMP(status));
        CHECK(std::filesystem::is_empty(directory.path()));
    }
}

TEST_CASE("SIGTERM ends the command and what it started; then the program ends by it") {
    const temporary_directory directory;
    const std::string pid_file = directory / "pid";
    running child(wrapped(sh("trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ > " + pid_file +
                             ".new; mv " + pid_file + ".new " + pid_file +
                             "; while :; do sleep 0.1; done' & echo ready; wait; "
                             "while :; do sleep 0.1; done"),
                          {"--grace", "0.3"}));
    child.expect("ready");
    REQUIRE(becomes([&] { return std::filesystem::exists(pid_file); }));
    child.signal(SIGTERM);
    const int status = child.wait();
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGTERM);
    CHECK_FALSE(is_alive(std::stoi(read_file(pid_file))));
}

TEST_CASE("a command that handles SIGTERM has its exit code kept") {
    running child(wrapped(sh("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done")));
    child.expect("ready");
    child.signal(SIGTERM);
    const int status = child.wait();
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 7);
}

TEST_CASE("with --json the value is printed before the program ends by the signal") {
    running child(wrapped(sh("echo out; kill -TERM $$"), {"--json"}));
    const auto page = nlohmann::json::parse(child.rest());
    CHECK(page["signal"] == SIGTERM);
    CHECK(page["stdout"] == "out\n");
    const int status = child.wait();
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGTERM);
}

// -------------------------------------------------------------------------------------------------
// other signals

TEST_CASE("signals are passed on to the command") {
    const words names{"HUP",  "INT", "QUIT", "USR1", "USR2", "PIPE", "ALRM",
                      "CONT", "URG", "XCPU", "IO",   "PWR",  "SYS",  "WINCH"};
    const words numbers{"34", "40", "64"};
    for (const words& options : {words{}, words{"--timeout", "1h"}}) {
        running child(wrapped(listener(names + numbers), options));
        child.expect("ready");
        for (const std::string& name : names + numbers) {
            CAPTURE(name);
            running({"kill", "-s", name, std::to_string(child.pid())}).wait();
            child.expect("got " + name + ".");
        }
        child.type("end\n");
        CHECK(child.exit_code() == 5);
    }
}

TEST_CASE("signals are passed on with --json too") {
    running child(
        wrapped(sh("trap 'echo got USR1' USR1; kill -USR1 $PPID; sleep 0.3; exit 5"), {"--json"}));
    CHECK(nlohmann::json::parse(child.rest())["stdout"] == "got USR1\n");
    CHECK(child.exit_code() == 5);
}

TEST_CASE("a value that is sent with a signal arrives with it") {
    if (std::system("python3 -c 0 >/dev/null 2>&1") != 0) {
        SKYUTIL_SKIP("there is no Python");
    }
    running child(wrapped({"python3", "-uc",
                           "import signal\n"
                           "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])\n"
                           "print('ready')\n"
                           "for i in range(3):\n"
                           "    print(signal.sigwaitinfo([signal.SIGRTMIN]).si_code)"}));
    child.expect("ready\n");
    for (int i = 0; i != 3; ++i) {
        ::sigqueue(child.pid(), SIGRTMIN, sigval{.sival_int = i});
    }
    CHECK(child.rest() == "-1\n-1\n-1\n");  // SI_QUEUE, each of them
}

TEST_CASE("the change of a terminal's size reaches the command once") {
    on_terminal child(wrapped(listener({"WINCH"})));
    child.expect("ready");
    child.resize(33, 77);
    child.expect("got WINCH.");
    std::this_thread::sleep_for(200ms);
    child.type("end\n");
    const std::string rest = child.rest();
    CHECK(rest.find("got WINCH.") == rest.npos);
    CHECK(child.exit_code() == 5);
}

TEST_CASE("a terminal that is closed hangs up the command of the session's leader") {
    const temporary_directory directory;
    const std::string file = directory / "hung up";
    on_terminal child(wrapped(sh("trap 'echo > \"" + file +
                                 "\"; exit 5' HUP; echo ready; while :; do sleep 0.05; done")));
    child.expect("ready");
    child.hang_up();
    CHECK(child.exit_code() == 5);
    CHECK(std::filesystem::exists(file));
}

}  // namespace
