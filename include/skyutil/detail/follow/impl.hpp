// SPDX-License-Identifier: MIT
//
// detail/follow/impl.hpp: the functions of skyutil/follow.hpp, at whose end this is included.

#pragma once

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/follow/engine.hpp>
#include <skyutil/detail/os/base.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

namespace detail {

struct follow_access {
    static bool is_stopped(const file_follower_set& set) noexcept {
        return set.engine_->options().stop.stop_requested();
    }
    static bool is_stopped(const file_follower& follower) noexcept {
        return is_stopped(follower.set_);
    }
};

}  // namespace detail

inline file_follower_set::file_follower_set(const follow_options& options, std::error_code& error) {
    error.clear();
    engine_ = std::make_unique<detail::follow_engine>(options, error);
}

inline file_follower_set::file_follower_set(const follow_options& options) {
    std::error_code error;
    *this = file_follower_set(options, error);
    detail::throw_if(error, "skyutil::file_follower_set: cannot wait for changes of files");
}

inline file_follower_set::file_follower_set(file_follower_set&&) noexcept = default;
inline file_follower_set& file_follower_set::operator=(file_follower_set&&) noexcept = default;
inline file_follower_set::~file_follower_set() = default;

inline std::size_t file_follower_set::add(const std::filesystem::path& path,
                                          const follow_position& position, std::error_code& error) {
    error.clear();
    return engine_->add(path, position, error);
}

inline std::size_t file_follower_set::add(const std::filesystem::path& path,
                                          std::error_code& error) {
    return add(path, engine_->options().position, error);
}

inline void file_follower_set::remove(std::size_t file) noexcept { engine_->remove(file); }

inline std::optional<follow_event> file_follower_set::next_until(detail::time_point deadline,
                                                                 std::error_code& error) {
    error.clear();
    return engine_->next(deadline, error);
}

inline follow_position file_follower_set::position(std::size_t file) const {
    return engine_->position(file);
}

inline unique_fd::handle file_follower_set::native_handle() const noexcept {
    return engine_->handle();
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
