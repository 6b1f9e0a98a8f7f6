// SPDX-License-Identifier: MIT
//
// detail/base/error.hpp: how the throwing forms report what the std::error_code forms found.

#pragma once

#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/text/digits.hpp>
#include <skyutil/detail/text/foreign_text.hpp>

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// A filesystem_error whose message has nothing of the path that a terminal would obey; path1() is
/// the path as it is.
class visible_path_error final : public std::filesystem::filesystem_error {
public:
    visible_path_error(const char* what, const std::filesystem::path& path,
                       const std::error_code& error)
        : filesystem_error(what, path, error), message_(visible(filesystem_error::what())) {}

    [[nodiscard]] const char* what() const noexcept override { return message_.what(); }

private:
    std::runtime_error message_;  // its copies share the text
};

/// `what` names the function and what it was doing; the path and the reason are added.
inline void throw_if(const std::error_code& error, const char* what,
                     const std::filesystem::path& path) {
    if (error) {
        throw_exception(visible_path_error(what, path, error));
    }
}

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
