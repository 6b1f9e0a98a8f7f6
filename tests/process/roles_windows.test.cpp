// SPDX-License-Identifier: MIT
//
// What the processes do that the tests start.

#include <chrono>
#include <sstream>
#include <string>

#include <windows.h>

#include "process/nursery_windows.hpp"

using namespace skyutil_tests;

namespace {

[[noreturn]] void end(UINT code) {
    ::TerminateProcess(::GetCurrentProcess(), code);
    ::Sleep(INFINITE);
    std::terminate();
}

[[noreturn]] void wait_to_be_ended() {
    ::Sleep(120'000);
    end(99);
}

/// Starts new ones for those that end.
[[noreturn]] void supervise() {
    for (;;) {
        await_end(start_role(L"wait"));
        ++shared_board().restarts;
    }
}

}  // namespace

TEST_CASE("what the processes of a nursery do", "[.]") {
    std::wistringstream role(argument_of_this_program());
    std::wstring verb;
    int count = 0;
    role >> verb >> count;
    board& all = shared_board();
    if (verb == L"exit") {
        end(static_cast<UINT>(count));
    }
    all.announce();
    if (verb == L"children") {
        for (int i = 0; i < count; ++i) {
            start_role(L"wait");
        }
    } else if (verb == L"tree") {
        for (int i = 0; i < count; ++i) {
            start_role(L"children " + std::to_wstring(count));
        }
    } else if (verb == L"chain" && count > 1) {
        start_role(L"chain " + std::to_wstring(count - 1));
    } else if (verb == L"bomb") {
        while (all.processes < count) {
            start_role(role.str());
        }
    } else if (verb == L"leave") {
        start_role(L"wait");
        await([&] { return all.processes > 1; }, "the child");
        end(0);
    } else if (verb == L"run") {  // from parent to parent
        await([&] { return all.go.load(); }, "the word");
        if (all.processes < count) {
            start_role(role.str());
            end(0);
        }
    } else if (verb == L"supervise") {
        supervise();
    }
    wait_to_be_ended();
}
