// SPDX-License-Identifier: MIT
//
// tests/process/nursery_linux.hpp: trees of processes to end. Every test runs in a child that
// adopts what its tree leaves and kills it at the end; every process of a tree ends by itself after
// a minute, also when that child is gone.

#pragma once

#include <skyutil/process.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support_linux.hpp"

namespace skyutil_tests {

using namespace std::chrono_literals;
using nlohmann::json;
using skyutil::kill_report;
using skyutil::kill_tree_options;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// Memory that a test shares with all processes it starts.
struct board {
    std::atomic<int> processes = 0;
    std::array<std::atomic<pid_t>, 1024> pids{};
    std::atomic<int> signals = 0;  ///< counted by handlers
    std::atomic<int> done = 0;     ///< counted by what runs to its end
    std::atomic<bool> go = false;

    void announce() { pids.at(static_cast<std::size_t>(processes++)) = ::getpid(); }
};

inline board* shared = nullptr;

inline void count_signal(int /*signal*/) { ++shared->signals; }

template <class Condition>
void await(Condition condition, const char* what) {
    const auto deadline = steady_clock::now() + 60s;
    while (!condition()) {
        if (steady_clock::now() > deadline) {
            throw std::runtime_error(std::string("waited in vain: ") + what);
        }
        std::this_thread::sleep_for(200us);
    }
}

inline void await_processes(int count) {
    await([&] { return shared->processes >= count; }, "processes");
    await([&] { return shared->pids.at(static_cast<std::size_t>(count - 1)) != 0; }, "their ids");
}

[[noreturn]] inline void pause_for_ever() {
    for (;;) {
        ::pause();
    }
}

inline void sleep_for(milliseconds time) {
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

inline pid_t start() {
    return start([] {});
}

/// The same, but it says that it is there when the function has returned.
template <class Function>
pid_t start_after(Function function) {
    return start([=](board& all) {
        function();
        all.announce();
    });
}

inline void ignore_sigterm() { ::signal(SIGTERM, SIG_IGN); }

/// Kills what is below the calling process, without the library: it may be what fails.
inline int kill_descendants() {
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
            const auto stat = skyutil::detail::os::sys::parse_process_stat(text);
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

inline constexpr long pidfd_send_signal = 424;
inline constexpr long pidfd_open = 434;

/// The kernels that the library meets.
struct kernel_kind {
    std::string name;
    std::function<void()> enter;
};

inline const std::vector<kernel_kind> kernels{
    {"with pidfds", [] {}},
    {"without pidfds", [] { forbid_system_call(pidfd_open, ENOSYS); }},
    {"where a filter forbids pidfds", [] { forbid_system_call(pidfd_open, EPERM); }},
    {"where a filter forbids signals by pidfd",
     [] { forbid_system_call(pidfd_send_signal, EPERM); }},
    {"without signals by pidfd", [] { forbid_system_call(pidfd_send_signal, ENOSYS); }},
};

inline std::vector<std::int64_t> sorted(std::vector<std::int64_t> pids) {
    std::sort(pids.begin(), pids.end());
    return pids;
}

/// How many of all that said they are there run.
inline int count_alive() {
    int alive = 0;
    for (int i = 0; i < shared->processes; ++i) {
        alive += skyutil::is_process_alive(shared->pids.at(static_cast<std::size_t>(i))) ? 1 : 0;
    }
    return alive;
}

/// Counts; and whether everybody signalled was a process of the tree, once.
inline json summary(const kill_report& report) {
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

inline json expected(std::size_t signalled, std::size_t killed) {
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

inline constexpr kill_tree_options patient{.grace = 20s};
inline constexpr kill_tree_options impatient{.grace = 100ms};
inline constexpr kill_tree_options forced{.force = true};

inline char state_of(std::int64_t pid) {
    try {
        const auto stat = skyutil::detail::os::sys::parse_process_stat(
            read_file("/proc/" + std::to_string(pid) + "/stat"));
        return stat ? stat->state : '?';
    } catch (const std::exception&) {
        return '?';
    }
}

/// Waits until a child has ended with all its threads, and leaves it a zombie.
inline void await_zombie(pid_t child) {
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT) == -1) {
        if (errno != EINTR) {
            throw_errno("waitid");
        }
    }
}

inline std::int64_t process_that_was() {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::_exit(0);
    }
    ::waitpid(pid, nullptr, 0);
    return pid;
}

inline const std::vector<std::int64_t> impossible_pids{
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

inline void mount_proc(const char* type, const char* options) {
    if (::unshare(CLONE_NEWNS) == -1 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1 ||
        ::mount("none", "/proc", type, 0, options) == -1) {
        throw cannot_run{"cannot mount another /proc"};
    }
}

}  // namespace skyutil_tests
