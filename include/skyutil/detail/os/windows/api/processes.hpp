// SPDX-License-Identifier: MIT
//
// detail/os/windows/api/processes.hpp: what of Windows is called to look at processes, to wait for
// them and to end them, alone or held in a job. See detail/os/windows/api.hpp.

#pragma once

#include <skyutil/detail/os/windows/api.hpp>
#include <skyutil/version.hpp>

#include <cstdint>

// NOLINTBEGIN(*-reserved-identifier,*-identifier-naming)
struct HINSTANCE__;
struct HWND__;
// NOLINTEND(*-reserved-identifier,*-identifier-naming)

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

// What a process is opened for, as <windows.h> has it.
namespace access {
inline constexpr unsigned long process_terminate = 0x1;
inline constexpr unsigned long process_set_quota = 0x100;
inline constexpr unsigned long process_query = 0x400;
inline constexpr unsigned long process_query_limited = 0x1000;
}  // namespace access

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::api {

extern "C" {

// kernel32.dll
__declspec(dllimport) int __stdcall AssignProcessToJobObject(handle, handle);
__declspec(dllimport) handle __stdcall CreateJobObjectW(::_SECURITY_ATTRIBUTES*, const wchar_t*);
__declspec(dllimport) std::intptr_t(__stdcall* __stdcall GetProcAddress(::HINSTANCE__*,
                                                                        const char*))();
__declspec(dllimport) unsigned long __stdcall GetProcessId(handle);
__declspec(dllimport) ::HINSTANCE__* __stdcall LoadLibraryExW(const wchar_t*, handle,
                                                              unsigned long);
__declspec(dllimport) handle __stdcall OpenProcess(unsigned long, int, unsigned long);
__declspec(dllimport) int __stdcall QueryFullProcessImageNameW(handle, unsigned long, wchar_t*,
                                                               unsigned long*);
__declspec(dllimport) int __stdcall TerminateJobObject(handle, unsigned int);
__declspec(dllimport) int __stdcall TerminateProcess(handle, unsigned int);
__declspec(dllimport) unsigned long __stdcall WaitForSingleObject(handle, unsigned long);

// ntdll.dll
nt_status __stdcall ZwQueryInformationJobObject(handle, int, void*, unsigned long, unsigned long*);
nt_status __stdcall ZwQueryInformationProcess(handle, int, void*, unsigned long, unsigned long*);
nt_status __stdcall ZwQuerySystemInformation(int, void*, unsigned long, unsigned long*);

}  // extern "C"

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::api
