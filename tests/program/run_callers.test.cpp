// SPDX-License-Identifier: MIT
//
// "skyutil run": what the command gets from the caller: in scripts, under nohup(1), as the first
// process of a container.

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program/terminal.hpp"
#include "support_linux.hpp"

namespace {

using namespace skyutil_tests;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using words = std::vector<std::string>;

/// The lines "Sig..." and others of /proc/self/status of a command.
std::string status_of(const words& command, const std::string& name,
                      const std::function<void()>& prepare) {
    running child(command + words{"cat", "/proc/self/status"}, prepare);
    child.expect("\n" + name + ":\t");
    return child.expect("\n");
}

// -------------------------------------------------------------------------------------------------
// what the command gets from the caller

TEST_CASE("the command keeps the descriptors of the caller") {
    if (is_installed("bash")) {
        running child({"bash", "-c", "\"" SKYUTIL_TEST_PROGRAM "\" run -- cat <(echo hi)"});
        CHECK(child.rest() == "hi\n");
        CHECK(child.exit_code() == 0);
    }
    const std::string list = "cd /proc/self/fd && echo *";
    const auto open_seven = [] { ::dup2(2, 7); };
    running bare(sh(list), open_seven);
    running child(wrapped(sh(list)), open_seven);
    CHECK(child.rest() == bare.rest());
}

TEST_CASE("what the caller ignores and blocks is ignored and blocked in the command, and no more") {
    const auto change_signals = [] {
        ::signal(SIGHUP, SIG_IGN);
        ::signal(SIGUSR2, SIG_IGN);
        sigset_t blocked;
        ::sigemptyset(&blocked);
        ::sigaddset(&blocked, SIGUSR1);
        ::sigaddset(&blocked, SIGRTMIN);
        ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
    };
    for (const std::string name : {"SigIgn", "SigBlk"}) {
        CAPTURE(name);
        for (const auto& prepare : {std::function<void()>(change_signals), {[] {}}}) {
            CHECK(status_of(wrapped({}), name, prepare) == status_of({"env"}, name, prepare));
            CHECK(status_of(wrapped({}, {"--timeout", "1h"}), name, prepare) ==
                  status_of({"env"}, name, prepare));
        }
    }
}

TEST_CASE("under nohup the program and the command go on after SIGHUP") {
    running child(wrapped(sh("echo ready; read line; exit 5")), [] { ::signal(SIGHUP, SIG_IGN); });
    child.expect("ready");
    child.signal(SIGHUP);
    std::this_thread::sleep_for(100ms);
    child.type("end\n");
    CHECK(child.exit_code() == 5);
}

TEST_CASE("in the background of a script the program and the command go on after SIGINT") {
    running child({"sh", "-c", "\"$0\" run -- sh -c 'echo $PPID.; sleep 0.5; exit 5' & wait $!",
                   SKYUTIL_TEST_PROGRAM});
    const pid_t program = std::stoi(child.expect("."));
    ::kill(program, SIGINT);
    CHECK(child.exit_code() == 5);
}

// -------------------------------------------------------------------------------------------------
// the first process of a container

words in_container(const words& options = {"--mount-proc"}) {
    words command = words{"unshare", "--pid", "--fork", "--kill-child"} + options;
    if (::geteuid() != 0) {
        command.push_back("--map-root-user");
    }
    if (!is_installed("unshare") || running(command + words{"true"}).exit_code() != 0) {
        SKYUTIL_SKIP("cannot make a pid namespace");
    }
    return command;
}

pid_t only_child_of(pid_t pid) {
    const std::string id = std::to_string(pid);
    return std::stoi(read_file("/proc/" + id + "/task/" + id + "/children"));
}

TEST_CASE("as the first process of a container it passes signals on") {
    running child(in_container() + wrapped(listener({"HUP", "INT", "USR1", "WINCH", "40"})));
    child.expect("ready");
    const pid_t first = only_child_of(child.pid());
    for (const int signal : {SIGHUP, SIGINT, SIGUSR1, SIGWINCH, 40}) {
        ::kill(first, signal);
        child.expect("got ");
    }
    child.type("end\n");
    CHECK(child.exit_code() == 5);
}

TEST_CASE("as the first process of a container it ends at SIGTERM, and by no signal") {
    running child(in_container() + wrapped(sh("echo ready; exec sleep 1000")));
    child.expect("ready");
    ::kill(only_child_of(child.pid()), SIGTERM);
    const int status = child.wait();
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 128 + SIGTERM);
    CHECK(running(in_container() + wrapped(sh("kill -KILL $$"))).exit_code() == 128 + SIGKILL);
    CHECK(running(in_container() + wrapped({"sleep", "1000"}, {"--timeout", "0.2"})).exit_code() ==
          124);
}

TEST_CASE("as the first process of a container it leaves no zombies") {
    running child(in_container() +
                  wrapped(sh("for i in 1 2 3; do (sleep 0.05 &); done; "
                             "for i in $(seq 200); do sleep 0.05; "
                             "n=$(grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l); "
                             "m=$(grep -l '^Name:.sleep' /proc/[0-9]*/status 2>/dev/null | wc -l); "
                             "[ $n.$m = 0.0 ] && break; done; echo zombies=$n.")));
    CHECK(child.rest() == "zombies=0.\n");
}

TEST_CASE("the timeout ends the command where there is no /proc") {
    const auto start = clock::now();
    running child(in_container({}) +
                  wrapped({"sleep", "1000"}, {"--timeout", "0.2", "--grace", "1h"}));
    CHECK(child.exit_code() == 124);
    CHECK(clock::now() - start < patience);
}

}  // namespace
