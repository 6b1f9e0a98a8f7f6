// SPDX-License-Identifier: MIT
//
// detail/workers/workers.hpp: the rules by which workers are counted.

#pragma once

#include <skyutil/detail/files/directory_entries.hpp>
#include <skyutil/detail/os/files.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// As get_parallel_threads() says.
constexpr int parallel_threads(int cpus, std::string_view cloud) noexcept {
    constexpr std::string_view multiplied = "kubernetes";
    const auto same = [](char a, char b) {
        return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
    };
    const int threads = (std::max)(4, cpus - 1);
    if (!std::equal(cloud.begin(), cloud.end(), multiplied.begin(), multiplied.end(), same)) {
        return threads;
    }
    constexpr int most = (std::numeric_limits<int>::max)();
    return threads > most / 4 ? most : threads * 4;
}

inline constexpr std::size_t fds_per_entry = 5;
inline constexpr std::size_t least_fds_per_worker = 5;

template <class T>
concept path_like = std::convertible_to<T, std::filesystem::path>;

template <class T>
concept pair_with_path = requires(const T& pair) {
    { pair.second } -> path_like;
};

/// Returns how many workers there are descriptors for, less a reserve of 100: at least one, at most
/// one for each thread.
constexpr int max_workers(std::optional<std::uint64_t> soft_fd_limit, std::uint64_t fds_per_worker,
                          int threads) noexcept {
    constexpr std::uint64_t reserve = 100;
    if (!soft_fd_limit) {
        return threads;
    }
    const std::uint64_t workers =
        (*soft_fd_limit - (std::min)(*soft_fd_limit, reserve)) / fds_per_worker;
    return static_cast<int>(
        (std::clamp)(workers, std::uint64_t{1}, static_cast<std::uint64_t>(threads)));
}

/// Returns how many descriptors it takes to copy a source: five for each entry of a directory, and
/// the least for anything else.
inline std::size_t fds_for_source(const std::filesystem::path& path,
                                  std::error_code& error) noexcept {
    const std::size_t entries = count_entries(path, error);
    const bool absent =
        error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory ||
        error == std::errc::too_many_symbolic_link_levels ||
        error == std::errc::filename_too_long || error == std::errc::invalid_argument;
    if (absent || (error == std::errc::permission_denied && !os::is_directory(path.native()))) {
        error.clear();
    }
    return (std::max)(least_fds_per_worker, fds_per_entry * entries);
}

/// Returns how many descriptors the source takes that takes most. `failed` is set to the source
/// that an error is about.
template <class R>
std::size_t fds_for_sources(R&& sources, std::error_code& error, std::filesystem::path& failed) {
    error.clear();
    std::size_t most = least_fds_per_worker;
    for (auto&& source : sources) {
        const auto& path = [&]() -> decltype(auto) {
            if constexpr (path_like<decltype(source)>) {
                return (source);
            } else {
                return (source.second);
            }
        }();
        const std::filesystem::path& as_path = path;
        most = (std::max)(most, fds_for_source(as_path, error));
        if (error) {
            failed = as_path;
            break;
        }
    }
    return most;
}

/// Returns the Rust port's estimate of the descriptors that one worker needs. It cannot overflow.
constexpr std::uint64_t estimate_fds_per_worker(std::uint64_t sources,
                                                std::uint64_t files_per_source) noexcept {
    constexpr std::uint64_t least = least_fds_per_worker;
    return least + (std::max)(least, files_per_source / 20) + sources / 10;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
