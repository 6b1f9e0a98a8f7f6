// SPDX-License-Identifier: MIT
//
// tests/os_contract/answers.hpp: what the tests of the contracts share. They name nothing of a
// system, so that a new backend has to pass them as they are.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/base.hpp>

#include <filesystem>
#include <string>
#include <system_error>
#include <type_traits>

#include "catch.hpp"

namespace skyutil_tests {

namespace os = skyutil::detail::os;
using skyutil::detail::unique_fd;

/// A name as the system takes it.
inline os::path_text name_of(const std::string& text) {
    return std::filesystem::path(text).native();
}

/// What a call returns that must set no error.
template <class Call>
auto done(Call call) {
    std::error_code error;
    if constexpr (std::is_void_v<decltype(call(error))>) {
        call(error);
        CHECK_FALSE(error);
    } else {
        auto result = call(error);
        CHECK_FALSE(error);
        return result;
    }
}

/// The error that a call sets.
template <class Call>
std::error_code error_of(Call call) {
    std::error_code error;
    static_cast<void>(call(error));
    return error;
}

}  // namespace skyutil_tests
