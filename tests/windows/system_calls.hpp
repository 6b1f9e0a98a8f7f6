// SPDX-License-Identifier: MIT
//
// tests/windows/system_calls.hpp: the system calls of the library on Windows, shown to the test
// first: shown_calls.hpp. Which there are tests/CMakeLists.txt finds in the headers of
// detail/os/windows/ that declare them.

#pragma once

#include <skyutil/version.hpp>

#include <windows_calls.hpp>

#include "shown_calls.hpp"

#define SKYUTIL_CALL(name) SKYUTIL_SHOW_CALL(api, name, #name)

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"  // of arguments that were constants
#pragma GCC diagnostic ignored "-Wsign-conversion"

SKYUTIL_WINDOWS_CALLS

#pragma GCC diagnostic pop

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys

#undef SKYUTIL_CALL
