// SPDX-License-Identifier: MIT
//
// tests/process/nursery_windows.hpp: processes to look at and to end: this program with a role, see
// roles_windows.test.cpp. They are in a job that ends them all with the test; each ends by itself
// after two minutes.

#pragma once

#include <skyutil/process.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <windows.h>

#include "support_windows.hpp"

namespace skyutil_tests {

using namespace std::chrono_literals;
using skyutil::kill_report;
using skyutil::detail::unique_fd;
using std::chrono::steady_clock;
using pid_list = std::vector<std::int64_t>;

/// Memory that a test shares with all processes it starts.
struct board {
    std::atomic<int> processes = 0;
    std::array<std::atomic<DWORD>, 1024> pids{};
    std::atomic<int> restarts = 0;
    std::atomic<bool> go = false;

    void announce() { pids.at(static_cast<std::size_t>(processes++)) = ::GetCurrentProcessId(); }
};

/// The memory in this process, made by the first that asks for it.
inline board& shared_board() {
    static board* const all = [] {
        wchar_t name[100];
        const bool made =
            ::GetEnvironmentVariableW(L"SKYUTIL_TEST_BOARD", name, std::size(name)) == 0;
        if (made) {
            const std::wstring own = L"skyutil-test-" + std::to_wstring(::GetCurrentProcessId());
            own.copy(name, own.size());
            name[own.size()] = L'\0';
            ::SetEnvironmentVariableW(L"SKYUTIL_TEST_BOARD", name);
        }
        HANDLE const section = ::CreateFileMappingW(INVALID_HANDLE_VALUE, nullptr, PAGE_READWRITE,
                                                    0, sizeof(board), name);
        void* const memory =
            section == nullptr ? nullptr
                               : ::MapViewOfFile(section, FILE_MAP_ALL_ACCESS, 0, 0, sizeof(board));
        if (memory == nullptr) {
            throw_last_error("share memory");
        }
        return made ? new (memory) board() : static_cast<board*>(memory);
    }();
    return *all;
}

template <class Condition>
void await(Condition condition, const char* what) {
    const auto deadline = steady_clock::now() + 100s;
    while (!condition()) {
        if (steady_clock::now() > deadline) {
            throw std::runtime_error(std::string("waited in vain: ") + what);
        }
        std::this_thread::sleep_for(5ms);
    }
}

inline started start_role(const std::wstring& role, DWORD flags = 0) {
    return start_this_program(L"what the processes of a nursery do", role, flags);
}

class nursery {
public:
    nursery() : job_(::CreateJobObjectW(nullptr, nullptr)) {
        JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
        limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
        if (!job_ || ::SetInformationJobObject(job_.get(), JobObjectExtendedLimitInformation,
                                               &limits, sizeof limits) == 0) {
            throw_last_error("make a job");
        }
        new (&shared_board()) board();
    }
    nursery(const nursery&) = delete;
    nursery& operator=(const nursery&) = delete;
    ~nursery() { ::TerminateJobObject(job_.get(), 3); }

    /// Starts a process with that role.
    started start(const std::wstring& role) {
        started process = start_role(role, CREATE_SUSPENDED);
        if (::AssignProcessToJobObject(job_.get(), process.process.get()) == 0) {
            throw_last_error("put a process into a job");
        }
        ::ResumeThread(process.thread.get());
        return process;
    }

    /// The same, and waits until so many have said that they are there; returns its id.
    std::int64_t start_tree(const std::wstring& role, int count) {
        const DWORD pid = start(role).pid;
        await_processes(count);
        return pid;
    }

    void await_processes(int count) {
        board& all = shared_board();
        await([&] { return all.processes >= count; }, "processes");
        await([&] { return all.pids.at(static_cast<std::size_t>(count - 1)) != 0; }, "their ids");
    }

    /// The ids of those that said that they are there, in that order.
    pid_list pids() const {
        board& all = shared_board();
        return {all.pids.begin(), all.pids.begin() + all.processes};
    }

    /// How many of its processes run.
    DWORD count_running() const {
        JOBOBJECT_BASIC_ACCOUNTING_INFORMATION found{};
        ::QueryInformationJobObject(job_.get(), JobObjectBasicAccountingInformation, &found,
                                    sizeof found, nullptr);
        return found.ActiveProcesses;
    }

private:
    unique_fd job_;
};

inline bool is_held_ended(const started& process) {
    return ::WaitForSingleObject(process.process.get(), 0) == WAIT_OBJECT_0;
}

inline void await_end(const started& process) {
    ::WaitForSingleObject(process.process.get(), INFINITE);
}

/// The id of a process that has ended, and that nobody holds.
inline std::int64_t process_that_was(nursery& all) {
    const std::int64_t pid = [&] {
        const started process = all.start(L"exit 0");
        await_end(process);
        return process.pid;
    }();
    await([&] { return !skyutil::pid_exists(pid); }, "its id");
    return pid;
}

inline pid_list sorted(pid_list pids) {
    std::sort(pids.begin(), pids.end());
    return pids;
}

}  // namespace skyutil_tests
