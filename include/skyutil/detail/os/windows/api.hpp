// SPDX-License-Identifier: MIT
//
// detail/os/windows/api.hpp: what of Windows is called, declared here, so that no program that uses
// the library gets <windows.h>, its macros, or a say in when it is included.
//
// A function of C is the same in whatever namespace it is declared, as long as its type is the
// same: HANDLE is void*, DWORD unsigned long, BOOL int, NTSTATUS long; structures are named as in
// <windows.h> and never defined. A parameter of an enumeration cannot be declared so, as only its
// definition tells its type. Those functions are called under the names that ntdll.dll has for them
// beside the ones with Nt, and that no header for programs declares: Zw.
//
// The functions are in namespace api, where `sys` finds them: there tests can put others in front.
//
// Sources: the Windows SDK's headers, Microsoft's reference of the Win32 API and of Zw routines.

#pragma once

#include <skyutil/version.hpp>

#include <cstddef>
#include <cstdint>
#include <type_traits>

struct _SECURITY_ATTRIBUTES;  // NOLINT(*-reserved-identifier,*-identifier-naming)
struct _OVERLAPPED;           // NOLINT(*-reserved-identifier,*-identifier-naming)

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

using handle = void*;
using size_type = std::conditional_t<sizeof(void*) == 8, unsigned long long, unsigned long>;
using nt_status = long;  ///< of an NT call: negative for an error

/// UNICODE_STRING: lengths in bytes.
struct counted_text {
    unsigned short length;
    unsigned short capacity;
    const wchar_t* text;
};

/// ANSI_STRING.
struct counted_bytes {
    unsigned short length;
    unsigned short capacity;
    const char* text;
};

/// OBJECT_ATTRIBUTES: a name below an open directory.
struct named_object {
    unsigned long size;
    handle directory;
    const counted_text* name;
    unsigned long attributes;
    const void* security_descriptor;
    const void* quality_of_service;
};

/// IO_STATUS_BLOCK.
struct io_result {
    std::uintptr_t state;
    std::uintptr_t count;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::api {

using namespace sys;  // NOLINT(*-using-namespace) the types

// Those that the headers of Windows import from a DLL are imported here too: compilers warn of a
// difference.
extern "C" {

// kernel32.dll
__declspec(dllimport) int __stdcall CloseHandle(handle);
__declspec(dllimport) handle __stdcall CreateFileMappingW(handle, ::_SECURITY_ATTRIBUTES*,
                                                          unsigned long, unsigned long,
                                                          unsigned long, const wchar_t*);
__declspec(dllimport) handle __stdcall CreateFileW(const wchar_t*, unsigned long, unsigned long,
                                                   ::_SECURITY_ATTRIBUTES*, unsigned long,
                                                   unsigned long, handle);
__declspec(dllimport) int __stdcall DeviceIoControl(handle, unsigned long, void*, unsigned long,
                                                    void*, unsigned long, unsigned long*,
                                                    ::_OVERLAPPED*);
__declspec(dllimport) int __stdcall FlushFileBuffers(handle);
__declspec(dllimport) unsigned long __stdcall GetCurrentProcessId();
__declspec(dllimport) unsigned long __stdcall GetEnvironmentVariableW(const wchar_t*, wchar_t*,
                                                                      unsigned long);
__declspec(dllimport) unsigned long __stdcall GetFileType(handle);
__declspec(dllimport) unsigned long __stdcall GetFinalPathNameByHandleW(handle, wchar_t*,
                                                                        unsigned long,
                                                                        unsigned long);
__declspec(dllimport) unsigned long __stdcall GetFullPathNameW(const wchar_t*, unsigned long,
                                                               wchar_t*, wchar_t**);
__declspec(dllimport) unsigned long __stdcall GetLastError();
__declspec(dllimport) unsigned long __stdcall GetTempPathW(unsigned long, wchar_t*);
__declspec(dllimport) void* __stdcall MapViewOfFile(handle, unsigned long, unsigned long,
                                                    unsigned long, size_type);
__declspec(dllimport) int __stdcall PeekNamedPipe(handle, void*, unsigned long, unsigned long*,
                                                  unsigned long*, unsigned long*);
__declspec(dllimport) int __stdcall ReadFile(handle, void*, unsigned long, unsigned long*,
                                             ::_OVERLAPPED*);
__declspec(dllimport) void __stdcall SetLastError(unsigned long);
__declspec(dllimport) void __stdcall Sleep(unsigned long);
__declspec(dllimport) int __stdcall UnmapViewOfFile(const void*);
__declspec(dllimport) int __stdcall WriteFile(handle, const void*, unsigned long, unsigned long*,
                                              ::_OVERLAPPED*);

// bcrypt.dll
nt_status __stdcall BCryptGenRandom(handle, unsigned char*, unsigned long, unsigned long);

// ntdll.dll
unsigned long __stdcall RtlNtStatusToDosError(nt_status);
nt_status __stdcall ZwCreateFile(handle*, unsigned long, const named_object*, io_result*,
                                 const std::int64_t*, unsigned long, unsigned long, unsigned long,
                                 unsigned long, const void*, unsigned long);
nt_status __stdcall ZwQueryDirectoryFile(handle, handle, const void*, const void*, io_result*,
                                         void*, unsigned long, int, unsigned char,
                                         const counted_text*, unsigned char);
nt_status __stdcall ZwQueryInformationFile(handle, io_result*, void*, unsigned long, int);
nt_status __stdcall ZwQueryInformationToken(handle, int, void*, unsigned long, unsigned long*);
nt_status __stdcall ZwQuerySecurityObject(handle, unsigned long, void*, unsigned long,
                                          unsigned long*);
nt_status __stdcall ZwQueryVolumeInformationFile(handle, io_result*, void*, unsigned long, int);
nt_status __stdcall ZwReadFile(handle, handle, const void*, const void*, io_result*, void*,
                               unsigned long, const std::int64_t*, const unsigned long*);
nt_status __stdcall ZwSetInformationFile(handle, io_result*, const void*, unsigned long, int);
nt_status __stdcall ZwSetSecurityObject(handle, unsigned long, const void*);

}  // extern "C"

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::api

// The import libraries, where the compiler passes that on to the linker; g++ does not.
#if defined(_MSC_VER) || defined(__clang__)
#pragma comment(lib, "bcrypt")
#pragma comment(lib, "ntdll")
#endif

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

using namespace api;  // NOLINT(*-using-namespace) the functions

// -------------------------------------------------------------------------------------------------
// what a file is opened for, as <windows.h> has it

namespace access {
inline constexpr unsigned long file_read_data = 0x1;  // of a directory: FILE_LIST_DIRECTORY
inline constexpr unsigned long file_write_data = 0x2;
inline constexpr unsigned long file_traverse = 0x20;
inline constexpr unsigned long file_read_attributes = 0x80;
inline constexpr unsigned long file_write_attributes = 0x100;
inline constexpr unsigned long remove = 0x10000;  // DELETE
inline constexpr unsigned long read_control = 0x20000;
inline constexpr unsigned long write_dac = 0x40000;
inline constexpr unsigned long synchronize = 0x100000;
inline constexpr unsigned long generic_read = 0x80000000;
inline constexpr unsigned long file_generic_read = 0x120089;
inline constexpr unsigned long file_generic_write = 0x120116;
inline constexpr unsigned long file_all = 0x1f01ff;  // FILE_ALL_ACCESS
}  // namespace access

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
