// SPDX-License-Identifier: MIT
//
// skyutil/workers.hpp: how many workers to start.
//
//     skyutil::get_parallel_threads();                    // at least 4
//     skyutil::get_max_workers_for_file_mounts(sources);  // no more than there are descriptors for
//
// The functions have the names and rules of SkyPilot's common_utils and subprocess_utils; the
// estimate without sources is that of a Rust port of them. Programs that come from there get the
// numbers they know.
//
// Functions with a std::error_code& set it when they fail, and clear it on success; the others
// throw std::system_error, for a path std::filesystem::filesystem_error. Everything is safe to call
// from several threads at once, and after fork(2).

#pragma once

#include <skyutil/detail/system/cpu_count.hpp>
#include <skyutil/detail/workers/workers.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <ranges>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// A range of paths, or of pairs whose second element is a path, as maps have. Not a single path,
/// although that is a range too (of its parts).
template <class R>
concept mount_sources =
    std::ranges::input_range<R> && !detail::path_like<R> &&
    (detail::path_like<std::ranges::range_reference_t<R>> ||
     detail::pair_with_path<std::remove_cvref_t<std::ranges::range_reference_t<R>>>);

/// Returns how many threads to work with in parallel: one less than get_cpu_count(), but at
/// least 4.
///
/// Four times as many if the cloud is "kubernetes", in any letter case (ASCII).
///
/// **Errors**
/// - Those of get_cpu_count().
[[nodiscard]] inline int get_parallel_threads(std::string_view cloud, std::error_code& error) {
    return detail::parallel_threads(detail::cpu_count(error), cloud);
}
[[nodiscard]] inline int get_parallel_threads(std::error_code& error) {
    return get_parallel_threads({}, error);
}
[[nodiscard]] inline int get_parallel_threads(std::string_view cloud = {}) {
    return detail::parallel_threads(detail::cpu_count(), cloud);
}

/// Returns how many descriptors a program needs to copy a directory: five for each direct entry.
///
/// **Errors**
/// - errc::not_a_directory: the path names something else.
[[nodiscard]] inline std::size_t estimate_fd_for_directory(const std::filesystem::path& path,
                                                           std::error_code& error) noexcept {
    return detail::fds_per_entry * detail::count_entries(path, error);
}
[[nodiscard]] std::size_t estimate_fd_for_directory(const std::filesystem::path& path);

/// Returns how many workers may copy the sources at once: as many as there are descriptors for, but
/// at least 1 and at most get_parallel_threads(cloud).
///
/// Each worker is taken to need five descriptors for every direct entry of the largest directory
/// among the sources, and at least five. They share the soft limit on descriptors (getrlimit(2))
/// less 100; without a limit the result is get_parallel_threads(cloud). A source that is no
/// directory (a file, a URL, a path that does not exist) counts as a directory without entries.
///
/// **Errors**
/// - Those of a directory that cannot be read, or of getrlimit(2).
/// - Those of get_cpu_count().
template <mount_sources R>
[[nodiscard]] int get_max_workers_for_file_mounts(R&& sources, std::string_view cloud,
                                                  std::error_code& error);
template <mount_sources R>
[[nodiscard]] int get_max_workers_for_file_mounts(R&& sources, std::error_code& error) {
    return get_max_workers_for_file_mounts(sources, std::string_view(), error);
}
template <mount_sources R>
[[nodiscard]] int get_max_workers_for_file_mounts(R&& sources, std::string_view cloud = {});
[[nodiscard]] int get_max_workers_for_file_mounts(
    std::initializer_list<std::filesystem::path> sources, std::string_view cloud = {});

/// Returns the same from numbers alone, without a look at the sources.
///
/// Each worker is taken to need 5 descriptors, one more for every 20 files of a source (at least
/// 5 more), and one more for every 10 sources.
///
/// **Errors**
/// - Those of get_cpu_count().
[[nodiscard]] int get_max_workers_for_file_mounts(std::size_t num_sources,
                                                  std::size_t estimated_files_per_source,
                                                  std::string_view cloud, std::error_code& error);
[[nodiscard]] int get_max_workers_for_file_mounts(std::size_t num_sources,
                                                  std::size_t estimated_files_per_source = 100,
                                                  std::string_view cloud = {});

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE

#include <skyutil/detail/workers/impl.hpp>  // IWYU pragma: keep
