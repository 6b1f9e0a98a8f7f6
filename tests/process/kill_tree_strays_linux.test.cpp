// SPDX-License-Identifier: MIT
//
// Trees whose members left their parents, sessions or groups, and those that grow at their end.

#include <skyutil/process.hpp>

#include <atomic>
#include <chrono>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catch.hpp"
#include "process/nursery_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

bool reap_one(int options) { return ::waitpid(-1, nullptr, options) > 0; }

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
                                                      start_after(ignore_sigterm);
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
                start_after([] { ::signal(SIGTERM, SIG_DFL); });
            }
            while (!told) {
                if (reap_one(WNOHANG) && !told) {
                    start_after([] { ::signal(SIGTERM, SIG_DFL); });
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
