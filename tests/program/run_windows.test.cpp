// SPDX-License-Identifier: MIT
//
// "skyutil run" on Windows.

#include <skyutil/detail/os/windows/text.hpp>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <windows.h>

#include "program/calls_windows.hpp"

using namespace skyutil_tests;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

namespace {

/// Runs a command that does not end with a timeout; with a longer one where the command had not
/// come so far as to have printed all by then.
template <class Condition>
outcome after_timeout(const words& options, const words& what, Condition is_all) {
    outcome result{};
    for (const char* const time : {"2", "10", "40"}) {
        words all{"-t", time};
        all.insert(all.end(), options.begin(), options.end());
        result = call(running(all, what));
        if (is_all(result.out)) {
            break;
        }
    }
    return result;
}

}  // namespace

TEST_CASE("the exit code is the command's, in all its bits") {
    for (const long long code : {0LL, 7LL, 124LL, 256LL, 0xc0000005LL, 0xffffffffLL}) {
        CAPTURE(code);
        CHECK(call(running({}, {"exit", std::to_string(code)})).exit_code ==
              static_cast<int>(static_cast<unsigned>(code)));
    }
}

TEST_CASE("what cannot be run has the exit codes of timeout") {
    const temporary_directory directory;
    write_file(directory / "text.exe", "text");
    write_file(directory / "batch.bat", "@exit 0\r\n");
    struct exit_case {
        words line;
        int code;
    };
    const std::vector<exit_case> cases{
        {{"run"}, 125},
        {{"run", "--bad", "x"}, 125},
        {{"run", "-t", "soon", "x"}, 125},
        {{"run", utf8(directory / "text.exe")}, 126},
        {{"run", utf8(directory / "batch.bat")}, 126},
        {{"run", "skyutil-no-such-program"}, 127},
        {{"run", utf8(directory / "missing.exe")}, 127},
    };
    for (const exit_case& each : cases) {
        CAPTURE(each.line);
        const auto [exit_code, out, err] = call(program(each.line));
        CHECK(exit_code == each.code);
        CHECK(out == "");
        CHECK(is_one_line(err));
    }
}

TEST_CASE("signals are refused that Windows does not have") {
    for (const char* const signal : {"HUP", "1", "0", "SIGINT", "term ", ""}) {
        CAPTURE(signal);
        const auto [exit_code, out, err] = call(running({"-s", signal}, {"exit", "0"}));
        CHECK(exit_code == 125);
        CHECK(is_one_line(err));
        CHECK_THAT(err, ContainsSubstring("TERM, which asks"));
    }
    for (const char* const signal : {"term", "SIGTERM", "15", "KILL", "9"}) {
        CHECK(call(running({"-s", signal}, {"exit", "5"})).exit_code == 5);
    }
}

TEST_CASE("a timeout ends all that came of the command") {
    for (const char* const signal : {"TERM", "KILL"}) {
        CAPTURE(signal);
        const auto [exit_code, out, err] =
            after_timeout({"-s", signal, "--grace", "0.1"}, {"family", "2"},
                          [](const std::string& text) { return numbers(text).size() == 3; });
        CHECK(exit_code == 124);
        CHECK(err == "");
        const std::vector<std::int64_t> family = numbers(out);
        CHECK(family.size() == 3);
        for (const std::int64_t pid : family) {
            CHECK_FALSE(is_running(pid));
        }
    }
}

TEST_CASE("what a command leaves behind when it ends by itself is left alone") {
    const json page = json::parse(call(running({"--json"}, {"orphan"})).out);
    CHECK(page["exit_code"] == 0);
    const std::vector<std::int64_t> pids = numbers(page["stdout"].get<std::string>());
    REQUIRE(pids.size() == 1);
    CHECK(is_running(pids[0]));
    kill(pids[0]);
}

TEST_CASE("a command ends with the program that runs it") {
    skyutil::child_process runner(running({}, {"family", "1"}),
                                  {.stdout_to = skyutil::stdio_mode::pipe});
    std::string out;
    char c = 0;
    DWORD size = 0;
    while (numbers(out + "x").size() < 2 &&
           ::ReadFile(runner.stdout_pipe().get(), &c, 1, &size, nullptr) != 0) {
        out += c;
    }
    kill(runner.pid());
    for (const std::int64_t pid : numbers(out)) {
        CHECK(soon([&] { return !is_running(pid); }));
    }
}

TEST_CASE("words reach the command as they were given") {
    namespace sys = skyutil::detail::os::sys;
    const words given{"",       "a b",   "\"",          "\\",           "a\\\\\"b\\", "--",  "-t",
                      "%PATH%", "^&|<>", "z\u00fcrich", "\u65e5\u672c", "\U0001f600", "\t\n"};
    words all{"arguments"};
    all.insert(all.end(), given.begin(), given.end());
    std::string expected;
    for (const std::string& word : given) {
        for (const wchar_t unit : *sys::to_utf16<wchar_t>(word) + L'\0') {
            expected += static_cast<char>(unit & 0xff);
            expected += static_cast<char>(unit >> 8);
        }
    }
    CHECK(call(running({}, all)).out == expected);
}

TEST_CASE("--json has what the command printed and how it ended") {
    const auto [exit_code, out, err] = call(running({"--json"}, {"complain", "n\u00e4"}));
    CHECK(exit_code == 1);
    CHECK(err == "");
    json page = json::parse(out);
    CHECK(page["exit_code"] == 1);
    CHECK(page["stderr"] == "n\u00e4");
    CHECK(page["stdout"] == "");
    CHECK(page["timed_out"] == false);
    CHECK(page["attempts"] == 1);

    page = json::parse(call(running({"--json", "--max-output", "3"}, {"lines", "9"})).out);
    CHECK(page["stdout"] == "1\n2");
    CHECK(page["truncated"] == true);

    const outcome late = after_timeout(
        {"--json", "--grace", "0"}, {"deaf"},
        [](const std::string& text) { return json::parse(text)["stdout"] == "ready\n"; });
    CHECK(late.exit_code == 124);
    page = json::parse(late.out);
    CHECK(page["timed_out"] == true);
    CHECK(page["stdout"] == "ready\n");
}

TEST_CASE("a command that fails is run again, unless its exit code is not worth it") {
    CHECK(json::parse(call(running({"--json", "-r", "1"}, {"exit", "3"})).out)["attempts"] == 2);
    CHECK(json::parse(call(running({"--json", "-r", "1", "--retry-code", "4,5"}, {"exit", "3"}))
                          .out)["attempts"] == 1);
}

TEST_CASE("standard input is the command's") {
    CHECK(skyutil::run(running({}, {"echo"}), {.input = "one\r\ntwo\xff"}).stdout_text ==
          "one\r\ntwo\xff");
}

TEST_CASE("of Ctrl-Break a command has its grace") {
    skyutil::child_process runner(running({"--grace", "0.2"}, {"deaf"}),
                                  {.stdout_to = skyutil::stdio_mode::pipe});
    char c = 0;
    DWORD size = 0;
    REQUIRE(::ReadFile(runner.stdout_pipe().get(), &c, 1, &size, nullptr) != 0);
    if (::GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, static_cast<DWORD>(runner.pid())) == 0) {
        SKYUTIL_SKIP("this program has no console");
    }
    const auto status = runner.wait(patience);
    REQUIRE(status);
    CHECK(status->exit_code == static_cast<int>(STATUS_CONTROL_C_EXIT));
}
