// SPDX-License-Identifier: MIT
//
// The program skyutil on Windows: what it prints, its exit codes, its errors.

#include <skyutil/files.hpp>
#include <skyutil/ports.hpp>

#include <filesystem>
#include <string>
#include <thread>

#include <windows.h>

#include "program/calls_windows.hpp"
#include "support_windows.hpp"

using namespace skyutil_tests;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

namespace {

outcome call_program(const words& arguments, const skyutil::environment_changes& variables = {}) {
    return call(program(arguments), variables);
}

/// A name with characters of one to four bytes, which no code page has all of.
const std::filesystem::path odd_name = u"a z\u00fcrich \u65e5\u672c \U0001f600.txt";

}  // namespace

TEST_CASE("inspect shows CPUs, memory and every function at work") {
    const auto [exit_code, out, err] = call_program({"inspect"});
    CHECK(exit_code == 0);
    CHECK(err == "");
    CHECK_THAT(out, ContainsSubstring("CPUs"));
    CHECK_THAT(out, ContainsSubstring("Memory"));
    CHECK_THAT(out, !ContainsSubstring("FAILED"));
    CHECK_THAT(out, ContainsSubstring(" in Z\u00fcrich and..."));  // whatever the code page
    const json page = json::parse(call_program({"inspect", "--json"}).out);
    CHECK(page["cpus"]["usable"].get<int>() >= 1);
    for (const json& check : page["checks"]) {
        CHECK(check["works"] == true);
    }
    CHECK(page["checks"].size() >= 14);
}

TEST_CASE("inspect names the job object that limits") {
    const skyutil::unique_fd job(::CreateJobObjectW(nullptr, nullptr));
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_JOB_MEMORY;
    limits.JobMemoryLimit = SIZE_T{512} << 20;
    REQUIRE(::SetInformationJobObject(job.get(), JobObjectExtendedLimitInformation, &limits,
                                      sizeof limits) != 0);
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION kept{};
    if (::QueryInformationJobObject(job.get(), JobObjectExtendedLimitInformation, &kept,
                                    sizeof kept, nullptr) == 0 ||
        kept.JobMemoryLimit != limits.JobMemoryLimit) {
        SKYUTIL_SKIP("the system does not keep what a job limits");
    }
    skyutil::child_process inspect(program({"inspect", "--json"}),
                                   {.stdout_to = skyutil::stdio_mode::pipe});
    const skyutil::unique_fd process(
        ::OpenProcess(PROCESS_ALL_ACCESS, FALSE, static_cast<DWORD>(inspect.pid())));
    REQUIRE(::AssignProcessToJobObject(job.get(), process.get()) != 0);
    std::string out(1 << 20, '\0');
    DWORD size = 0;
    DWORD total = 0;
    while (::ReadFile(inspect.stdout_pipe().get(), out.data() + total,
                      static_cast<DWORD>(out.size()) - total, &size, nullptr) != 0) {
        total += size;
    }
    out.resize(total);
    CHECK(json::parse(out)["memory_bytes"]["limited_by"]["source"] == "job object");
}

TEST_CASE("an override limits, and a malformed one is an error that names it") {
    const json page =
        json::parse(call_program({"inspect", "--json"}, {{"SKYUTIL_CPU_COUNT", "3.5"}}).out);
    CHECK(page["cpus"]["usable"] == 3);
    CHECK(page["cpus"]["limited_by"]["source"] == "SKYUTIL_CPU_COUNT");
    const auto [exit_code, out, err] = call_program({"inspect"}, {{"SKYUTIL_CPU_COUNT", "many"}});
    CHECK(exit_code == 2);
    CHECK(is_one_line(err));
    CHECK_THAT(err, ContainsSubstring("SKYUTIL_CPU_COUNT"));
}

TEST_CASE("names and texts in every plane go in and come out") {
    const temporary_directory directory;
    const std::filesystem::path file = directory / odd_name;
    write_file(file, "first\nl\u00e4st \u65e5 \U0001f600\n");
    CHECK(call_program({"tail", "-n", "1", utf8(file)}).out == "l\u00e4st \u65e5 \U0001f600\n");
    const json page = json::parse(call_program({"tail", "--json", utf8(file)}).out);
    CHECK(page["file"] == utf8(file));
    CHECK(page["lines"][1] == "l\u00e4st \u65e5 \U0001f600");
    CHECK(call_program({"workers", utf8(file)}, {{"SKYUTIL_CPU_COUNT", "6"}}).out == "5\n");
    const std::string word = "\u65e5\U0001f600 \"x\\\"";
    CHECK(call_program({word}).err == "skyutil: '" + word + "' is no command\n");
    const auto [exit_code, out, err] = call_program({"tail", utf8(directory / odd_name) + "x"});
    CHECK(exit_code == 2);
    CHECK(is_one_line(err));
    CHECK_THAT(err, ContainsSubstring(utf8(odd_name) + "x: No such file or directory"));
}

TEST_CASE("tail prints bytes as they are, from any line or byte on") {
    const temporary_directory directory;
    const std::string log = utf8(directory / "log");
    write_file(directory / "log", "one\r\ntwo\xff\n\nlast");
    CHECK(call_program({"tail", "-n", "3", log}).out == "two\xff\n\nlast");
    CHECK(call_program({"tail", log}).out == "one\r\ntwo\xff\n\nlast");
    CHECK(call_program({"tail", "-n", "+2", log}).out == "two\xff\n\nlast");
    CHECK(call_program({"tail", "-c", "6", log}).out == "\n\nlast");
    CHECK(call_program({"tail", "-c", "+5", log}).out == "\ntwo\xff\n\nlast");
    CHECK(call_program({"tail", "--replace-invalid", "-n", "3", log}).out == "two\ufffd\n\nlast");
    for (const words& options : {words{}, words{"-n", "+1"}, words{"-c", "1"}}) {
        words line{"tail", utf8(directory.path())};
        line.insert(line.end(), options.begin(), options.end());
        const auto [exit_code, out, err] = call_program(line);
        CHECK(exit_code == 2);
        CHECK(is_one_line(err));
        CHECK_THAT(err, ContainsSubstring("Is a directory"));
    }
}

TEST_CASE("tail follows a file until a process has ended") {
    const temporary_directory directory;
    write_file(directory / "log", "first\n");
    skyutil::child_process writer(actor({"sleep"}));
    std::string out;
    std::thread follower([&] {
        out = call_program({"tail", "-F", "--sleep", "0.05", "--pid", std::to_string(writer.pid()),
                            utf8(directory / "log")})
                  .out;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    write_file(directory / "log", "first\nsecond \u65e5\n");
    writer.terminate();
    follower.join();
    CHECK(out == "first\nsecond \u65e5\n");
}

TEST_CASE("port prints a port that is free, and says no for one that is taken") {
    const skyutil::reserved_port held(20000);
    const std::string taken = std::to_string(held.port());
    CHECK(call_program({"port", "--check", taken}).exit_code == 1);
    CHECK(call_program({"port", taken, "--last", taken}).exit_code == 2);
    const auto [exit_code, out, err] = call_program({"port", taken});
    CHECK(exit_code == 0);
    CHECK(std::stoi(out) > std::stoi(taken));
    const auto refused = call_program({"port", "--hand-over", "--hold", "1"});
    CHECK(refused.exit_code == 2);
    CHECK(is_one_line(refused.err));
}

TEST_CASE("alive tells the living from what is no process, ps shows a tree, kill-tree ends it") {
    const std::string self = std::to_string(::GetCurrentProcessId());
    const auto [exit_code, out, err] = call_program({"alive", self, "0", "9223372036854775807"});
    CHECK(exit_code == 1);
    CHECK(out == self + " is alive\n0 does not exist\n9223372036854775807 does not exist\n");
    CHECK(call_program({"alive", self}).exit_code == 0);

    skyutil::child_process family(actor({"family", "2"}));
    const std::string root = std::to_string(family.pid());
    outcome tree{};
    CHECK(soon([&] {
        tree = call_program({"ps", root});
        return tree.out.find("\n    ") != std::string::npos;  // three generations
    }));
    const outcome ended = call_program({"kill-tree", "--force", root});
    CHECK(ended.exit_code == 0);
    CHECK_THAT(ended.out, ContainsSubstring(root + " was killed\n"));
    CHECK(std::count(ended.out.begin(), ended.out.end(), '\n') >= 3);  // a console may be of it
    CHECK_FALSE(family.running());
}

TEST_CASE("base36 goes both ways, the version and the help are no errors") {
    CHECK(call_program({"base36", "ff", "0xDEADBEEF"}).out == "73\n1ps9wxb\n");
    CHECK(call_program({"base36", "-d", "1PS9WXB"}).out == "deadbeef\n");
    CHECK(call_program({"--version"}).out == SKYUTIL_TEST_PROJECT_VERSION "\n");
    for (const char* const command : {"inspect", "tail", "port", "alive", "run"}) {
        const auto [exit_code, out, err] = call_program({command, "--help"});
        CHECK(exit_code == 0);
        CHECK_THAT(out, ContainsSubstring("--json"));
    }
}

TEST_CASE("a command line that makes no sense is one line of error and exit code 2") {
    for (const words& line : {words{}, words{"frobnicate"}, words{"tail"}, words{"port", "70000"},
                              words{"port", "--family", "ipx"}, words{"alive", "x"},
                              words{"inspect", "--bad"}, words{"tail", "-n", "-1", "f"}}) {
        CAPTURE(line);
        const auto [exit_code, out, err] = call_program(line);
        CHECK(exit_code == 2);
        CHECK(out == "");
        CHECK(is_one_line(err));
    }
}
