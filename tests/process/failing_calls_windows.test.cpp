// SPDX-License-Identifier: MIT
//
// Processes and trees while calls of Windows fail, and windows that are asked to close.

#include <skyutil/process.hpp>

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <windows.h>

#include "process/nursery_windows.hpp"

using namespace skyutil_tests;
using skyutil::process_handle;

SKYUTIL_DECLARE_IMPORT(AssignProcessToJobObject)
SKYUTIL_DECLARE_IMPORT(CreateJobObjectW)
SKYUTIL_DECLARE_IMPORT(GetProcAddress)
SKYUTIL_DECLARE_IMPORT(LoadLibraryExW)
SKYUTIL_DECLARE_IMPORT(OpenProcess)
SKYUTIL_DECLARE_IMPORT(QueryFullProcessImageNameW)
SKYUTIL_DECLARE_IMPORT(TerminateProcess)
SKYUTIL_DECLARE_IMPORT(WaitForSingleObject)
SKYUTIL_DECLARE_IMPORT(ZwQueryInformationJobObject)
SKYUTIL_DECLARE_IMPORT(ZwQueryInformationProcess)

namespace {

std::int64_t protected_pid = 0;
DWORD forbidden = 0;  ///< rights that the protected process gives to nobody
DWORD refusal = ERROR_ACCESS_DENIED;

using open_function = HANDLE WINAPI(DWORD, BOOL, DWORD);
auto* const real_open = reinterpret_cast<open_function*>(*SKYUTIL_IMPORT(OpenProcess));
using query_function = long __stdcall(HANDLE, int, void*, unsigned long, unsigned long*);
auto* const real_query =
    reinterpret_cast<query_function*>(*SKYUTIL_IMPORT(ZwQueryInformationProcess));

HANDLE WINAPI open_unprotected(DWORD wanted, BOOL inherit, DWORD pid) {
    if (pid == protected_pid && (wanted & forbidden) != 0) {
        ::SetLastError(refusal);
        return nullptr;
    }
    return real_open(wanted, inherit, pid);
}

/// What protects a process from being opened for these rights.
struct protection {
    protection(std::int64_t pid, DWORD rights, DWORD error = ERROR_ACCESS_DENIED)
        : call(SKYUTIL_IMPORT(OpenProcess), open_unprotected) {
        protected_pid = pid;
        forbidden = rights;
        refusal = error;
    }
    ~protection() { protected_pid = 0; }
    replaced_call call;
};

}  // namespace

TEST_CASE("a process that may not be opened exists, is alive, and is not ended") {
    nursery all;
    const started process = all.start(L"wait");
    const std::int64_t pid = process.pid;
    {
        const protection protects(pid, ~DWORD{0});
        CHECK(skyutil::pid_exists(pid));
        CHECK(skyutil::is_process_alive(pid));
        const process_handle handle = process_handle::open(pid);
        CHECK(handle.alive());
        CHECK_FALSE(handle.wait(20ms));
        std::error_code error;
        for (const int signal : {0, 9, 15}) {
            handle.signal(signal, error);
            CHECK(error == std::errc::operation_not_permitted);
        }
        CHECK_FALSE(handle.terminate(1s, error));
        CHECK(error == std::errc::operation_not_permitted);
        const kill_report report = skyutil::terminate_process(pid, 1s);
        CHECK(report.signalled.empty());
        REQUIRE(report.left.size() == 1);
        CHECK(report.left[0].error == std::errc::operation_not_permitted);
        CHECK(skyutil::process_tree(pid).at(0).name == "skyutil_tests_process.exe");

        std::error_code none;  // nor is what Windows takes for its id
        CHECK_FALSE(skyutil::pid_exists(pid + 1));
        static_cast<void>(process_handle::open(pid + 1, none));
        CHECK(none == std::errc::no_such_process);
    }
    const protection protects(pid, ~DWORD{0});
    const process_handle handle = process_handle::open(pid);
    ::TerminateProcess(process.process.get(), 0);
    await_end(process);
    CHECK(handle.wait(60s));
    CHECK_FALSE(handle.alive());
    CHECK_FALSE(skyutil::is_process_alive(pid));
    CHECK(skyutil::pid_exists(pid));
}

TEST_CASE("a member that may not be ended is left, and what it started is ended") {
    for (const bool force : {false, true}) {
        nursery all;
        const std::int64_t root = all.start_tree(L"chain 3", 3);
        const std::int64_t middle = all.pids().at(1);
        const protection protects(middle, PROCESS_TERMINATE | PROCESS_SET_QUOTA);
        const kill_report report = skyutil::kill_process_tree(root, {.grace = 1s, .force = force});
        CHECK(sorted(report.killed) == sorted({root, all.pids().at(2)}));
        REQUIRE(report.left.size() == 1);
        CHECK(report.left[0].pid == middle);
        CHECK(report.left[0].error == std::errc::operation_not_permitted);
        CHECK(all.count_running() == 1);
    }
}

TEST_CASE("a process that may be ended, and nothing else, is ended") {
    nursery all;
    const std::int64_t root = all.start_tree(L"chain 2", 2);
    const protection protects(root, PROCESS_SET_QUOTA | PROCESS_QUERY_INFORMATION);
    const kill_report report = skyutil::kill_process_tree(root);
    CHECK(report.killed.size() == 2);
    CHECK(report.left.empty());
    CHECK(all.count_running() == 0);
}

TEST_CASE("a lack of memory says nothing about a process, and is an error") {
    nursery all;
    const started process = all.start(L"wait");
    const protection protects(process.pid, ~DWORD{0}, ERROR_NO_SYSTEM_RESOURCES);
    std::error_code error;
    CHECK(skyutil::pid_exists(process.pid));
    static_cast<void>(skyutil::is_process_alive(process.pid, error));
    CHECK(error == std::errc::not_enough_memory);
    static_cast<void>(process_handle::open(process.pid, error));
    CHECK(error == std::errc::not_enough_memory);
    CHECK_THROWS_WITH(skyutil::is_process_alive(process.pid),
                      Catch::Matchers::ContainsSubstring(std::to_string(process.pid)));
}

TEST_CASE("a wait that fails is an error, not an end") {
    nursery all;
    const started process = all.start(L"wait");
    const process_handle handle = process_handle::open(process.pid);
    const replaced_call waiting(
        SKYUTIL_IMPORT(WaitForSingleObject), +[](HANDLE, DWORD) -> DWORD {
            ::SetLastError(ERROR_INVALID_HANDLE);
            return WAIT_FAILED;
        });
    std::error_code error;
    CHECK_FALSE(handle.alive(error));
    CHECK(error == std::errc::bad_file_descriptor);
    CHECK_FALSE(handle.wait(1s, error));
    CHECK(error == std::errc::bad_file_descriptor);
}

TEST_CASE("a process that cannot be ended is left, with the reason") {
    nursery all;
    const std::int64_t root = all.start_tree(L"wait", 1);
    const replaced_call ending(
        SKYUTIL_IMPORT(TerminateProcess), +[](HANDLE, UINT) -> BOOL {
            ::SetLastError(ERROR_NOT_ENOUGH_MEMORY);
            return FALSE;
        });
    std::error_code error;
    static_cast<void>(process_handle::open(root).terminate(0s, error));
    CHECK(error == std::errc::not_enough_memory);
    CHECK(all.count_running() == 1);
}

TEST_CASE("a process that ends already is waited for") {
    nursery all;
    const std::int64_t root = all.start_tree(L"wait", 1);
    using end_function = BOOL WINAPI(HANDLE, UINT);
    static auto* const real_end =
        reinterpret_cast<end_function*>(*SKYUTIL_IMPORT(TerminateProcess));
    const replaced_call ending(
        SKYUTIL_IMPORT(TerminateProcess), +[](HANDLE process, UINT code) -> BOOL {
            real_end(process, code);
            ::SetLastError(ERROR_ACCESS_DENIED);
            return FALSE;
        });
    CHECK(skyutil::kill_process_tree(root).killed == pid_list{root});
    CHECK(all.count_running() == 0);
}

TEST_CASE("a process that Windows needs is not ended, and neither is its job") {
    nursery all;
    const std::int64_t root = all.start_tree(L"chain 2", 2);
    const replaced_call critical(
        SKYUTIL_IMPORT(ZwQueryInformationProcess),
        +[](HANDLE process, int which, void* answer, unsigned long size,
            unsigned long* used) -> long {
            constexpr int break_on_termination = 29;
            if (which == break_on_termination && ::GetProcessId(process) == protected_pid) {
                const std::uint32_t yes = 1;
                std::memcpy(answer, &yes, sizeof yes);
                return 0;
            }
            return real_query(process, which, answer, size, used);
        });
    protected_pid = root;
    const kill_report report = skyutil::kill_process_tree(root, {.force = true});
    const kill_report alone = skyutil::terminate_process(root, 0ms);
    protected_pid = 0;
    CHECK(report.killed == pid_list{all.pids().at(1)});
    REQUIRE(report.left.size() == 1);
    CHECK(report.left[0].error == std::errc::operation_not_permitted);
    CHECK(alone.killed.empty());
    CHECK(alone.left.size() == 1);
    CHECK(all.count_running() == 1);
}

TEST_CASE("a tree is ended where its members cannot be kept in a job") {
    nursery all;
    const auto ends = [&] {
        const kill_report report = skyutil::kill_process_tree(all.pids().front());
        CHECK(report.killed.size() == 3);
        CHECK(report.left.empty());
        CHECK(all.count_running() == 0);
        shared_board().processes = 0;
    };
    SECTION("as none can be made") {
        all.start_tree(L"chain 3", 3);
        const replaced_call failing(
            SKYUTIL_IMPORT(CreateJobObjectW),
            +[](SECURITY_ATTRIBUTES*, const wchar_t*) -> HANDLE { return nullptr; });
        ends();
    }
    SECTION("as they are in others") {
        all.start_tree(L"chain 3", 3);
        const replaced_call failing(
            SKYUTIL_IMPORT(AssignProcessToJobObject), +[](HANDLE, HANDLE) -> BOOL {
                ::SetLastError(ERROR_ACCESS_DENIED);
                return FALSE;
            });
        ends();
    }
    SECTION("or what is in it cannot be told") {
        all.start_tree(L"chain 3", 3);
        const replaced_call failing(
            SKYUTIL_IMPORT(ZwQueryInformationJobObject),
            +[](HANDLE, int, void*, unsigned long, unsigned long*) -> long {
                return static_cast<long>(0xc0000022);
            });
        ends();
    }
}

TEST_CASE("a name comes from the list where the path of the program cannot be had") {
    const replaced_call failing(
        SKYUTIL_IMPORT(QueryFullProcessImageNameW),
        +[](HANDLE, DWORD, wchar_t*, DWORD*) -> BOOL { return FALSE; });
    CHECK(skyutil::process_tree(static_cast<std::int64_t>(::GetCurrentProcessId())).at(0).name ==
          "skyutil_tests_process.exe");
}

// -------------------------------------------------------------------------------------------------
// windows

namespace {

// What user32.dll does in these tests: the process of `owner_of_windows` has some.
std::int64_t owner_of_windows = 0;
std::vector<std::uintptr_t> closed;
bool ends_when_closed = false;

constexpr std::uintptr_t of_another = 1, invisible = 2, owned = 3, main_window = 4;

HWND window_of(std::uintptr_t number) { return reinterpret_cast<HWND>(number); }
std::uintptr_t number_of(HWND window) { return reinterpret_cast<std::uintptr_t>(window); }

DWORD WINAPI count_objects(HANDLE process, DWORD) {
    return ::GetProcessId(process) == owner_of_windows ? 4 : 0;
}

BOOL WINAPI for_each_window(WNDENUMPROC call, LPARAM context) {
    for (const std::uintptr_t each : {of_another, invisible, owned, main_window}) {
        if (call(window_of(each), context) == 0) {
            return FALSE;
        }
    }
    return TRUE;
}

DWORD WINAPI process_of(HWND window, DWORD* pid) {
    *pid = number_of(window) == of_another ? 4 : static_cast<DWORD>(owner_of_windows);
    return 0;
}

BOOL WINAPI is_visible(HWND window) { return number_of(window) != invisible; }

HWND WINAPI related_window(HWND window, UINT) {
    return number_of(window) == owned ? window_of(main_window) : nullptr;
}

BOOL WINAPI post(HWND window, UINT message, WPARAM, LPARAM) {
    if (message == WM_CLOSE) {
        closed.push_back(number_of(window));
        shared_board().go = true;
        if (ends_when_closed) {
            const unique_fd process(
                ::OpenProcess(PROCESS_TERMINATE, FALSE, static_cast<DWORD>(owner_of_windows)));
            ::TerminateProcess(process.get(), 7);
        }
    }
    return TRUE;
}

using found_function = INT_PTR WINAPI();

found_function* WINAPI find_made_up(HMODULE, const char* name) {
    const std::string_view wanted(name);
    return reinterpret_cast<found_function*>(
        wanted == "GetGuiResources"            ? reinterpret_cast<void*>(count_objects)
        : wanted == "EnumWindows"              ? reinterpret_cast<void*>(for_each_window)
        : wanted == "GetWindow"                ? reinterpret_cast<void*>(related_window)
        : wanted == "GetWindowThreadProcessId" ? reinterpret_cast<void*>(process_of)
        : wanted == "IsWindowVisible"          ? reinterpret_cast<void*>(is_visible)
        : wanted == "PostMessageW"             ? reinterpret_cast<void*>(post)
                                               : nullptr);
}

/// The windows of one process.
struct made_up_windows {
    explicit made_up_windows(std::int64_t pid) {
        owner_of_windows = pid;
        closed.clear();
        ends_when_closed = true;
    }
    replaced_call loading{SKYUTIL_IMPORT(LoadLibraryExW),
                          +[](const wchar_t*, HANDLE, DWORD) -> HMODULE {
                              return reinterpret_cast<HMODULE>(std::uintptr_t{1});
                          }};
    replaced_call finding{SKYUTIL_IMPORT(GetProcAddress), find_made_up};
};

}  // namespace

TEST_CASE("a process with windows is asked to close the main ones, and no others") {
    nursery all;
    const started process = all.start(L"wait");
    const made_up_windows windows(process.pid);
    const kill_report report = skyutil::terminate_process(process.pid, 1h);
    CHECK(closed == std::vector<std::uintptr_t>{main_window});
    CHECK(report.signalled == pid_list{process.pid});
    CHECK(report.killed.empty());
    DWORD code = 0;
    ::GetExitCodeProcess(process.process.get(), &code);
    CHECK(code == 7);
}

TEST_CASE("a process that does not close its windows is killed when the grace is over") {
    nursery all;
    const std::int64_t root = all.start_tree(L"children 1", 2);
    const made_up_windows windows(root);
    ends_when_closed = false;
    const auto begin = steady_clock::now();
    const kill_report report = skyutil::kill_process_tree(root, {.grace = 500ms});
    CHECK(steady_clock::now() - begin >= 500ms);
    CHECK(report.killed.size() == 2);
    CHECK(report.left.empty());
    CHECK_FALSE(closed.empty());
    CHECK(all.count_running() == 0);
}

TEST_CASE("who closes its windows is not killed; what it leaves behind is") {
    nursery all;
    const std::int64_t root = all.start_tree(L"children 1", 2);
    const made_up_windows windows(root);
    const kill_report report = skyutil::kill_process_tree(root, {.grace = 1h});
    CHECK(report.signalled.size() == 2);
    CHECK(report.killed == pid_list{all.pids().at(1)});
    CHECK(all.count_running() == 0);
}

TEST_CASE("a process that is asked to end and runs from parent to parent is caught") {
    nursery all;
    const std::int64_t root = all.start_tree(L"run 500", 1);
    const made_up_windows windows(root);
    ends_when_closed = false;  // it starts another and ends, and so does that one
    const kill_report report = skyutil::kill_process_tree(root, {.grace = 500ms});
    CHECK(report.left.empty());
    CHECK(all.count_running() == 0);
    CHECK(shared_board().processes < 500);
}

TEST_CASE("without user32.dll no process has windows") {
    nursery all;
    const std::int64_t root = all.start_tree(L"wait", 1);
    const replaced_call loading(
        SKYUTIL_IMPORT(LoadLibraryExW),
        +[](const wchar_t*, HANDLE, DWORD) -> HMODULE { return nullptr; });
    CHECK(skyutil::terminate_process(root, 1h).killed == pid_list{root});
}
