// SPDX-License-Identifier: MIT
//
// detail/os/windows/api/sockets.hpp: what is called of Winsock, as api.hpp has the rest.
//
// Source: <winsock2.h> of the Windows SDK.

#pragma once

#include <skyutil/version.hpp>

#include <cstdint>

struct WSAData;             // NOLINT(*-identifier-naming)
struct _WSAPROTOCOL_INFOW;  // NOLINT(*-reserved-identifier,*-identifier-naming)
struct sockaddr;            // NOLINT(*-identifier-naming)

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::api {

extern "C" {

// ws2_32.dll
__declspec(dllimport) int __stdcall WSAGetLastError();
__declspec(dllimport) std::uintptr_t __stdcall WSASocketW(int, int, int, ::_WSAPROTOCOL_INFOW*,
                                                          unsigned int, unsigned long);
__declspec(dllimport) int __stdcall WSAStartup(unsigned short, ::WSAData*);
__declspec(dllimport) int __stdcall bind(std::uintptr_t, const ::sockaddr*, int);
__declspec(dllimport) int __stdcall closesocket(std::uintptr_t);
__declspec(dllimport) int __stdcall getsockname(std::uintptr_t, ::sockaddr*, int*);
__declspec(dllimport) int __stdcall listen(std::uintptr_t, int);
__declspec(dllimport) int __stdcall setsockopt(std::uintptr_t, int, int, const char*, int);

}  // extern "C"

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::api

#if defined(_MSC_VER) || defined(__clang__)
#pragma comment(lib, "ws2_32")
#endif

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

using namespace api;  // NOLINT(*-using-namespace) the functions

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
