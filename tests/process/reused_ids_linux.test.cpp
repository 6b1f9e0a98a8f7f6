// SPDX-License-Identifier: MIT
//
// Who gets the id of a process that was is not taken for it.

#include <skyutil/process.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/nursery_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using nlohmann::json;
using skyutil::process_handle;
using handles = skyutil::detail::process_handle_access;
using skyutil::detail::os::process_ref;
using std::chrono::steady_clock;

// ------------------------------------------------------------------------------------------------
// handles

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
            const pid_t pid = start_after(ignore_sigterm);
            await_processes(1);
            std::error_code error;
            const process_handle handle = process_handle::open(pid);
            const process_handle by_time = handles::make(process_ref::open_by_start(pid, error));
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

// ------------------------------------------------------------------------------------------------
// trees

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
                const pid_t first = start_after(ignore_sigterm);
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
                    start_after([] { ::signal(SIGTERM, SIG_DFL); });
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
