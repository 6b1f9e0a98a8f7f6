// SPDX-License-Identifier: MIT
//
// tests/support_windows.hpp: what tests of Windows need besides: this program once more, as another
// process that runs one hidden test case, and calls of the system that are made to fail.
//
//     const started other = start_this_program(L"what another process does", L"argument");
//     const replaced_call failing(SKYUTIL_IMPORT(OpenProcess), +[](DWORD, BOOL, DWORD) -> HANDLE {
//         ::SetLastError(ERROR_ACCESS_DENIED);
//         return nullptr;
//     });

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>

#include <cstdint>
#include <string>
#include <system_error>

#include <windows.h>

#include "catch.hpp"

namespace skyutil_tests {

[[noreturn]] inline void throw_last_error(const std::string& what) {
    throw std::system_error(static_cast<int>(::GetLastError()), std::system_category(), what);
}

/// A process, and its first thread.
struct started {
    skyutil::detail::unique_fd process;
    skyutil::detail::unique_fd thread;
    DWORD pid;
};

/// Starts this program once more, running one hidden test case whose argument is a variable.
inline started start_this_program(const std::wstring& test, const std::wstring& argument,
                                  DWORD flags = 0) {
    std::wstring program(32768, L'\0');
    program.resize(::GetModuleFileNameW(nullptr, program.data(), 32768));
    std::wstring line = L"\"" + program + L"\" \"" + test + L"\"";
    ::SetEnvironmentVariableW(L"SKYUTIL_TEST_ARGUMENT", argument.c_str());
    STARTUPINFOW startup{};
    startup.cb = sizeof startup;
    PROCESS_INFORMATION made{};
    if (::CreateProcessW(program.c_str(), line.data(), nullptr, nullptr, FALSE, flags, nullptr,
                         nullptr, &startup, &made) == 0) {
        throw_last_error("CreateProcess");
    }
    return {skyutil::detail::unique_fd(made.hProcess), skyutil::detail::unique_fd(made.hThread),
            made.dwProcessId};
}

/// The argument of a test case that was started so.
inline std::wstring argument_of_this_program() {
    wchar_t text[1024];
    const DWORD size = ::GetEnvironmentVariableW(L"SKYUTIL_TEST_ARGUMENT", text, 1024);
    return {text, size < 1024 ? size : 0};
}

/// How many handles this program has open, by trying the numbers that they have.
inline int count_open_handles() {
    int count = 0;
    for (std::uintptr_t number = 4; number < 8192; number += 4) {
        DWORD flags = 0;
        count += ::GetHandleInformation(reinterpret_cast<HANDLE>(number), &flags) != 0 ? 1 : 0;
    }
    return count;
}

/// While it lives, this program calls a function of its own in place of one of the system.
class replaced_call {
public:
    /// The slot is SKYUTIL_IMPORT(name).
    template <class Function>
    replaced_call(void** slot, Function* replacement) : slot_(slot), real_(*slot) {
        fill(reinterpret_cast<void*>(replacement));
    }
    replaced_call(const replaced_call&) = delete;
    replaced_call& operator=(const replaced_call&) = delete;
    ~replaced_call() { fill(real_); }

private:
    void fill(void* function) {
        DWORD before = 0;
        ::VirtualProtect(slot_, sizeof *slot_, PAGE_READWRITE, &before);
        *slot_ = function;
        ::VirtualProtect(slot_, sizeof *slot_, before, &before);
    }

    void** slot_;
    void* real_;
};

}  // namespace skyutil_tests

/// Where the address of a function is that this program imports. Of those that a source names so,
/// SKYUTIL_DECLARE_IMPORT(name) stands in it outside of all namespaces.
#define SKYUTIL_DECLARE_IMPORT(name) extern "C" void* __imp_##name;
#define SKYUTIL_IMPORT(name) (&__imp_##name)
