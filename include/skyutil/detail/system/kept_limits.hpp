// SPDX-License-Identifier: MIT
//
// detail/system/kept_limits.hpp: keeps what get_cpu_count() and get_mem_size_gb() read for some
// milliseconds.
//
// Reading only once in 10 milliseconds saves as much as descriptors that stay open. Where nothing
// can be looked at any more (in a chroot without /proc, without descriptors left) the last answer
// stays, because a process does not leave its groups that way.

#pragma once

#include <skyutil/detail/base/compiler.hpp>
#include <skyutil/detail/os/limits.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/version.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Keeps sources that know where the limits are for the next thread that needs one. There is no
/// lock, so a child made by fork can use those that no other thread was using. They are not
/// thread_local, because a library with thread_local objects that have destructors cannot be
/// unloaded.
class source_shelf {
public:
    constexpr source_shelf() noexcept = default;
    source_shelf(const source_shelf&) = delete;
    source_shelf& operator=(const source_shelf&) = delete;
    ~source_shelf() {
        while (take()) {
        }
    }

    /// Returns a source, or nothing when none is kept.
    [[nodiscard]] std::unique_ptr<os::limits_source> take() noexcept {
        for (std::atomic<os::limits_source*>& place : places_) {
            if (place.load(std::memory_order_relaxed) != nullptr) {
                if (os::limits_source* const taken = place.exchange(nullptr)) {
                    return std::unique_ptr<os::limits_source>(taken);
                }
            }
        }
        return nullptr;
    }

    void put(std::unique_ptr<os::limits_source> source) noexcept {
        for (std::atomic<os::limits_source*>& place : places_) {
            os::limits_source* none = nullptr;
            if (place.compare_exchange_strong(none, source.get())) {
                static_cast<void>(source.release());  // NOLINT(bugprone-unused-return-value)
                return;
            }
        }
    }

private:
    std::array<std::atomic<os::limits_source*>, 16> places_{};
};

SKYUTIL_OWN inline source_shelf& kept_sources() {
    static source_shelf shelf;
    return shelf;
}

/// Calls the function with a source that no other thread uses meanwhile, and returns its result.
template <class Function>
auto with_kept_source(Function function) {
    source_shelf& shelf = kept_sources();
    std::unique_ptr<os::limits_source> source = shelf.take();
    if (!source) {
        source = std::make_unique<os::limits_source>();
    }
    const auto result = function(*source);
    shelf.put(std::move(source));
    return result;
}

/// A value that is read again when it is older than some milliseconds, by a clock that can be up to
/// ten milliseconds behind.
template <class T>
class recent {
public:
    /// Returns the value that `read` has read. A reading that is not complete does not replace the
    /// value; when it is the first, `last` is called with it and returns the value instead.
    template <class Read, class Last>
    const T& get(std::uint64_t max_age, Read read, Last last) {
        const std::uint64_t now = os::coarse_milliseconds();
        if (now >= expires_) {
            os::reading<T> next = read();
            if (next.complete || !known_) {
                value_ = next.complete ? next.value : last(next.value);
            }
            known_ = true;
            expires_ = now + max_age;
        }
        return value_;
    }

private:
    T value_{};
    std::uint64_t expires_ = 0;
    bool known_ = false;
};

inline constexpr std::uint64_t default_max_age = 10;  // milliseconds

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
