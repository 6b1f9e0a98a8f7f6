// SPDX-License-Identifier: MIT
//
// tests/unsupported/answers.hpp: what both forms of a function say. The program is compiled with
// SKYUTIL_OS_UNSUPPORTED, as for a system that the library knows nothing of.

#pragma once

#include <system_error>

#include "catch.hpp"

#if !defined(SKYUTIL_OS_UNSUPPORTED)
#error "to be compiled with SKYUTIL_OS_UNSUPPORTED"
#endif

namespace skyutil_tests {

/// The error that a call sets.
template <class Call>
std::error_code set_by(Call call) {
    std::error_code error = std::make_error_code(std::errc::bad_message);
    call(error);
    return error;
}

/// The error that a call throws.
template <class Call>
std::error_code thrown_by(Call call) {
    try {
        call();
    } catch (const std::system_error& failure) {
        return failure.code();
    }
    return {};
}

inline const std::error_code not_supported =
    std::make_error_code(std::errc::function_not_supported);

}  // namespace skyutil_tests
