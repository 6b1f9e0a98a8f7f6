// SPDX-License-Identifier: MIT
//
// Trees that are ended: in which order, how fast, how large.

#include <skyutil/process.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <thread>
#include <vector>

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/nursery_linux.hpp"
#include "support_linux.hpp"
#include "system_calls.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::steady_clock;

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
                                start_after(ignore_sigterm);
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

bool skyutil_tests::fails(system_call& call) noexcept {
    if (call.name == "kill" && call.arguments[1] == SIGTERM) {
        sent_sigterm.push_back(static_cast<std::int64_t>(call.arguments[0]));
    }
    return false;
}

TEST_CASE("children are told to end before their parents") {
    const json answer = in_nursery([] {
        forbid_system_call(pidfd_open, ENOSYS);  // signals are sent with kill(2)
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
                start_after([] { ::signal(SIGTERM, SIG_DFL); });
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
