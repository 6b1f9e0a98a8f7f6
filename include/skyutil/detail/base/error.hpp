// SPDX-License-Identifier: MIT
//
// detail/base/error.hpp: how the throwing forms report what the std::error_code forms found.
// Those that concern a path are in detail/base/path_error.hpp.

#pragma once

#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/text/integer_text.hpp>
#include <skyutil/version.hpp>

#include <cstdint>
#include <string>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// The id of the process concerned is added.
inline void throw_if(const std::error_code& error, const char* what, std::int64_t pid) {
    if (error) {
        throw_exception(std::system_error(error, what + integer_text(pid)));
    }
}

/// The name of what the system was asked for is added.
inline void throw_if(const std::error_code& error, const char* what, const char* name) {
    if (error) {
        throw_exception(std::system_error(error, std::string(what) + name));
    }
}

inline void throw_if(const std::error_code& error, const char* what) {
    if (error) {
        throw_exception(std::system_error(error, what));
    }
}

/// Returns what `work(error)` returns, and throws what throw_if() does for the rest of the
/// arguments where it sets the error.
template <class Work, class... Said>
auto or_throw(Work work, const char* what, const Said&... subject) {
    std::error_code error;
    auto result = work(error);
    throw_if(error, what, subject...);
    return result;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
