// SPDX-License-Identifier: MIT
//
// Processes of Windows in any state, and handles of them.

#include <skyutil/process.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <windows.h>

#include "process/nursery_windows.hpp"

using namespace skyutil_tests;
using skyutil::process_handle;

namespace {

/// Exists, alive.
std::pair<bool, bool> answers(std::int64_t pid) {
    std::error_code error = std::make_error_code(std::errc::io_error);
    const bool alive = skyutil::is_process_alive(pid, error);
    CHECK_FALSE(error);
    CHECK(skyutil::is_process_alive(pid) == alive);
    return {skyutil::pid_exists(pid), alive};
}

using both = std::pair<bool, bool>;

const std::vector<std::int64_t> impossible_pids{
    0,
    -1,
    std::numeric_limits<std::int64_t>::min(),
    std::numeric_limits<std::int64_t>::max(),
    std::int64_t{1} << 32,
    (std::int64_t{1} << 32) | static_cast<std::int64_t>(::GetCurrentProcessId()),
    -static_cast<std::int64_t>(::GetCurrentProcessId()),
};

}  // namespace

TEST_CASE("processes in any state exist, and those that run are alive") {
    nursery all;
    const started running = all.start(L"wait");
    const started ended = all.start(L"exit 0");
    const started still_active = all.start(L"exit 259");  // the exit code of one that runs
    await_end(ended);
    await_end(still_active);
    CHECK(answers(running.pid) == both{true, true});
    CHECK(answers(ended.pid) == both{true, false});
    CHECK(answers(still_active.pid) == both{true, false});
    CHECK(answers(static_cast<std::int64_t>(::GetCurrentProcessId())) == both{true, true});
    CHECK(answers(static_cast<std::int64_t>(::GetCurrentThreadId())) == both{false, false});
    CHECK(answers(process_that_was(all)) == both{false, false});
}

TEST_CASE("ids that no process can have are none") {
    for (const std::int64_t pid : impossible_pids) {
        CAPTURE(pid);
        CHECK(answers(pid) == both{false, false});
    }
}

TEST_CASE("an id that Windows would take for another process's is no process's") {
    nursery all;
    const started running = all.start(L"wait");
    for (const DWORD more : {1, 2, 3}) {
        const std::int64_t pid = running.pid + more;
        CHECK(answers(pid) == both{false, false});
        std::error_code error;
        CHECK(process_handle::open(pid, error).pid() == 0);
        CHECK(error == std::errc::no_such_process);
        static_cast<void>(skyutil::kill_process_tree(pid, {.force = true}, error));
        CHECK(error == std::errc::no_such_process);
        static_cast<void>(skyutil::terminate_process(pid, 0ms, error));
        CHECK(error == std::errc::no_such_process);
    }
    CHECK_FALSE(is_held_ended(running));
}

TEST_CASE("a handle tells whether its process is alive, waits for it and ends it") {
    nursery all;
    const std::int64_t pid = all.start(L"wait").pid;
    const process_handle handle = process_handle::open(pid);
    CHECK(handle.pid() == pid);
    CHECK(handle.alive());
    CHECK_FALSE(handle.wait(0s));
    const auto begin = steady_clock::now();
    CHECK_FALSE(handle.wait(20ms));
    CHECK(steady_clock::now() - begin >= 20ms);
    handle.signal(0);
    handle.signal(9);
    CHECK(handle.wait(60s));
    CHECK(handle.wait(0s));
    CHECK_FALSE(handle.alive());
    std::error_code error;
    for (const int signal : {0, 9, 15}) {
        handle.signal(signal, error);
        CHECK(error == std::errc::no_such_process);
    }
    CHECK(handle.terminate(1s));
    CHECK(handle.wait(-1s));
    CHECK(handle.pid() == pid);
    CHECK_FALSE(skyutil::is_process_alive(pid));
}

TEST_CASE("the id of a process is kept from others while a handle of it is open") {
    nursery all;
    std::int64_t pid = 0;
    {
        const process_handle handle = process_handle::open(pid = all.start(L"wait").pid);
        CHECK(handle.terminate(0s));
        std::this_thread::sleep_for(2s);  // what is not held is gone by then
        CHECK(answers(pid) == both{true, false});
        const kill_report report = skyutil::terminate_process(pid, 0s);
        CHECK(report.signalled.empty());
        CHECK(report.left.empty());
    }
    await([&] { return !skyutil::pid_exists(pid); }, "its id");
}

TEST_CASE("a number that is no signal of Windows is not supported, and ends nothing") {
    nursery all;
    const started process = all.start(L"wait");
    const process_handle handle = process_handle::open(process.pid);
    for (const int signal : {1, 2, 18, 64, 4711, -1}) {
        std::error_code error;
        handle.signal(signal, error);
        CHECK(error == std::errc::function_not_supported);
    }
    std::error_code error;
    static_cast<void>(skyutil::kill_process_tree(process.pid, {.end_signal = 2}, error));
    CHECK(error == std::errc::invalid_argument);
    CHECK_FALSE(is_held_ended(process));
}

TEST_CASE("what is no process cannot be opened, and the error names it") {
    nursery all;
    std::vector<std::int64_t> ids = impossible_pids;
    ids.push_back(process_that_was(all));
    ids.push_back(static_cast<std::int64_t>(::GetCurrentThreadId()));
    for (const std::int64_t pid : ids) {
        CAPTURE(pid);
        std::error_code error;
        const process_handle handle = process_handle::open(pid, error);
        CHECK(error == std::errc::no_such_process);
        CHECK(handle.pid() == 0);
        CHECK_FALSE(handle.alive());
        CHECK_THROWS_WITH(process_handle::open(pid),
                          Catch::Matchers::ContainsSubstring(std::to_string(pid)));
    }
}

TEST_CASE("a handle waits for a process that is no child, also for ever") {
    nursery all;
    const std::int64_t middle = all.start_tree(L"children 1", 2);
    const std::int64_t below = all.pids().at(1);
    REQUIRE(below != middle);
    const process_handle handle = process_handle::open(below);
    CHECK_FALSE(handle.wait(0ns));
    std::thread ends([&] {
        std::this_thread::sleep_for(50ms);
        static_cast<void>(skyutil::terminate_process(below, 0s));
    });
    handle.wait();
    ends.join();
    CHECK(handle.wait((std::chrono::milliseconds::max)()));
    CHECK(handle.wait(std::chrono::duration<double>(1e30)));
    CHECK(handle.wait(std::chrono::duration<float>(-0.5F)));
}

TEST_CASE("a process that nothing asks to end is ended without a grace") {
    nursery all;
    const started process = all.start(L"wait");
    const auto begin = steady_clock::now();
    const kill_report report = skyutil::terminate_process(process.pid, 1h);
    CHECK(steady_clock::now() - begin < 1h);
    CHECK(report.signalled == pid_list{process.pid});
    CHECK(report.killed == report.signalled);
    CHECK(report.left.empty());
    DWORD code = 0;
    ::GetExitCodeProcess(process.process.get(), &code);
    CHECK(code == 1);
}

TEST_CASE("a handle that is moved keeps its process, and the other has none") {
    nursery all;
    const std::int64_t pid = all.start(L"wait").pid;
    process_handle first = process_handle::open(pid);
    const process_handle second = std::move(first);
    CHECK(second.alive());
    CHECK(second.pid() == pid);
    std::error_code error;
    first.signal(9, error);  // NOLINT(bugprone-use-after-move)
    CHECK(error == std::errc::no_such_process);
    CHECK(first.pid() == 0);
    CHECK_FALSE(first.alive());
    CHECK(first.wait(0s));
    CHECK(second.alive());
}

TEST_CASE("the calling process and the system's first are never ended") {
    std::error_code error;
    const auto own = static_cast<std::int64_t>(::GetCurrentProcessId());
    for (const std::int64_t pid : {own, std::int64_t{4}}) {
        const kill_report report = skyutil::terminate_process(pid, 0ms, error);
        CHECK((error == std::errc::operation_not_permitted ||
               (error == std::errc::no_such_process && !skyutil::pid_exists(pid))));
        CHECK(report.signalled.empty());
    }
    for (const bool include_root : {true, false}) {
        const kill_report report =
            skyutil::kill_process_tree(4, {.force = true, .include_root = include_root}, error);
        CHECK(error == std::errc::operation_not_permitted);
        CHECK(report.signalled.empty());
    }
    CHECK_FALSE(process_handle::open(own).terminate(0ms, error));
    CHECK(error == std::errc::operation_not_permitted);
}

TEST_CASE("asking about processes, ending them and their trees leaves no handle open") {
    nursery all;
    const auto use_everything = [&] {
        const std::int64_t pid = all.start(L"wait").pid;
        process_handle handle = process_handle::open(pid);
        process_handle other = process_handle::open(pid);
        other = std::move(handle);
        static_cast<void>(answers(pid));
        static_cast<void>(other.alive() && other.wait(0s));
        static_cast<void>(skyutil::child_processes(pid, true));
        static_cast<void>(skyutil::process_tree(pid));
        static_cast<void>(skyutil::kill_process_tree(pid));
        std::error_code error;
        static_cast<void>(skyutil::terminate_process(pid, 0s, error));
    };
    use_everything();  // libraries are loaded then
    const int before = count_open_handles();
    HANDLE const one = ::CreateEventW(nullptr, FALSE, FALSE, nullptr);
    CHECK(count_open_handles() == before + 1);
    ::CloseHandle(one);
    for (int i = 0; i < 3; ++i) {
        use_everything();
    }
    CHECK(count_open_handles() == before);
}
