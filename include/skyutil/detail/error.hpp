// SPDX-License-Identifier: MIT
//
// detail/error.hpp: how the throwing forms report what the std::error_code forms found.

#pragma once

#include <skyutil/detail/digits.hpp>
#include <skyutil/detail/throw.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// `what` names the function and what it was doing; the path and the reason are added.
inline void throw_if(const std::error_code& error, const char* what,
                     const std::filesystem::path& path) {
    if (error) {
        throw_exception(std::filesystem::filesystem_error(what, path, error));
    }
}

/// The id of the process concerned is added.
inline void throw_if(const std::error_code& error, const char* what, std::int64_t pid) {
    if (error) {
        throw_exception(std::system_error(error, what + integer_text(pid)));
    }
}

inline void throw_if(const std::error_code& error, const char* what) {
    if (error) {
        throw_exception(std::system_error(error, what));
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
