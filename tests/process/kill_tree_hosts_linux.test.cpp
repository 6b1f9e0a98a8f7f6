// SPDX-License-Identifier: MIT
//
// Trees on hosts of all kinds: other users' processes, few descriptors, another /proc, many
// threads.

#include <skyutil/process.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/nursery_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using nlohmann::json;
using skyutil::process_handle;

TEST_CASE("kill_children_processes ends what the calling process started, and only that") {
    const json answer = in_nursery([] {
        const pid_t brother = start();
        await_processes(1);
        const json inner = run_below([] {
            start([] { start(); });
            start_after(ignore_sigterm);
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
                    forbid_system_call(pidfd_open, ENOSYS);
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
            forbid_system_call(pidfd_open, ENOSYS);
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

TEST_CASE("up to 1000 trees leave no process, no zombie of theirs and no descriptor") {
    const json answer = in_nursery([] {
        const std::size_t before = count_open_descriptors();
        int left = 0;
        for (rounds trees(1000); trees.next();) {
            shared->processes = 0;
            const pid_t root = start([] { start(); });
            while (shared->processes < 2) {
                std::this_thread::yield();
            }
            const auto report =
                skyutil::kill_process_tree(root, {.grace = 20s, .force = trees.count() % 2 == 0});
            left += static_cast<int>(report.left.size()) + (report.signalled.size() != 2);
            for (int zombies = 0; zombies != 2; ++zombies) {
                left += ::waitpid(-1, nullptr, WNOHANG) > 0 ? 0 : 1;
            }
        }
        return json{{"left", left},
                    {"zombies", skyutil::child_processes(::getpid()).size()},
                    {"descriptors", count_open_descriptors() - before}};
    });
    CHECK(answer == json{{"left", 0}, {"zombies", 0}, {"descriptors", 0}, {"left over", 0}});
}
