// SPDX-License-Identifier: MIT
//
// The children of a process of Windows, real ones and those of made-up lists.

#include <skyutil/process.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include <windows.h>

#include "process/nursery_windows.hpp"

using namespace skyutil_tests;
namespace sys = skyutil::detail::os::sys;

SKYUTIL_DECLARE_IMPORT(ZwQuerySystemInformation)

TEST_CASE("child_processes lists children, and with true or kinship::descendants all below") {
    using skyutil::child_processes, skyutil::kinship;
    nursery all;
    const std::int64_t root = all.start_tree(L"tree 2", 7);
    const pid_list children = child_processes(root);
    const pid_list found = child_processes(root, true);
    CHECK(children.size() == 2);
    pid_list below = all.pids();
    std::erase(below, root);
    CHECK(sorted(found) == sorted(below));
    CHECK(std::is_permutation(found.begin(), found.begin() + 2, children.begin()));
    std::error_code error = std::make_error_code(std::errc::io_error);
    CHECK(child_processes(root, kinship::descendants, error) == found);
    CHECK_FALSE(error);
    CHECK(child_processes(root, kinship::children) == children);
    CHECK(child_processes(root, error) == children);
    const pid_list own = child_processes(static_cast<std::int64_t>(::GetCurrentProcessId()));
    CHECK(std::count(own.begin(), own.end(), root) == 1);

    const auto tree = skyutil::process_tree(root);
    REQUIRE(tree.size() == 7);
    CHECK(tree.front().pid == root);
    CHECK(tree.front().parent == static_cast<std::int64_t>(::GetCurrentProcessId()));
    for (const skyutil::process_info& each : tree) {
        CHECK(each.alive);
        CHECK(each.name == "skyutil_tests_process.exe");
    }
}

TEST_CASE("what is no process has no children, and cannot be ended") {
    nursery all;
    for (const std::int64_t pid :
         {std::int64_t{0}, std::int64_t{-1}, std::int64_t{1} << 32, process_that_was(all)}) {
        CAPTURE(pid);
        std::error_code errors[4];
        static_cast<void>(skyutil::child_processes(pid, true, errors[0]));
        static_cast<void>(skyutil::kill_process_tree(pid, errors[1]));
        static_cast<void>(skyutil::kill_process_tree(pid, {.force = true}, errors[2]));
        static_cast<void>(skyutil::terminate_process(pid, 10ms, errors[3]));
        for (const std::error_code& error : errors) {
            CHECK(error == std::errc::no_such_process);
        }
    }
}

TEST_CASE("the children of a process that has ended are found while a handle of it is open") {
    nursery all;
    const started root = all.start(L"leave");
    await_end(root);
    const pid_list children = skyutil::child_processes(root.pid);
    REQUIRE(children.size() == 1);
    CHECK(children.front() == all.pids().at(1));
    const auto tree = skyutil::process_tree(root.pid);
    REQUIRE(tree.size() == 2);
    CHECK_FALSE(tree.front().alive);
    CHECK(tree.back().alive);
}

// -------------------------------------------------------------------------------------------------
// made-up lists

namespace {

struct listed {
    std::uintptr_t pid;
    std::uintptr_t parent;
    std::uint64_t created;
    std::uint32_t threads = 1;
};

std::vector<listed> made_up;
long outcome = 0;
unsigned long longest_asked = 0;

long __stdcall list_made_up(int, void* memory, unsigned long size, unsigned long* used) {
    longest_asked = (std::max)(longest_asked, size);
    const auto needed = static_cast<unsigned long>(made_up.size() * sizeof(sys::process_record));
    *used = needed;
    if (outcome < 0 || needed > size) {
        return outcome < 0 ? outcome : static_cast<long>(0xc0000004);
    }
    auto* out = static_cast<sys::process_record*>(memory);
    for (const listed& each : made_up) {
        sys::process_record record{};
        record.next = &each == &made_up.back() ? 0U : static_cast<std::uint32_t>(sizeof record);
        record.pid = each.pid;
        record.parent = each.parent;
        record.created = each.created;
        record.threads = each.threads;
        std::memcpy(out++, &record, sizeof record);
    }
    return 0;
}

}  // namespace

TEST_CASE("who got the id of a parent later is not the parent") {
    const replaced_call listing(SKYUTIL_IMPORT(ZwQuerySystemInformation), list_made_up);
    made_up = {{0, 0, 0},          // the idle process
               {400, 300, 1000},   //
               {404, 400, 1000},   // started in the same moment as its parent
               {408, 400, 2000},   //
               {412, 400, 999},    // of one that had the id 400 before
               {416, 412, 3000},   //
               {420, 408, 1999},   // of one that had the id 408 before
               {424, 424, 1500},   // names itself
               {428, 9996, 5000},  // of one that has ended
               {300, 416, 4000}};  // got the id of the parent of 400
    CHECK(skyutil::child_processes(400) == pid_list{404, 408});
    CHECK(skyutil::child_processes(400, true) == pid_list{404, 408});
    CHECK(skyutil::child_processes(412, true) == pid_list{416, 300});
    CHECK(skyutil::child_processes(424, true).empty());
    CHECK(skyutil::child_processes(300, true).empty());
}

TEST_CASE("a list of any size is read, and one that cannot be had is an error") {
    const replaced_call listing(SKYUTIL_IMPORT(ZwQuerySystemInformation), list_made_up);
    made_up.clear();
    for (std::uintptr_t pid = 4; pid <= 40'000; pid += 4) {
        made_up.push_back({pid, 4, pid});
    }
    CHECK(skyutil::child_processes(4).size() == 9'999);
    outcome = static_cast<long>(0xc0000022);  // access denied
    std::error_code error;
    CHECK(skyutil::child_processes(400, error).empty());
    CHECK(error == std::errc::permission_denied);
    static_cast<void>(skyutil::process_tree(400, error));
    CHECK(error == std::errc::permission_denied);
    const kill_report report = skyutil::kill_process_tree(400, error);
    CHECK(error == std::errc::permission_denied);
    CHECK(report.signalled.empty());
    outcome = static_cast<long>(0xc0000004);  // never long enough
    CHECK(skyutil::child_processes(400, error).empty());
    CHECK(error == std::errc::not_enough_memory);
    CHECK(longest_asked < 1UL << 30);
    outcome = 0;
}

TEST_CASE("a list that leads out of its memory ends there") {
    const replaced_call listing(
        SKYUTIL_IMPORT(ZwQuerySystemInformation),
        +[](int, void* memory, unsigned long, unsigned long* used) -> long {
            sys::process_record record{};
            record.pid = 400;
            record.next = 0x7fffffff;
            std::memcpy(memory, &record, sizeof record);
            *used = sizeof record;
            return 0;
        });
    CHECK(skyutil::child_processes(400).empty());
}
