// SPDX-License-Identifier: MIT
//
// detail/base/path_error.hpp: what detail/base/error.hpp has, for what concerns a path.

#pragma once

#include <skyutil/detail/base/error.hpp>  // IWYU pragma: export
#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/text/foreign_text.hpp>
#include <skyutil/version.hpp>

#include <filesystem>
#include <stdexcept>
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

/// Returns what `work(error)` returns, and throws what throw_if() does for the path where it sets
/// the error.
template <class Work>
auto or_throw(Work work, const char* what, const std::filesystem::path& path) {
    std::error_code error;
    auto result = work(error);
    throw_if(error, what, path);
    return result;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
