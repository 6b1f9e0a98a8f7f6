// SPDX-License-Identifier: MIT

#include <skyutil/subprocess.hpp>
#include <skyutil/system.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "subprocess/commands.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
using skyutil::child_process;
using skyutil::command;
using skyutil::completed_process;
using skyutil::output_overflow;
using skyutil::output_stream;
using skyutil::run;
using skyutil::shell;
using skyutil::stdio_mode;
using std::chrono::steady_clock;

namespace {

/// What SIGTERM gets a tree before SIGKILL.
constexpr auto grace = 200ms;

std::size_t count_threads() {
    std::filesystem::directory_iterator entries("/proc/self/task");
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

/// The reason why a command cannot be started.
std::error_code start_error(const command& what, const skyutil::run_options& options = {}) {
    std::error_code error;
    const completed_process result = run(what, options, error);
    CHECK(result.exit_code == -1);
    return error;
}

template <class Function>
std::string message_of(Function function) {
    try {
        function();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "no exception";
}

// ----------------------------------------------------------------------------------------
// start

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

// ----------------------------------------------------------------------------------------------
// input and output

TEST_CASE("input reaches the command, and nothing is left of what it does not want") {
    std::string binary;
    for (int i = 0; i != 100'000; ++i) {
        binary += static_cast<char>(i * 7);
    }
    CHECK(run(actor({"echo"}), {.input = binary}).stdout_text == binary);
    CHECK(run({"cat"}).stdout_text.empty());
    CHECK(run({"true"}, {.input = std::string(1 << 20, 'x')}).exit_code == 0);
    const completed_process head = run({"head", "-c", "3"}, {.input = std::string(1 << 20, 'x')});
    CHECK(head.stdout_text == "xxx");
    sigset_t pending;
    ::sigpending(&pending);
    CHECK(::sigismember(&pending, SIGPIPE) == 0);
}

TEST_CASE("a pending SIGPIPE of the caller stays pending, another's stays away") {
    const json pending = run_in_child([] {
        sigset_t pipe_signal;
        ::sigemptyset(&pipe_signal);
        ::sigaddset(&pipe_signal, SIGPIPE);
        ::sigprocmask(SIG_BLOCK, &pipe_signal, nullptr);
        const auto is_pending = [] {
            sigset_t set;
            ::sigpending(&set);
            return ::sigismember(&set, SIGPIPE) == 1;
        };
        const std::string input(1 << 20, 'x');
        static_cast<void>(run({"true"}, {.input = input}));
        const bool after_run = is_pending();
        ::raise(SIGPIPE);
        static_cast<void>(run({"true"}, {.input = input}));
        return json{after_run, is_pending()};
    });
    CHECK(pending == json{false, true});
}

TEST_CASE("much output on both sides and much input at once is no deadlock") {
    constexpr std::size_t size = 20'000'000;
    const completed_process flood = run(actor({"flood", std::to_string(size)}));
    CHECK(flood.stdout_text.size() == size);
    CHECK(flood.stderr_text.size() == size);
    const std::string input(100'000'000, 'i');
    const completed_process echo = run(actor({"echo"}), {.input = input});
    CHECK(echo.stdout_text == input);
}

TEST_CASE("output keeps its head, its tail, or is an error beyond its bound") {
    const command lines = {"seq", "1", "100000"};
    const completed_process head = run(lines, {.max_output = 8});
    CHECK(head.stdout_text == "1\n2\n3\n4\n");
    CHECK(head.truncated);
    CHECK(head.exit_code == 0);
    const completed_process tail =
        run(lines, {.max_output = 13, .on_overflow = output_overflow::keep_tail});
    CHECK(tail.stdout_text == "99999\n100000\n");
    CHECK(tail.truncated);
    for (const output_overflow keep :
         {output_overflow::keep_head, output_overflow::keep_tail, output_overflow::fail}) {
        const completed_process exact =
            run({"printf", "12345"}, {.max_output = 5, .on_overflow = keep});
        CHECK(exact.stdout_text == "12345");
        CHECK_FALSE(exact.truncated);
        CHECK(exact.ok());
    }
    const completed_process nothing = run({"printf", "12345"}, {.max_output = 0});
    CHECK(nothing.stdout_text.empty());
    CHECK(nothing.truncated);

    std::error_code error;
    const completed_process endless = run(
        {"yes"}, {.grace = grace, .max_output = 10, .on_overflow = output_overflow::fail}, error);
    CHECK(error == std::errc::no_buffer_space);
    CHECK(endless.stdout_text == "y\ny\ny\ny\ny\n");
    CHECK(endless.truncated);
    CHECK(endless.signal != 0);
    CHECK_THAT(
        message_of([&] { run(lines, {.max_output = 1, .on_overflow = output_overflow::fail}); }),
        ContainsSubstring("more output than max_output"));
}

TEST_CASE("an endless output keeps its tail in little memory until the timeout") {
    const completed_process result = run({"yes"}, {.timeout = 200ms,
                                                   .grace = grace,
                                                   .max_output = 1000,
                                                   .on_overflow = output_overflow::keep_tail});
    CHECK(result.timed_out);
    CHECK(result.stdout_text.size() == 1000);
}

TEST_CASE("stderr comes into stdout in the order of writing") {
    const completed_process result =
        run(shell("for i in 1 2 3; do echo out; echo err >&2; done"), {.merge_stderr = true});
    CHECK(result.stdout_text == "out\nerr\nout\nerr\nout\nerr\n");
    CHECK(result.stderr_text.empty());
}

TEST_CASE("lines come to a function one by one, whatever is in them") {
    using line = std::pair<output_stream, std::string>;
    std::vector<line> lines;
    const auto take = [&](output_stream from, std::string_view text) {
        lines.emplace_back(from, text);
    };
    const completed_process result =
        run({"printf", "one\\n\\ntw\\000o\\377\\nlast"}, {.on_line = take});
    using enum output_stream;
    CHECK(lines == std::vector<line>{
                       {out, "one"}, {out, ""}, {out, std::string("tw\0o\xff", 5)}, {out, "last"}});
    CHECK(result.stdout_text.empty());
    CHECK_FALSE(result.truncated);

    lines.clear();
    const completed_process both = run(shell("echo 1; sleep 0.1; echo 2 >&2; sleep 0.1; printf 3"),
                                       {.max_output = 100, .on_line = take});
    CHECK(lines == std::vector<line>{{out, "1"}, {err, "2"}, {out, "3"}});
    CHECK(both.stdout_text == "1\n3");
    CHECK(both.stderr_text == "2\n");
}

TEST_CASE("lines come while the command runs") {
    steady_clock::time_point first;
    static_cast<void>(run(shell("echo; sleep 0.5"),
                          {.on_line = [&](auto, auto) { first = steady_clock::now(); }}));
    CHECK(steady_clock::now() - first > 250ms);
}

TEST_CASE("lines are whole across reads, and long ones come in pieces") {
    std::size_t next = 1;
    bool in_order = true;
    static_cast<void>(run({"seq", "1", "200000"}, {.on_line = [&](auto, std::string_view text) {
                              in_order = in_order && text == std::to_string(next);
                              ++next;
                          }}));
    CHECK(in_order);
    CHECK(next == 200'001);

    std::vector<std::size_t> sizes;
    static_cast<void>(
        run({"head", "-c", "2500000", "/dev/zero"},
            {.on_line = [&](auto, std::string_view text) { sizes.push_back(text.size()); }}));
    CHECK(sizes == std::vector<std::size_t>{1 << 20, 1 << 20, 2'500'000 - (2 << 20)});
}

TEST_CASE("a gigabyte goes through a function in constant memory") {
    const auto resident = [] {
        std::ifstream in("/proc/self/statm");
        std::size_t size = 0;
        in >> size >> size;
        return size * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    };
    const std::size_t before = resident();
    std::size_t most = 0;
    std::size_t bytes = 0;
    static_cast<void>(run({"head", "-c", "1000000000", "/dev/zero"},
                          {.on_line = [&](auto, std::string_view text) {
                              bytes += text.size();
                              most = (std::max)(most, resident());
                          }}));
    CHECK(bytes == 1'000'000'000);
    CHECK(most < before + (32 << 20));
}

TEST_CASE("a function that throws ends the command and everything it started") {
    std::vector<std::int64_t> pids;
    const auto family = [&] {
        run(actor({"family", "2"}), {.grace = grace, .on_line = [&](auto, std::string_view text) {
                                         pids.push_back(std::stoll(std::string(text)));
                                         if (pids.size() == 3) {
                                             throw std::runtime_error("enough");
                                         }
                                     }});
    };
    CHECK(message_of(family) == "enough");
    CHECK(pids.size() == 3);
    CHECK(std::none_of(pids.begin(), pids.end(), [](std::int64_t pid) {
        return skyutil::pid_exists(pid) && skyutil::is_process_alive(pid);
    }));
}

TEST_CASE("check throws what failed, with the result") {
    try {
        run(shell("echo out; echo because >&2; exit 7"), {.check = true});
        FAIL("no exception");
    } catch (const skyutil::command_error& error) {
        CHECK_THAT(error.what(), ContainsSubstring("ended with exit code 7: because"));
        CHECK(error.result().exit_code == 7);
        CHECK(error.result().stdout_text == "out\n");
    }
    CHECK_THROWS_AS(run(shell("kill $$"), {.check = true}), skyutil::command_error);
    CHECK_NOTHROW(run({"true"}, {.check = true}));
}

TEST_CASE("descriptors of a command can be this process's, or nothing") {
    const json printed = run_in_child([] {
        const temporary_directory directory;
        const std::string name = directory / "out";
        const int file = ::open(name.c_str(), O_WRONLY | O_CREAT, 0600);
        ::dup2(file, 1);
        const completed_process inherited =
            run(shell("echo out; echo err >&2"),
                {.merge_stderr = true, .stdout_to = stdio_mode::inherit});
        const completed_process dropped =
            run(shell("echo lost; echo kept >&2"), {.stdout_to = stdio_mode::null});
        return json{read_file(name), inherited.stdout_text, dropped.stdout_text,
                    dropped.stderr_text};
    });
    CHECK(printed == json{"out\nerr\n", "", "", "kept\n"});
}

TEST_CASE("the peak of memory is told") {
    const completed_process result =
        run({"dd", "if=/dev/zero", "of=/dev/null", "bs=300M", "count=1"});
    CHECK(result.exit_code == 0);
    CHECK(result.peak_memory >= std::uint64_t{300} << 20);
    rusage own{};  // the kernel counts the calling process's as the child's
    ::getrusage(RUSAGE_SELF, &own);
    CHECK(result.peak_memory <
          (std::max)(std::uint64_t{600} << 20, 2048 * static_cast<std::uint64_t>(own.ru_maxrss)));
}

// ------------------------------------------------------------------------------------------------
// end

TEST_CASE("a timeout ends the whole tree and keeps what was printed") {
    const auto start = steady_clock::now();
    const completed_process result =
        run(actor({"family", "5"}), {.timeout = 300ms, .grace = grace});
    CHECK(steady_clock::now() - start < 300ms + grace + patience);
    CHECK(result.timed_out);
    CHECK(result.signal == SIGTERM);
    const std::vector<std::int64_t> pids = numbers(result.stdout_text);
    CHECK(pids.size() == 6);
    CHECK(std::none_of(pids.begin(), pids.end(),
                       [](std::int64_t pid) { return skyutil::is_process_alive(pid); }));
}

TEST_CASE("a command that does not hear SIGTERM is killed after the grace") {
    const auto start = steady_clock::now();
    const completed_process result = run(actor({"deaf"}), {.timeout = 100ms, .grace = grace});
    CHECK(steady_clock::now() - start >= 100ms + grace);
    CHECK(result.timed_out);
    CHECK(result.signal == SIGKILL);
    CHECK(result.stdout_text == "ready\n");
}

TEST_CASE("what a command prints when it is told to end is kept, more than a pipe holds too") {
    const completed_process result =
        run(actor({"goodbye", "1000000"}), {.timeout = 200ms, .grace = patience});
    CHECK(result.timed_out);
    CHECK(result.exit_code == 3);
    CHECK(result.stdout_text.size() == 6 + 1'000'000);
}

TEST_CASE("a timeout ends orphans of the session and what floods its output") {
    const completed_process result = run(shell(std::string(SKYUTIL_TEST_ACTOR) + " orphan; yes"),
                                         {.timeout = 300ms, .grace = grace, .max_output = 100});
    CHECK(result.timed_out);
    CHECK(are_gone({numbers(result.stdout_text).at(0)}));
}

TEST_CASE("a command that ends in time is not ended") {
    const completed_process result = run(shell("exit 2"), {.timeout = patience});
    CHECK(result.exit_code == 2);
    CHECK_FALSE(result.timed_out);
    CHECK(run({"true"}, {.timeout = std::chrono::milliseconds::max()}).ok());
    CHECK(run({"sleep", "1000"}, {.timeout = 0ms, .grace = grace}).timed_out);
    CHECK(run({"sleep", "1000"}, {.timeout = -1ms, .grace = grace}).timed_out);
}

TEST_CASE("a stop request ends the tree") {
    std::stop_source source;
    std::jthread stopper([&] {
        std::this_thread::sleep_for(100ms);
        source.request_stop();
    });
    const completed_process result =
        run(actor({"family", "2"}), {.grace = grace, .stop = source.get_token()});
    CHECK(result.stopped);
    CHECK_FALSE(result.timed_out);
    CHECK(result.signal == SIGTERM);
    CHECK(are_gone(numbers(result.stdout_text)));
    const completed_process late = run({"true"}, {.stop = source.get_token()});
    CHECK(late.stopped);
    CHECK(late.exit_code == -1);
}

TEST_CASE("a process that holds the output open does not hold up its parent's end") {
    const auto start = steady_clock::now();
    const completed_process result =
        run(shell("echo here; " + std::string(SKYUTIL_TEST_ACTOR) + " orphan"));
    CHECK(steady_clock::now() - start < patience);
    const std::vector<std::int64_t> left = numbers(result.stdout_text.substr(5));
    CHECK(result.stdout_text.substr(0, 5) == "here\n");
    REQUIRE(left.size() == 1);
    CHECK(skyutil::is_process_alive(left[0]));  // left alone
    ::kill(static_cast<pid_t>(left[0]), SIGKILL);

    const completed_process patient = run(shell("(sleep 0.3; echo late) & echo now"),
                                          {.drain = std::chrono::milliseconds(patience)});
    CHECK(patient.stdout_text == "now\nlate\n");
}

TEST_CASE("a process that fills the output for ever does not hold up its parent's end") {
    const completed_process result = run(shell("yes & echo $! >&2"), {.max_output = 10});
    CHECK(result.exit_code == 0);
    ::kill(static_cast<pid_t>(numbers(result.stderr_text).at(0)), SIGKILL);
}

// ------------------------------------------------------------------------------------------------
// what the host program does

TEST_CASE("a host that ignores SIGCHLD gets output, and what the kernel tells of the end") {
    const json results = run_in_child([] {
        ::signal(SIGCHLD, SIG_IGN);
        const completed_process quick = run(shell("echo out; exit 3"));
        const completed_process slow =
            run(actor({"family", "1"}), {.timeout = 100ms, .grace = grace});
        child_process child({"sleep", "1000"});
        const bool ended = child.terminate(grace).exit_code == -1 && !child.running();
        return json{quick.stdout_text,        quick.exit_code, quick.signal,
                    slow.timed_out,           slow.exit_code,  ended,
                    numbers(slow.stdout_text)};
    });
    CHECK(results[0] == "out\n");
    CHECK((results[1] == 3 || results[1] == -1));  // Linux 6.15 and later tell it
    CHECK(results[2] == 0);
    CHECK(results[3] == true);
    CHECK(results[4] == -1);
    CHECK(results[5] == true);
    CHECK(are_gone(results[6].get<std::vector<std::int64_t>>()));
}

TEST_CASE("a host that reaps all children itself does not hang nor confuse a run") {
    const json result = run_in_child([] {
        std::atomic<bool> done = false;
        std::atomic<int> stolen = 0;
        std::thread thief([&] {
            while (!done) {
                if (::waitpid(-1, nullptr, WNOHANG) > 0) {
                    ++stolen;
                } else {
                    std::this_thread::yield();
                }
            }
        });
        int wrong = 0;
        for (int i = 0; i != 100; ++i) {
            const completed_process each = run(shell("echo out; exit 3"));
            const bool known = each.exit_code == 3;
            const bool unknown = each.exit_code == -1 && each.signal == 0;
            wrong += each.stdout_text == "out\n" && (known || unknown) ? 0 : 1;
        }
        done = true;
        thief.join();
        return json{wrong, stolen.load()};
    });
    CHECK(result[0] == 0);
}

TEST_CASE("a host without descriptors gets an error, and nothing is left") {
    const json results = run_in_child([] {
        meet_error_types();
        static_cast<void>(run({"true"}));
        json answer = json::array();
        for (rlim_t more = 0; more != 12; ++more) {
            const std::size_t before = count_open_descriptors();
            rlimit old{};
            ::getrlimit(RLIMIT_NOFILE, &old);
            const rlimit low{before + more, old.rlim_max};
            ::setrlimit(RLIMIT_NOFILE, &low);
            std::error_code error;
            const completed_process result =
                run(shell("cat; exit 5"), {.input = "x", .timeout = patience}, error);
            ::setrlimit(RLIMIT_NOFILE, &old);
            answer.push_back({error.value(), result.exit_code, result.stdout_text,
                              count_open_descriptors() - before,
                              ::waitpid(-1, nullptr, WNOHANG) == -1});
        }
        return answer;
    });
    CHECK(results.front()[0] == EMFILE);
    CHECK(results.back()[0] == 0);
    for (const json& each : results) {
        INFO(each.dump());
        const bool failed = each[0] == EMFILE && each[1] == -1;
        const bool worked = each[0] == 0 && each[1] == 5 && each[2] == "x";
        CHECK((failed || worked));
        CHECK(each[3] == 0);
        CHECK(each[4] == true);
    }
}

TEST_CASE("a run works without pidfd") {
    const json results = run_in_child([] {
        forbid_system_call(434, ENOSYS);       // pidfd_open
        forbid_system_call(SYS_clone, EPERM);  // with CLONE_PIDFD; then it is vfork
        const completed_process quick = run(shell("echo out; exit 3"));
        const completed_process slow =
            run(actor({"family", "2"}), {.timeout = 100ms, .grace = grace});
        child_process child({"sleep", "1000"}, {.attributes = {.die_with_parent = true}});
        const bool waited = child.wait(10ms).has_value();
        return json{quick.stdout_text, quick.exit_code, slow.timed_out,
                    slow.signal,       waited,          child.terminate(grace).signal};
    });
    CHECK(results == json{"out\n", 3, true, SIGTERM, false, SIGTERM});
}

TEST_CASE("a host that forbids fork gets an error") {
    const json error = run_in_child([] {
        forbid_system_call(SYS_clone, EAGAIN);
#ifdef SYS_vfork
        forbid_system_call(SYS_vfork, EAGAIN);
#endif
        return message_of([] { run({"true"}); });
    });
    CHECK_THAT(error.get<std::string>(), ContainsSubstring("cannot make a process for 'true'"));
}

TEST_CASE("five hundred commands at once leave nothing") {
    const json result = run_in_child(
        [] {
            // In a thread: ThreadSanitizer has threads of its own from the first one on.
            std::jthread([] { static_cast<void>(run({"true"}, {.timeout = patience})); }).join();
            const std::size_t descriptors = count_open_descriptors();
            const auto await_threads = [](std::size_t most, std::chrono::seconds time) {
                // One that has been joined is seen for a moment longer.
                const auto deadline = steady_clock::now() + time;
                while (count_threads() > most && steady_clock::now() < deadline) {
                    std::this_thread::sleep_for(1ms);
                }
                return count_threads();
            };
            const std::size_t before = await_threads(1, 1s);
            std::atomic<int> right = 0;
            {
                std::vector<std::jthread> threads;
                for (int i = 0; i != 500; ++i) {
                    threads.emplace_back([&right, i] {
                        const std::string text = std::to_string(i);
                        const completed_process each =
                            run(actor({"echo"}), {.input = text, .timeout = 60s});
                        right += each.stdout_text == text && each.ok() ? 1 : 0;
                    });
                }
            }
            return json{right.load(), count_open_descriptors() - descriptors,
                        await_threads(before, patience) - before,
                        ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD};
        },
        100s);
    CHECK(result == json{500, 0, 0, true});
}

TEST_CASE("two thousand commands in a row leave nothing") {
    const json result = run_in_child(
        [] {
            static_cast<void>(run({"true"}, {.timeout = patience}));
            const std::size_t descriptors = count_open_descriptors();
            const std::size_t threads = count_threads();
            int right = 0;
            for (int i = 0; i != 2000; ++i) {
                right += run(shell("exit 3"), {.timeout = patience}).exit_code == 3 ? 1 : 0;
            }
            return json{right, count_open_descriptors() - descriptors, count_threads() - threads,
                        ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD};
        },
        100s);
    CHECK(result == json{2000, 0, 0, true});
}

TEST_CASE("the memory of a host of 4 GB is not copied, nor made to be copied later") {
#if defined(__SANITIZE_THREAD__)
    SKYUTIL_SKIP("ThreadSanitizer has several times as much memory of its own");
#endif
    const json faults = run_in_child(
        [] {
            constexpr std::size_t size = std::size_t{4} << 30;
            if (skyutil::get_memory_budget().available() < size + (std::uint64_t{2} << 30)) {
                throw cannot_run{"not enough memory"};
            }
            void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
            if (memory == MAP_FAILED) {
                throw cannot_run{"not enough memory"};
            }
            // After fork(2) the first write to each page is a fault that copies it.
            const auto count_faults = [&] {
                rusage usage{};
                ::getrusage(RUSAGE_SELF, &usage);
                const long before = usage.ru_minflt;
                for (std::size_t at = 0; at < size; at += std::size_t{1} << 21) {
                    static_cast<volatile char*>(memory)[at] = 1;
                }
                ::getrusage(RUSAGE_SELF, &usage);
                return usage.ru_minflt - before;
            };
            static_cast<void>(count_faults());
            json answer;
            static_cast<void>(run({"true"}));
            answer["run"] = count_faults();
            if (const pid_t forked = ::fork(); forked == 0) {
                ::_exit(0);
            } else {
                answer["fork"] = [&] {
                    const long count = count_faults();
                    ::waitpid(forked, nullptr, 0);
                    return count;
                }();
            }
            return answer;
        },
        60s);
    INFO(faults.dump());
    CHECK(faults["run"].get<long>() < 100);
    CHECK(faults["fork"].get<long>() > 1000);
}

// ------------------------------------------------------------------------------------------------
// pipelines, retries, detached programs

TEST_CASE("a pipeline gives each exit code, and what its last command prints") {
    const auto results = skyutil::pipeline(
        {shell("cat; echo one >&2; exit 1"), {"grep", "b"}, shell("cat; echo three >&2; exit 3")},
        {.input = "a\nb\nbb\n"});
    REQUIRE(results.size() == 3);
    CHECK(results[0].exit_code == 1);
    CHECK(results[1].exit_code == 0);
    CHECK(results[2].exit_code == 3);
    CHECK(results[0].stdout_text.empty());
    CHECK(results[2].stdout_text == "b\nbb\n");
    CHECK(results[0].stderr_text == "one\n");
    CHECK(results[2].stderr_text == "three\n");
}

TEST_CASE("a pipeline ends when its last command does not want more") {
    const auto results = skyutil::pipeline({{"yes"}, {"head", "-n", "1"}}, {.timeout = 60s});
    CHECK(results[0].signal == SIGPIPE);
    CHECK(results[1].stdout_text == "y\n");
    CHECK_FALSE(results[1].timed_out);
}

TEST_CASE("a pipeline ends as a whole") {
    const auto start = steady_clock::now();
    const auto results = skyutil::pipeline({actor({"deaf"}), actor({"deaf"}), {"cat"}},
                                           {.timeout = 100ms, .grace = grace});
    CHECK(steady_clock::now() - start < 100ms + 2 * grace + patience);
    CHECK(std::all_of(results.begin(), results.end(),
                      [](const completed_process& each) { return each.timed_out; }));
}

TEST_CASE("a pipeline that cannot be started leaves nothing") {
    std::error_code error;
    skyutil::pipeline({{"sleep", "1000"}, {"skyutil-no-such-program"}}, {.grace = grace}, error);
    CHECK(error == std::errc::no_such_file_or_directory);
    CHECK_THAT(message_of([] { skyutil::pipeline({{"true"}, {"skyutil-no-such-program"}}); }),
               ContainsSubstring("skyutil::pipeline: cannot start 'skyutil-no-such-program'"));
    skyutil::pipeline({}, {}, error);
    CHECK(error == std::errc::invalid_argument);
    CHECK_THROWS_AS(skyutil::pipeline({}), std::system_error);
    CHECK_THROWS_AS(skyutil::pipeline({{"false"}, {"true"}}, {.check = true}),
                    skyutil::command_error);
}

TEST_CASE("a command that fails is run again, with longer pauses") {
    const temporary_directory directory;
    const std::string counter = directory / "counter";
    const auto fails = [&](int times, const std::string& how) {
        std::filesystem::remove(counter);
        return shell("echo >> " + counter + "; [ $(wc -l < " + counter + ") -gt " +
                     std::to_string(times) + " ] || { " + how + "; }");
    };
    std::vector<std::chrono::milliseconds> pauses;
    skyutil::backoff_options backoff{.first = 10ms, .most = 35ms};
    backoff.random = [] { return 0.0; };
    backoff.sleep = [&](std::chrono::milliseconds time) { pauses.push_back(time); };

    CHECK(skyutil::run_with_retries(fails(3, "exit 4"), {.backoff = backoff}).ok());
    CHECK(pauses == std::vector{10ms, 20ms, 35ms});
    pauses.clear();
    CHECK(skyutil::run_with_retries(fails(9, "exit 4"), {.backoff = backoff}).exit_code == 4);
    CHECK(pauses.size() == 3);
    pauses.clear();
    backoff.random = [] { return 1.0; };
    CHECK(skyutil::run_with_retries(fails(1, "kill -9 $$"), {.backoff = backoff}).ok());
    CHECK(pauses == std::vector{5ms});

    const auto runs = [&](const command& what, skyutil::retry_options retries) {
        pauses.clear();
        retries.backoff = backoff;
        static_cast<void>(skyutil::run_with_retries(what, retries));
        return pauses.size() + 1;
    };
    CHECK(runs(fails(2, "exit 4"), {.retry_codes = {4, 5}}) == 3);
    CHECK(runs(fails(2, "exit 3"), {.retry_codes = {4, 5}}) == 1);
    CHECK(runs(fails(2, "echo try again >&2; exit 3"), {.retry_stderr = {"again"}}) == 3);
    CHECK(runs(fails(2, "echo never >&2; exit 3"), {.retry_stderr = {"again"}}) == 1);
    CHECK(runs(fails(2, "echo again >&2; exit 3"),
               {.retry_codes = {4}, .retry_stderr = {"again"}}) == 3);
    CHECK(runs(fails(2, "exit 3"), {.max_retries = 0}) == 1);
    CHECK(runs(fails(0, "false"), {}) == 1);

    CHECK_THAT(message_of([] { skyutil::run_with_retries({"skyutil-no-such-program"}); }),
               ContainsSubstring("skyutil::run_with_retries: cannot start"));
    CHECK_THROWS_AS(skyutil::run_with_retries({"false"}, {.max_retries = 0}, {.check = true}),
                    skyutil::command_error);
}

TEST_CASE("a stop request ends the pause before a retry") {
    std::stop_source source;
    std::jthread stopper([&] {
        std::this_thread::sleep_for(100ms);
        source.request_stop();
    });
    const completed_process result = skyutil::run_with_retries(
        {"false"}, {.backoff = {.first = 1h, .most = 1h}}, {.stop = source.get_token()});
    CHECK(result.stopped);
    CHECK(result.exit_code == 1);
}

TEST_CASE("the longest pause is a pause, and a stop request ends it") {
    constexpr auto most = (std::chrono::milliseconds::max)();
    std::stop_source source;
    std::atomic<bool> asked = false;
    std::jthread stopper([&] {
        std::this_thread::sleep_for(100ms);
        asked = true;
        source.request_stop();
    });
    const completed_process result = skyutil::run_with_retries(
        {"false"}, {.backoff = {.first = most, .most = most}}, {.stop = source.get_token()});
    CHECK(asked);
    CHECK(result.stopped);
}

TEST_CASE("pauses stay within their bounds whatever the options") {
    using skyutil::detail::backoff_time;
    CHECK(backoff_time({.first = 1s, .most = 30s}, 1000, 0) == 30s);
    CHECK(backoff_time({.first = 1s, .most = 30s, .factor = 1e300}, 10, 0) == 30s);
    CHECK(backoff_time({.first = 1s, .most = 30s, .jitter = 1}, 3, 1) == 0s);
    CHECK(backoff_time({.first = 1s, .most = 30s, .jitter = 7}, 3, 9) == 0s);
    CHECK(backoff_time({.first = -1s, .most = -1s}, 3, 0) == 0s);
    CHECK(backoff_time({.first = 1s, .most = 30s, .jitter = 0.5}, 0, 0.5) == 750ms);

    constexpr std::chrono::milliseconds longest = std::chrono::years(100);
    constexpr auto most = (std::chrono::milliseconds::max)();
    CHECK(backoff_time({.first = most, .most = most}, 0, 0) == longest);
    CHECK(backoff_time({.first = 1ms, .most = most, .factor = 1e308}, 3, 0) == longest);
    CHECK(backoff_time({.first = 1ms, .most = most}, 3, std::nan("")) == 0s);
    CHECK(backoff_time({.first = (std::chrono::milliseconds::min)(), .most = most}, 3, 0) == 0s);
}

TEST_CASE("a detached program is no child, in a session of its own, and writes a log") {
    const temporary_directory directory;
    write_file(directory / "log", "before\n");
    const std::int64_t pid = skyutil::run_detached(
        shell("echo out; echo err >&2; echo $VALUE; pwd; cat; exec sleep 1000"), directory / "log",
        {.cwd = "/usr", .env = {{"VALUE", "7"}}});
    REQUIRE(pid > 0);
    const auto deadline = steady_clock::now() + patience;
    const std::string expected = "before\nout\nerr\n7\n/usr\n";
    while (read_file(directory / "log") != expected && steady_clock::now() < deadline) {
        std::this_thread::sleep_for(1ms);
    }
    CHECK(read_file(directory / "log") == expected);
    CHECK(::getsid(static_cast<pid_t>(pid)) == pid);
    CHECK(::waitpid(static_cast<pid_t>(pid), nullptr, WNOHANG) == -1);
    CHECK(skyutil::kill_process_tree(pid, {.force = true}).left.empty());

    std::error_code error;
    CHECK(skyutil::run_detached({"skyutil-no-such-program"}, directory / "log", error) == 0);
    CHECK(error == std::errc::no_such_file_or_directory);
    CHECK(skyutil::run_detached({"true"}, directory / "no/log", error) == 0);
    CHECK(error == std::errc::no_such_file_or_directory);
    CHECK_THAT(message_of([] { (void)skyutil::run_detached({"true"}, "/no/such/log"); }),
               ContainsSubstring("cannot open the log '/no/such/log'"));
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}

// ------------------------------------------------------------------------------------------------
// child_process

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
