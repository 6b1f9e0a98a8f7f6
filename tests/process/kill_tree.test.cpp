// SPDX-License-Identifier: MIT
//
// Handles of processes, their children, and ending trees of them. Every test runs in a child that
// adopts what its tree leaves and kills it at the end; every process of a tree ends by itself after
// a minute, also when that child is gone.

#include <skyutil/process.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using nlohmann::json;
using skyutil::kill_report;
using skyutil::kill_tree_options;
using skyutil::process_handle;
using skyutil::detail::identity;
using handles = skyutil::detail::process_handle_access;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// Memory that a test shares with all processes it starts.
struct board {
    std::atomic<int> processes = 0;
    std::array<std::atomic<pid_t>, 1024> pids{};
    std::atomic<int> signals = 0;  ///< counted by handlers
    std::atomic<int> done = 0;     ///< counted by what runs to its end
    std::atomic<bool> go = false;

    void announce() { pids.at(static_cast<std::size_t>(processes++)) = ::getpid(); }
};

board* shared = nullptr;

void count_signal(int /*signal*/) { ++shared->signals; }

template <class Condition>
void await(Condition condition, const char* what) {
    const auto deadline = steady_clock::now() + 20s;
    while (!condition()) {
        if (steady_clock::now() > deadline) {
            throw std::runtime_error(std::string("waited in vain: ") + what);
        }
        std::this_thread::sleep_for(200us);
    }
}

void await_processes(int count) {
    await([&] { return shared->processes >= count; }, "processes");
    await([&] { return shared->pids.at(static_cast<std::size_t>(count - 1)) != 0; }, "their ids");
}

[[noreturn]] void pause_for_ever() {
    for (;;) {
        ::pause();
    }
}

void sleep_for(milliseconds time) {
    for (const auto end = steady_clock::now() + time; steady_clock::now() < end;) {
        std::this_thread::sleep_for((std::min)(milliseconds(10), time));
    }
}

/// Starts a process of a tree. It says that it is there, runs a function and waits to be ended.
template <class Function>
pid_t start(Function function) {
    const pid_t pid = ::fork();
    if (pid == -1) {
        throw_errno("fork");
    }
    if (pid == 0) {
        ::alarm(60);
        ::prctl(PR_SET_PDEATHSIG, 0);
        try {
            if constexpr (std::is_invocable_v<Function, board&>) {
                function(*shared);
            } else {
                shared->announce();
                function();
            }
        } catch (...) {
            ::_exit(99);
        }
        pause_for_ever();
    }
    return pid;
}

pid_t start() {
    return start([] {});
}

void ignore_sigterm() { ::signal(SIGTERM, SIG_IGN); }

bool reap_one(int options) { return ::waitpid(-1, nullptr, options) > 0; }

/// Kills what is below the calling process, without the library: it may be what fails.
int kill_descendants() {
    int found = 0;
    for (bool again = true; again;) {
        again = false;
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            const std::string name = entry.path().filename();
            if (name.find_first_not_of("0123456789") != std::string::npos) {
                continue;
            }
            std::string text;
            try {
                text = read_file(entry.path() / "stat");
            } catch (const std::exception&) {
                continue;
            }
            const auto stat = skyutil::detail::parse_process_stat(text);
            if (stat && stat->parent == static_cast<std::uint64_t>(::getpid())) {
                found += stat->running() ? 1 : 0;
                ::kill(std::stoi(name), SIGKILL);
                while (::waitpid(std::stoi(name), nullptr, 0) == -1 && errno == EINTR) {
                }
                again = true;  // its children are this process's now
            }
        }
    }
    return found;
}

/// Runs a test body in a child to which orphans are given, and in which "left over" is how many
/// processes it left.
template <class Function>
json in_nursery(Function function, std::chrono::seconds patience = 110s) {
    void* const memory =
        ::mmap(nullptr, sizeof(board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw_errno("mmap");
    }
    shared = new (memory) board();
    const auto body = [&]() -> json {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        // Trees are stopped for a moment. Should the shell that started the tests end just then,
        // the kernel would hang up (SIGHUP) the process group of all tests.
        ::setpgid(0, 0);
        struct cleanup {
            ~cleanup() { kill_descendants(); }
        } at_the_end;
        json result = function();
        result["left over"] = kill_descendants();
        return result;
    };
    struct unmap {
        void* memory;
        ~unmap() { ::munmap(memory, sizeof(board)); }
    } at_the_end{memory};
    return run_in_child(body, patience);
}

/// Runs a function in a child of the nursery. That it cannot run is for the nursery to say.
template <class Function>
json run_below(Function function) {
    json answer = run_in_child([&] {
        try {
            return json{{"value", function()}};
        } catch (const cannot_run& skipping) {
            return json{{"skip", skipping.reason}};
        }
    });
    if (answer.contains("skip")) {
        throw cannot_run{answer["skip"].get<std::string>()};
    }
    return std::move(answer["value"]);
}

/// Makes a system call fail for the calling process, for ever, as on an old kernel or under a
/// strict filter.
void forbid(unsigned number, int error) {
    std::array<sock_filter, 4> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    install_filter(program);
}

constexpr unsigned pidfd_send_signal = 424;
constexpr unsigned pidfd_open = 434;

/// The kernels that the library meets.
struct kernel_kind {
    std::string name;
    std::function<void()> enter;
};

const std::vector<kernel_kind> kernels{
    {"with pidfds", [] {}},
    {"without pidfds", [] { forbid(pidfd_open, ENOSYS); }},
    {"where a filter forbids pidfds", [] { forbid(pidfd_open, EPERM); }},
    {"where a filter forbids signals by pidfd", [] { forbid(pidfd_send_signal, EPERM); }},
    {"without signals by pidfd", [] { forbid(pidfd_send_signal, ENOSYS); }},
};

std::vector<std::int64_t> sorted(std::vector<std::int64_t> pids) {
    std::sort(pids.begin(), pids.end());
    return pids;
}

/// How many of all that said they are there run.
int count_alive() {
    int alive = 0;
    for (int i = 0; i < shared->processes; ++i) {
        alive += skyutil::is_process_alive(shared->pids.at(static_cast<std::size_t>(i))) ? 1 : 0;
    }
    return alive;
}

/// Counts; and whether everybody signalled was a process of the tree, once.
json summary(const kill_report& report) {
    const auto known = [](std::int64_t pid) {
        return std::find(shared->pids.begin(), shared->pids.end(), pid) != shared->pids.end();
    };
    auto signalled = sorted(report.signalled);
    const bool once = std::adjacent_find(signalled.begin(), signalled.end()) == signalled.end();
    const bool subset = std::all_of(report.killed.begin(), report.killed.end(), [&](auto pid) {
        return std::binary_search(signalled.begin(), signalled.end(), pid);
    });
    json left = json::array();
    for (const auto& each : report.left) {
        left.push_back({each.pid, each.error.value()});
    }
    return {{"signalled", report.signalled.size()},
            {"killed", report.killed.size()},
            {"left", left},
            {"sound", once && subset && std::all_of(signalled.begin(), signalled.end(), known)},
            {"alive", count_alive()}};
}

json expected(std::size_t signalled, std::size_t killed) {
    return {{"signalled", signalled}, {"killed", killed}, {"left", json::array()},
            {"sound", true},          {"alive", 0},       {"left over", 0}};
}

/// Starts a tree, ends it and says what became of it.
template <class Tree>
json end_tree(int processes, Tree tree, kill_tree_options options) {
    const pid_t root = start(tree);
    await_processes(processes);
    return summary(skyutil::kill_process_tree(root, options));
}

template <class Tree>
json end_tree_in_nursery(int processes, Tree tree, kill_tree_options options) {
    return in_nursery([&] { return end_tree(processes, tree, options); });
}

constexpr kill_tree_options patient{.grace = 20s};
constexpr kill_tree_options impatient{.grace = 100ms};
constexpr kill_tree_options forced{.force = true};

char state_of(std::int64_t pid) {
    try {
        const auto stat = skyutil::detail::parse_process_stat(
            read_file("/proc/" + std::to_string(pid) + "/stat"));
        return stat ? stat->state : '?';
    } catch (const std::exception&) {
        return '?';
    }
}

/// Waits until a child has ended with all its threads, and leaves it a zombie.
void await_zombie(pid_t child) {
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) == -1) {
        if (errno != EINTR) {
            throw_errno("waitid");
        }
    }
}

std::int64_t process_that_was() {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::_exit(0);
    }
    ::waitpid(pid, nullptr, 0);
    return pid;
}

const std::vector<std::int64_t> impossible_pids{
    0,
    -1,
    std::numeric_limits<int>::min(),
    std::int64_t{std::numeric_limits<int>::max()} + 1,
    std::numeric_limits<std::int64_t>::min(),
    std::numeric_limits<std::int64_t>::max(),
    std::int64_t{1} << 32,
    (std::int64_t{1} << 32) | 1,
    (std::int64_t{1} << 32) - 1,
};

}  // namespace

// ------------------------------------------------------------------------------------------------
// handles

TEST_CASE("a handle tells whether its process is alive, waits for it and signals it") {
    for (const kernel_kind& kernel : kernels) {
        CAPTURE(kernel.name);
        const json answer = in_nursery([&] {
            kernel.enter();
            const pid_t pid = start([] { ::signal(SIGUSR1, count_signal); });
            await_processes(1);
            const process_handle handle = process_handle::open(pid);
            json result = {{"pid", handle.pid() == pid}, {"alive", handle.alive()}};
            result["ended at once"] = handle.wait(0s);
            result["ended in a while"] = handle.wait(20ms);
            handle.signal(0);
            // The handler may not be there yet: then the signal ends the process.
            await([&] { return state_of(pid) == 'S'; }, "the process sleeps");
            handle.signal(SIGUSR1);
            await([] { return shared->signals == 1; }, "the signal");
            handle.signal(SIGKILL);
            result["ended"] = {handle.wait(20s), handle.wait(0s), handle.alive()};
            ::waitpid(pid, nullptr, 0);
            std::error_code error;
            handle.signal(SIGKILL, error);
            result["reaped"] = {handle.alive(), handle.wait(-1s), handle.terminate(1s),
                                error == std::errc::no_such_process, handle.pid() == pid};
            return result;
        });
        CHECK(answer == json{{"pid", true},
                             {"alive", true},
                             {"ended at once", false},
                             {"ended in a while", false},
                             {"ended", {true, true, false}},
                             {"reaped", {false, true, true, true, true}},
                             {"left over", 0}});
    }
}

TEST_CASE("what is no process cannot be opened") {
    for (const kernel_kind& kernel : kernels) {
        CAPTURE(kernel.name);
        const json answer = in_nursery([&] {
            kernel.enter();
            std::vector<std::int64_t> ids = impossible_pids;
            ids.push_back(process_that_was());
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
            ids.push_back(id);
            json opened = json::array();
            for (const std::int64_t pid : ids) {
                std::error_code error;
                const process_handle handle = process_handle::open(pid, error);
                bool thrown = false;
                try {
                    static_cast<void>(process_handle::open(pid));
                } catch (const std::system_error& exception) {
                    thrown = exception.code() == std::errc::no_such_process &&
                             std::string(exception.what()).find(std::to_string(pid)) !=
                                 std::string::npos;
                }
                if (error != std::errc::no_such_process || !thrown || handle.pid() != 0 ||
                    handle.alive()) {
                    opened.push_back(pid);
                }
            }
            asked = true;
            thread.join();
            return json{{"opened", opened}};
        });
        CHECK(answer == json{{"opened", json::array()}, {"left over", 0}});
    }
}

TEST_CASE("a zombie can be opened and is not alive") {
    for (const kernel_kind& kernel : kernels) {
        CAPTURE(kernel.name);
        const json answer = in_nursery([&] {
            kernel.enter();
            const pid_t pid = start([] { ::_exit(0); });
            await_zombie(pid);
            const process_handle handle = process_handle::open(pid);
            const kill_report report = skyutil::terminate_process(pid, 1s);
            return json{{"alive", handle.alive()},
                        {"ended", handle.wait(0s)},
                        {"report", report.signalled.empty() && report.left.empty()}};
        });
        CHECK(answer ==
              json{{"alive", false}, {"ended", true}, {"report", true}, {"left over", 0}});
    }
}

TEST_CASE("a process whose first thread has ended is alive until the last has") {
    for (const kernel_kind& kernel : kernels) {
        CAPTURE(kernel.name);
        const json answer = in_nursery([&] {
            kernel.enter();
            const pid_t pid = start([] {
                std::thread(pause_for_ever).detach();
                ::syscall(SYS_exit, 0);
            });
            await([&] { return state_of(pid) == 'Z'; }, "the first thread");
            const process_handle handle = process_handle::open(pid);
            json result = {{"alive", {handle.alive(), !handle.wait(0s)}}};
            result["terminated"] = {handle.terminate(20s), handle.alive()};
            return result;
        });
        CHECK(answer ==
              json{{"alive", {true, true}}, {"terminated", {true, false}}, {"left over", 0}});
    }
}

TEST_CASE("a handle waits for a process that is no child, also for ever") {
    for (const kernel_kind& kernel : kernels) {
        CAPTURE(kernel.name);
        const json answer = in_nursery([&] {
            kernel.enter();
            ::prctl(PR_SET_CHILD_SUBREAPER, 0);
            const pid_t middle = start([] {
                start([] {
                    await([] { return shared->go.load(); }, "the word");
                    ::_exit(0);
                });
            });
            await_processes(2);
            const process_handle handle = process_handle::open(shared->pids[1]);
            const bool before = handle.wait(0ns);
            shared->go = true;
            handle.wait();
            const bool after = handle.wait(milliseconds::max()) &&
                               handle.wait(std::chrono::hours::max()) &&
                               handle.wait(std::chrono::duration<double>(1e30)) &&
                               handle.wait(std::chrono::duration<float>(-0.5F));
            ::kill(middle, SIGKILL);
            ::waitpid(middle, nullptr, 0);
            return json{{"before", before}, {"after", after}};
        });
        CHECK(answer == json{{"before", false}, {"after", true}, {"left over", 0}});
    }
}

TEST_CASE("terminate is SIGTERM, and SIGKILL for who does not hear it") {
    for (const kernel_kind& kernel : kernels) {
        CAPTURE(kernel.name);
        const json answer = in_nursery([&] {
            kernel.enter();
            const pid_t polite = start([] { ::signal(SIGTERM, [](int) { ::_exit(7); }); });
            const pid_t deaf = start(ignore_sigterm);
            const pid_t stopped = start([] {
                ::signal(SIGTERM, [](int) { ::_exit(8); });
                ::raise(SIGSTOP);
            });
            await_processes(3);
            await([&] { return state_of(polite) == 'S' && state_of(deaf) == 'S'; }, "sleep");
            await([&] { return state_of(stopped) == 'T'; }, "the stop");
            const auto status_of = [](pid_t pid) {
                int status = 0;
                ::waitpid(pid, &status, 0);
                return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
            };
            json result;
            result["stopped"] = {process_handle::open(stopped).terminate(20s), status_of(stopped)};
            result["polite"] = {process_handle::open(polite).terminate(20s), status_of(polite)};
            const kill_report report = skyutil::terminate_process(deaf, 50ms);
            result["deaf"] = {report.signalled == std::vector<std::int64_t>{deaf},
                              report.killed == report.signalled, report.left.empty(),
                              status_of(deaf)};
            return result;
        });
        CHECK(answer == json{{"stopped", {true, 8}},
                             {"polite", {true, 7}},
                             {"deaf", {true, true, true, -SIGKILL}},
                             {"left over", 0}});
    }
}

TEST_CASE("a handle that is moved keeps its process, and the other has none") {
    const json answer = in_nursery([] {
        const pid_t pid = start();
        const pid_t other = start();
        process_handle first = process_handle::open(pid);
        process_handle second = std::move(first);
        json result = {{"moved", {second.alive(), second.pid() == pid}}};
        std::error_code error;
        // NOLINTNEXTLINE(bugprone-use-after-move)
        first.signal(SIGKILL, error);
        result["from"] = {first.pid(), first.alive(), first.wait(0s),
                          error == std::errc::no_such_process};
        second = process_handle::open(other);
        result["assigned"] = {second.alive(), second.pid() == other};
        static_assert(!std::is_copy_constructible_v<process_handle> &&
                      !std::is_copy_assignable_v<process_handle> &&
                      !std::is_default_constructible_v<process_handle>);
        ::kill(pid, SIGKILL);
        ::kill(other, SIGKILL);
        return result;
    });
    CHECK(answer["moved"] == json{true, true});
    CHECK(answer["from"] == json{0, false, true, true});
    CHECK(answer["assigned"] == json{true, true});
}

TEST_CASE("a signal that is none is an error, and so is one to another user's process") {
    for (const kernel_kind& kernel : kernels) {
        CAPTURE(kernel.name);
        if (::geteuid() != 0) {
            SKYUTIL_SKIP("needs root");
        }
        const json answer = in_nursery([&] {
            const pid_t pid = start();
            await_processes(1);
            json result;
            const json inner = run_below([&] {
                drop_privileges();
                kernel.enter();
                std::error_code error;
                const process_handle handle = process_handle::open(pid);
                handle.signal(SIGKILL, error);
                json found = {{"killed", error == std::errc::operation_not_permitted}};
                static_cast<void>(handle.terminate(1s, error));
                found["terminated"] = error == std::errc::operation_not_permitted;
                const kill_report report = skyutil::terminate_process(pid, 1s);
                found["report"] = {report.signalled.size(), report.left.size(),
                                   report.left.at(0).error == std::errc::operation_not_permitted};
                process_handle::open(::getpid()).signal(4711, error);
                found["none"] = error == std::errc::invalid_argument;
                return found;
            });
            result["inner"] = inner;
            result["alive"] = skyutil::is_process_alive(pid);
            ::kill(pid, SIGKILL);
            return result;
        });
        CHECK(
            answer["inner"] ==
            json{{"killed", true}, {"terminated", true}, {"report", {0, 1, true}}, {"none", true}});
        CHECK(answer["alive"] == true);
    }
}

namespace {

/// fork(2) for a process id of choice.
pid_t fork_as(pid_t pid) {
    struct arguments {
        std::uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls,
            set_tid, set_tid_size, cgroup;
    } with{};
    with.exit_signal = SIGCHLD;
    with.set_tid = reinterpret_cast<std::uint64_t>(&pid);
    with.set_tid_size = 1;
    constexpr long clone3 = 435;
    return static_cast<pid_t>(::syscall(clone3, &with, sizeof with));
}

}  // namespace

TEST_CASE("who gets the id of a process that was is not taken for it, and not signalled") {
    for (const kernel_kind& kernel : kernels) {
        CAPTURE(kernel.name);
        const json answer = in_nursery([&] {
            kernel.enter();
            const pid_t pid = start(ignore_sigterm);
            await_processes(1);
            std::error_code error;
            const process_handle handle = process_handle::open(pid);
            const process_handle by_time = handles::open(pid, identity::start_time, error);
            json result = {{"before", {handle.alive(), by_time.alive()}}, {"after", json::array()}};
            ::kill(pid, SIGKILL);
            ::waitpid(pid, nullptr, 0);
            sleep_for(50ms);  // the start time counts hundredths of a second
            const pid_t second = fork_as(pid);
            if (second == -1) {
                throw cannot_run{"cannot choose the id of a process (clone3(2) with set_tid)"};
            }
            if (second == 0) {
                ::alarm(60);
                pause_for_ever();
            }
            for (const process_handle* const each : {&handle, &by_time}) {
                each->signal(SIGKILL, error);
                result["after"].push_back({each->alive(), each->wait(0s), each->terminate(10ms),
                                           error == std::errc::no_such_process});
            }
            result["second"] = {skyutil::is_process_alive(pid), state_of(pid) == 'T'};
            return result;
        });
        CHECK(answer == json{{"before", {true, true}},
                             {"after", {{false, true, true, true}, {false, true, true, true}}},
                             {"second", {true, false}},
                             {"left over", 1}});
    }
}

TEST_CASE("handles leave no descriptor open") {
    const json answer = in_nursery([] {
        const std::size_t before = count_open_descriptors();
        const pid_t pid = start();
        for (const identity means : {identity::best, identity::start_time}) {
            std::error_code error;
            process_handle handle = handles::open(pid, means, error);
            process_handle other = handles::open(pid, means, error);
            other = std::move(handle);
            static_cast<void>(other.alive() && other.wait(0s));
        }
        std::error_code error;
        const bool closed = before == count_open_descriptors();
        const process_handle handle = process_handle::open(pid);
        bool starved = false;
        {
            const no_descriptors scope;
            static_cast<void>(process_handle::open(pid, error));
            starved = error == std::errc::too_many_files_open && !handle.alive(error) &&
                      error == std::errc::too_many_files_open;
        }
        ::kill(pid, SIGKILL);
        return json{{"closed", closed}, {"starved", starved}};
    });
    CHECK(answer["closed"] == true);
    CHECK(answer["starved"] == true);
}

// ------------------------------------------------------------------------------------------------
// children

TEST_CASE("child_processes lists children, and with true or kinship::descendants all below") {
    const json answer = in_nursery([] {
        const pid_t root = start([] {
            start([] { start(); });
            // One that a thread starts is a child as well.
            std::thread([] { start(); }).join();
        });
        await_processes(4);
        std::vector<std::int64_t> children;
        std::vector<std::int64_t> all;
        for (int i = 1; i < 4; ++i) {
            const pid_t pid = shared->pids.at(static_cast<std::size_t>(i));
            const auto stat = skyutil::detail::parse_process_stat(
                read_file("/proc/" + std::to_string(pid) + "/stat"));
            all.push_back(pid);
            if (stat && stat->parent == static_cast<std::uint64_t>(root)) {
                children.push_back(pid);
            }
        }
        using skyutil::child_processes, skyutil::kinship;
        std::error_code error = std::make_error_code(std::errc::io_error);
        const auto found = child_processes(root, true);
        json result = {
            {"children", {children.size(), sorted(child_processes(root)) == sorted(children)}},
            {"all", sorted(found) == sorted(all)},
            {"parents first",
             std::is_permutation(found.begin(), found.begin() + 2, children.begin())},
            {"forms", child_processes(root, false) == child_processes(root) &&
                          child_processes(root, kinship::children) == child_processes(root) &&
                          child_processes(root, kinship::descendants) == found &&
                          child_processes(root, true, error) == found &&
                          child_processes(root, kinship::descendants, error) == found &&
                          child_processes(root, error) == child_processes(root) && !error},
            {"own", child_processes(::getpid()) == std::vector<std::int64_t>{root}}};
        const auto tree = skyutil::process_tree(root);
        result["tree"] = tree.size() == 4 && tree.front().pid == root &&
                         tree.front().parent == ::getpid() && tree.front().alive &&
                         std::equal(found.begin(), found.end(), tree.begin() + 1,
                                    [](auto pid, const auto& info) { return pid == info.pid; });
        return result;
    });
    CHECK(answer == json{{"children", {2, true}},
                         {"all", true},
                         {"parents first", true},
                         {"forms", true},
                         {"own", true},
                         {"tree", true},
                         {"left over", 4}});
}

TEST_CASE("a zombie is a child, and has a name") {
    const json answer = in_nursery([] {
        const pid_t pid = start([] {
            ::prctl(PR_SET_NAME, "a) Z 1\n (b");
            ::_exit(0);
        });
        await_zombie(pid);
        const auto tree = skyutil::process_tree(::getpid());
        return json{{"children", skyutil::child_processes(::getpid())},
                    {"pid", pid},
                    {"tree", {tree.size(), tree.back().name, tree.back().alive}}};
    });
    CHECK(answer["children"] == json::array({answer["pid"]}));
    CHECK(answer["tree"] == json{2, "a) Z 1\n (b", false});
}

TEST_CASE("what is no process has no children, and cannot be ended") {
    const json answer = in_nursery([] {
        ::setpgid(0, 0);
        for (int signal = 1; signal < NSIG; ++signal) {
            ::signal(signal, count_signal);
        }
        ::signal(SIGCHLD, SIG_DFL);
        const pid_t bystander = start();
        await_processes(1);
        std::vector<std::int64_t> ids = impossible_pids;
        ids.push_back(process_that_was());
        ids.push_back(-::getpgrp());
        ids.push_back(-bystander);
        json wrong = json::array();
        for (const std::int64_t pid : ids) {
            std::error_code errors[4];
            static_cast<void>(skyutil::child_processes(pid, true, errors[0]));
            static_cast<void>(skyutil::kill_process_tree(pid, impatient, errors[1]));
            static_cast<void>(skyutil::kill_process_tree(pid, forced, errors[2]));
            static_cast<void>(skyutil::terminate_process(pid, 10ms, errors[3]));
            for (const std::error_code& error : errors) {
                if (error != std::errc::no_such_process) {
                    wrong.push_back({pid, error.value()});
                }
            }
        }
        return json{{"wrong", wrong},
                    {"signals", shared->signals.load()},
                    {"bystander", skyutil::is_process_alive(bystander)}};
    });
    CHECK(answer ==
          json{{"wrong", json::array()}, {"signals", 0}, {"bystander", true}, {"left over", 1}});
}

TEST_CASE("process 1 is never signalled, nor is the calling process") {
    const json answer = in_nursery([] {
        drop_privileges();  // the first process is nobody's to kill, should this fail
        std::error_code error;
        json result = json::array();
        const auto refused = [&](const kill_report& report) {
            result.push_back(error == std::errc::operation_not_permitted &&
                             report.signalled.empty() && report.left.empty());
        };
        for (const kill_tree_options& options :
             {kill_tree_options{.force = true}, kill_tree_options{.include_root = false}}) {
            refused(skyutil::kill_process_tree(1, options, error));
        }
        refused(skyutil::terminate_process(1, 0ms, error));
        refused(skyutil::terminate_process(::getpid(), 0ms, error));
        const process_handle self = process_handle::open(::getpid());
        result.push_back(!self.terminate(0ms, error) &&
                         error == std::errc::operation_not_permitted);
        return json{{"refused", result}};
    });
    CHECK(answer["refused"] == json{true, true, true, true, true});
}

// ------------------------------------------------------------------------------------------------
// trees

TEST_CASE("a tree ends with SIGTERM, and with SIGKILL when forced") {
    for (const kernel_kind& kernel : kernels) {
        for (const bool force : {false, true}) {
            CAPTURE(kernel.name, force);
            const json answer = in_nursery([&] {
                kernel.enter();
                return end_tree(7,
                                [] {
                                    for (int i = 0; i < 2; ++i) {
                                        start([] {
                                            start();
                                            start();
                                        });
                                    }
                                },
                                {.grace = 20s, .force = force});
            });
            CHECK(answer == expected(7, force ? 7 : 0));
        }
    }
}

TEST_CASE("who ignores SIGTERM is killed when the grace of all is over") {
    for (const kernel_kind& kernel : kernels) {
        CAPTURE(kernel.name);
        const json answer = in_nursery([&] {
            kernel.enter();
            const auto begin = steady_clock::now();
            json result = end_tree(41,
                                   [] {
                                       ignore_sigterm();
                                       for (int i = 0; i < 40; ++i) {
                                           start();
                                       }
                                   },
                                   {.grace = 500ms});
            result["together"] = steady_clock::now() - begin < 41 * 500ms;
            return result;
        });
        json together = expected(41, 41);
        together["together"] = true;
        CHECK(answer == together);
    }
}

TEST_CASE("only who needs it is killed") {
    const json answer =
        end_tree_in_nursery(3,
                            [] {
                                start(ignore_sigterm);
                                start([] {});
                                await_processes(3);
                                await([] { return state_of(shared->pids[1]) == 'S'; }, "sleep");
                            },
                            {.grace = 1s});
    CHECK(answer["signalled"] == 3);
    CHECK(answer["killed"] == 1);
    CHECK(answer["alive"] == 0);
}

TEST_CASE("stopped processes hear SIGTERM") {
    for (const kernel_kind& kernel : kernels) {
        CAPTURE(kernel.name);
        const json answer = in_nursery([&] {
            kernel.enter();
            const pid_t root = start([] {
                ::signal(SIGTERM, [](int) {
                    ++shared->done;
                    ::_exit(0);
                });
                start([] { ::raise(SIGSTOP); });
                await_processes(2);
                ::raise(SIGSTOP);
            });
            await_processes(2);
            await([&] { return state_of(root) == 'T' && state_of(shared->pids[1]) == 'T'; },
                  "the stop");
            json result = summary(skyutil::kill_process_tree(root, patient));
            result["done"] = shared->done.load();
            return result;
        });
        json both = expected(2, 0);
        both["done"] = 2;
        CHECK(answer == both);
    }
}

namespace {

std::vector<std::int64_t> sent_sigterm;  ///< to whom this process has sent SIGTERM with kill(2)

}  // namespace

// The names are the linker's, for its --wrap.
// NOLINTBEGIN(bugprone-reserved-identifier)
extern "C" {
int __real_kill(pid_t pid, int signal);
int __wrap_kill(pid_t pid, int signal) {
    if (signal == SIGTERM) {
        sent_sigterm.push_back(pid);
    }
    return __real_kill(pid, signal);
}
}
// NOLINTEND(bugprone-reserved-identifier)

TEST_CASE("children are told to end before their parents") {
    const json answer = in_nursery([] {
        forbid(pidfd_open, ENOSYS);  // signals are sent with kill(2)
        json result =
            end_tree(5, [] { start([] { start([] { start([] { start(); }); }); }); }, patient);
        result["in order"] =
            sent_sigterm.size() == 5 && std::equal(sent_sigterm.begin(), sent_sigterm.end(),
                                                   std::reverse_iterator(shared->pids.begin() + 5));
        return result;
    });
    json ordered = expected(5, 0);
    ordered["in order"] = true;
    CHECK(answer == ordered);
}

TEST_CASE("a root that is spared is not stopped, continued or signalled") {
    const json answer = in_nursery([] {
        const pid_t root = start([] {
            start();
            await_processes(2);
            for (const int signal : {SIGCONT, SIGTERM, SIGHUP}) {
                ::signal(signal, count_signal);
            }
            shared->go = true;
        });
        await([&] { return shared->go && state_of(root) == 'S'; }, "sleep");
        json result =
            summary(skyutil::kill_process_tree(root, {.grace = 20s, .include_root = false}));
        result["root"] = {state_of(root), shared->signals.load()};
        return result;
    });
    CHECK(answer["signalled"] == 1);
    CHECK(answer["killed"] == 0);
    CHECK(answer["alive"] == 1);
    CHECK(answer["root"] == json{'S', 0});
}

TEST_CASE("a process group that loses its parent is not hung up") {
    // The kernel sends SIGHUP to a group without a parent in its session when a member is stopped.
    const json answer = in_nursery([] {
        const pid_t root = start([] {
            for (int i = 0; i < 100; ++i) {
                start();  // it takes a while to signal them
            }
            await_processes(101);
            start([] {
                ::setpgid(0, 0);
                ::signal(SIGHUP, count_signal);
                start([] { ::signal(SIGTERM, SIG_DFL); });
                ::signal(SIGTERM, [](int) {
                    for (const auto late = steady_clock::now() + 200ms;
                         steady_clock::now() < late;) {
                    }
                    ::_exit(0);
                });
                await_processes(103);
                shared->go = true;
            });
        });
        await([] { return shared->go && state_of(shared->pids[101]) == 'S'; }, "sleep");
        json result = summary(skyutil::kill_process_tree(root, patient));
        result["hung up"] = shared->signals.load();
        return result;
    });
    json quiet = expected(103, 0);
    quiet["hung up"] = 0;
    CHECK(answer == quiet);
}

TEST_CASE("zombies count as gone") {
    const json answer = in_nursery([] {
        const pid_t root = start([] {
            const pid_t zombie = start([] { ::_exit(0); });
            await_zombie(zombie);
            start();
        });
        await_processes(3);
        return summary(skyutil::kill_process_tree(root, patient));
    });
    CHECK(answer == expected(2, 0));

    const json dead = in_nursery([] {
        const pid_t root = start([] { ::_exit(0); });
        await_zombie(root);
        return summary(skyutil::kill_process_tree(root, patient));
    });
    CHECK(dead == expected(0, 0));
}

TEST_CASE("a member whose first thread has ended is ended") {
    for (const bool force : {false, true}) {
        CAPTURE(force);
        const json answer = in_nursery([&] {
            const pid_t root = start([] {
                start([] {
                    std::thread(pause_for_ever).detach();
                    ::syscall(SYS_exit, 0);
                });
            });
            await_processes(2);
            await([] { return state_of(shared->pids[1]) == 'Z'; }, "the first thread");
            return summary(skyutil::kill_process_tree(root, {.grace = 20s, .force = force}));
        });
        CHECK(answer == expected(2, force ? 2 : 0));
    }
}

namespace {

void chain(int length) {
    if (length > 1) {
        start([=] { chain(length - 1); });
    }
}

}  // namespace

TEST_CASE("a chain of 100 processes is ended") {
    for (const bool force : {false, true}) {
        CAPTURE(force);
        CHECK(end_tree_in_nursery(100, [] { chain(100); }, {.grace = 20s, .force = force}) ==
              expected(100, force ? 100 : 0));
    }
}

namespace {

/// Everybody forks for as long as there are fewer than 200.
void bomb() {
    while (shared->processes < 200) {
        start(bomb);
        sleep_for(1ms);
    }
}

}  // namespace

TEST_CASE("a tree that grows while it is ended is ended") {
    for (const bool force : {false, true}) {
        for (const int begun : {1, 20, 150}) {
            CAPTURE(force, begun);
            const json answer = end_tree_in_nursery(begun, bomb, {.grace = 20s, .force = force});
            CHECK(answer["alive"] == 0);
            CHECK(answer["left"] == json::array());
            CHECK(answer["left over"] == 0);
        }
    }
}

namespace {

/// Makes fork(2) take long: it copies every one of these mappings.
void make_many_mappings() {
    constexpr std::size_t count = 40000;
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* const memory =
        ::mmap(nullptr, count * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw_errno("mmap");
    }
    for (std::size_t i = 0; i < count; i += 2) {
        ::mprotect(static_cast<char*>(memory) + i * page, page, PROT_READ);
    }
}

void stay_on_one_processor() {
    cpu_set_t all;
    CPU_ZERO(&all);
    ::sched_getaffinity(0, sizeof all, &all);
    int last = CPU_SETSIZE - 1;
    while (last > 0 && !CPU_ISSET(last, &all)) {
        --last;
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(last, &one);
    ::sched_setaffinity(0, sizeof one, &one);
}

}  // namespace

TEST_CASE("a child that is born late, as the machine is busy, is ended") {
    const json answer = in_nursery([] {
        const pid_t root = start([] {
            make_many_mappings();
            stay_on_one_processor();
            const sched_param none{};
            ::sched_setscheduler(0, SCHED_IDLE, &none);
            shared->go = true;
            start();
        });
        std::thread busy([] {
            stay_on_one_processor();
            await([] { return shared->go.load(); }, "the root");
            for (const auto end = steady_clock::now() + 500ms; steady_clock::now() < end;) {
            }
        });
        await([] { return shared->go.load(); }, "the root");
        sleep_for(20ms);
        json result = summary(skyutil::kill_process_tree(root, patient));
        busy.join();
        return result;
    });
    CHECK(answer["left"] == json::array());
    CHECK(answer["alive"] == 0);
    CHECK(answer["left over"] == 0);
}

namespace {

/// Each starts the next and ends.
void runner(int hops) {
    if (hops != 0) {
        sleep_for(1ms);
        start([=] { runner(hops - 1); });
        ::_exit(0);
    }
}

}  // namespace

TEST_CASE("a process that runs from parent to parent is caught if its session is the tree's") {
    for (int i = 0; i < 20; ++i) {
        const bool force = i % 2 == 0;
        CAPTURE(force);
        const json answer = end_tree_in_nursery(5,
                                                [] {
                                                    ::setsid();
                                                    start([] { runner(400); });
                                                },
                                                {.grace = 20s, .force = force});
        CHECK(answer["alive"] == 0);
        CHECK(answer["left over"] == 0);
    }
}

TEST_CASE("who made a session of its own is ended, and remembered when it loses its parent") {
    const json answer = end_tree_in_nursery(
        3,
        [] {
            start([] {
                start([] {
                    ::setsid();
                    ignore_sigterm();
                    await([] { return state_of(::getppid()) == 'S'; }, "the parent");
                });
            });
        },
        impatient);
    CHECK(answer["alive"] == 0);
    CHECK(answer["left over"] == 0);
    CHECK(answer["left"] == json::array());
}

TEST_CASE("a daemon that left its parent before is found by its session") {
    const json answer = in_nursery([] {
        const pid_t root = start([] {
            ::setsid();
            const pid_t middle = start([] {
                start();
                await_processes(3);
                ::_exit(0);
            });
            ::waitpid(middle, nullptr, 0);
            shared->go = true;
        });
        await([] { return shared->go.load(); }, "the daemon");
        return summary(skyutil::kill_process_tree(root, patient));
    });
    CHECK(answer == expected(2, 0));
}

TEST_CASE("a daemon in the group of the tree is found, siblings in a pipeline and theirs are not") {
    const json answer = in_nursery([] {
        // The nursery adopts; a shell below it starts a pipeline of two, the first of which leads
        // the group.
        const pid_t shell = start([] {
            const pid_t first = start([] {
                ::setpgid(0, 0);
                const pid_t middle = start([] {
                    start();
                    await_processes(4);
                    ::_exit(0);
                });
                ::waitpid(middle, nullptr, 0);
                shared->go = true;
            });
            await([] { return shared->go.load(); }, "the daemon");
            shared->signals = first;
        });
        await([] { return shared->signals != 0; }, "the pipeline");
        json result = summary(skyutil::kill_process_tree(shared->signals, patient));
        result["shell"] = skyutil::is_process_alive(shell);
        return result;
    });
    CHECK(answer["signalled"] == 2);
    CHECK(answer["alive"] == 1);
    CHECK(answer["shell"] == true);

    const json pipeline = in_nursery([] {
        start([] {
            const pid_t first = start([] { ::setpgid(0, 0); });
            await_processes(2);
            await([&] { return ::getpgid(first) == first; }, "the group");
            start([=] {
                ::setpgid(0, first);
                const pid_t middle = start([] {
                    start();
                    await_processes(5);
                    ::_exit(0);
                });
                ::waitpid(middle, nullptr, 0);
                shared->signals = first;
            });
        });
        await([] { return shared->signals != 0; }, "the pipeline");
        return summary(skyutil::kill_process_tree(shared->signals, patient));
    });
    CHECK(pipeline["signalled"] == 1);
    CHECK(pipeline["alive"] == 3);
}

TEST_CASE("a dead root's session is ended as long as the root is not reaped") {
    const json answer = in_nursery([] {
        const pid_t root = start([] {
            ::setsid();
            start();
            start();
            await_processes(3);
            ::_exit(0);
        });
        await_zombie(root);
        return summary(skyutil::kill_process_tree(root, patient));
    });
    CHECK(answer == expected(2, 0));
}

TEST_CASE("children born of SIGTERM are ended, when their parents are gone at last") {
    const json ignoring = end_tree_in_nursery(1,
                                              [] {
                                                  ::signal(SIGTERM, [](int) {});
                                                  ::pause();
                                                  for (int i = 0; i < 5; ++i) {
                                                      start(ignore_sigterm);
                                                  }
                                              },
                                              {.grace = 1s});
    CHECK(ignoring["alive"] == 0);
    CHECK(ignoring["left over"] == 0);

    const json leaving = in_nursery([] {
        const pid_t root = start([] {
            ::signal(SIGTERM, [](int) {});
            shared->go = true;
            ::pause();
            start([] {
                ::signal(SIGTERM, [](int) {
                    ++shared->done;
                    ::_exit(0);
                });
            });
            sleep_for(1500ms);
            ::_exit(0);
        });
        await([&] { return shared->go && state_of(root) == 'S'; }, "sleep");
        json result = summary(skyutil::kill_process_tree(root, patient));
        result["done"] = shared->done.load();
        return result;
    });
    json asked = expected(2, 0);
    asked["done"] = 1;
    CHECK(leaving == asked);
}

TEST_CASE("what a process starts to clean up is not disturbed while the process lives") {
    const json answer = in_nursery([] {
        const pid_t root = start([] {
            ::signal(SIGTERM, [](int) {});
            shared->go = true;
            ::pause();
            const pid_t cleaner = start([] {
                sleep_for(500ms);
                ++shared->done;
                ::_exit(0);
            });
            int status = 0;
            ::waitpid(cleaner, &status, 0);
            shared->signals = WIFEXITED(status) ? 1 : 2;
            ::_exit(0);
        });
        await([&] { return shared->go && state_of(root) == 'S'; }, "sleep");
        json result = summary(skyutil::kill_process_tree(root, patient));
        result["done"] = {shared->done.load(), shared->signals.load()};
        return result;
    });
    json cleaned = expected(1, 0);
    cleaned["done"] = {1, 1};
    CHECK(answer == cleaned);
}

TEST_CASE("a supervisor does not see its workers end before it has its own signal") {
    const json answer = end_tree_in_nursery(
        11,
        [] {
            static std::atomic<bool> told;
            told = false;
            ::signal(SIGTERM, [](int) { told = true; });
            for (int i = 0; i < 10; ++i) {
                start([] { ::signal(SIGTERM, SIG_DFL); });
            }
            while (!told) {
                if (reap_one(WNOHANG) && !told) {
                    start([] { ::signal(SIGTERM, SIG_DFL); });
                }
                sleep_for(1ms);
            }
            ::_exit(0);
        },
        patient);
    CHECK(answer == expected(11, 0));
}

TEST_CASE("a root that is spared and starts workers anew does not hold up the end") {
    const json answer = in_nursery([] {
        const pid_t root = start([] {
            start();
            while (shared->processes < 40) {
                if (reap_one(0)) {
                    start();
                }
            }
            while (reap_one(0)) {
            }
        });
        await_processes(2);
        json result =
            summary(skyutil::kill_process_tree(root, {.grace = 20s, .include_root = false}));
        result["root"] = skyutil::is_process_alive(root);
        return result;
    });
    CHECK(answer["root"] == true);  // and whoever it started after the last look
    CHECK(answer["left"] == json::array());
    CHECK(answer["signalled"] >= 1);
}

TEST_CASE("kill_children_processes ends what the calling process started, and only that") {
    const json answer = in_nursery([] {
        const pid_t brother = start();
        await_processes(1);
        const json inner = run_below([] {
            start([] { start(); });
            start(ignore_sigterm);
            await_processes(4);
            const auto report = skyutil::kill_children_processes({.grace = 1s});
            return summary(report);
        });
        return json{{"inner", inner}, {"brother", skyutil::is_process_alive(brother)}};
    });
    CHECK(answer["inner"]["signalled"] == 3);
    CHECK(answer["inner"]["alive"] == 1);
    CHECK(answer["inner"]["left"] == json::array());
    CHECK(answer["brother"] == true);
    CHECK(answer["left over"] == 1);
}

TEST_CASE("the calling process is left when the tree is its own or one above it") {
    const json own = in_nursery([] {
        start();
        start();
        await_processes(2);
        const auto report = skyutil::kill_process_tree(::getpid(), forced);
        json result = summary(report);
        result["self"] = report.left.size() == 1 && report.left[0].pid == ::getpid() &&
                         report.left[0].error == std::errc::operation_not_permitted;
        return result;
    });
    CHECK(own["signalled"] == 2);
    CHECK(own["self"] == true);
    CHECK(own["left over"] == 0);

    const json above = in_nursery([] {
        const pid_t root = start([] {
            start([] {
                start();
                await_processes(3);
                const auto report = skyutil::kill_process_tree(::getppid(), patient);
                shared->done = static_cast<int>(report.signalled.size());
                shared->signals = report.left.size() == 1 && report.left[0].pid == ::getpid() &&
                                          report.left[0].error == std::errc::operation_not_permitted
                                      ? 1
                                      : 2;
            });
        });
        await([] { return shared->signals != 0; }, "the report");
        return json{{"done", shared->done.load()},
                    {"self", shared->signals.load()},
                    {"root", skyutil::is_process_alive(root)},
                    {"alive", count_alive()}};
    });
    CHECK(above == json{{"done", 2}, {"self", 1}, {"root", false}, {"alive", 1}, {"left over", 1}});
}

TEST_CASE("another user's process is reported, and what it started is ended all the same") {
    if (::geteuid() != 0) {
        SKYUTIL_SKIP("needs root");
    }
    for (const kernel_kind& kernel : kernels) {
        for (const bool force : {false, true}) {
            CAPTURE(kernel.name, force);
            const json answer = in_nursery([&] {
                const pid_t root = start([] {
                    start([] {  // stays root's
                        start([] {
                            drop_privileges();
                            ::prctl(PR_SET_PDEATHSIG, 0);
                            shared->go = true;
                        });
                    });
                    await([] { return shared->go.load(); }, "the last");
                    drop_privileges();
                    ::prctl(PR_SET_PDEATHSIG, 0);
                    shared->done = 1;
                });
                await([] { return shared->done == 1; }, "the tree");
                json result = run_below([&] {
                    drop_privileges();
                    kernel.enter();
                    return summary(
                        skyutil::kill_process_tree(root, {.grace = 20s, .force = force}));
                });
                result["other"] = shared->pids[1].load();
                return result;
            });
            CHECK(answer["signalled"] == 2);
            CHECK(answer["alive"] == 1);
            CHECK(answer["left"] == json{{answer["other"], EPERM}});
        }
    }
}

TEST_CASE("the start time of a tree's members is enough, without descriptors for all") {
    for (const bool force : {false, true}) {
        CAPTURE(force);
        const json answer = in_nursery([&] {
            const pid_t root = start([] {
                for (int i = 0; i < 60; ++i) {
                    start();
                }
            });
            await_processes(61);
            meet_error_types();
            rlimit limit{};
            ::getrlimit(RLIMIT_NOFILE, &limit);
            const rlim_t few = count_open_descriptors() + 12;
            const rlimit low{few, limit.rlim_max};
            ::setrlimit(RLIMIT_NOFILE, &low);
            const auto report = skyutil::kill_process_tree(root, {.grace = 20s, .force = force});
            ::setrlimit(RLIMIT_NOFILE, &limit);
            return summary(report);
        });
        CHECK(answer == expected(61, force ? 61 : 0));
    }
}

TEST_CASE("without any descriptor nothing is signalled, and that is an error") {
    const json answer = in_nursery([] {
        const pid_t root = start();
        await_processes(1);
        std::error_code errors[4];
        {
            const no_descriptors scope;
            static_cast<void>(skyutil::kill_process_tree(root, forced, errors[0]));
            static_cast<void>(skyutil::child_processes(root, true, errors[1]));
            static_cast<void>(skyutil::process_tree(root, errors[2]));
            static_cast<void>(skyutil::terminate_process(root, 1s, errors[3]));
        }
        return json{{"error", std::all_of(std::begin(errors), std::end(errors),
                                          [](const auto& error) {
                                              return error == std::errc::too_many_files_open;
                                          })},
                    {"alive", skyutil::is_process_alive(root)}};
    });
    CHECK(answer == json{{"error", true}, {"alive", true}, {"left over", 1}});
}

namespace {

void mount_proc(const char* type, const char* options) {
    if (::unshare(CLONE_NEWNS) == -1 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1 ||
        ::mount("none", "/proc", type, 0, options) == -1) {
        throw cannot_run{"cannot mount another /proc"};
    }
}

}  // namespace

TEST_CASE(
    "where /proc shows no processes nothing is signalled but by handle, and that is an error") {
    for (const bool with_pidfd : {true, false}) {
        CAPTURE(with_pidfd);
        const json answer = in_nursery([&] {
            const pid_t pid = start();
            await_processes(1);
            const json inner = run_below([&] {
                mount_proc("tmpfs", nullptr);
                if (!with_pidfd) {
                    forbid(pidfd_open, ENOSYS);
                }
                std::error_code errors[4];
                static_cast<void>(skyutil::kill_process_tree(pid, forced, errors[0]));
                static_cast<void>(skyutil::child_processes(pid, errors[1]));
                static_cast<void>(skyutil::process_tree(pid, errors[2]));
                const process_handle handle = process_handle::open(pid, errors[3]);
                json result = json::array();
                for (const std::error_code& error : errors) {
                    result.push_back(error == std::errc::function_not_supported);
                }
                result.push_back(skyutil::is_process_alive(pid));
                result.push_back(handle.terminate(20s));
                return result;
            });
            return json{{"inner", inner}, {"alive", skyutil::is_process_alive(pid)}};
        });
        CHECK(answer["inner"] == json{true, true, true, !with_pidfd, true, true});
        CHECK(answer["alive"] == !with_pidfd);
    }
}

TEST_CASE("the /proc of another pid namespace is none: its numbers mean others") {
    const json answer = in_nursery([] {
        const pid_t outside = start();
        await_processes(1);
        if (::unshare(CLONE_NEWPID) == -1) {
            throw cannot_run{"cannot make a pid namespace"};
        }
        const json inner = run_below([&] {
            const pid_t inside = start();
            await_processes(2);
            std::error_code error;
            static_cast<void>(skyutil::kill_process_tree(inside, forced, error));
            json result = {{"tree", error == std::errc::function_not_supported}};
            static_cast<void>(skyutil::kill_process_tree(outside, forced, error));
            result["outside"] = static_cast<bool>(error);
            ::kill(inside, SIGKILL);
            siginfo_t info{};
            ::waitid(P_PID, static_cast<id_t>(inside), &info, WEXITED | WNOWAIT);
            result["zombie"] = skyutil::is_process_alive(inside);
            forbid(pidfd_open, ENOSYS);
            // What is said of that number outside is not said of this process.
            result["without pidfd"] = skyutil::is_process_alive(inside);
            static_cast<void>(process_handle::open(inside, error));
            result["handle"] = error == std::errc::function_not_supported;
            return result;
        });
        return json{{"inner", inner}, {"outside", skyutil::is_process_alive(outside)}};
    });
    CHECK(answer["inner"] == json{{"tree", true},
                                  {"outside", true},
                                  {"zombie", false},
                                  {"without pidfd", true},
                                  {"handle", true}});
    CHECK(answer["outside"] == true);
}

TEST_CASE("a tree in a pid namespace of its own is ended, its first process too") {
    for (const bool force : {false, true}) {
        CAPTURE(force);
        const json answer = in_nursery([&] {
            const pid_t root = start([] {
                if (::unshare(CLONE_NEWPID) == -1) {
                    shared->done = 1;
                    return;
                }
                start([] {
                    start();
                    start();
                });
                shared->go = true;
            });
            await([] { return shared->done == 1 || (shared->go && shared->processes == 4); },
                  "the namespace");
            if (shared->done == 1) {
                throw cannot_run{"cannot make a pid namespace"};
            }
            const auto report = skyutil::kill_process_tree(root, {.grace = 500ms, .force = force});
            return json{{"signalled", report.signalled.size()},
                        {"left", report.left.size()},
                        {"root", skyutil::is_process_alive(root)}};
        });
        // The last two may end with their first process, before their turn.
        CHECK(answer["signalled"].get<int>() >= 2);
        CHECK(answer["left"] == 0);
        CHECK(answer["root"] == false);
        CHECK(answer["left over"] == 0);
    }
}

TEST_CASE("what hidepid hides is no tree, and what it shows is") {
    const json answer = in_nursery([] {
        const pid_t other = start();
        await_processes(1);
        return run_below([&] {
            mount_proc("proc", "hidepid=2");
            ::prctl(PR_SET_CHILD_SUBREAPER, 1);
            if (::geteuid() != 0) {
                throw cannot_run{"needs root"};
            }
            drop_privileges();
            std::error_code error;
            static_cast<void>(skyutil::kill_process_tree(other, forced, error));
            json result = {{"hidden", error == std::errc::function_not_supported}};
            static_cast<void>(skyutil::child_processes(other, error));
            result["children"] = error == std::errc::function_not_supported;
            const pid_t own = start([] { start(); });
            await_processes(3);
            const auto report = skyutil::kill_process_tree(own, patient);
            result["own"] = {report.signalled.size(), report.left.size()};
            return result;
        });
    });
    CHECK(answer == json{{"hidden", true}, {"children", true}, {"own", {2, 0}}, {"left over", 1}});
}

TEST_CASE("trees are ended where SIGCHLD is ignored") {
    for (const bool force : {false, true}) {
        CAPTURE(force);
        const json answer = in_nursery([&] {
            ::signal(SIGCHLD, SIG_IGN);
            return end_tree(3, [] { start([] { start(); }); }, {.grace = 20s, .force = force});
        });
        CHECK(answer == expected(3, force ? 3 : 0));
    }
}

TEST_CASE("several threads may end the same tree") {
    const json answer = in_nursery([] {
        const pid_t root = start([] {
            for (int i = 0; i < 20; ++i) {
                start();
            }
        });
        await_processes(21);
        std::atomic<int> left = 0;
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&left, root] {
                std::error_code error;
                const auto report = skyutil::kill_process_tree(root, patient, error);
                left += static_cast<int>(report.left.size());
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        return json{{"left", left.load()}, {"alive", count_alive()}};
    });
    CHECK(answer == json{{"left", 0}, {"alive", 0}, {"left over", 0}});
}

TEST_CASE("a member that gets the id of one that was is ended, and a stranger is not") {
    const json answer = in_nursery([] {
        // A root that catches SIGTERM; its child ends, and the child's id is given to a process
        // that is not of the tree.
        const pid_t root = start([] {
            const pid_t child = start();
            await_processes(2);
            ::signal(SIGTERM, [](int) {});
            shared->signals = child;
            ::pause();
            ::waitpid(child, nullptr, 0);
            shared->go = true;
            for (;;) {
                ::pause();
            }
        });
        await([&] { return shared->signals != 0 && state_of(root) == 'S'; }, "the tree");
        std::atomic<pid_t> stranger = 0;
        std::thread thief([&] {
            await([] { return shared->go.load(); }, "the child's end");
            stranger = fork_as(shared->signals);
            if (stranger == 0) {
                ::alarm(60);
                pause_for_ever();
            }
        });
        const auto report = skyutil::kill_process_tree(root, {.grace = 1s});
        thief.join();
        if (stranger == -1) {
            throw cannot_run{"cannot choose the id of a process (clone3(2) with set_tid)"};
        }
        return json{{"report", {report.signalled.size(), report.killed, report.left.size()}},
                    {"root", root},
                    {"stranger", skyutil::is_process_alive(stranger)},
                    {"stopped", state_of(stranger) == 'T'}};
    });
    CHECK(answer["report"] == json{2, {answer["root"]}, 0});
    CHECK(answer["stranger"] == true);
    CHECK(answer["stopped"] == false);
}

namespace {

/// Makes the calling process the parent of first processes of a pid namespace in which the ids are
/// 300 to 309 as soon as the lower ones have been used.
json in_few_ids(const std::function<json()>& function) {
    utsname system{};
    int major = 0;
    int minor = 0;
    if (::uname(&system) == -1 ||
        std::sscanf(system.release, "%d.%d", &major, &minor) != 2 ||  // NOLINT(cert-err34-c)
        std::pair(major, minor) < std::pair(6, 14)) {
        throw cannot_run{"before Linux 6.14 all pid namespaces have the same pid_max"};
    }
    if (::unshare(CLONE_NEWPID) == -1) {
        throw cannot_run{"cannot make a pid namespace"};
    }
    return run_below([&] {
        mount_proc("proc", nullptr);
        if (!(std::ofstream("/proc/sys/kernel/pid_max") << 310 << std::flush)) {
            throw cannot_run{"cannot change pid_max of a pid namespace"};
        }
        for (pid_t pid = 0; pid < 309;) {
            pid = static_cast<pid_t>(process_that_was());
        }
        return function();
    });
}

}  // namespace

TEST_CASE("a handle does not mean who gets the id next where ids are few") {
    for (const kernel_kind& kernel : kernels) {
        CAPTURE(kernel.name);
        const json answer = in_nursery([&] {
            return in_few_ids([&] {
                kernel.enter();
                const pid_t first = start(ignore_sigterm);
                await_processes(1);
                const process_handle handle = process_handle::open(first);
                ::kill(first, SIGKILL);
                ::waitpid(first, nullptr, 0);
                sleep_for(50ms);  // the start time counts hundredths of a second
                pid_t second = 0;
                for (int i = 0; i != 50 && second != first; ++i) {
                    if (second != 0) {
                        ::kill(second, SIGKILL);
                        ::waitpid(second, nullptr, 0);
                    }
                    second = start();
                    await_processes(i + 2);
                }
                std::error_code error;
                handle.signal(SIGKILL, error);
                return json{{"reused", second == first},
                            {"error", error == std::errc::no_such_process},
                            {"handle", handle.alive()},
                            {"second", skyutil::is_process_alive(second)}};
            });
        });
        CHECK(answer == json{{"reused", true},
                             {"error", true},
                             {"handle", false},
                             {"second", true},
                             {"left over", 0}});
    }
}

TEST_CASE("no stranger is signalled while ten ids go round and trees are ended") {
    const json answer = in_nursery([] {
        return in_few_ids([] {
            // Strangers come and go, and take the ids that the trees' processes had.
            start([](board& all) {
                while (!all.go) {
                    const pid_t stranger = ::fork();
                    if (stranger == 0) {
                        ::usleep(3000);
                        ::_exit(0);
                    }
                    int status = 0;
                    ::waitpid(stranger, &status, 0);
                    all.signals += WIFSIGNALED(status) ? 1 : 0;
                    ++all.done;
                }
            });
            std::size_t left = 0;
            const auto enough = steady_clock::now() + 10s;  // a busy machine does fewer
            for (int round = 0; round != 50 && (round < 5 || steady_clock::now() < enough);
                 ++round) {
                shared->processes = 0;
                const pid_t root = start([] {
                    ::signal(SIGCHLD, SIG_IGN);  // its child's id is free at once
                    ignore_sigterm();
                    start([] { ::signal(SIGTERM, SIG_DFL); });
                });
                await_processes(2);
                left += skyutil::kill_process_tree(root, {.grace = 20ms}).left.size();
                ::waitpid(root, nullptr, 0);
            }
            await([] { return shared->done > 50; }, "strangers");
            shared->go = true;
            return json{{"left", left}, {"signalled", shared->signals.load()}};
        });
    });
    CHECK(answer == json{{"left", 0}, {"signalled", 0}, {"left over", 0}});
}

TEST_CASE("1000 trees leave no process, no zombie of theirs and no descriptor") {
    const json answer = in_nursery(
        [] {
            const std::size_t before = count_open_descriptors();
            int left = 0;
            for (int i = 0; i < 1000; ++i) {
                shared->processes = 0;
                const pid_t root = start([] { start(); });
                while (shared->processes < 2) {
                    std::this_thread::yield();
                }
                const auto report =
                    skyutil::kill_process_tree(root, {.grace = 20s, .force = i % 2 == 0});
                left += static_cast<int>(report.left.size()) + (report.signalled.size() != 2);
                for (int zombies = 0; zombies != 2; ++zombies) {
                    left += ::waitpid(-1, nullptr, WNOHANG) > 0 ? 0 : 1;
                }
            }
            return json{{"left", left},
                        {"zombies", skyutil::child_processes(::getpid()).size()},
                        {"descriptors", count_open_descriptors() - before}};
        },
        100s);
    CHECK(answer == json{{"left", 0}, {"zombies", 0}, {"descriptors", 0}, {"left over", 0}});
}
