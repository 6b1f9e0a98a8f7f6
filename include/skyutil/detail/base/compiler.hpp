// SPDX-License-Identifier: MIT
//
// detail/base/compiler.hpp: what compilers call differently.

#pragma once

/// Of a function with unsigned arithmetic that is to wrap around: -fsanitize=integer of clang says
/// so otherwise.
#if defined(__clang__)
#define SKYUTIL_WRAPS \
    __attribute__((__no_sanitize__("unsigned-integer-overflow", "unsigned-shift-base")))
#else
#define SKYUTIL_WRAPS
#endif

/// Of a variable, or a function with static ones, that each shared library has for itself. Else g++
/// makes it unique in the process (STB_GNU_UNIQUE), for which the library stays mapped after
/// dlclose(3).
#if defined(__ELF__)
#define SKYUTIL_OWN __attribute__((__visibility__("hidden")))
#else
#define SKYUTIL_OWN
#endif
