// SPDX-License-Identifier: MIT
//
// skyutil/version.hpp: the version of the library, for the preprocessor and for programs.
//
//     static_assert(SKYUTIL_VERSION >= 100);  // 0.1.0 or newer
//
// The only public macros are these. The build and the packages read the three numbers from here.

#pragma once

#include <skyutil/detail/base/compiler.hpp>

#include <string_view>
#include <version>

#define SKYUTIL_VERSION_MAJOR 0
#define SKYUTIL_VERSION_MINOR 1
#define SKYUTIL_VERSION_PATCH 0

/// major * 10000 + minor * 100 + patch
#define SKYUTIL_VERSION \
    (SKYUTIL_VERSION_MAJOR * 10000 + SKYUTIL_VERSION_MINOR * 100 + SKYUTIL_VERSION_PATCH)

/// The inline namespace of everything: two versions of the library, and code compiled with and
/// without exceptions, have functions of their own, so that object files of both can be linked into
/// one program. So has code for which the standard library's containers, strings and stop tokens
/// are others, or the system: code for one that nothing is known of, or with calls that a test
/// makes fail.
#if defined(__cpp_exceptions)
#define SKYUTIL_VERSION_NAMESPACE v0_1 SKYUTIL_VERSION_LAYOUT SKYUTIL_VERSION_SYSTEM
#else
#define SKYUTIL_VERSION_NAMESPACE v0_1_noexcept SKYUTIL_VERSION_LAYOUT SKYUTIL_VERSION_SYSTEM
#endif
#if defined(_GLIBCXX_DEBUG)
#define SKYUTIL_VERSION_LAYOUT ::inline debug_containers
#elif defined(_GLIBCXX_USE_CXX11_ABI) && !_GLIBCXX_USE_CXX11_ABI
#define SKYUTIL_VERSION_LAYOUT ::inline shared_strings
#elif !defined(__cpp_lib_jthread)
#define SKYUTIL_VERSION_LAYOUT ::inline own_stop_token
#else
#define SKYUTIL_VERSION_LAYOUT
#endif
#if defined(SKYUTIL_OS_UNSUPPORTED)
#define SKYUTIL_VERSION_SYSTEM ::inline unsupported_system
#elif defined(SKYUTIL_TEST_SYSTEM_CALLS)
#define SKYUTIL_VERSION_SYSTEM ::inline test_system_calls
#else
#define SKYUTIL_VERSION_SYSTEM
#endif

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// The version as text, "major.minor.patch".
SKYUTIL_OWN inline constexpr std::string_view version = "0.1.0";

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
