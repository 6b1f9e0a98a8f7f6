// SPDX-License-Identifier: MIT
//
// skyutil/workers.hpp: how many workers to start.
//
//     skyutil::get_parallel_threads();                      // at least 4
//     skyutil::get_max_workers_for_file_mounts(sources);    // as many as descriptors are enough
//     for
//
// The rules are those of SkyPilot's common_utils and subprocess_utils, and the estimate without
// sources that of a Rust port of them: programs that come from there get the numbers they know.
//
// The throwing forms throw std::system_error (with a path std::filesystem::filesystem_error), the
// others set their std::error_code and clear it on success. Everything is safe to call from several
// threads at once, and after fork.

#pragma once

#include <skyutil/detail/base/error.hpp>
#include <skyutil/detail/os.hpp>
#include <skyutil/detail/system/cpu_count.hpp>
#include <skyutil/detail/workers/workers.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <ranges>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// A range of paths or of pairs whose second is one, as maps are; not one path, which is a range of
/// its parts.
template <class R>
concept mount_sources =
    std::ranges::input_range<R> && !detail::path_like<R> &&
    (detail::path_like<std::ranges::range_reference_t<R>> ||
     detail::pair_with_path<std::remove_cvref_t<std::ranges::range_reference_t<R>>>);

/// Returns how many threads to work with in parallel: one less than get_cpu_count(), at least 4;
/// four times as many when the cloud is "kubernetes" in any letter case (ASCII). Errors are those
/// of get_cpu_count().
[[nodiscard]] inline int get_parallel_threads(std::string_view cloud, std::error_code& error) {
    return detail::parallel_threads(detail::cpu_count(error), cloud);
}

[[nodiscard]] inline int get_parallel_threads(std::error_code& error) {
    return get_parallel_threads({}, error);
}

[[nodiscard]] inline int get_parallel_threads(std::string_view cloud = {}) {
    return detail::parallel_threads(detail::cpu_count(), cloud);
}

/// Returns how many descriptors a program that copies a directory holds: five for each direct
/// entry. Anything but a directory: errc::not_a_directory.
[[nodiscard]] inline std::size_t estimate_fd_for_directory(const std::filesystem::path& path,
                                                           std::error_code& error) noexcept {
    return detail::fds_per_entry * detail::count_entries(path, error);
}

[[nodiscard]] inline std::size_t estimate_fd_for_directory(const std::filesystem::path& path) {
    std::error_code error;
    const std::size_t descriptors = estimate_fd_for_directory(path, error);
    detail::throw_if(error, "skyutil::estimate_fd_for_directory: cannot read the directory", path);
    return descriptors;
}

namespace detail {

inline int max_workers_or_throw(std::uint64_t fds_per_worker, std::string_view cloud) {
    std::error_code error;
    const std::optional<std::uint64_t> limit = os::soft_fd_limit(error);
    throw_if(error,
             "skyutil::get_max_workers_for_file_mounts: cannot get the limit on descriptors");
    return max_workers(limit, fds_per_worker, get_parallel_threads(cloud));
}

template <class R>
int max_workers_for(R&& sources, std::string_view cloud) {
    std::error_code error;
    std::filesystem::path failed;
    const std::size_t descriptors = fds_for_sources(sources, error, failed);
    throw_if(error, "skyutil::get_max_workers_for_file_mounts: cannot read the directory", failed);
    return max_workers_or_throw(descriptors, cloud);
}

}  // namespace detail

/// Returns how many workers may copy the sources at once, at least 1 and at most
/// get_parallel_threads(cloud): as many as the soft limit on descriptors (getrlimit(2)), less 100,
/// is enough for, when each takes five descriptors for every direct entry of the largest directory
/// and at least five. What is no directory counts as none (a file, a URL, nothing there); a
/// directory that cannot be read is an error.
template <mount_sources R>
[[nodiscard]] int get_max_workers_for_file_mounts(R&& sources, std::string_view cloud,
                                                  std::error_code& error) {
    std::filesystem::path failed;
    const std::size_t descriptors = detail::fds_for_sources(sources, error, failed);
    if (error) {
        return 1;
    }
    const std::optional<std::uint64_t> limit = detail::os::soft_fd_limit(error);
    return error ? 1 : detail::max_workers(limit, descriptors, get_parallel_threads(cloud, error));
}

template <mount_sources R>
[[nodiscard]] int get_max_workers_for_file_mounts(R&& sources, std::error_code& error) {
    return get_max_workers_for_file_mounts(sources, std::string_view(), error);
}

template <mount_sources R>
[[nodiscard]] int get_max_workers_for_file_mounts(R&& sources, std::string_view cloud = {}) {
    return detail::max_workers_for(sources, cloud);
}

[[nodiscard]] inline int get_max_workers_for_file_mounts(
    std::initializer_list<std::filesystem::path> sources, std::string_view cloud = {}) {
    return detail::max_workers_for(sources, cloud);
}

/// Returns the same without looking at the sources: each worker is taken to need 5 descriptors, one
/// more for every 20 files of a source (at least 5), and one more for every 10 sources.
[[nodiscard]] inline int get_max_workers_for_file_mounts(std::size_t num_sources,
                                                         std::size_t estimated_files_per_source,
                                                         std::string_view cloud,
                                                         std::error_code& error) {
    error.clear();
    const std::optional<std::uint64_t> limit = detail::os::soft_fd_limit(error);
    const std::uint64_t descriptors =
        detail::estimate_fds_per_worker(num_sources, estimated_files_per_source);
    return error ? 1 : detail::max_workers(limit, descriptors, get_parallel_threads(cloud, error));
}

[[nodiscard]] inline int get_max_workers_for_file_mounts(
    std::size_t num_sources, std::size_t estimated_files_per_source = 100,
    std::string_view cloud = {}) {
    return detail::max_workers_or_throw(
        detail::estimate_fds_per_worker(num_sources, estimated_files_per_source), cloud);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
