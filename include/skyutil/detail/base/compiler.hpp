// SPDX-License-Identifier: MIT
//
// detail/base/compiler.hpp: what compilers call differently.

#pragma once

// Each header of the library includes this before it declares anything.
#if defined(_MSVC_LANG)
#define SKYUTIL_LANGUAGE _MSVC_LANG
#else
#define SKYUTIL_LANGUAGE __cplusplus
#endif
#if SKYUTIL_LANGUAGE < 202002L
#error "skyutil needs C++20: add -std=c++20 (g++, clang) or /std:c++20 (MSVC)"
#include <C++20>  // no header has this name: the compilation ends here
#endif
#undef SKYUTIL_LANGUAGE

/// Of a function with unsigned arithmetic that is to wrap around: -fsanitize=integer of clang says
/// so otherwise.
#if defined(__clang__)
#define SKYUTIL_WRAPS \
    __attribute__((__no_sanitize__("unsigned-integer-overflow", "unsigned-shift-base")))
#else
#define SKYUTIL_WRAPS
#endif

/// Before a loop that clang would unroll before it sees vectors.
#if defined(__GNUC__) || defined(__clang__)
#define SKYUTIL_NOT_UNROLLED _Pragma("GCC unroll 1")
#else
#define SKYUTIL_NOT_UNROLLED
#endif

/// Where there is __int128. With Microsoft's library clang has it, but not what divides it.
#if defined(__SIZEOF_INT128__) && !defined(_MSC_VER)
#define SKYUTIL_HAS_INT128
#endif

/// Of a variable, or a function with static ones, that each shared library has for itself. Else g++
/// makes it unique in the process (STB_GNU_UNIQUE), for which the library stays mapped after
/// dlclose(3).
#if defined(__ELF__)
#define SKYUTIL_OWN __attribute__((__visibility__("hidden")))
#else
#define SKYUTIL_OWN
#endif
