// SPDX-License-Identifier: MIT
//
// detail/base/unique_fd.hpp: the owner of a descriptor; skyutil::unique_fd.

#pragma once

#include <skyutil/detail/os.hpp>

#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Owns a file descriptor and closes it. Move-only; empty after a move and after release().
class [[nodiscard]] unique_fd {
public:
    constexpr unique_fd() noexcept = default;

    /// Takes over `fd`; a negative one is none.
    constexpr explicit unique_fd(int fd) noexcept : fd_(fd) {}

    unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
    unique_fd& operator=(unique_fd&& other) noexcept {
        reset(other.release());
        return *this;
    }
    unique_fd(const unique_fd&) = delete;
    unique_fd& operator=(const unique_fd&) = delete;
    ~unique_fd() { reset(); }

    /// The descriptor, or -1; it stays owned.
    [[nodiscard]] constexpr int get() const noexcept { return fd_; }
    constexpr explicit operator bool() const noexcept { return fd_ >= 0; }

    /// Gives the descriptor away: the caller closes it.
    [[nodiscard]] constexpr int release() noexcept { return std::exchange(fd_, -1); }

    /// Closes the descriptor and takes over another.
    void reset(int fd = -1) noexcept {
        if (const int old = std::exchange(fd_, fd); old >= 0 && old != fd) {
            os::close(old);
        }
    }

    void swap(unique_fd& other) noexcept { std::swap(fd_, other.fd_); }
    friend void swap(unique_fd& a, unique_fd& b) noexcept { a.swap(b); }

    /// Whether both are the same number, of which two owners can only have -1.
    friend bool operator==(const unique_fd&, const unique_fd&) = default;

private:
    int fd_ = -1;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
