// SPDX-License-Identifier: MIT
//
// Processes beside their floors: the system calls that an answer takes, and for trees a reading of
// /proc, the signals, and the wait until all are gone.
//
// Ids vary: of the calling process, of sleeping ones, of zombies and of none. Trees are a root and
// its children, in a process group of their own; making and reaping them is not measured.

#include "rivals/process.hpp"

#include <skyutil/process.hpp>

#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

/// Processes that sleep, zombies, and ids of none.
class many_processes {
public:
    many_processes() {
        for (int i = 0; i < 16; ++i) {
            const pid_t pid = ::fork();
            if (pid == 0) {
                i % 4 == 0 ? ::_exit(0) : rivals::sleep_until_killed();
            }
            ids_.push_back(pid);
            ids_.push_back(i % 2 == 0 ? ::getpid() : (1 << 22) + i);
        }
    }
    many_processes(const many_processes&) = delete;
    many_processes& operator=(const many_processes&) = delete;
    ~many_processes() {
        for (const std::int64_t pid : ids_) {
            if (pid != ::getpid() && ::kill(static_cast<pid_t>(pid), SIGKILL) == 0) {
                ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
            }
        }
    }

    [[nodiscard]] std::int64_t next() noexcept { return ids_[++at_ % ids_.size()]; }

private:
    std::vector<std::int64_t> ids_;
    std::size_t at_ = 0;
};

template <class Call>
void repeat(benchmark::State& state, Call call) {
    many_processes processes;
    for (auto _ : state) {
        benchmark::DoNotOptimize(call(processes.next()));
    }
}

// ------------------------------------------------------------------------------------------------
// one process

void exists(benchmark::State& state) {
    repeat(state, [](std::int64_t pid) { return skyutil::pid_exists(pid); });
}
BENCHMARK(exists);

void exists_floor_kill(benchmark::State& state) {
    repeat(state, [](std::int64_t pid) { return ::kill(static_cast<pid_t>(pid), 0); });
}
BENCHMARK(exists_floor_kill);

void alive(benchmark::State& state) {
    repeat(state, [](std::int64_t pid) { return skyutil::is_process_alive(pid); });
}
BENCHMARK(alive);

void alive_floor_pidfd_open_poll_close(benchmark::State& state) {
    repeat(state, [](std::int64_t pid) { return rivals::alive_by_pidfd(static_cast<pid_t>(pid)); });
}
BENCHMARK(alive_floor_pidfd_open_poll_close);

void handle_alive(benchmark::State& state) {
    const auto handle = skyutil::process_handle::open(::getppid());
    for (auto _ : state) {
        benchmark::DoNotOptimize(handle.alive());
    }
}
BENCHMARK(handle_alive);

void handle_alive_floor_poll(benchmark::State& state) {
    const auto fd = static_cast<int>(::syscall(rivals::pidfd_open, ::getppid(), 0));
    for (auto _ : state) {
        pollfd entry{fd, POLLIN, 0};
        benchmark::DoNotOptimize(::poll(&entry, 1, 0));
    }
    ::close(fd);
}
BENCHMARK(handle_alive_floor_poll);

// ------------------------------------------------------------------------------------------------
// trees

/// A root with children; the calling process reaps them.
class tree {
public:
    explicit tree(int children) {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        std::array<int, 2> ends{};
        if (::pipe(ends.data()) == -1) {
            std::abort();
        }
        root_ = ::fork();
        if (root_ == 0) {
            ::setpgid(0, 0);
            for (int i = 0; i < children; ++i) {
                if (::fork() == 0) {
                    rivals::sleep_until_killed();
                }
            }
            static_cast<void>(!::write(ends[1], "", 1));
            rivals::sleep_until_killed();
        }
        char byte = 0;
        static_cast<void>(!::read(ends[0], &byte, 1));
        ::close(ends[0]);
        ::close(ends[1]);
        ::usleep(static_cast<useconds_t>(20000 + 50 * children));  // until all sleep
    }
    tree(const tree&) = delete;
    tree& operator=(const tree&) = delete;
    ~tree() {
        ::kill(-root_, SIGKILL);
        while (::waitpid(-root_, nullptr, 0) > 0) {
        }
    }

    [[nodiscard]] pid_t root() const noexcept { return root_; }

private:
    pid_t root_;
};

void allow_descriptors() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

template <class Kill>
void end_trees(benchmark::State& state, Kill kill) {
    allow_descriptors();
    for (auto _ : state) {
        const tree processes(static_cast<int>(state.range(0)));
        const auto begin = std::chrono::steady_clock::now();
        kill(processes.root());
        state.SetIterationTime(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
}

void tree_killed(benchmark::State& state) {
    end_trees(state, [](pid_t root) {
        benchmark::DoNotOptimize(skyutil::kill_process_tree(root, {.force = true}));
    });
}

void tree_terminated(benchmark::State& state) {
    end_trees(state,
              [](pid_t root) { benchmark::DoNotOptimize(skyutil::kill_process_tree(root)); });
}

void tree_floor_scan_and_signals(benchmark::State& state) {
    end_trees(state, rivals::kill_by_scan_and_signals);
}

/// A control group (version 2) for trees; without a name where there is none to be had.
class own_group {
public:
    own_group() {
        std::ifstream mounts("/proc/self/mounts");
        for (std::string device, point, type, rest;
             mounts >> device >> point >> type && std::getline(mounts, rest);) {
            const std::string path = point + "/skyutil-bench-" + std::to_string(::getpid());
            if (type == "cgroup2" && ::mkdir(path.c_str(), 0700) == 0) {
                path_ = path;
                home_ = point;
                break;
            }
        }
        // Where it was, as the last line of the file says for version 2.
        std::ifstream groups("/proc/self/cgroup");
        for (std::string line; std::getline(groups, line);) {
            if (line.starts_with("0::")) {
                home_ += line.substr(3);
            }
        }
    }
    own_group(const own_group&) = delete;
    own_group& operator=(const own_group&) = delete;
    ~own_group() {
        if (!path_.empty()) {
            ::rmdir(path_.c_str());
        }
    }

    /// Whether what is in it can be killed at once: Linux 5.14, and permission to move there.
    [[nodiscard]] bool usable() const {
        return !path_.empty() && ::access((path_ + "/cgroup.kill").c_str(), W_OK) == 0 && enter() &&
               leave();
    }
    [[nodiscard]] bool enter() const { return write(path_ + "/cgroup.procs", "0"); }
    [[nodiscard]] bool leave() const { return write(home_ + "/cgroup.procs", "0"); }

    void kill_and_wait() const {
        const int events = ::open((path_ + "/cgroup.events").c_str(), O_RDONLY | O_CLOEXEC);
        static_cast<void>(write(path_ + "/cgroup.kill", "1"));
        std::array<char, 256> text{};
        while (::pread(events, text.data(), text.size() - 1, 0) > 0 &&
               std::string_view(text.data()).find("populated 1") != std::string_view::npos) {
            pollfd entry{events, POLLPRI, 0};
            ::poll(&entry, 1, 1000);
        }
        ::close(events);
    }

private:
    static bool write(const std::string& path, std::string_view text) {
        const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
        const bool written =
            ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
        ::close(fd);
        return written;
    }

    std::string path_;
    std::string home_;
};

void tree_cgroup_kill_and_wait_for_all(benchmark::State& state) {
    const own_group group;
    if (!group.usable()) {
        state.SkipWithError("no control group of version 2 that may be written to");
        return;
    }
    for (auto _ : state) {
        const bool entered = group.enter();
        const tree processes(static_cast<int>(state.range(0)));
        if (!entered || !group.leave()) {
            state.SkipWithError("cannot move between control groups");
            return;
        }
        const auto begin = std::chrono::steady_clock::now();
        group.kill_and_wait();
        state.SetIterationTime(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    }
}

void tree_killpg_and_wait_for_all(benchmark::State& state) {
    end_trees(state, [](pid_t root) {
        ::kill(-root, SIGKILL);
        siginfo_t info{};
        // All are children of this process by then.
        while (::waitid(P_PGID, static_cast<id_t>(root), &info, WEXITED) == 0) {
        }
    });
}

void arguments(benchmark::internal::Benchmark* benchmark) {
    for (const int children : {0, 10, 1000}) {
        benchmark->Arg(children);
    }
    benchmark->UseManualTime()->Unit(benchmark::kMicrosecond)->Iterations(15);
}
BENCHMARK(tree_killed)->Apply(arguments);
BENCHMARK(tree_terminated)->Apply(arguments);
BENCHMARK(tree_floor_scan_and_signals)->Apply(arguments);
BENCHMARK(tree_killpg_and_wait_for_all)->Apply(arguments);
BENCHMARK(tree_cgroup_kill_and_wait_for_all)->Apply(arguments);

// ------------------------------------------------------------------------------------------------
// children

void children(benchmark::State& state) {
    const tree processes(static_cast<int>(state.range(0)));
    for (auto _ : state) {
        benchmark::DoNotOptimize(skyutil::child_processes(processes.root(), true));
    }
}
BENCHMARK(children)->Arg(10)->Arg(1000)->Unit(benchmark::kMicrosecond);

void children_floor_scan(benchmark::State& state) {
    const tree processes(static_cast<int>(state.range(0)));
    for (auto _ : state) {
        benchmark::DoNotOptimize(rivals::scan());
    }
}
BENCHMARK(children_floor_scan)->Arg(10)->Arg(1000)->Unit(benchmark::kMicrosecond);

}  // namespace
