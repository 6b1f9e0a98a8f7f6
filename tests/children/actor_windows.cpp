// SPDX-License-Identifier: MIT
//
// actor.cpp for Windows: a program for tests of children. The first argument says what it does:
//
//     arguments [WORD...]  prints its further words as the system takes its line apart, in UTF-16,
//                          each with a NUL
//     main [WORD...]       the same as the C library takes its line apart
//     variables            prints all its variables in UTF-16, each with a NUL
//     environment NAME     prints a variable, or "unset"
//     directory            prints its current directory
//     group                prints its priority class and its CPUs, a bit for each
//     handle NUMBER        prints whether it has such a handle
//     flood BYTES          writes so many to standard output and as many to standard error, in
//     turns lines NUMBER         prints the numbers from 1 echo                 copies standard
//     input to standard output complain TEXT        prints it to standard error and ends with exit
//     code 1 nothing              writes no bytes, and then "something" memory MEGABYTES     uses
//     so much sleep                waits for ever deaf                 says "ready" and waits for
//     ever family DEPTH         has so many generations of descendants, prints their ids, waits for
//     ever orphan               starts a process, prints its id, and ends before it orphan late
//     starts a process that prints "late" soon, and ends before it exit CODE            ends

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <windows.h>

#include <shellapi.h>

extern "C" int __cdecl __wgetmainargs(int*, wchar_t***, wchar_t***, int, int*);

namespace {

bool write_all(DWORD stream, const void* data, std::size_t size) {
    const HANDLE file = ::GetStdHandle(stream);
    const char* text = static_cast<const char*>(data);
    while (size != 0) {
        DWORD count = 0;
        if (::WriteFile(file, text, static_cast<DWORD>(size), &count, nullptr) == 0) {
            return false;
        }
        text += count;
        size -= count;
    }
    return true;
}

bool say(std::string_view text) { return write_all(STD_OUTPUT_HANDLE, text.data(), text.size()); }
void say_line(const std::string& text) { say(text + "\n"); }

void say_wide(std::wstring_view text) {
    write_all(STD_OUTPUT_HANDLE, text.data(), text.size() * sizeof(wchar_t));
}

std::string to_utf8(const std::wstring& text) {
    std::string narrow(4 * text.size() + 1, '\0');
    const int size =
        ::WideCharToMultiByte(CP_UTF8, 0, text.data(), static_cast<int>(text.size()), narrow.data(),
                              static_cast<int>(narrow.size()), nullptr, nullptr);
    narrow.resize(static_cast<std::size_t>(size));
    return narrow;
}

[[noreturn]] void wait_for_ever() {
    for (;;) {
        ::Sleep(INFINITE);
    }
}

/// Starts this program once more, with its standard handles; its id.
DWORD start(std::wstring arguments) {
    wchar_t program[1024];
    ::GetModuleFileNameW(nullptr, program, 1024);
    std::wstring line = L"\"" + std::wstring(program) + L"\" " + arguments;
    STARTUPINFOW info{};
    info.cb = sizeof info;
    PROCESS_INFORMATION made{};
    if (::CreateProcessW(program, line.data(), nullptr, nullptr, TRUE, 0, nullptr, nullptr, &info,
                         &made) == 0) {
        std::exit(97);
    }
    ::CloseHandle(made.hProcess);
    ::CloseHandle(made.hThread);
    return made.dwProcessId;
}

void print(wchar_t** words, int count) {
    std::wstring all;
    for (int i = 2; i < count; ++i) {
        all.append(words[i]).append(1, L'\0');
    }
    say_wide(all);
}

int act(const std::wstring& what, const std::wstring& argument, wchar_t** words, int count) {
    const std::size_t number = std::wcstoull(argument.c_str(), nullptr, 10);
    if (what == L"arguments") {
        print(words, count);
    } else if (what == L"main") {
        wchar_t** unused = nullptr;
        int mode = 0;
        __wgetmainargs(&count, &words, &unused, 0, &mode);
        print(words, count);
    } else if (what == L"variables") {
        const wchar_t* end = ::GetEnvironmentStringsW();
        const wchar_t* const first = end;
        while (*end != L'\0') {
            end += std::wcslen(end) + 1;
        }
        say_wide({first, static_cast<std::size_t>(end - first)});
    } else if (what == L"environment") {
        wchar_t value[1024];
        const DWORD size = ::GetEnvironmentVariableW(argument.c_str(), value, 1024);
        say_line(size == 0 && ::GetLastError() == ERROR_ENVVAR_NOT_FOUND ? "unset"
                                                                         : to_utf8({value, size}));
    } else if (what == L"directory") {
        wchar_t name[1024];
        say_line(to_utf8({name, ::GetCurrentDirectoryW(1024, name)}));
    } else if (what == L"group") {
        DWORD_PTR own = 0;
        DWORD_PTR all = 0;
        ::GetProcessAffinityMask(::GetCurrentProcess(), &own, &all);
        say_line(std::to_string(::GetPriorityClass(::GetCurrentProcess())) + " " +
                 std::to_string(own));
    } else if (what == L"handle") {
        DWORD flags = 0;
        say_line(::GetHandleInformation(reinterpret_cast<HANDLE>(number), &flags) != 0 ? "yes"
                                                                                       : "no");
    } else if (what == L"flood") {
        const std::string block(10'000, 'x');
        for (std::size_t left = number; left != 0;) {
            const std::size_t part = left < block.size() ? left : block.size();
            if (!write_all(STD_OUTPUT_HANDLE, block.data(), part) ||
                !write_all(STD_ERROR_HANDLE, block.data(), part)) {
                return 1;
            }
            left -= part;
        }
    } else if (what == L"lines") {
        std::string all;
        for (std::size_t i = 1; i <= number; ++i) {
            all += std::to_string(i) + "\n";
        }
        return say(all) ? 0 : 1;
    } else if (what == L"echo") {
        std::vector<char> buffer(1U << 16);
        DWORD read = 0;
        while (::ReadFile(::GetStdHandle(STD_INPUT_HANDLE), buffer.data(),
                          static_cast<DWORD>(buffer.size()), &read, nullptr) != 0 &&
               read != 0) {
            if (!say({buffer.data(), read})) {
                return 1;
            }
        }
    } else if (what == L"complain") {
        const std::string text = to_utf8(argument);
        write_all(STD_ERROR_HANDLE, text.data(), text.size());
        return 1;
    } else if (what == L"nothing") {
        DWORD unused = 0;
        ::WriteFile(::GetStdHandle(STD_OUTPUT_HANDLE), "", 0, &unused, nullptr);
        ::Sleep(20);
        say("something");
    } else if (what == L"memory") {
        std::vector<char> memory(number << 20, 'm');
        say_line(std::string(1, memory[number]));
    } else if (what == L"sleep") {
        wait_for_ever();
    } else if (what == L"deaf") {
        say("ready\n");
        wait_for_ever();
    } else if (what == L"family") {
        say_line(std::to_string(::GetCurrentProcessId()));
        if (number != 0) {
            start(L"family " + std::to_wstring(number - 1));
        }
        wait_for_ever();
    } else if (what == L"orphan") {
        say_line(std::to_string(start(argument == L"late" ? L"late" : L"sleep")));
    } else if (what == L"late") {
        ::Sleep(300);
        say("late\n");
    } else if (what == L"exit") {
        return static_cast<int>(number);
    } else {
        return 99;
    }
    return 0;
}

}  // namespace

int main() {
    int count = 0;
    wchar_t** const words = ::CommandLineToArgvW(::GetCommandLineW(), &count);
    return count < 2 ? 99 : act(words[1], count < 3 ? L"" : words[2], words, count);
}
