// SPDX-License-Identifier: MIT
//
// Processes in any state: whether they exist and are alive.

#include <skyutil/process.hpp>
#include <skyutil/workers.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support_linux.hpp"

using namespace skyutil_tests;
using nlohmann::json;
namespace detail = skyutil::detail;

namespace {

/// A child that runs a function and waits to be killed, which happens at the end of the scope.
class child_process {
public:
    explicit child_process(const std::function<void()>& function) : pid_(::fork()) {
        if (pid_ == -1) {
            throw_errno("fork");
        }
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTERM}) {
                ::signal(signal, SIG_DFL);
            }
            function();
            for (;;) {
                ::pause();
            }
        }
    }
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    ~child_process() { end(); }

    std::int64_t pid() const { return last_pid_; }

    /// Waits until the child is in a state without taking its status away.
    void await(int options) const {
        siginfo_t info{};
        while (::waitid(P_PID, static_cast<id_t>(pid_), &info, options | WNOWAIT) == -1) {
            if (errno != EINTR) {
                throw_errno("waitid");
            }
        }
    }

    /// Kills and reaps the child.
    void end() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            while (::waitpid(pid_, nullptr, 0) == -1 && errno == EINTR) {
            }
            pid_ = 0;
        }
    }

private:
    pid_t pid_;
    std::int64_t last_pid_ = pid_;
};

/// The state of a process in /proc, of its first thread.
char state_in_proc(std::int64_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::size_t end = text.rfind(')');
    return end == std::string::npos || end + 2 >= text.size() ? '?' : text[end + 2];
}

void await_state_in_proc(std::int64_t pid, char state) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (state_in_proc(pid) != state) {
        if (std::chrono::steady_clock::now() > deadline) {
            throw std::runtime_error("process " + std::to_string(pid) + " is still in state " +
                                     state_in_proc(pid));
        }
        std::this_thread::yield();
    }
}

[[noreturn]] void wait_for_ever() {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        ::pause();
    }
}

/// A process in every state there is.
class zoo {
public:
    zoo() {
        stopped_.await(WSTOPPED);
        zombie_.await(WEXITED);
        odd_zombie_.await(WEXITED);
        reaped_.end();
        await_state_in_proc(without_first_thread_.pid(), 'Z');
        ::close(thread_id_pipe_[1]);
        pid_t thread = 0;
        if (::read(thread_id_pipe_[0], &thread, sizeof thread) != sizeof thread) {
            throw std::runtime_error("no id of the thread");
        }
        ::close(thread_id_pipe_[0]);
        pids_["running"] = running_.pid();
        pids_["stopped"] = stopped_.pid();
        pids_["zombie"] = zombie_.pid();
        pids_["reaped"] = reaped_.pid();
        pids_["without its first thread"] = without_first_thread_.pid();
        pids_["with an odd name"] = odd_.pid();
        pids_["zombie with an odd name"] = odd_zombie_.pid();
        pids_["thread"] = thread;
        pids_["the first"] = 1;
        pids_["the tests"] = ::getpid();
    }

    const std::map<std::string, std::int64_t>& pids() const { return pids_; }

private:
    static constexpr auto set_name = [](const char* name) { ::prctl(PR_SET_NAME, name); };

    std::array<int, 2> thread_id_pipe_ = [] {
        std::array<int, 2> ends{};
        if (::pipe(ends.data()) == -1) {
            throw_errno("pipe");
        }
        return ends;
    }();
    child_process running_{[] {}};
    child_process stopped_{[] { ::raise(SIGSTOP); }};
    child_process zombie_{[] { ::_exit(0); }};
    child_process reaped_{[] {}};
    child_process odd_{[] { set_name("a) Z 1\n (b"); }};
    child_process odd_zombie_{[] {
        set_name("a) R 1) S 2");
        ::_exit(0);
    }};
    child_process without_first_thread_{[] {
        std::thread(wait_for_ever).detach();
        ::syscall(SYS_exit, 0);
    }};
    child_process with_threads_{[this] {
        std::thread([this] {
            const auto id = static_cast<pid_t>(::syscall(SYS_gettid));
            static_cast<void>(!::write(thread_id_pipe_[1], &id, sizeof id));
            wait_for_ever();
        }).detach();
    }};
    std::map<std::string, std::int64_t> pids_;
};

/// Name -> [exists, alive].
json answers(const zoo& processes) {
    json result;
    for (const auto& [name, pid] : processes.pids()) {
        result[name] = {skyutil::pid_exists(pid), skyutil::is_process_alive(pid)};
    }
    return result;
}

const json expected_answers = {
    {"running", {true, true}},
    {"stopped", {true, true}},
    {"zombie", {true, false}},
    {"reaped", {false, false}},
    {"without its first thread", {true, true}},
    {"with an odd name", {true, true}},
    {"zombie with an odd name", {true, false}},
    {"thread", {false, false}},
    {"the first", {true, true}},
    {"the tests", {true, true}},
};

void forbid_pidfd(int error) {
    constexpr long pidfd_open = 434;
    forbid_system_call(pidfd_open, error);
    if (::syscall(pidfd_open, ::getpid(), 0) != -1 || errno != error) {
        throw std::runtime_error("the filter does nothing");
    }
}

std::string what_of(const std::exception_ptr& thrown) {
    try {
        if (thrown) {
            std::rethrow_exception(thrown);
        }
    } catch (const std::system_error& exception) {
        return exception.what();
    }
    return {};
}

std::atomic<int> signals_received = 0;

}  // namespace

TEST_CASE("processes in any state exist, and those that run are alive") {
    const zoo processes;
    CHECK(answers(processes) == expected_answers);
}

TEST_CASE("the error_code form gives the same answers and clears the error") {
    const zoo processes;
    for (const auto& [name, pid] : processes.pids()) {
        CAPTURE(name);
        std::error_code error = std::make_error_code(std::errc::io_error);
        CHECK(skyutil::is_process_alive(pid, error) == expected_answers[name][1]);
        CHECK(!error);
    }
}

TEST_CASE("without pidfd_open the answers are the same") {
    const zoo processes;
    for (const int error : {ENOSYS, EPERM, EACCES}) {
        CAPTURE(error);
        const json found = run_in_child([&] {
            forbid_pidfd(error);
            return answers(processes);
        });
        CHECK(found == expected_answers);
    }
}

TEST_CASE("without privileges the answers are the same") {
    const zoo processes;
    const json found = run_in_child([&] {
        drop_privileges();
        return answers(processes);
    });
    CHECK(found == expected_answers);
    const json without_pidfd = run_in_child([&] {
        drop_privileges();
        forbid_pidfd(ENOSYS);
        return answers(processes);
    });
    CHECK(without_pidfd == expected_answers);
}

TEST_CASE("another user's process exists and is alive") {
    const json answer = run_in_child([] {
        drop_privileges();
        if (::kill(1, 0) != -1 || errno != EPERM) {
            throw cannot_run{"process 1 is not another user's"};
        }
        return json{skyutil::pid_exists(1), skyutil::is_process_alive(1)};
    });
    CHECK(answer == json{true, true});
}

TEST_CASE("where /proc does not show processes, one is alive if it exists, or its pidfd says so") {
    const zoo processes;
    const auto hide = [] {
        if (::unshare(CLONE_NEWNS) == -1 ||
            ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1 ||
            ::mount("none", "/proc", "tmpfs", 0, nullptr) == -1) {
            throw cannot_run{"cannot hide /proc"};
        }
        if (std::filesystem::exists("/proc/self")) {
            throw std::runtime_error("/proc is still there");
        }
    };
    const json found = run_in_child([&] {
        hide();
        return answers(processes);
    });
    CHECK(found == expected_answers);

    json expected = expected_answers;
    expected["zombie"] = {true, true};
    expected["zombie with an odd name"] = {true, true};
    const json without_pidfd = run_in_child([&] {
        hide();
        forbid_pidfd(ENOSYS);
        return answers(processes);
    });
    CHECK(without_pidfd == expected);
}

TEST_CASE("a thread of the calling process is no process") {
    std::atomic<pid_t> id = 0;
    std::atomic<bool> asked = false;
    std::thread thread([&] {
        id = static_cast<pid_t>(::syscall(SYS_gettid));
        while (!asked) {
            std::this_thread::yield();
        }
    });
    while (id == 0) {
        std::this_thread::yield();
    }
    const bool exists = skyutil::pid_exists(id);
    const bool alive = skyutil::is_process_alive(id);
    asked = true;
    thread.join();
    CHECK(!exists);
    CHECK(!alive);
}

TEST_CASE("a process is alive from outside until its last thread ends") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    child_process child([&] {
        ::close(ends[1]);
        std::thread([&] {
            char byte = 0;
            static_cast<void>(!::read(ends[0], &byte, 1));  // until the parent closes its end
            ::_exit(0);
        }).detach();
        ::syscall(SYS_exit, 0);
    });
    await_state_in_proc(child.pid(), 'Z');
    CHECK(skyutil::is_process_alive(child.pid()));
    ::close(ends[1]);
    ::close(ends[0]);
    child.await(WEXITED);
    CHECK(!skyutil::is_process_alive(child.pid()));
    CHECK(skyutil::pid_exists(child.pid()));
    child.end();
    CHECK(!skyutil::pid_exists(child.pid()));
}

TEST_CASE("ids that no process can have are none, and nothing is signalled") {
    const std::int64_t own = ::getpid();
    constexpr std::int64_t two_to_32 = std::int64_t{1} << 32;
    const std::vector<std::int64_t> ids{
        0,
        -1,
        -own,
        -::getpgrp(),
        std::numeric_limits<int>::min(),
        std::numeric_limits<int>::max(),
        std::int64_t{std::numeric_limits<int>::max()} + 1,
        std::int64_t{std::numeric_limits<int>::min()} - 1,
        std::numeric_limits<std::int64_t>::min(),
        std::numeric_limits<std::int64_t>::min() + own,
        std::numeric_limits<std::int64_t>::max(),
        two_to_32,
        two_to_32 | own,
        two_to_32 | 1,
        two_to_32 - 1,
        own - two_to_32,
        (std::int64_t{1} << 62) | own,
    };
    const json answer = run_in_child([&] {
        ::setpgid(0, 0);
        for (int signal = 1; signal < NSIG; ++signal) {
            ::signal(signal, [](int) { ++signals_received; });
        }
        json result = json::array();
        for (const std::int64_t id : ids) {
            std::error_code error;
            if (skyutil::pid_exists(id) || skyutil::is_process_alive(id) ||
                skyutil::is_process_alive(id, error) || error) {
                result.push_back(id);
            }
        }
        // The parent's group would be killed by id 0 or -1 in kill(2); the own one is asked about
        // as well.
        if (skyutil::pid_exists(-::getpgrp()) || skyutil::is_process_alive(-::getpgrp())) {
            result.push_back("own group");
        }
        return json{result, signals_received.load()};
    });
    CHECK(answer[0] == json::array());
    CHECK(answer[1] == 0);
}

TEST_CASE("without descriptors left is_process_alive fails instead of guessing") {
    const zoo processes;
    for (const int forbidden : {0, ENOSYS}) {
        CAPTURE(forbidden);
        const json answer = run_in_child([&] {
            if (forbidden != 0) {
                forbid_pidfd(forbidden);
            }
            json result;
            for (const auto& [name, pid] : processes.pids()) {
                bool exists = false;
                std::error_code error;
                std::exception_ptr thrown;
                {
                    const no_descriptors scope;
                    exists = skyutil::pid_exists(pid);
                    static_cast<void>(skyutil::is_process_alive(pid, error));
                    try {
                        static_cast<void>(skyutil::is_process_alive(pid));
                    } catch (...) {
                        thrown = std::current_exception();
                    }
                }
                const std::string message = what_of(thrown);
                const bool named = message.find("skyutil::is_process_alive") != std::string::npos &&
                                   message.find(std::to_string(pid)) != std::string::npos;
                result[name] = {exists, error == std::errc::too_many_files_open, named};
            }
            return result;
        });
        for (const auto& [name, pid] : processes.pids()) {
            CAPTURE(name);
            // The kernel looks for a descriptor before it looks for the process, or after.
            const bool fails =
                name != "reaped" && name != "thread" ? true : answer[name][1].get<bool>();
            CHECK(answer[name] == json{expected_answers[name][0], fails, fails});
        }
    }
}

TEST_CASE("asking about processes leaves no descriptor open") {
    const zoo processes;
    const std::size_t before = count_open_descriptors();
    static_cast<void>(answers(processes));
    CHECK(count_open_descriptors() == before);
}

namespace {

struct stat_case {
    std::string_view text;
    std::optional<char> state;
    std::uint64_t threads = 0;
    bool running = false;
};

constexpr bool holds(const stat_case& c) {
    const auto stat = detail::os::sys::parse_process_stat(c.text);
    return stat ? c.state == stat->state && stat->threads == c.threads &&
                      stat->running() == c.running
                : !c.state;
}

#define FIELDS_4_TO_19 "1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0"

constexpr std::array stat_cases{
    stat_case{"42 (cat) R " FIELDS_4_TO_19 " 1 0 100\n", 'R', 1, true},
    stat_case{"42 (cat) S " FIELDS_4_TO_19 " 3", 'S', 3, true},
    stat_case{"42 (cat) T " FIELDS_4_TO_19 " 1 0", 'T', 1, true},
    stat_case{"42 (cat) Z " FIELDS_4_TO_19 " 1 0", 'Z', 1, false},
    stat_case{"42 (cat) Z " FIELDS_4_TO_19 " 2 0", 'Z', 2, true},
    stat_case{"42 (cat) X " FIELDS_4_TO_19 " 0 0", 'X', 0, false},
    stat_case{"42 (cat) x " FIELDS_4_TO_19 " 0 0", 'x', 0, false},
    stat_case{"42 (a) Z 1) R " FIELDS_4_TO_19 " 1 0", 'R', 1, true},
    stat_case{"42 (a b) c (d) Z " FIELDS_4_TO_19 " 1 0", 'Z', 1, false},
    stat_case{"42 (\n) S 1\n) Z " FIELDS_4_TO_19 " 1 0", 'Z', 1, false},
    stat_case{"42 () S " FIELDS_4_TO_19 " 1", 'S', 1, true},
    stat_case{"42 (cat) R " FIELDS_4_TO_19, std::nullopt},
    stat_case{"42 (cat) R " FIELDS_4_TO_19 " many", std::nullopt},
    stat_case{"42 (cat) RR " FIELDS_4_TO_19 " 1", std::nullopt},
    stat_case{"42 (cat) ", std::nullopt},
    stat_case{"42 (cat)", std::nullopt},
    stat_case{"42 cat R 1", std::nullopt},
    stat_case{")", std::nullopt},
    stat_case{"", std::nullopt},
};

}  // namespace

TEST_CASE("the state in /proc is what follows the last parenthesis of the name") {
    STATIC_REQUIRE(
        std::all_of(stat_cases.begin(), stat_cases.end(), [](const auto& c) { return holds(c); }));
    for (const stat_case& each : stat_cases) {
        CAPTURE(each.text);
        CHECK(holds(each));
    }
}
