// SPDX-License-Identifier: MIT
//
// How programs are started, what they get from this process, and what is said of those that cannot
// be started.

#include <skyutil/subprocess.hpp>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "support.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using skyutil::command;
using skyutil::completed_process;
using skyutil::run;
using skyutil::shell;

namespace {

/// A command of the program tests/children/actor.cpp.
command actor(std::initializer_list<std::string> words) {
    std::vector<std::string> all{SKYUTIL_TEST_ACTOR};
    all.insert(all.end(), words);
    return all;
}

void write_program(const std::filesystem::path& path, std::string_view text) {
    write_file(path, text);
    std::filesystem::permissions(path, std::filesystem::perms(0755));
}

/// A line of /proc/self/status of a child.
std::string status_line(const std::string& name, const skyutil::run_options& options) {
    std::istringstream lines(run({"cat", "/proc/self/status"}, options).stdout_text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(name + ":\t")) {
            return line.substr(name.size() + 2);
        }
    }
    return "no such line";
}

// ----------------------------------------------------------------------------------------
// what a child keeps

TEST_CASE("a child keeps the descriptors that an execve would leave open, when it is told to") {
    const json lists = run_in_child([] {
        const int kept = ::fcntl(0, F_DUPFD, 100);
        ::fcntl(0, F_DUPFD_CLOEXEC, 200);
        const completed_process keeping =
            run(actor({"descriptors"}), {.input = "x", .attributes = {.keep_descriptors = true}});
        ::close(kept);
        const completed_process without =
            run(actor({"descriptors"}), {.input = "x", .attributes = {.keep_descriptors = true}});
        return json{keeping.stdout_text, without.stdout_text};
    });
    std::string kept = lists[0];
    CHECK_THAT(kept, Catch::Matchers::ContainsSubstring(" 100 "));
    CHECK_THAT(kept, !Catch::Matchers::ContainsSubstring(" 200 "));
    CHECK(kept.erase(kept.find("100 "), 4) == lists[1]);
}

TEST_CASE("a file name of a shell's <(command) can be read by a child that keeps descriptors") {
    const json text = run_in_child([] {
        int ends[2];
        if (::pipe(ends) == -1 || ::write(ends[1], "hi\n", 3) != 3) {
            throw_errno("pipe");
        }
        ::close(ends[1]);
        return run({"cat", "/dev/fd/" + std::to_string(ends[0])},
                   {.attributes = {.keep_descriptors = true}})
            .stdout_text;
    });
    CHECK(text == "hi\n");
}

TEST_CASE("a child keeps what this process ignores, but no handler, when it is told to") {
    const json ignored = run_in_child([] {
        for (int signal = 1; signal != NSIG; ++signal) {
            ::signal(signal, SIG_DFL);
        }
        ::signal(SIGHUP, SIG_IGN);   // bit 0
        ::signal(SIGPIPE, SIG_IGN);  // bit 12
        ::signal(SIGTERM, [](int) {});
        ::signal(SIGRTMAX, SIG_IGN);  // bit 63
        return json{status_line("SigIgn", {.attributes = {.keep_ignored_signals = true}}),
                    status_line("SigCgt", {.attributes = {.keep_ignored_signals = true}}),
                    status_line("SigIgn", {})};
    });
    CHECK(ignored == json{"8000000000001001", "0000000000000000", "0000000000000000"});
}

// ----------------------------------------------------------------------------------------
// scripts without an interpreter

TEST_CASE("a script without an interpreter is run by the shell when that is asked for") {
    const temporary_directory directory;
    write_program(directory / "script", "echo \"$0|$1|$#\"\n");
    const std::string script = directory / "script";
    const skyutil::run_options fallback{.attributes = {.shell_fallback = true}};
    CHECK(run({script}, fallback).stdout_text == script + "||0\n");
    CHECK(run({script, "a b", "-c"}, fallback).stdout_text == script + "|a b|2\n");
    CHECK(run({"./script"}, {.cwd = directory.path(), .attributes = {.shell_fallback = true}})
              .stdout_text == "./script||0\n");
    CHECK(run({"/bin/echo", "x"}, fallback).stdout_text == "x\n");
    std::error_code error;
    static_cast<void>(run({script}, error));
    CHECK(error == std::errc::executable_format_error);
    static_cast<void>(run(std::vector<std::string>(), fallback, error));
    CHECK(error == std::errc::invalid_argument);
    static_cast<void>(run({script, std::string(10'000'000, 'x')}, fallback, error));
    CHECK(error == std::errc::argument_list_too_long);
}

TEST_CASE("a script without an interpreter is found in PATH, whatever its name") {
    const temporary_directory directory;
    std::filesystem::create_directory(directory / "first");
    std::filesystem::create_directory(directory / "second");
    write_file(directory / "first/tool", "echo not to be executed");
    write_program(directory / "second/tool", "echo \"$0|$1\"\n");
    write_program(directory / "second/-x", "echo \"$0\"\n");
    const std::string path = directory.path();
    const json found = run_in_child([&] {
        drop_privileges();
        ::setenv("PATH", ("/no/such:" + path + "/first:" + path + "/second:/bin").c_str(), 1);
        const skyutil::run_options options{.cwd = directory / "second",
                                           .attributes = {.shell_fallback = true}};
        json answer{run({"tool", "x"}, options).stdout_text};
        ::setenv("PATH", "", 1);  // the directory of the child
        answer.push_back(run({"-x"}, options).stdout_text);
        std::error_code error;
        static_cast<void>(run({"none"}, options, error));
        answer.push_back(error.value());
        return answer;
    });
    CHECK(found == json{path + "/second/tool|x\n", "./-x\n", ENOENT});
}

}  // namespace
