// SPDX-License-Identifier: MIT
//
// How programs are started, what they get from this process, and what is said of those that cannot
// be started.

#include <skyutil/subprocess.hpp>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <new>
#include <optional>
#include <sstream>
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
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "subprocess/commands.hpp"

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
using std::chrono::steady_clock;

// ----------------------------------------------------------------------------------------
// what stands between the tests and the system

namespace {

/// How many allocations of the program succeed from now on; negative: all.
std::atomic<long> allocations_left = -1;

/// Whether a new process shares the memory with its parent, as on Linux.
bool sharing = true;

}  // namespace

// NOLINTBEGIN(*-reserved-identifier,*-identifier-naming,*-no-malloc)
void* operator new(std::size_t size) {
    for (long left = allocations_left; left >= 0;) {
        if (left == 0) {
            throw std::bad_alloc();
        }
        if (allocations_left.compare_exchange_weak(left, left - 1)) {
            break;
        }
    }
    void* const memory = std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    try {
        return operator new(size);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

#if defined(__GLIBC__)
extern "C" int __real___clone(int (*work)(void*), void* stack, int flags, void* argument, ...);
extern "C" int __wrap___clone(int (*work)(void*), void* stack, int flags, void* argument,
                              int* pidfd);
int __wrap___clone(int (*work)(void*), void* stack, int flags, void* argument, int* pidfd) {
    const int kept = sharing ? flags : flags & ~(CLONE_VM | CLONE_VFORK);
    return __real___clone(work, stack, kept, argument, pidfd);
}
#endif
// NOLINTEND(*-reserved-identifier,*-identifier-naming,*-no-malloc)

namespace {

void write_program(const std::filesystem::path& path, std::string_view text) {
    write_file(path, text);
    std::filesystem::permissions(path, std::filesystem::perms(0755));
}

/// Has a function say with which error a system call of this process, a child of run_in_child, and
/// its children fails, 0 to have it made.
void answer_system_call(long number, std::function<int(const seccomp_data&)> answer) {
    std::array<sock_filter, 4> code{
        sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
        sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const auto listener = static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                                     SECCOMP_FILTER_FLAG_NEW_LISTENER, &program));
    if (listener == -1) {
        throw cannot_run{"no seccomp filter can be listened to here"};
    }
    std::thread([listener, answer = std::move(answer)] {
        for (;;) {
            seccomp_notif call{};
            if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) == -1) {
                continue;
            }
            seccomp_notif_resp response{};
            response.id = call.id;
            response.error = -answer(call.data);
            response.flags = response.error == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
            ::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
        }
    }).detach();
}

/// Whether the path of an execve(2) of a process that shares the memory starts so. ThreadSanitizer
/// does not know that the process waits for the answer.
__attribute__((noinline, no_sanitize("thread"))) bool path_starts_with(const seccomp_data& execve,
                                                                       const char* start) {
    const char* path = reinterpret_cast<const char*>(execve.args[0]);
    while (*start != '\0' && *path == *start) {
        ++path;
        ++start;
    }
    return *start == '\0';
}

void limit_descriptors(rlim_t soft) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = soft;
    ::setrlimit(RLIMIT_NOFILE, &limit);
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

/// The error and step of a start, by all that starts: the same, whatever is called.
json start_failure(const command& what, const run_options& options) {
    const temporary_directory directory;
    const auto log = directory / "log";
    const skyutil::detached_options detached{options.cwd, options.env, options.attributes};
    const skyutil::child_options child{
        .cwd = options.cwd, .env = options.env, .attributes = options.attributes};
    json answers = json::array();
    const auto add = [&](std::error_code error, start_step step) {
        answers.push_back({error.value(), static_cast<int>(step)});
    };
    {
        std::error_code error;
        const completed_process result = run(what, options, error);
        add(error, result.failed_step);
    }
    {
        std::error_code error;
        const auto results = skyutil::pipeline({{"true"}, what}, options, error);
        const bool first = results[0].failed_step != start_step::none;
        add(error, results[first ? 0 : 1].failed_step);
    }
    {
        std::error_code error;
        const completed_process result = skyutil::run_with_retries(what, {}, options, error);
        add(error, result.failed_step);
    }
    {
        std::error_code error;
        const child_process result(what, child, error);
        add(error, result.failed_step());
    }
    {
        std::error_code error;
        start_step step = start_step::none;
        static_cast<void>(skyutil::run_detached(what, log, detached, step, error));
        add(error, step);
    }
    const std::vector<std::function<void()>> throwing{
        [&] { run(what, options); },
        [&] { skyutil::pipeline({what, {"true"}}, options); },
        [&] { skyutil::run_with_retries(what, {}, options); },
        [&] { const child_process result(what, child); },
        [&] { static_cast<void>(skyutil::run_detached(what, log, detached)); },
    };
    std::string path;
    for (const auto& each : throwing) {
        try {
            each();
            answers.push_back("no exception");
        } catch (const start_error& error) {
            add(error.code(), error.step());
            path = error.path();
        }
    }
    for (const json& each : answers) {
        if (each != answers.front()) {
            return answers;
        }
    }
    return {answers.front()[0], answers.front()[1], path};
}

json expected_failure(int reason, start_step step, const std::string& path) {
    return {reason, static_cast<int>(step), path};
}

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

// ----------------------------------------------------------------------------------------
// PATH, and programs that are being written

TEST_CASE("the search for a program goes on past a directory that cannot be reached") {
    const temporary_directory directory;
    const std::string path = directory.path();
    for (const char* const name : {"first", "second", "third"}) {
        std::filesystem::create_directory(directory / name);
    }
    write_program(directory / "first/tool", "#!/bin/sh\necho first\n");
    write_program(directory / "second/tool", "#!/bin/sh\necho second\n");
    write_file(directory / "third/tool", "not to be executed\n");
    const json found = run_in_child([&] {
        drop_privileges();
        const std::string first = path + "/first/";
        std::atomic<int> reason = 0;
        answer_system_call(SYS_execve, [&](const seccomp_data& call) {
            return path_starts_with(call, first.c_str()) ? reason.load() : 0;
        });
        json answer;
        for (const int each : {ESTALE, ENODEV, ETIMEDOUT, EIO}) {
            reason = each;
            const auto look = [&](const std::string& search) {
                ::setenv("PATH", search.c_str(), 1);
                std::error_code error;
                const completed_process result = run({"tool"}, error);
                answer[std::to_string(each)].push_back(error ? json(error.value())
                                                             : json(result.stdout_text));
            };
            look(path + "/first:" + path + "/second");
            look(path + "/first:/no/such");
            look(path + "/third:" + path + "/first:/no/such");
        }
        return answer;
    });
    for (const int each : {ESTALE, ENODEV, ETIMEDOUT}) {
        CHECK(found[std::to_string(each)] == json{"second\n", each, EACCES});
    }
    CHECK(found[std::to_string(EIO)] == json{EIO, EIO, EIO});
}

TEST_CASE("a program that is being written is tried again for a moment") {
    const temporary_directory directory;
    write_program(directory / "tool", "#!/bin/sh\necho tool\n");
    const std::string tool = directory / "tool";
    const json results = run_in_child([&] {
        std::atomic<int> busy = 3;
        answer_system_call(SYS_execve, [&](const seccomp_data& call) {
            return path_starts_with(call, tool.c_str()) && busy-- > 0 ? ETXTBSY : 0;
        });
        json answer{run({tool}).stdout_text};
        busy = 3;
        answer.push_back(child_process({tool}, {.stdout_to = stdio_mode::null,
                                                .attributes = {.die_with_parent = true}})
                             .wait()
                             .exit_code);
        busy = 3;
        answer.push_back(skyutil::run_detached({tool}, directory / "log") > 0);
        busy = 1'000'000;
        std::error_code error;
        const auto start = steady_clock::now();
        static_cast<void>(run({tool}, error));
        answer.push_back(error.value());
        answer.push_back(steady_clock::now() - start >= 1s);
        answer.push_back(busy > 999'000);
        answer.push_back(::waitpid(-1, nullptr, WNOHANG) == -1);
        return answer;
    });
    CHECK(results == json{"tool\n", 0, true, ETXTBSY, true, true, true});
}

TEST_CASE("threads can write programs and run them at the same time") {
    const temporary_directory directory;
    std::atomic<int> wrong = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i != 4; ++i) {
        threads.emplace_back([&, i] {
            for (int j = 0; j != 50; ++j) {
                const auto tool = directory / (std::to_string(i) + "-" + std::to_string(j));
                write_program(tool, "#!/bin/sh\nexit 7\n");
                std::error_code error;
                wrong += run({tool}, error).exit_code == 7 ? 0 : 1;
            }
        });
    }
    threads.clear();
    CHECK(wrong == 0);
}

// ----------------------------------------------------------------------------------------
// nothing is left of what failed

/// Ends and counts the children of this process, a subreaper: those it has got from others too.
int end_children() {
    int count = 0;
    for (;;) {
        const auto children = skyutil::child_processes(::getpid(), false);
        if (children.empty()) {
            return count;
        }
        for (const std::int64_t child : children) {
            ::kill(static_cast<pid_t>(child), SIGKILL);
            count += ::waitpid(static_cast<pid_t>(child), nullptr, 0) == child ? 1 : 0;
        }
    }
}

TEST_CASE("a start that fails for want of a descriptor leaves nothing running") {
    const json results = run_in_child([] {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        ::dup2(::open("/dev/null", O_WRONLY), 1);
        static_cast<void>(run({"true"}));
        const std::size_t descriptors = count_open_descriptors();
        const skyutil::child_attributes enough{.limits = {{RLIMIT_NOFILE, 64, 64}}};
        int failed = 0;
        for (int i = 0; i != 300; ++i) {
            const no_descriptors none;
            std::error_code error;
            const child_process child(actor({"orphan"}),
                                      {.stdin_from = stdio_mode::inherit, .attributes = enough},
                                      error);
            failed += error == std::errc::too_many_files_open ? 1 : 0;
        }
        return json{failed, end_children(), count_open_descriptors() - descriptors};
    });
    CHECK(results == json{300, 0, 0});
}

TEST_CASE("a program runs only if its start is not reported as failed") {
    const json results = run_in_child([] {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        answer_system_call(434, [](const seccomp_data&) {  // pidfd_open
            std::this_thread::sleep_for(50ms);             // in which a program has forked
            return EMFILE;
        });
        int started = 0;
        for (int i = 0; i != 5; ++i) {
            std::error_code error;
            static_cast<void>(run(actor({"orphan"}), {.drain = 0ms}, error));
            started += error ? 0 : 1;
        }
        return json{started, end_children()};
    });
    CHECK(results[0] == results[1]);  // what a program leaves behind is left alone
}

TEST_CASE("a start that fails leaves nothing running while others take descriptors") {
    const json results = run_in_child([] {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        ::dup2(::open("/dev/null", O_WRONLY), 1);
        meet_error_types();
        static_cast<void>(run({"true"}));
        limit_descriptors(count_open_descriptors() + 6);
        std::atomic<bool> done = false;
        std::thread taker([&] {
            while (!done) {
                std::array<int, 8> taken{};
                for (int& each : taken) {
                    each = ::dup(0);
                }
                for (const int each : taken) {
                    ::close(each);
                }
            }
        });
        int started = 0;
        for (int i = 0; i != 100; ++i) {
            start_step step = start_step::none;
            std::error_code error;
            started += skyutil::run_detached(actor({"orphan"}), "/dev/null", {}, step, error) != 0;
        }
        done = true;
        taker.join();
        // Of each that was started, the program and what it leaves.
        return json{started, end_children()};
    });
    CHECK(results[1] == 2 * results[0].get<int>());
}

/// Has each allocation fail in turn, and all after it, until the function does without.
template <class Function>
int starve(Function function) {
    for (long count = 0;; ++count) {
        try {
            allocations_left = count;
            function();
            allocations_left = -1;
            return static_cast<int>(count);
        } catch (const std::bad_alloc&) {
            allocations_left = -1;
        }
    }
}

TEST_CASE("a start without memory ends with std::bad_alloc and leaves nothing") {
    const json results = run_in_child([] {
        const command what{"true", "a longer word than a std::string has place for in itself"};
        const skyutil::child_options options{.attributes = {.die_with_parent = true}};
        {
            const child_process warm(what, options);
        }
        const std::size_t descriptors = count_open_descriptors();
        std::optional<child_process> child;
        const int child_count = starve([&] {
            child.emplace(what, options);
            allocations_left = -1;
        });
        const int code = child->wait().exit_code;
        child.reset();
        const skyutil::detached_options detached;
        const std::filesystem::path log = "/dev/null";
        const int detached_count =
            starve([&] { static_cast<void>(skyutil::run_detached(what, log, detached)); });
        return json{child_count > 3, code, detached_count > 3,
                    count_open_descriptors() - descriptors, ::waitpid(-1, nullptr, WNOHANG) == -1};
    });
    CHECK(results == json{true, 0, true, 0, true});
}

// ----------------------------------------------------------------------------------------
// new processes that do not share the memory

/// The program that a process runs.
std::string program_of(std::int64_t pid) {
    return std::filesystem::path(read_file("/proc/" + std::to_string(pid) + "/comm")).filename();
}

TEST_CASE("a start is over when the program runs", "[everywhere]") {
    const temporary_directory directory;
    for (int i = 0; i != 5; ++i) {
        child_process child({"sleep", "1000"}, {.grace = 0ms});
        CHECK(program_of(child.pid()) == "sleep\n");
        const std::int64_t pid = skyutil::run_detached({"sleep", "1000"}, directory / "log");
        REQUIRE(pid > 1);
        CHECK(program_of(pid) == "sleep\n");
        ::kill(static_cast<pid_t>(pid), SIGKILL);
    }
}

TEST_CASE("a program gets and gives what it should", "[everywhere]") {
    const completed_process result =
        run(shell("cat; echo err >&2; exit 3"), {.input = "in", .cwd = "/"});
    CHECK(result.exit_code == 3);
    CHECK(result.stdout_text == "in");
    CHECK(result.stderr_text == "err\n");
    CHECK(result.failed_step == start_step::none);
    CHECK(run(actor({"descriptors"})).stdout_text == "0 1 2 \n");
    CHECK(run(shell("kill -9 $$")).signal == SIGKILL);
    child_process child(shell("exit 4"), {.attributes = {.die_with_parent = true}});
    CHECK(child.wait().exit_code == 4);
}

#if defined(__GLIBC__)
/// What a start says and does, in a child of run_in_child.
json starts() {
    const temporary_directory directory;
    json answer;
    answer["failures"] = {start_failure({"/no/such/program"}, {}),
                          start_failure({"true"}, {.cwd = "/no/such"}),
                          start_failure({"true"}, {.attributes = {.limits = {{999, 1, 1}}}})};
    answer["status"] = run(shell("exit 3")).exit_code;
    answer["signal"] = run(shell("kill -9 $$")).signal;
    answer["descriptors"] = run(actor({"descriptors"}), {.input = "x"}).stdout_text;
    const skyutil::child_attributes keep{.keep_descriptors = true};
    const int kept = ::fcntl(0, F_DUPFD, 100);
    std::string list = run(actor({"descriptors"}), {.attributes = keep}).stdout_text;
    ::close(kept);
    const std::string without = run(actor({"descriptors"}), {.attributes = keep}).stdout_text;
    answer["kept"] = list.erase(list.find("100 "), 4) == without;
    answer["dying"] =
        child_process(shell("exit 4"), {.attributes = {.die_with_parent = true}}).wait().exit_code;
    child_process sleep({"sleep", "1000"}, {.grace = 0ms});
    answer["child"] = program_of(sleep.pid());
    const std::int64_t pid = skyutil::run_detached({"sleep", "1000"}, directory / "log");
    answer["detached"] = program_of(pid);
    ::kill(static_cast<pid_t>(pid), SIGKILL);
    answer["children"] = ::waitpid(-1, nullptr, WNOHANG);
    for (int fd = 0; fd != 3; ++fd) {
        ::close(fd);
    }
    answer["closed"] = run(shell("cat; echo err >&2"), {.input = "in"}).stderr_text;
    forbid_system_call(SYS_close_range, ENOSYS);
    answer["one by one"] = run(actor({"descriptors"})).stdout_text;
    return answer;
}

TEST_CASE("a start says the same where a new process has a copy of the memory") {
    const auto start_with = [](bool shared) {
        return run_in_child([&] {
            sharing = shared;
            skyutil::detail::os::memory_is_shared() = false;
            json answer = starts();
            answer["shared"] = skyutil::detail::os::memory_is_shared().load();
            return answer;
        });
    };
    json with = start_with(true);
    json without = start_with(false);
    CHECK(with["shared"] == true);
    CHECK(without["shared"] == false);
    with.erase("shared");
    without.erase("shared");
    CHECK(with == without);
    CHECK(with["failures"] ==
          json{expected_failure(ENOENT, start_step::program, "/no/such/program"),
               expected_failure(ENOENT, start_step::directory, "/no/such"),
               expected_failure(EINVAL, start_step::limits, "true")});
    CHECK(with["descriptors"] == "0 1 2 \n");
    CHECK(with["kept"] == true);
    CHECK(with["one by one"] == "0 1 2 \n");
}
#endif

/// Runs the tests that hold everywhere in this program under another.
void run_everywhere(const command& emulator) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    skip("a sanitizer does not run under " + emulator.words().front());
#else
    std::vector<std::string> words = emulator.words();
    std::error_code error;
    static_cast<void>(run({words.front(), "--version"}, error));
    if (error) {
        skip("no " + words.front() + " here: " + error.message());
    }
    words.push_back(std::filesystem::read_symlink("/proc/self/exe"));
    words.emplace_back("[everywhere]");
    const completed_process result = run(words, {.timeout = 100s, .merge_stderr = true});
    if (result.stdout_text.find("debuginfo reader: ") != std::string::npos) {
        skip(words.front() + " cannot read what this compiler says for debuggers");
    }
    INFO(result.stdout_text);
    CHECK(result.exit_code == 0);
    CHECK_THAT(result.stdout_text, Catch::Matchers::ContainsSubstring("All tests passed"));
#endif
}

TEST_CASE("a start says the same under valgrind") {
    run_everywhere({"valgrind", "-q", "--tool=none", "--vgdb=no"});
}

TEST_CASE("a start says the same under qemu-user") {
#if defined(__x86_64__)
    run_everywhere({"qemu-x86_64-static"});
#elif defined(__aarch64__)
    run_everywhere({"qemu-aarch64-static"});
#else
    skip("no emulator is known for this machine");
#endif
}

}  // namespace
