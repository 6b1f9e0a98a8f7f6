// SPDX-License-Identifier: MIT
//
// detail/os/windows/close_windows.hpp: asks a program with windows to end as its user does: by
// closing them.
//
// user32.dll is loaded when it is needed first, so that a program without windows of its own stays
// one.
//
// Source: Microsoft's reference, "Terminating a Process", WM_CLOSE, GetGuiResources.

#pragma once

#include <skyutil/detail/os/windows/api/processes.hpp>
#include <skyutil/version.hpp>

#include <cstdint>
#include <type_traits>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

using window = ::HWND__*;

/// The functions of user32.dll, each null where it is missing.
struct window_calls {
    unsigned long(__stdcall* count_objects)(handle, unsigned long);
    int(__stdcall* for_each_window)(int(__stdcall*)(window, std::intptr_t), std::intptr_t);
    window(__stdcall* related_window)(window, unsigned int);
    unsigned long(__stdcall* process_of)(window, unsigned long*);
    int(__stdcall* is_visible)(window);
    int(__stdcall* post)(window, unsigned int, std::uintptr_t, std::intptr_t);

    static window_calls load() noexcept {
        constexpr unsigned long of_the_system = 0x800;  // LOAD_LIBRARY_SEARCH_SYSTEM32
        ::HINSTANCE__* const library = LoadLibraryExW(L"user32.dll", nullptr, of_the_system);
        window_calls calls{};
        const auto find = [&](auto& function, const char* name) {
            if (library != nullptr) {
                function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(
                    reinterpret_cast<void*>(GetProcAddress(library, name)));
            }
        };
        find(calls.count_objects, "GetGuiResources");
        find(calls.for_each_window, "EnumWindows");
        find(calls.related_window, "GetWindow");
        find(calls.process_of, "GetWindowThreadProcessId");
        find(calls.is_visible, "IsWindowVisible");
        find(calls.post, "PostMessageW");
        return calls;
    }

    [[nodiscard]] bool complete() const noexcept {
        return count_objects != nullptr && for_each_window != nullptr &&
               related_window != nullptr && process_of != nullptr && is_visible != nullptr &&
               post != nullptr;
    }
};

/// What close_if_main() looks for, and has done.
struct window_search {
    window_calls calls;
    unsigned long pid;
    bool asked;
};

/// Asks a window to close if it is a main one of the process: one that can be seen and has no
/// owner.
inline int __stdcall close_if_main(window each, std::intptr_t context) noexcept {
    auto& search = *reinterpret_cast<window_search*>(context);
    constexpr unsigned int owner = 4;        // GW_OWNER
    constexpr unsigned int to_close = 0x10;  // WM_CLOSE
    unsigned long pid = 0;
    search.calls.process_of(each, &pid);
    if (pid == search.pid && search.calls.is_visible(each) != 0 &&
        search.calls.related_window(each, owner) == nullptr &&
        search.calls.post(each, to_close, 0, 0) != 0) {
        search.asked = true;
    }
    return 1;  // go on
}

/// Asks the main windows of a process to close, and returns whether it has any that could be asked.
/// The handle is open to query the process.
inline bool close_windows(handle process, unsigned long pid) noexcept {
    window_search search{window_calls::load(), pid, false};
    constexpr unsigned long user_objects = 1;  // GR_USEROBJECTS
    if (search.calls.complete() && search.calls.count_objects(process, user_objects) != 0) {
        search.calls.for_each_window(close_if_main, reinterpret_cast<std::intptr_t>(&search));
    }
    return search.asked;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
