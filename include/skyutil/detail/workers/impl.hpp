// SPDX-License-Identifier: MIT
//
// detail/workers/impl.hpp: the bodies of what skyutil/workers.hpp declares. Included at its end.

#pragma once

#include <skyutil/detail/base/path_error.hpp>
#include <skyutil/detail/os/limits.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/detail/workers/workers.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <string_view>
#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

namespace detail {

inline int max_workers_within_limit(std::uint64_t fds_per_worker, std::string_view cloud,
                                    std::error_code& error) {
    const auto limit = os::limits_source().limit(os::resource::descriptors, error).soft;
    return error ? 1 : max_workers(limit, fds_per_worker, get_parallel_threads(cloud, error));
}

inline int max_workers_within_limit(std::uint64_t fds_per_worker, std::string_view cloud) {
    std::error_code error;
    const auto limit = os::limits_source().limit(os::resource::descriptors, error).soft;
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
    return max_workers_within_limit(descriptors, cloud);
}

}  // namespace detail

inline std::size_t estimate_fd_for_directory(const std::filesystem::path& path) {
    return detail::or_throw(
        [&](std::error_code& error) { return estimate_fd_for_directory(path, error); },
        "skyutil::estimate_fd_for_directory: cannot read the directory", path);
}

template <mount_sources R>
int get_max_workers_for_file_mounts(R&& sources, std::string_view cloud, std::error_code& error) {
    std::filesystem::path failed;
    const std::size_t descriptors = detail::fds_for_sources(sources, error, failed);
    return error ? 1 : detail::max_workers_within_limit(descriptors, cloud, error);
}

template <mount_sources R>
int get_max_workers_for_file_mounts(R&& sources, std::string_view cloud) {
    return detail::max_workers_for(sources, cloud);
}

inline int get_max_workers_for_file_mounts(std::initializer_list<std::filesystem::path> sources,
                                           std::string_view cloud) {
    return detail::max_workers_for(sources, cloud);
}

inline int get_max_workers_for_file_mounts(std::size_t num_sources,
                                           std::size_t estimated_files_per_source,
                                           std::string_view cloud, std::error_code& error) {
    error.clear();
    return detail::max_workers_within_limit(
        detail::estimate_fds_per_worker(num_sources, estimated_files_per_source), cloud, error);
}

inline int get_max_workers_for_file_mounts(std::size_t num_sources,
                                           std::size_t estimated_files_per_source,
                                           std::string_view cloud) {
    return detail::max_workers_within_limit(
        detail::estimate_fds_per_worker(num_sources, estimated_files_per_source), cloud);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
