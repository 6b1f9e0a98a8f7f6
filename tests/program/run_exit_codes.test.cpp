// SPDX-License-Identifier: MIT
//
// "skyutil run": exit codes, the command line and messages.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <signal.h>

#include <nlohmann/json.hpp>

#include "program/terminal.hpp"
#include "support_linux.hpp"

namespace {

using namespace skyutil_tests;
using namespace std::chrono_literals;
using words = std::vector<std::string>;

/// A directory of PATH that may not be searched makes a difference for what is not there.
void readable_path() { ::setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1); }

// -------------------------------------------------------------------------------------------------
// exit codes

TEST_CASE("exit codes are those of timeout") {
    const temporary_directory directory;
    const std::string file = directory / "no program";
    write_file(file, "text");
    struct exit_case {
        words options;
        std::string time;
        words command;
        int code;
    };
    const std::vector<exit_case> cases{
        {{}, "5", {"true"}, 0},
        {{}, "5", sh("exit 7"), 7},
        {{}, "5", sh("exit 124"), 124},
        {{}, "5", sh("exit 255"), 255},
        {{}, "0", sh("exit 6"), 6},
        {{}, "0.1", {"sleep", "1000"}, 124},
        {{}, "0.5", sh("trap 'exit 3' TERM; while :; do sleep 0.05; done"), 124},
        {{"-k", "0.1"}, "2", sh("trap '' TERM; while :; do sleep 0.05; done"), 137},
        {{"-s", "KILL"}, "0.1", {"sleep", "1000"}, 137},
        {{"-s", "9"}, "0.1", {"sleep", "1000"}, 137},
        {{"-s", "usr1"}, "0.1", {"sleep", "1000"}, 124},
        {{}, "5", {"skyutil-no-such-program"}, 127},
        {{}, "5", {directory / "missing"}, 127},
        {{}, "5", {file}, 126},
        {{}, "5", {directory.path()}, 126},
        {{}, "5", {file + "/below"}, 126},
        {{}, "5", {""}, 127},
        {{}, "x", {"true"}, 125},
        {{}, "5", {}, 125},
        {{"--no-such-option"}, "5", {"true"}, 125},
        {{"-s", "NOSIGNAL"}, "5", {"true"}, 125},
    };
    for (const auto& [options, time, command, code] : cases) {
        CAPTURE(options, time, command);
        const words ours = wrapped(command, options + words{"--timeout", time});
        const words theirs = words{"timeout"} + options + words{time} + command;
        CHECK(running(ours, readable_path).exit_code() == code);
        if (is_installed("timeout")) {
            CHECK(running(theirs, readable_path).exit_code() == code);
        }
    }
    CHECK(running({SKYUTIL_TEST_PROGRAM, "run"}).exit_code() == 125);
    CHECK(running(wrapped({"true"}, {"--timeout", "-1"})).exit_code() == 125);
    CHECK(running({SKYUTIL_TEST_PROGRAM, "run", "--help"}).exit_code() == 0);
}

TEST_CASE("times have units, as sleep takes them") {
    for (const std::string time :
         {"0.1", "0.1s", "0.002m", "0.00003h", "0.000001d", ".1", "1e-1"}) {
        CAPTURE(time);
        CHECK(running(wrapped({"sleep", "1000"}, {"--timeout", time})).exit_code() == 124);
    }
    for (const std::string time : {"", "s", "1x", "1ms", "1 s", "--", "nan"}) {
        CAPTURE(time);
        CHECK(running(wrapped({"true"}, {"--timeout=" + time})).exit_code() == 125);
    }
}

TEST_CASE("the first signal of an end can be chosen by name and number") {
    const std::vector<std::pair<std::string, int>> names{{"TERM", SIGTERM},
                                                         {"USR2", SIGUSR2},
                                                         {"sigusr2", SIGUSR2},
                                                         {"SIGHup", SIGHUP},
                                                         {"12", 12},
                                                         {"RTMIN", SIGRTMIN},
                                                         {"RTMIN+2", SIGRTMIN + 2},
                                                         {"rtmax-1", SIGRTMAX - 1},
                                                         {"64", 64},
                                                         {"KILL", SIGKILL}};
    for (const auto& [name, number] : names) {
        CAPTURE(name);
        running child(wrapped({"sleep", "1000"}, {"--json", "--timeout", "0.1", "-s", name}));
        CHECK(nlohmann::json::parse(child.rest())["signal"] == number);
        CHECK(child.exit_code() == (number == SIGKILL ? 137 : 124));
    }
    for (const std::string name :
         {"0", "65", "-1", "TERMS", "", "SIG", "RTMIN+99", "RTMAX+1", "RTMIN-1", "RTMIN+"}) {
        CAPTURE(name);
        CHECK(running(wrapped({"true"}, {"--signal=" + name})).exit_code() == 125);
    }
}

// -------------------------------------------------------------------------------------------------
// the command line and messages

TEST_CASE("a script without an interpreter is run by the shell") {
    const temporary_directory directory;
    const std::string script = directory / "script";
    write_file(script, "echo $1 $2\nexit 6\n");
    std::filesystem::permissions(script, std::filesystem::perms(0755));
    running child(wrapped({script, "a", "--json"}));
    CHECK(child.rest() == "a --json\n");
    CHECK(child.exit_code() == 6);
}

TEST_CASE("what follows the command is the command's, without a -- too") {
    const words program{SKYUTIL_TEST_PROGRAM, "run"};
    CHECK(
        running(program + words{"echo", "-x", "--json", "--timeout", "0", "--help", "--"}).rest() ==
        "-x --json --timeout 0 --help --\n");
    CHECK(running(program + words{"--", "echo", "-x", "--", "y"}).rest() == "-x -- y\n");
    CHECK(running(program + words{"sh", "-c", "echo $#", "sh", "", "a b", "[c,d]"}).rest() ==
          "3\n");
}

TEST_CASE("a message names the program once, and no function of the library") {
    const temporary_directory directory;
    CHECK(running(wrapped({"skyutil-no-such-program"}), readable_path).rest() ==
          "skyutil: cannot start 'skyutil-no-such-program': No such file or directory\n");
    CHECK(running(wrapped({directory.path()})).rest() ==
          "skyutil: cannot start '" + directory.path().string() + "': Permission denied\n");
    for (const words& arguments : {words{"run"},
                                   {"run", "--timeout", "x", "true"},
                                   {"run", "--bad"},
                                   {"ps", "0"},
                                   {"base36", "x"},
                                   {"tail", "/"},
                                   {"kill-tree", "--", "-1"},
                                   {"port", "1", "--last", "0"}}) {
        CAPTURE(arguments);
        const std::string line = running(words{SKYUTIL_TEST_PROGRAM} + arguments).rest();
        CHECK(line.starts_with("skyutil: "));
        CHECK(std::count(line.begin(), line.end(), '\n') == 1);
        CHECK(line.find("skyutil::") == line.npos);
        CHECK(line.find("skyutil: ", 1) == line.npos);
    }
}

TEST_CASE("a retry is not begun after the program was told to end") {
    const temporary_directory directory;
    const std::string file = directory / "runs";
    running child(wrapped(sh("echo >> " + file + "; echo $$.; exit 3"), {"--retries", "1000"}));
    child.expect(".");
    const pid_t command = std::stoi(child.expect("."));
    REQUIRE(becomes([&] { return !std::filesystem::exists("/proc/" + std::to_string(command)); }));
    child.signal(SIGTERM);  // reaped: it is between two runs
    CHECK(child.exit_code() == 128 + SIGTERM);
    const std::size_t runs = read_file(file).size();
    CHECK(runs >= 2);
    std::this_thread::sleep_for(100ms);
    CHECK(read_file(file).size() == runs);
}

}  // namespace
