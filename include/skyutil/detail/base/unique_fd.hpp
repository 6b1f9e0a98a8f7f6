// SPDX-License-Identifier: MIT
//
// detail/base/unique_fd.hpp: the owner of what has to be closed; skyutil::unique_fd.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/version.hpp>

#include <type_traits>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Owns a `Traits::handle` and closes it with Traits::close(). Move-only; empty, which means that
/// it has Traits::none, after a move and after release().
template <class Traits>
class [[nodiscard]] unique_handle {
public:
    using handle = typename Traits::handle;

    constexpr unique_handle() noexcept = default;

    /// Takes over `taken`. Where handles are signed numbers, a negative one stands for no handle.
    constexpr explicit unique_handle(handle taken) noexcept : handle_(taken) {}

    unique_handle(unique_handle&& other) noexcept : handle_(other.release()) {}
    unique_handle& operator=(unique_handle&& other) noexcept {
        reset(other.release());
        return *this;
    }
    unique_handle(const unique_handle&) = delete;
    unique_handle& operator=(const unique_handle&) = delete;
    ~unique_handle() { reset(); }

    /// The handle, or none; it stays owned.
    [[nodiscard]] constexpr handle get() const noexcept { return handle_; }
    constexpr explicit operator bool() const noexcept { return is_open(handle_); }

    /// Gives the handle away: the caller closes it.
    [[nodiscard]] constexpr handle release() noexcept {
        return std::exchange(handle_, Traits::none);
    }

    /// Closes the handle and takes over another.
    void reset(handle taken = Traits::none) noexcept {
        if (const handle old = std::exchange(handle_, taken); is_open(old) && old != taken) {
            Traits::close(old);
        }
    }

    void swap(unique_handle& other) noexcept { std::swap(handle_, other.handle_); }
    friend void swap(unique_handle& a, unique_handle& b) noexcept { a.swap(b); }

    /// Whether both are the same handle, of which two owners can only have none.
    friend bool operator==(const unique_handle&, const unique_handle&) = default;

private:
    static constexpr bool is_open(handle candidate) noexcept {
        if constexpr (std::is_signed_v<handle>) {
            return candidate >= 0;
        } else {
            return candidate != Traits::none;
        }
    }

    handle handle_ = Traits::none;
};

struct native_handle_traits {
    using handle = os::native_handle;
    static constexpr handle none = os::no_handle;
    static void close(handle open) noexcept { os::close(open); }
};

using unique_fd = unique_handle<native_handle_traits>;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
