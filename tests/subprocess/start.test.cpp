// SPDX-License-Identifier: MIT
//
// How programs are started, what they get from this process, and what is said of those that cannot
// be started.

#include <skyutil/subprocess.hpp>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "subprocess/commands.hpp"
#include "subprocess/start_programs.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using nlohmann::json;
using skyutil::child_process;
using skyutil::command;
using skyutil::completed_process;
using skyutil::run;
using skyutil::run_options;
using skyutil::shell;
using skyutil::start_error;
using skyutil::start_step;
using skyutil::stdio_mode;

// ----------------------------------------------------------------------------------------
// what stands between the tests and the system

namespace {

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
    CHECK(kept.erase(kept.find("100 "), 4) == lists[1].get<std::string>());
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

// ----------------------------------------------------------------------------------------
// what a child gets

TEST_CASE("an inherited standard descriptor reaches the child though it has FD_CLOEXEC") {
    const temporary_directory directory;
    const json results = run_in_child([&] {
        const int out = ::open((directory / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        ::dup3(out, 1, O_CLOEXEC);
        ::dup3(out, 2, O_CLOEXEC);
        ::fcntl(0, F_SETFD, FD_CLOEXEC);
        const run_options some{.stdin_from = stdio_mode::inherit, .stderr_to = stdio_mode::inherit};
        json answer{run(actor({"descriptors"}), some).stdout_text};
        answer.push_back(run(shell("echo out; echo err >&2"),
                             {.stdout_to = stdio_mode::inherit, .stderr_to = stdio_mode::inherit})
                             .exit_code);
        answer.push_back(
            run(shell("echo merged >&2"), {.merge_stderr = true, .stdout_to = stdio_mode::inherit})
                .exit_code);
        for (int fd = 0; fd != 3; ++fd) {  // still so here
            answer.push_back(::fcntl(fd, F_GETFD));
        }
        ::close(0);
        answer.push_back(run(actor({"descriptors"}), some).stdout_text);
        return answer;
    });
    CHECK(results == json{"0 1 2 \n", 0, 0, FD_CLOEXEC, FD_CLOEXEC, FD_CLOEXEC, "1 2 \n"});
    CHECK(read_file(directory / "out") == "out\nerr\nmerged\n");
}

TEST_CASE("a standard descriptor that is closed stays closed for children, whatever runs") {
    const json lists = run_in_child([] {
        ::close(0);
        const child_process first({"sleep", "1000"}, {.grace = 0ms});
        const child_process second({"sleep", "1000"},
                                   {.grace = 0ms, .attributes = {.die_with_parent = true}});
        const run_options options{.stdin_from = stdio_mode::inherit,
                                  .stderr_to = stdio_mode::inherit};
        return json{run(actor({"descriptors"}), options).stdout_text, ::fcntl(0, F_GETFD)};
    });
    CHECK(lists == json{"1 2 \n", -1});
}

TEST_CASE("no descriptor leaks where close_range is missing, whatever the limits on them") {
    const json lists = run_in_child([] {
        const int leaking = ::open("/dev/null", O_RDONLY);
        ::fcntl(leaking, F_DUPFD, 700);
        const auto fill_up_to = [&](int end) {
            for (int fd = 3; fd != end; ++fd) {
                if (::fcntl(fd, F_GETFD) == -1) {
                    ::dup2(leaking, fd);
                }
            }
        };
        forbid_system_call(SYS_close_range, ENOSYS);
        const run_options inherit{.stdin_from = stdio_mode::inherit,
                                  .stderr_to = stdio_mode::inherit};
        run_options limited = inherit;
        limited.attributes.limits = {{RLIMIT_NOFILE, 10, 10}};
        limit_descriptors(40);  // below what is open
        json answer{run(actor({"descriptors"}), inherit).stdout_text};
        answer.push_back(run(actor({"limit"}), inherit).stdout_text);
        fill_up_to(20);  // no number is free below the limit of the child
        answer.push_back(run(actor({"descriptors"}), limited).stdout_text);
        fill_up_to(36);  // nor, but for the pipes and the pidfd, below that of this process
        answer.push_back(run(actor({"descriptors"}), inherit).stdout_text);
        forbid_system_call(SYS_getdents64, EPERM);
        answer.push_back(run(actor({"descriptors"}), inherit).stdout_text);
        return answer;
    });
    CHECK(lists == json{"0 1 2 \n", "40\n", "0 1 2 \n", "0 1 2 \n", "0 1 2 \n"});
}

TEST_CASE("a limit on descriptors below the standard ones is the program's business") {
    std::error_code error;
    const completed_process result =
        run({"true"}, {.attributes = {.limits = {{RLIMIT_NOFILE, 1, 1}}}}, error);
    CHECK_FALSE(error);
    CHECK(result.failed_step == start_step::none);
}

TEST_CASE("a child can be told to end with a parent in another pid namespace") {
    const json result = run_in_child([] {
        if (::unshare(CLONE_NEWPID) == -1 && ::unshare(CLONE_NEWUSER | CLONE_NEWPID) == -1) {
            throw cannot_run{"no pid namespace is allowed here"};
        }
        std::error_code error;
        const completed_process done =
            run(shell("echo $$; exit 5"), {.attributes = {.die_with_parent = true}}, error);
        return json{error.value(), done.exit_code, done.stdout_text};
    });
    CHECK(result == json{0, 5, "1\n"});
}

TEST_CASE("a program is not detached into a pid namespace that ends at once") {
    const json result = run_in_child([] {
        if (::unshare(CLONE_NEWPID) == -1 && ::unshare(CLONE_NEWUSER | CLONE_NEWPID) == -1) {
            throw cannot_run{"no pid namespace is allowed here"};
        }
        start_step step = start_step::none;
        std::error_code error;
        const std::int64_t pid = skyutil::run_detached({"true"}, "/dev/null", {}, step, error);
        return json{pid, error.value(), static_cast<int>(step)};
    });
    CHECK(result == json{0, ENOTSUP, static_cast<int>(start_step::process)});
}

// ----------------------------------------------------------------------------------------
// what cannot be started

TEST_CASE("what a start failed at is told by value, whatever is called", "[everywhere]") {
    const temporary_directory directory;
    write_file(directory / "file", "#!/bin/sh\n");
    write_program(directory / "script", "echo\n");
    const std::string file = directory / "file";
    const std::string script = directory / "script";
    const auto failure = [](const command& what, const run_options& options = {}) {
        return start_failure(what, options);
    };
    CHECK(failure({"/no/such/program"}) ==
          expected_failure(ENOENT, start_step::program, "/no/such/program"));
    CHECK(failure({"no/such"}) == expected_failure(ENOENT, start_step::program, "no/such"));
    CHECK(failure({file}) == expected_failure(EACCES, start_step::program, file));
    CHECK(failure({script}) == expected_failure(ENOEXEC, start_step::program, script));
    CHECK(failure({"true"}, {.cwd = "/no/such"}) ==
          expected_failure(ENOENT, start_step::directory, "/no/such"));
    CHECK(failure({"true"}, {.cwd = file}) ==
          expected_failure(ENOTDIR, start_step::directory, file));
    CHECK(failure({"true"}, {.attributes = {.cpus = {500'000}}}) ==
          expected_failure(EINVAL, start_step::cpus, "true"));
    CHECK(failure({"true"}, {.attributes = {.limits = {{999, 1, 1}}}}) ==
          expected_failure(EINVAL, start_step::limits, "true"));
    CHECK(failure({"true"}, {.attributes = {.limits = {{RLIMIT_NOFILE, 2, 1}}}}) ==
          expected_failure(EINVAL, start_step::limits, "true"));
}

TEST_CASE("what no program can be given is told by value") {
    const std::string nul("a\0b", 3);
    CHECK(start_failure({"true", nul}, {}) ==
          expected_failure(EINVAL, start_step::arguments, "true"));
    CHECK(start_failure(std::vector<std::string>(), {}) ==
          expected_failure(EINVAL, start_step::arguments, ""));
    CHECK(start_failure({"true"}, {.env = {{"A=B", "1"}}}) ==
          expected_failure(EINVAL, start_step::arguments, "true"));
    CHECK(start_failure({"true"}, {.cwd = nul}) ==
          expected_failure(EINVAL, start_step::directory, nul));
    CHECK(start_failure({"true"}, {.attributes = {.cpus = {70'000'000}}}) ==
          expected_failure(EINVAL, start_step::cpus, "true"));
    try {
        skyutil::pipeline({});
        FAIL_CHECK("no exception");
    } catch (const start_error& error) {
        CHECK(error.code() == std::errc::invalid_argument);
        CHECK(error.step() == start_step::arguments);
    }
}

TEST_CASE("a log that cannot be opened is told by value") {
    start_step step = start_step::none;
    std::error_code error;
    CHECK(skyutil::run_detached({"true"}, "/no/such/log", {}, step, error) == 0);
    CHECK(error == std::errc::no_such_file_or_directory);
    CHECK(step == start_step::descriptors);
    try {
        static_cast<void>(skyutil::run_detached({"true"}, "/no/such/log"));
        FAIL_CHECK("no exception");
    } catch (const start_error& exception) {
        CHECK(exception.step() == start_step::descriptors);
        CHECK(exception.path() == "/no/such/log");
    }
    const temporary_directory directory;
    const std::int64_t pid = skyutil::run_detached({"true"}, directory / "log", {}, step, error);
    CHECK(pid > 0);
    CHECK(step == start_step::none);
    CHECK_FALSE(error);
}

TEST_CASE("what the system refuses is told by value") {
    const auto refused = [](const std::function<void()>& refuse, const run_options& options = {}) {
        return run_in_child([&] {
            drop_privileges();
            meet_error_types();
            static_cast<void>(run({"true"}));
            rlimit limit{};
            ::getrlimit(RLIMIT_NOFILE, &limit);
            refuse();
            std::error_code error;
            const completed_process result = run({"true"}, options, error);
            ::setrlimit(RLIMIT_NOFILE, &limit);
            return json{error.value(), static_cast<int>(result.failed_step)};
        });
    };
    const auto expected = [](int reason, start_step step) {
        return json{reason, static_cast<int>(step)};
    };
    CHECK(refused([] {}, {.attributes = {.nice = -20}}) == expected(EACCES, start_step::nice));
    CHECK(refused([] { limit_descriptors(0); }) == expected(EMFILE, start_step::descriptors));
    CHECK(refused([] { limit_descriptors(0); }, {.stdin_from = stdio_mode::inherit,
                                                 .stdout_to = stdio_mode::inherit,
                                                 .stderr_to = stdio_mode::inherit}) ==
          expected(EMFILE, start_step::descriptors));
    CHECK(refused([] { forbid_system_call(SYS_setsid, EPERM); }) ==
          expected(EPERM, start_step::session));
    CHECK(refused([] { forbid_system_call(SYS_setsid, 0); }) == expected(0, start_step::none));
    CHECK(refused([] { forbid_system_call(SYS_prctl, ENOSYS); },
                  {.attributes = {.die_with_parent = true}}) ==
          expected(ENOSYS, start_step::death_signal));
    CHECK(refused([] { forbid_system_call(SYS_getppid, 0); },  // it is in another namespace
                  {.attributes = {.die_with_parent = true}}) == expected(0, start_step::none));
    CHECK(refused([] { forbid_system_call(SYS_getppid, EIO); },
                  {.attributes = {.die_with_parent = true}}) ==
          expected(ESRCH, start_step::death_signal));
    CHECK(refused([] { forbid_system_call(SYS_clone, EAGAIN); }) ==
          expected(EAGAIN, start_step::process));
}

}  // namespace
