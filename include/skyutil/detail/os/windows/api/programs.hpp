// SPDX-License-Identifier: MIT
//
// detail/os/windows/api/programs.hpp: what of Windows is called to start programs, to hold them in
// jobs, and to talk to them through pipes. See detail/os/windows/api.hpp.

#pragma once

#include <skyutil/detail/os/windows/api/machine.hpp>
#include <skyutil/detail/os/windows/api/processes.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <cstdint>

// NOLINTBEGIN(*-reserved-identifier,*-identifier-naming)
struct _PROCESS_INFORMATION;
struct _PROC_THREAD_ATTRIBUTE_LIST;
struct _STARTUPINFOW;
// NOLINTEND(*-reserved-identifier,*-identifier-naming)

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

/// STARTUPINFOEXW.
struct startup_info {
    std::uint32_t size;
    wchar_t* reserved;
    wchar_t* desktop;
    wchar_t* title;
    std::uint32_t place[7];
    std::uint32_t flags;
    std::uint16_t show;
    std::uint16_t more_size;
    unsigned char* more;
    handle standard[3];
    ::_PROC_THREAD_ATTRIBUTE_LIST* attributes;
};

/// PROCESS_INFORMATION.
struct process_information {
    handle process;
    handle thread;
    std::uint32_t process_id;
    std::uint32_t thread_id;
};

/// JOBOBJECT_BASIC_ACCOUNTING_INFORMATION.
struct job_accounting {
    std::int64_t times[4];
    std::uint32_t faults;
    std::uint32_t processes;
    std::uint32_t active;
    std::uint32_t terminated;
};

/// OVERLAPPED.
struct overlapped {
    std::uintptr_t state;
    std::uintptr_t count;
    std::uint64_t offset;
    handle event;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::api {

extern "C" {

// kernel32.dll
__declspec(dllimport) int __stdcall CancelIoEx(handle, ::_OVERLAPPED*);
__declspec(dllimport) int __stdcall CompareStringOrdinal(const wchar_t*, int, const wchar_t*, int,
                                                         int);
__declspec(dllimport) handle __stdcall CreateIoCompletionPort(handle, handle, size_type,
                                                              unsigned long);
__declspec(dllimport) handle __stdcall CreateNamedPipeW(const wchar_t*, unsigned long,
                                                        unsigned long, unsigned long, unsigned long,
                                                        unsigned long, unsigned long,
                                                        ::_SECURITY_ATTRIBUTES*);
__declspec(dllimport) int __stdcall CreateProcessW(const wchar_t*, wchar_t*,
                                                   ::_SECURITY_ATTRIBUTES*, ::_SECURITY_ATTRIBUTES*,
                                                   int, unsigned long, void*, const wchar_t*,
                                                   ::_STARTUPINFOW*, ::_PROCESS_INFORMATION*);
__declspec(dllimport) void __stdcall DeleteProcThreadAttributeList(::_PROC_THREAD_ATTRIBUTE_LIST*);
__declspec(dllimport) int __stdcall DuplicateHandle(handle, handle, handle, handle*, unsigned long,
                                                    int, unsigned long);
__declspec(dllimport) int __stdcall FreeEnvironmentStringsW(wchar_t*);
__declspec(dllimport) int __stdcall GenerateConsoleCtrlEvent(unsigned long, unsigned long);
__declspec(dllimport) unsigned int __stdcall GetConsoleCP();
__declspec(dllimport) wchar_t* __stdcall GetEnvironmentStringsW();
__declspec(dllimport) int __stdcall GetExitCodeProcess(handle, unsigned long*);
__declspec(dllimport) unsigned long __stdcall GetFileAttributesW(const wchar_t*);
__declspec(dllimport) int __stdcall GetQueuedCompletionStatus(handle, unsigned long*, size_type*,
                                                              ::_OVERLAPPED**, unsigned long);
__declspec(dllimport) handle __stdcall GetStdHandle(unsigned long);
__declspec(dllimport) unsigned int __stdcall GetSystemDirectoryW(wchar_t*, unsigned int);
__declspec(dllimport) int __stdcall InitializeProcThreadAttributeList(
    ::_PROC_THREAD_ATTRIBUTE_LIST*, unsigned long, unsigned long, size_type*);
__declspec(dllimport) int __stdcall PostQueuedCompletionStatus(handle, unsigned long, size_type,
                                                               ::_OVERLAPPED*);
__declspec(dllimport) int __stdcall RegisterWaitForSingleObject(
    handle*, handle, void(__stdcall*)(void*, unsigned char), void*, unsigned long, unsigned long);
__declspec(dllimport) unsigned long __stdcall ResumeThread(handle);
__declspec(dllimport) int __stdcall SetProcessAffinityMask(handle, size_type);
__declspec(dllimport) int __stdcall UnregisterWaitEx(handle, handle);
__declspec(dllimport) int __stdcall UpdateProcThreadAttribute(::_PROC_THREAD_ATTRIBUTE_LIST*,
                                                              unsigned long, size_type, void*,
                                                              size_type, void*, size_type*);

// ntdll.dll
nt_status __stdcall ZwSetInformationJobObject(handle, int, void*, unsigned long);

}  // extern "C"

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::api
