// SPDX-License-Identifier: MIT
//
// Trees of processes of Windows that are ended.

#include <skyutil/process.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <system_error>
#include <thread>
#include <vector>

#include <windows.h>

#include "process/nursery_windows.hpp"
#include "support.hpp"

using namespace skyutil_tests;
namespace os = skyutil::detail::os;

namespace {

/// Each process once, and the killed among the signalled; none is left.
void check_sound(const kill_report& report) {
    pid_list signalled = sorted(report.signalled);
    CHECK(std::adjacent_find(signalled.begin(), signalled.end()) == signalled.end());
    for (const std::int64_t pid : report.killed) {
        CHECK(std::binary_search(signalled.begin(), signalled.end(), pid));
    }
    CHECK(report.left.empty());
}

}  // namespace

TEST_CASE("a tree is ended, without a grace if nothing asks it to end") {
    for (const bool force : {false, true}) {
        CAPTURE(force);
        nursery all;
        const started bystander = all.start(L"exit 0");  // and is held
        const std::int64_t root = all.start_tree(L"tree 2", 7);
        const auto begin = steady_clock::now();
        const kill_report report = skyutil::kill_process_tree(root, {.grace = 1h, .force = force});
        CHECK(steady_clock::now() - begin < 1h);
        check_sound(report);
        CHECK(sorted(report.signalled) == sorted(all.pids()));
        CHECK(sorted(report.killed) == sorted(all.pids()));
        CHECK(report.killed.front() == root);
        CHECK(all.count_running() == 0);
    }
}

TEST_CASE("a chain is ended, and who is no member of it is not") {
    nursery all;
    const started bystander = all.start(L"wait");
    all.await_processes(1);
    const std::int64_t root = all.start_tree(L"chain 12", 13);
    const kill_report report = skyutil::kill_process_tree(root, {.force = true});
    check_sound(report);
    CHECK(report.killed.size() == 12);
    CHECK_FALSE(is_held_ended(bystander));
    CHECK(all.count_running() == 1);
}

TEST_CASE("a root that is spared lives, and so do processes that are to be left alone") {
    nursery all;
    const started root = all.start(L"tree 2");
    all.await_processes(7);
    const pid_list children = skyutil::child_processes(root.pid);
    REQUIRE(children.size() == 2);
    const kill_report report = skyutil::kill_process_tree(
        root.pid, {.force = true, .include_root = false, .spare = {children[0]}});
    check_sound(report);
    CHECK(report.killed.size() == 3);
    CHECK_FALSE(is_held_ended(root));
    CHECK(skyutil::is_process_alive(children[0]));
    CHECK_FALSE(skyutil::is_process_alive(children[1]));
    CHECK(all.count_running() == 4);
}

TEST_CASE("kill_children_processes ends what the calling process started, and only that") {
    nursery all;
    all.start_tree(L"children 2", 3);
    const kill_report report = skyutil::kill_children_processes({.force = true});
    check_sound(report);
    for (const std::int64_t pid : all.pids()) {
        CHECK(std::count(report.killed.begin(), report.killed.end(), pid) == 1);
    }
    CHECK(all.count_running() == 0);
    CHECK(skyutil::kill_children_processes().signalled.empty());
}

TEST_CASE("the calling process is left when the tree is its own") {
    nursery all;
    all.start_tree(L"children 1", 2);
    const auto own = static_cast<std::int64_t>(::GetCurrentProcessId());
    const kill_report report = skyutil::kill_process_tree(own, {.force = true});
    CHECK(report.left == std::vector<kill_report::process_left>{
                             {own, std::make_error_code(std::errc::operation_not_permitted)}});
    CHECK(all.count_running() == 0);
}

TEST_CASE("what a process left behind is ended, while a handle of that process is open") {
    nursery all;
    const started root = all.start(L"leave");
    await_end(root);
    const kill_report report = skyutil::kill_process_tree(root.pid);
    check_sound(report);
    CHECK(report.killed == pid_list{all.pids().at(1)});
    CHECK(all.count_running() == 0);
}

TEST_CASE("who is held is kept together with all that it starts, whatever becomes of parents") {
    nursery all;
    const std::int64_t root = all.start_tree(L"run 500", 1);
    std::error_code error;
    const os::process_list list(error);
    const os::tree_guard guard(list);
    CHECK(guard.kept().empty());
    const os::process_ref process = os::process_ref::open(root, error);
    guard.hold(process, error);
    REQUIRE_FALSE(error);
    CHECK(guard.kept() == pid_list{root});
    shared_board().go = true;  // each starts the next and ends
    all.await_processes(4);
    await([&] { return !process.alive(error); }, "the end of the first");
    CHECK_FALSE(guard.kept().empty());
    guard.end_kept();
    await([&] { return all.count_running() == 0; }, "the end of all");
    CHECK(guard.kept().empty());
    CHECK(shared_board().processes < 500);
}

TEST_CASE("a supervisor starts no worker in the place of one that is ended") {
    nursery all;
    const std::int64_t root = all.start_tree(L"supervise", 2);
    const kill_report report = skyutil::kill_process_tree(root);
    check_sound(report);
    CHECK(report.killed.size() == 2);
    CHECK(shared_board().restarts == 0);
    CHECK(all.count_running() == 0);
}

TEST_CASE("a member that is in a job of its own is ended") {
    nursery all;
    const std::int64_t root = all.start_tree(L"tree 2", 7);
    const unique_fd job(::CreateJobObjectW(nullptr, nullptr));
    const unique_fd child(::OpenProcess(PROCESS_ALL_ACCESS, FALSE,
                                        static_cast<DWORD>(skyutil::child_processes(root).at(0))));
    REQUIRE(::AssignProcessToJobObject(job.get(), child.get()) != 0);
    const kill_report report = skyutil::kill_process_tree(root);
    check_sound(report);
    CHECK(report.killed.size() == 7);
    CHECK(all.count_running() == 0);
}

TEST_CASE("several threads may end the same tree") {
    nursery all;
    const std::int64_t root = all.start_tree(L"tree 2", 7);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            std::error_code gone;
            static_cast<void>(skyutil::kill_process_tree(root, {.force = true}, gone));
        });
    }
    for (std::thread& each : threads) {
        each.join();
    }
    CHECK(all.count_running() == 0);
}

TEST_CASE("up to 1000 rounds of starting and killing leave no process and no handle") {
    nursery all;
    static_cast<void>(skyutil::kill_process_tree(all.start(L"wait").pid));  // loads libraries
    const int before = count_open_handles();
    rounds trials(1000);
    while (trials.next()) {
        const std::int64_t pid = all.start(L"wait").pid;
        const kill_report report =
            skyutil::kill_process_tree(pid, {.force = trials.count() % 2 == 0});
        REQUIRE(report.killed == pid_list{pid});
        REQUIRE(report.left.empty());
        REQUIRE(all.count_running() == 0);
    }
    std::cout << trials.count() << " rounds\n";
    CHECK(count_open_handles() == before);
}
