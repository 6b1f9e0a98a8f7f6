// SPDX-License-Identifier: MIT
//
// console_events_windows.hpp: Ctrl-C, Ctrl-Break and the end of the console, taken by this program.

#pragma once

#include <functional>

#include <windows.h>

namespace program {

/// What a program that Ctrl-C ends has for an exit code.
inline constexpr int ended_by_console = static_cast<int>(STATUS_CONTROL_C_EXIT);

/// Whether the console, the session or the machine ends, and soon this process too.
inline bool is_last_event(DWORD event) {
    return event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT;
}

/// Has a function called for each event from now on, in a thread of its own. This process goes on
/// after it, but for the last event, which holds the thread until this process has ended.
inline void take_console_events(std::function<void(DWORD)> taker) {
    // Never destroyed: a thread may be in it while this process ends.
    static auto& taken = *new std::function<void(DWORD)>();
    taken = std::move(taker);
    ::SetConsoleCtrlHandler(
        +[](DWORD event) -> BOOL {
            taken(event);
            if (is_last_event(event)) {
                ::Sleep(INFINITE);
            }
            return TRUE;
        },
        TRUE);
}

}  // namespace program
