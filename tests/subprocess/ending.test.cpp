// SPDX-License-Identifier: MIT
//
// How children end: whose processes are signalled and what is said of it, whatever the host and the
// machine do meanwhile.

#include <skyutil/process.hpp>
#include <skyutil/subprocess.hpp>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "subprocess/commands.hpp"
#include "support_linux.hpp"
#include "system_calls.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using nlohmann::json;
using skyutil::child_process;
using skyutil::completed_process;
using skyutil::output_stream;
using skyutil::run;
using skyutil::shell;
using std::chrono::steady_clock;

// ------------------------------------------------------------------------------------------------
// what stands between the tests and the system

namespace {

/// The call that fails, and how. Named, as the library makes it: by wrapper or by number.
std::atomic<const char*> failing = nullptr;
std::atomic<int> failing_with = 0;

void make_fail(const char* call, int reason) {
    failing_with = reason;
    failing = call;
}

std::string_view name_of(const system_call& call) {
    if (call.name != "syscall") {
        return call.name;
    }
    switch (call.arguments[0]) {
        case 434:
            return "pidfd_open";
        case 424:
            return "pidfd_send_signal";
        case SYS_waitid:
            return "waitid";
        case SYS_getdents64:
            return "getdents64";
        case SYS_tgkill:
            return "tgkill";
        default:
            return {};
    }
}

}  // namespace

bool skyutil_tests::fails(system_call& call) noexcept {
    const char* const name = failing;
    if (name == nullptr || name_of(call) != name) {
        return false;
    }
    errno = failing_with;
    return true;
}

namespace {

bool kernel_is_at_least(int major, int minor) {
    utsname system{};
    int has_major = 0;
    int has_minor = 0;
    return ::uname(&system) == 0 &&
           std::sscanf(system.release, "%d.%d", &has_major, &has_minor) == 2 &&  // NOLINT
           std::pair(has_major, has_minor) >= std::pair(major, minor);
}

/// A process with that id, which must be free or soon be: it and a child of its own have a session,
/// and wait for ever. By clone3(2), which lets those with privileges choose an id.
void become_stranger(pid_t id) {
    struct {
        std::uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
        std::uint64_t set_tid, set_tid_size, cgroup;
    } wanted{};
    wanted.exit_signal = SIGCHLD;
    wanted.set_tid = reinterpret_cast<std::uint64_t>(&id);
    wanted.set_tid_size = 1;
    constexpr long clone3 = 435;
    long made = -1;
    const bool done = soon([&] {
        made = ::syscall(clone3, &wanted, sizeof wanted, 0L, 0L, 0L, 0L);
        return made != -1 || errno != EEXIST;
    });
    if (made == 0) {
        ::setsid();
        ::fork();
        for (;;) {
            ::pause();
        }
    }
    if (!done || made == -1) {
        throw cannot_run{"cannot choose the id of a process"};
    }
}

/// Whether the process with that id and its child are there, and then they are not.
bool strangers_live(pid_t id) {
    const bool alive = skyutil::is_process_alive(id) && skyutil::child_processes(id).size() == 1 &&
                       skyutil::is_process_alive(skyutil::child_processes(id).front());
    static_cast<void>(skyutil::kill_process_tree(id, {.force = true}));
    return alive;
}

}  // namespace

// ------------------------------------------------------------------------------------------------
// nobody else is hit

TEST_CASE("who gets the id of a command of a pipeline is not ended with the pipeline") {
    const json result = run_in_child([] {
        ::signal(SIGCHLD, SIG_IGN);
        pid_t stranger = 0;
        const auto results =
            skyutil::pipeline({shell("echo $$ >&2"), {"sleep", "1000"}},
                              {.timeout = 300ms,
                               .grace = grace,
                               .on_line = [&](output_stream, std::string_view line) {
                                   stranger = std::stoi(std::string(line));
                                   become_stranger(stranger);
                               }});
        return json{results[1].timed_out, strangers_live(stranger)};
    });
    CHECK(result == json{true, true});
}

TEST_CASE("who gets the id of a child that others have reaped is not taken for it") {
    const json result = run_in_child([] {
        ::signal(SIGCHLD, SIG_IGN);
        std::optional<child_process> child(std::in_place, skyutil::command{"true"});
        const auto id = static_cast<pid_t>(child->pid());
        become_stranger(id);
        const auto handle = child->handle();
        const bool other = !handle.alive();
        const bool ended = !child->running();
        child->terminate(grace);
        child.reset();
        return json{other, ended, strangers_live(id)};
    });
    CHECK(result == json{true, true, true});
}

TEST_CASE("what a child has left behind is ended also where others have reaped the child") {
    if (!kernel_is_at_least(6, 9)) {
        skip("before Linux 6.9 nothing proves whose the processes are");
    }
    const json result = run_in_child([] {
        ::signal(SIGCHLD, SIG_IGN);
        std::optional<child_process> child(
            std::in_place, actor({"orphan"}),
            skyutil::child_options{.stdout_to = skyutil::stdio_mode::pipe});
        char text[32] = {};
        const ssize_t count = ::read(child->stdout_pipe().get(), text, sizeof text - 1);
        child->wait();
        const std::int64_t orphan = count > 0 ? std::stoll(text) : 0;
        const bool before = skyutil::is_process_alive(orphan);
        child.reset();
        return json{before, skyutil::is_process_alive(orphan)};
    });
    CHECK(result == json{true, false});
}

// ------------------------------------------------------------------------------------------------
// without /proc, descriptors, memory

namespace {

/// A command that is told to end, and one that does not hear it.
json ended_runs() {
    const completed_process polite = run_until(1, actor({"goodbye", "10"}), {.grace = patience});
    const auto start = steady_clock::now();
    const completed_process deaf = run_until(1, actor({"deaf"}), {.grace = grace});
    const bool waited = steady_clock::now() - start >= grace;
    return {polite.stopped, polite.exit_code, polite.stdout_text, deaf.stopped,
            deaf.signal,    waited,           has_children()};
}

const json as_it_should_be{true, 3, "ready\ngggggggggg", true, SIGKILL, true, false};

}  // namespace

TEST_CASE("a command is told to end, has its grace and is killed where there is no /proc") {
    const json answer = run_in_child([] {
        hide_proc();
        return ended_runs();
    });
    CHECK(answer == as_it_should_be);
}

TEST_CASE("a command is told to end, has its grace and is killed where /proc cannot be read") {
    for (const char* const call : {"getdents64", "readlinkat", "openat", "lseek"}) {
        CAPTURE(call);
        const json answer = run_in_child([&] {
            make_fail(call, EACCES);
            return ended_runs();
        });
        CHECK(answer == as_it_should_be);
    }
}

TEST_CASE("a command is told to end, has its grace and is killed where no descriptor is left") {
    const json answer = run_in_child([] {
        static_cast<void>(ended_runs());  // sanitizers have seen all types then
        json results = json::array();
        for (const auto& [command, time] :
             {std::pair(actor({"goodbye", "10"}), std::chrono::milliseconds(patience)),
              std::pair(actor({"deaf"}), std::chrono::milliseconds(grace))}) {
            std::optional<no_descriptors> none;
            std::error_code error;
            const completed_process result =
                run_until(1, command, {.grace = time}, error, [&] { none.emplace(); });
            none.reset();
            results.push_back({error.value(), result.stopped, result.exit_code, result.signal});
        }
        results.push_back(has_children());
        return results;
    });
    CHECK(answer == json{{0, true, 3, 0}, {0, true, -1, SIGKILL}, false});
}

TEST_CASE("a timeout is told where there is no /proc") {
    const json result = run_in_child([] {
        hide_proc();
        const completed_process done =
            run({"sleep", "1000"}, {.timeout = 100ms, .grace = patience});
        return json{done.timed_out, done.signal, has_children()};
    });
    CHECK(result == json{true, SIGTERM, false});
}

TEST_CASE("a child is ended with its group where there is no /proc") {
    const json result = run_in_child([] {
        hide_proc();
        const completed_process done = run_until(3, actor({"family", "2"}), {.grace = patience});
        const std::vector<std::int64_t> pids = numbers(done.stdout_text);
        return json{done.stopped, pids.size(), are_gone(pids), has_children()};
    });
    CHECK(result == json{true, 3, true, false});
}

namespace {

/// Ends a family after an action; what is wrong then, or null.
template <class Action>
json end_family_after(Action action) {
    const auto start = steady_clock::now();
    std::error_code error;
    completed_process done;
    try {
        done = run_until(2, actor({"deaf family", "1"}), {.grace = 50ms}, error, action);
    } catch (const std::exception&) {
        error = std::make_error_code(std::errc::not_enough_memory);
    }
    make_fail(nullptr, 0);
    const bool in_time = steady_clock::now() - start < patience;
    const std::vector<std::int64_t> pids = numbers(done.stdout_text);
    if (!in_time || (!error && !done.stopped) || done.ok() || (!error && pids.size() != 2) ||
        !are_gone(pids) || has_children()) {
        return {in_time, error.value(), done.stopped, pids.size(), has_children()};
    }
    return nullptr;
}

}  // namespace

TEST_CASE("whatever call fails when a tree is ended, its end comes and is told") {
    constexpr int reasons[] = {EPERM, EINVAL, ENOSYS, EMFILE, ENOMEM, EAGAIN, EIO, EACCES, EBADF};
    constexpr const char* calls[] = {"pidfd_open", "pidfd_send_signal",
                                     "waitid",     "getdents64",
                                     "tgkill",     "poll",
                                     "ppoll",      "kill",
                                     "read",       "open",
                                     "openat",     "readlinkat",
                                     "lseek"};
    for (const char* const call : calls) {
        const json result = run_in_child(
            [&] {
                json wrong = json::array();
                for (const int reason : reasons) {
                    const json found = end_family_after([&] { make_fail(call, reason); });
                    if (!found.is_null()) {
                        wrong.push_back({reason, found});
                    }
                }
                return wrong;
            },
            110s);
        CAPTURE(call);
        CHECK(result == json::array());
    }
}

TEST_CASE("a tree is ended, and that is told, where no thread can be started") {
    for (const int reason : {EAGAIN, EPERM}) {
        CAPTURE(reason);
        const json result = run_in_child([&] {
            const json wrong =
                end_family_after([&] { forbid_system_call(SYS_clone3, reason); });  // not clone(2)
            if (can_start_a_thread()) {
                throw cannot_run{"threads are not started with clone3(2)"};
            }
            return wrong;
        });
        CHECK(result == nullptr);
    }
}

// ------------------------------------------------------------------------------------------------
// what is an end

TEST_CASE("a child that its own host traces has not ended when it stops") {
    const json result = run_in_child([] {
        child_process child({"sleep", "1000"});
        const auto pid = static_cast<pid_t>(child.pid());
        if (::ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) == -1) {
            throw cannot_run{"cannot trace a child"};
        }
        siginfo_t stop{};
        ::waitid(P_PID, static_cast<id_t>(pid), &stop, WSTOPPED | WNOWAIT);
        const bool running = child.running() && child.running();
        const bool waiting = !child.wait(20ms).has_value();
        // The stop is still there for the tracer.
        const bool told = ::waitpid(pid, nullptr, WNOHANG) == pid;
        ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
        return json{running, waiting, told, child.terminate(grace).signal, has_children()};
    });
    CHECK(result == json{true, true, true, SIGTERM, true});
}

TEST_CASE("a child that is traced until it is killed is waited for until then") {
    const json result = run_in_child([] {
        child_process child({"sleep", "1000"});
        const auto pid = static_cast<pid_t>(child.pid());
        if (::ptrace(PTRACE_ATTACH, pid, nullptr, nullptr) == -1) {
            throw cannot_run{"cannot trace a child"};
        }
        std::thread killer([&] {
            std::this_thread::sleep_for(100ms);
            ::kill(pid, SIGKILL);
        });
        const int signal = child.wait().signal;
        killer.join();
        return json(signal);
    });
    CHECK(result == SIGKILL);
}

TEST_CASE("the exit code of a child is told where SIGCHLD is ignored, if the kernel tells it") {
    const json result = run_in_child([] {
        ::signal(SIGCHLD, SIG_IGN);
        const completed_process done = run(shell("exit 7"));
        child_process child(shell("kill -9 $$"));
        const auto status = child.wait();
        return json{done.exit_code, done.signal, status.exit_code, status.signal};
    });
    const bool tells = kernel_is_at_least(6, 15);
    CHECK(result == (tells ? json{7, 0, -1, SIGKILL} : json{-1, 0, -1, 0}));
}

TEST_CASE("a child that cannot be signalled does not hold up its end") {
    const json result = run_in_child([] {
        if (::geteuid() != 0) {
            throw cannot_run{"only root can make a program that becomes root"};
        }
        const temporary_directory directory;
        const std::filesystem::path program = directory / "privileged";
        std::filesystem::copy_file(SKYUTIL_TEST_ACTOR, program);
        ::chmod(program.c_str(), 04755);
        drop_privileges();
        const auto start = steady_clock::now();
        json answer;
        {
            child_process child(
                {program, "privileged", "30"},
                {.stdout_to = skyutil::stdio_mode::pipe, .stderr_to = skyutil::stdio_mode::null});
            char text[8] = {};
            if (::read(child.stdout_pipe().get(), text, sizeof text) <= 0 || text[0] != 'r') {
                throw cannot_run{"set-user-ID has no effect here"};
            }
            const auto status = child.terminate(grace);
            answer = {status.exit_code, child.running(), child.not_ended().size(),
                      !child.not_ended().empty() &&
                          child.not_ended().front().error == std::errc::operation_not_permitted};
        }
        std::error_code error;
        const completed_process done =
            run({program, "privileged", "30"}, {.timeout = 300ms, .grace = grace}, error);
        answer.push_back(error == std::errc::timed_out);
        answer.push_back(done.timed_out);
        answer.push_back(done.not_ended.size());
        answer.push_back(steady_clock::now() - start < 25s);
        return answer;
    });
    CHECK(result == json{-1, true, 1, true, true, true, 1, true});
}

TEST_CASE("the end of a child that has left nothing costs no look at all processes") {
    const json result = run_in_child([] {
        child_process child({"true"});
        child_process other({"true"}, {.attributes = {.group = skyutil::child_group::new_group}});
        child.wait();
        other.wait();
        filter_system_call(SYS_getdents64, SECCOMP_RET_KILL_PROCESS);
        return json("ready");
    });
    CHECK(result == "ready");
}

TEST_CASE("whoever a child has left in its session is ended, in whatever group") {
    for (const char* const what : {"orphan", "orphan in a group"}) {
        CAPTURE(what);
        std::int64_t orphan = 0;
        {
            child_process child(actor({what}), {.stdout_to = skyutil::stdio_mode::pipe});
            char buffer[32] = {};
            REQUIRE(::read(child.stdout_pipe().get(), buffer, sizeof buffer - 1) > 0);
            orphan = numbers(buffer).at(0);
            child.wait();
            CHECK(skyutil::is_process_alive(orphan));
        }
        CHECK_FALSE(skyutil::is_process_alive(orphan));
    }
}
