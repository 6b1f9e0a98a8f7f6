// SPDX-License-Identifier: MIT
//
// tests/windows/calls.hpp: what the tests of Windows share: handles of the system's own calls, and
// other processes, which are this program with one hidden test.

#pragma once

#include <skyutil/files.hpp>

#include <filesystem>
#include <string>

#include <windows.h>

#include "support.hpp"
#include "support_windows.hpp"

namespace skyutil_tests {

namespace fs = std::filesystem;

/// Opens a file as another program does; throws.
inline skyutil::unique_fd open_shared(const fs::path& path, DWORD wanted, DWORD sharing,
                                      DWORD how = OPEN_EXISTING) {
    const HANDLE file =
        ::CreateFileW(path.c_str(), wanted, sharing, nullptr, how, FILE_ATTRIBUTE_NORMAL, nullptr);
    if (file == INVALID_HANDLE_VALUE) {
        throw_last_error("open " + path.string());
    }
    return skyutil::unique_fd(file);
}

inline constexpr DWORD share_all = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;

/// Everything that is left to read from a handle.
inline std::string read_rest(HANDLE file) {
    std::string text;
    char buffer[4096];
    DWORD count = 0;
    while (::ReadFile(file, buffer, sizeof buffer, &count, nullptr) != 0 && count != 0) {
        text.append(buffer, count);
    }
    return text;
}

/// This program once more, running one hidden test case, whose argument is a variable.
class other_process {
public:
    other_process(const std::wstring& test, const fs::path& argument)
        : process_(start_this_program(test, argument.native()).process) {}
    other_process(const other_process&) = delete;
    other_process& operator=(const other_process&) = delete;
    ~other_process() { ::WaitForSingleObject(process_.get(), INFINITE); }

    bool running() const { return ::WaitForSingleObject(process_.get(), 0) == WAIT_TIMEOUT; }
    DWORD exit_code() const {
        DWORD code = 0;
        ::GetExitCodeProcess(process_.get(), &code);
        return code;
    }

    static fs::path argument() { return argument_of_this_program(); }

private:
    skyutil::unique_fd process_;
};

}  // namespace skyutil_tests
