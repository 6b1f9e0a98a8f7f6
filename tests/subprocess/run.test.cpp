// SPDX-License-Identifier: MIT
//
// How a command is started and what it gets.

#include <skyutil/subprocess.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "subprocess/commands.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
using skyutil::child_process;
using skyutil::command;
using skyutil::completed_process;
using skyutil::run;
using skyutil::shell;
using skyutil::stdio_mode;

namespace {

/// The reason why a command cannot be started.
std::error_code start_error(const command& what, const skyutil::run_options& options = {}) {
    std::error_code error;
    const completed_process result = run(what, options, error);
    CHECK(result.exit_code == -1);
    return error;
}

TEST_CASE("a command runs and tells its exit code and output") {
    const completed_process result = run({"sh", "-c", "printf out; printf err >&2; exit 3"});
    CHECK(result.exit_code == 3);
    CHECK(result.signal == 0);
    CHECK_FALSE(result.ok());
    CHECK(result.stdout_text == "out");
    CHECK(result.stderr_text == "err");
    CHECK_FALSE(result.timed_out);
    CHECK_FALSE(result.stopped);
    CHECK_FALSE(result.truncated);
    CHECK(result.elapsed > 0ns);
    CHECK(run({"true"}).ok());
}

TEST_CASE("words reach the program as they are, without a shell") {
    const std::vector<std::string> words{"%s|", "a b", "", "$HOME", "*", "'", "\xff\n"};
    std::vector<std::string> all{"printf"};
    all.insert(all.end(), words.begin(), words.end());
    CHECK(run(all).stdout_text == "a b||$HOME|*|'|\xff\n|");
}

TEST_CASE("a shell runs text") {
    CHECK(run(shell("echo a b | tr a-z A-Z; exit 4")).stdout_text == "A B\n");
}

TEST_CASE("a signal that ends the command is told") {
    const completed_process result = run(shell("kill -9 $$"));
    CHECK(result.exit_code == -1);
    CHECK(result.signal == SIGKILL);
    CHECK_FALSE(result.ok());
}

TEST_CASE("what cannot be started is an error that names the program") {
    const temporary_directory directory;
    write_file(directory / "no_program", "echo\n");
    std::filesystem::permissions(directory / "no_program", std::filesystem::perms(0755));
    write_file(directory / "not_executable", "#!/bin/sh\n");
    using std::errc;
    CHECK(start_error({"skyutil-no-such-program"}) == errc::no_such_file_or_directory);
    CHECK(start_error({"/no/such/program"}) == errc::no_such_file_or_directory);
    CHECK(start_error({"/etc/passwd/x"}) == errc::not_a_directory);
    CHECK(start_error({directory / "not_executable"}) == errc::permission_denied);
    CHECK(start_error({directory.path()}) == errc::permission_denied);
    CHECK(start_error({directory / "no_program"}) == errc::executable_format_error);
    CHECK(start_error({""}) == errc::no_such_file_or_directory);
    CHECK(start_error(std::vector<std::string>()) == errc::invalid_argument);
    CHECK(start_error({std::string("tr\0ue", 5)}) == errc::invalid_argument);
    CHECK(start_error({"true"}, {.cwd = "/no/such"}) == errc::no_such_file_or_directory);
    CHECK(start_error({"true"}, {.env = {{"A=B", "1"}}}) == errc::invalid_argument);
    CHECK(start_error({"true"}, {.env = {{"", "1"}}}) == errc::invalid_argument);
    CHECK(start_error({"true"}, {.env = {{"A", std::string("x\0y", 3)}}}) ==
          errc::invalid_argument);
    CHECK(start_error({"true"}, {.attributes = {.cpus = {70'000'000}}}) == errc::invalid_argument);
    CHECK(start_error({"true", std::string(10'000'000, 'x')}) == errc::argument_list_too_long);

    CHECK_THAT(message_of([] { run({"skyutil-no-such-program"}); }),
               ContainsSubstring("skyutil::run: cannot start 'skyutil-no-such-program': No such"));
    CHECK_THAT(message_of([] { run({"true"}, {.cwd = "/no/such"}); }),
               ContainsSubstring("cannot start 'true' in the directory '/no/such'"));
}

TEST_CASE("a program is looked for in PATH, past what is no program") {
    const temporary_directory directory;
    for (const char* const name : {"first", "second"}) {
        std::filesystem::create_directory(directory / name);
    }
    write_file(directory / "first/tool", "no program, and not to be executed");
    write_file(directory / "second/tool", "#!/bin/sh\necho second\n");
    std::filesystem::permissions(directory / "second/tool", std::filesystem::perms(0755));
    const json found = run_in_child([&] {
        drop_privileges();
        const std::string path = directory.path();
        ::setenv("PATH", ("/no/such:" + path + "/first:" + path + "/second").c_str(), 1);
        json answer;
        answer["found"] = run({"tool"}).stdout_text;
        ::setenv("PATH", (path + "/first:/no/such").c_str(), 1);
        std::error_code error;
        static_cast<void>(run({"tool"}, error));
        answer["error"] = error.value();
        ::unsetenv("PATH");
        answer["default"] = run({"true"}).exit_code;
        ::setenv("PATH", "", 1);  // the directory of the child
        answer["here"] = run({"tool"}, {.cwd = directory / "second"}).stdout_text;
        return answer;
    });
    CHECK(found["found"] == "second\n");
    CHECK(found["error"] == EACCES);
    CHECK(found["default"] == 0);
    CHECK(found["here"] == "second\n");
}

TEST_CASE("a command has the directory and variables it is given") {
    CHECK(run({"pwd"}, {.cwd = "/usr"}).stdout_text == "/usr\n");
    CHECK(run({"pwd"}).stdout_text == std::filesystem::current_path().string() + "\n");
    const auto variable = [](const char* name, const skyutil::run_options& options) {
        return run(actor({"environment", name}), options).stdout_text;
    };
    CHECK(variable("SKYUTIL_A", {.env = {{"SKYUTIL_A", "1 = 2"}}}) == "1 = 2\n");
    CHECK(variable("SKYUTIL_A", {.env = {{"SKYUTIL_A", ""}}}) == "\n");
    CHECK(variable("PATH", {.env = {{"SKYUTIL_A", "1"}}}) ==
          std::getenv("PATH") + std::string("\n"));
    CHECK(variable("PATH", {.env = {{"PATH", "/x"}}}) == "/x\n");
    CHECK(variable("PATH", {.env = {{"PATH", std::nullopt}}}) == "unset\n");
    const completed_process only =
        run({"env"}, {.env = {{"A", "1"}, {"B", std::nullopt}},
                      .attributes = {.environment = skyutil::base_environment::empty}});
    CHECK(only.stdout_text == "A=1\n");
}

TEST_CASE("a child has three descriptors only, however many this process has") {
    const int leaking = ::open("/dev/null", O_RDONLY);  // without O_CLOEXEC
    const int high = ::fcntl(leaking, F_DUPFD, 700);
    CHECK(run(actor({"descriptors"})).stdout_text == "0 1 2 \n");
    CHECK(run(actor({"descriptors"}), {.input = "x", .merge_stderr = true}).stdout_text ==
          "0 1 2 \n");
    ::close(leaking);
    ::close(high);
}

TEST_CASE("a child has three descriptors only where close_range is forbidden") {
    const json lists = run_in_child([] {
        const int leaking = ::open("/dev/null", O_RDONLY);
        ::fcntl(leaking, F_DUPFD, 700);
        ::dup(leaking);
        for (int i = 0; i != 300; ++i) {
            ::dup(leaking);
        }
        forbid_system_call(SYS_close_range, ENOSYS);
        return run(actor({"descriptors"})).stdout_text;
    });
    CHECK(lists == "0 1 2 \n");
}

TEST_CASE("a child works where this process has closed its standard descriptors") {
    const json outputs = run_in_child([] {
        for (int fd = 0; fd != 3; ++fd) {
            ::close(fd);
        }
        const completed_process both = run(shell("cat; echo err >&2"), {.input = "in"});
        const completed_process merged =
            run(shell("echo out; echo err >&2"), {.merge_stderr = true});
        return json{both.stdout_text, both.stderr_text, merged.stdout_text};
    });
    CHECK(outputs == json{"in", "err\n", "out\nerr\n"});
}

TEST_CASE("a child has a fresh signal mask and dispositions") {
    const json status = run_in_child([] {
        ::signal(SIGPIPE, SIG_IGN);
        ::signal(SIGUSR1, SIG_IGN);
        ::signal(SIGUSR2, [](int) {});
        sigset_t all;
        ::sigfillset(&all);
        ::sigprocmask(SIG_BLOCK, &all, nullptr);
        std::istringstream lines(run({"cat", "/proc/self/status"}).stdout_text);
        std::string text;
        for (std::string line; std::getline(lines, line);) {
            text += line.starts_with("SigBlk") || line.starts_with("SigIgn") ? line + "\n" : "";
        }
        sigset_t after;
        ::sigprocmask(SIG_BLOCK, nullptr, &after);
        return json{text, ::sigismember(&after, SIGTERM) == 1};
    });
    const std::string zero = "\t0000000000000000\n";
    CHECK(status[0] == "SigBlk:" + zero + "SigIgn:" + zero);
    CHECK(status[1] == true);
}

TEST_CASE("a child has a session of its own, a group, or this process's") {
    using skyutil::child_group;
    const auto ids = [](child_group group) {  // process, group, session
        const completed_process result =
            run(shell("cut -d' ' -f5,6 /proc/$$/stat; echo $$"), {.attributes = {.group = group}});
        return numbers(result.stdout_text);
    };
    const auto session = ids(child_group::new_session);
    CHECK(session[0] == session[2]);
    CHECK(session[1] == session[2]);
    const auto group = ids(child_group::new_group);
    CHECK(group[0] == group[2]);
    CHECK(group[1] == ::getsid(0));
    const auto same = ids(child_group::same);
    CHECK(same[0] == ::getpgrp());
    CHECK(same[1] == ::getsid(0));
}

TEST_CASE("a child has the niceness, CPUs and limits it is given") {
    CHECK(run({"nice"}, {.attributes = {.nice = 11}}).stdout_text == "11\n");
    CHECK(
        run(actor({"limit"}), {.attributes = {.limits = {{RLIMIT_NOFILE, 77, 77}}}}).stdout_text ==
        "77\n");
    cpu_set_t allowed;
    REQUIRE(::sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    unsigned last = 0;
    for (unsigned cpu = 0; cpu != CPU_SETSIZE; ++cpu) {
        last = CPU_ISSET(cpu, &allowed) ? cpu : last;
    }
    const completed_process result =
        run({"grep", "Cpus_allowed_list", "/proc/self/status"}, {.attributes = {.cpus = {last}}});
    CHECK(result.stdout_text == "Cpus_allowed_list:\t" + std::to_string(last) + "\n");
    CHECK_THAT(message_of([] { run({"true"}, {.attributes = {.cpus = {500'000}}}); }),
               ContainsSubstring("cannot bind 'true' to its CPUs"));
}

TEST_CASE("starting costs no copy of the memory: a forbidden fork does not matter") {
    const json result = run_in_child([] {
#ifdef SYS_fork
        forbid_system_call(SYS_fork, EPERM);
#endif
        forbid_system_call(SYS_clone, EPERM);
        forbid_system_call(SYS_clone3, EPERM);
        return run(shell("exit 5")).exit_code;
    });
#ifdef SYS_vfork
    CHECK(result == 5);
#endif
}

TEST_CASE("a child dies with this process when it is told to") {
    const json pids = run_in_child([] {
        child_process child(actor({"deaf"}), {.stdout_to = stdio_mode::pipe,
                                              .attributes = {.die_with_parent = true}});
        char ready = 0;
        static_cast<void>(::read(child.stdout_pipe().get(), &ready, 1));
        std::vector<std::int64_t> result{child.detach()};
        return result;  // and _exit
    });
    CHECK(are_gone(pids.get<std::vector<std::int64_t>>()));
}

TEST_CASE("a child that dies with this process outlives the thread that started it") {
    std::optional<child_process> child;
    std::thread([&] {
        child.emplace(command{"sleep", "1000"},
                      skyutil::child_options{.attributes = {.die_with_parent = true}});
    }).join();
    CHECK_FALSE(child->wait(50ms));
    CHECK(child->terminate(grace).signal == SIGTERM);
    CHECK_FALSE(child->running());
}

}  // namespace
