// SPDX-License-Identifier: MIT
//
// Handles of processes.

#include <skyutil/process.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/nursery_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using nlohmann::json;
using skyutil::kill_report;
using skyutil::process_handle;
using handles = skyutil::detail::process_handle_access;
using skyutil::detail::os::process_ref;
using std::chrono::milliseconds;

TEST_CASE("a handle tells whether its process is alive, waits for it and signals it") {
    for (const kernel_kind& kernel : kernels) {
        CAPTURE(kernel.name);
        const json answer = in_nursery([&] {
            kernel.enter();
            const pid_t pid = start_after([] { ::signal(SIGUSR1, count_signal); });
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
            const pid_t polite = start_after([] { ::signal(SIGTERM, [](int) { ::_exit(7); }); });
            const pid_t deaf = start_after(ignore_sigterm);
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

TEST_CASE("handles leave no descriptor open") {
    const json answer = in_nursery([] {
        const std::size_t before = count_open_descriptors();
        const pid_t pid = start();
        for (const auto open : {process_ref::open, process_ref::open_by_start}) {
            std::error_code error;
            process_handle handle = handles::make(open(pid, error));
            process_handle other = handles::make(open(pid, error));
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
