// SPDX-License-Identifier: MIT
//
// skyutil/process.hpp: whether a process is alive, and how many workers to start.
//
//     skyutil::is_process_alive(pid);           // false for a zombie, true without permission to
//     signal it skyutil::get_parallel_threads();          // at least 4
//     skyutil::get_max_workers_for_file_mounts(std::vector<std::filesystem::path>{"/data",
//     "/code"});
//
// Process ids are std::int64_t: one that the system cannot have given, 0 and negative ones
// included, is no process; nothing here signals anything. The throwing forms throw
// std::system_error (with a path std::filesystem::filesystem_error), the others set their
// std::error_code and clear it on success. Everything is safe to call from several threads at once,
// and after fork.

#pragma once

#include <skyutil/detail/error.hpp>
#include <skyutil/detail/os.hpp>
#include <skyutil/detail/proc_stat.hpp>
#include <skyutil/detail/sysroot.hpp>
#include <skyutil/files.hpp>
#include <skyutil/system.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <optional>
#include <ranges>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

namespace skyutil::inline v0 {

namespace detail {

inline constexpr std::size_t fds_per_entry = 5;
inline constexpr std::size_t least_fds_per_worker = 5;

template <class T>
concept path_like = std::convertible_to<T, std::filesystem::path>;

template <class T>
concept pair_with_path = requires(const T& pair) {
    { pair.second } -> path_like;
};

/// What the state in /proc says of a process, else whether its id exists. /proc/ID has files for
/// the id of any thread, so the id has to be a process's in any case.
inline bool is_alive_in_proc(std::int64_t pid, const sysroot& root, std::error_code& error) {
    const std::string text =
        read_text(root, "/proc/" + std::to_string(pid) + "/stat", error).value_or("");
    if (error == std::errc::too_many_files_open ||
        error == std::errc::too_many_files_open_in_system ||
        error == std::errc::not_enough_memory) {
        return false;
    }
    error.clear();
    const std::optional<process_stat> stat = parse_process_stat(text);
    return os::pid_exists(static_cast<pid_t>(pid)) && (!stat || stat->running());
}

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

/// How many workers the descriptors that are left beside a reserve of 100 are enough for.
constexpr int max_workers(std::optional<std::uint64_t> soft_fd_limit, std::uint64_t fds_per_worker,
                          int threads) noexcept {
    constexpr std::uint64_t reserve = 100;
    if (!soft_fd_limit) {
        return threads;
    }
    const std::uint64_t workers =
        (*soft_fd_limit - (std::min)(*soft_fd_limit, reserve)) / fds_per_worker;
    return static_cast<int>(
        std::clamp(workers, std::uint64_t{1}, static_cast<std::uint64_t>(threads)));
}

/// Descriptors that copying from a source takes: those of its entries for a directory, else the
/// least.
inline std::size_t fds_for_source(const std::filesystem::path& path,
                                  std::error_code& error) noexcept {
    const std::size_t entries = count_directory_entries(path, error);
    const bool absent =
        error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory ||
        error == std::errc::too_many_symbolic_link_levels ||
        error == std::errc::filename_too_long || error == std::errc::invalid_argument;
    if (absent || (error == std::errc::permission_denied && !os::is_directory(path.native()))) {
        error.clear();
    }
    return (std::max)(least_fds_per_worker, fds_per_entry * entries);
}

}  // namespace detail

/// A range of paths or of pairs whose second is one, as maps are; not one path, which is a range of
/// its parts.
template <class R>
concept mount_sources =
    std::ranges::input_range<R> && !detail::path_like<R> &&
    (detail::path_like<std::ranges::range_reference_t<R>> ||
     detail::pair_with_path<std::remove_cvref_t<std::ranges::range_reference_t<R>>>);

/// Returns whether a process has this id: running, stopped or a zombie, also another user's. The id
/// of a thread that is not its process's first is none. One system call (tgkill(2) with signal 0).
[[nodiscard]] inline bool pid_exists(std::int64_t pid) noexcept {
    return detail::os::fits_pid(pid) && detail::os::pid_exists(static_cast<pid_t>(pid));
}

/// Returns whether any thread of the process is executing: false for a zombie, true when only its
/// first thread has ended, true without permission to signal it.
///
/// Asks through a pidfd (pidfd_open(2), Linux 5.3). Where there is none, or a seccomp filter
/// forbids it, the state and the number of threads in /proc/PID/stat answer; where /proc does not
/// show the process either, it is alive if its id exists. errc::too_many_files_open when no
/// descriptor is left.
[[nodiscard]] inline bool is_process_alive(std::int64_t pid, std::error_code& error) {
    error.clear();
    if (!detail::os::fits_pid(pid)) {
        return false;
    }
    const auto state = detail::os::pidfd_state(static_cast<pid_t>(pid), error);
    if (error) {
        return false;
    }
    if (state != detail::os::process_state::unknown) {
        return state == detail::os::process_state::running;
    }
    return detail::is_alive_in_proc(pid, sysroot{}, error);
}

[[nodiscard]] inline bool is_process_alive(std::int64_t pid) {
    std::error_code error;
    const bool alive = is_process_alive(pid, error);
    if (error) {
        throw std::system_error(
            error, "skyutil::is_process_alive: cannot look at process " + std::to_string(pid));
    }
    return alive;
}

/// Returns how many threads to work with in parallel: one less than get_cpu_count(), at least 4;
/// four times as many when the cloud is "kubernetes" in any letter case (ASCII). Errors are those
/// of get_cpu_count().
[[nodiscard]] inline int get_parallel_threads(std::string_view cloud, std::error_code& error) {
    return detail::parallel_threads(get_cpu_count(error), cloud);
}

[[nodiscard]] inline int get_parallel_threads(std::error_code& error) {
    return get_parallel_threads({}, error);
}

[[nodiscard]] inline int get_parallel_threads(std::string_view cloud = {}) {
    return detail::parallel_threads(get_cpu_count(), cloud);
}

/// Returns how many descriptors a program that copies a directory holds: five for each direct
/// entry. Anything but a directory: errc::not_a_directory.
[[nodiscard]] inline std::size_t estimate_fd_for_directory(const std::filesystem::path& path,
                                                           std::error_code& error) noexcept {
    return detail::fds_per_entry * count_directory_entries(path, error);
}

[[nodiscard]] inline std::size_t estimate_fd_for_directory(const std::filesystem::path& path) {
    std::error_code error;
    const std::size_t descriptors = estimate_fd_for_directory(path, error);
    detail::throw_if(error, "skyutil::estimate_fd_for_directory: cannot read the directory", path);
    return descriptors;
}

namespace detail {

/// The most descriptors that one of the sources takes; `failed` is the source that could not be
/// looked at.
template <mount_sources R>
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

/// The Rust port's estimate of the descriptors of one worker; never more than a number can hold.
constexpr std::uint64_t estimate_fds_per_worker(std::uint64_t sources,
                                                std::uint64_t files_per_source) noexcept {
    constexpr std::uint64_t least = least_fds_per_worker;
    return least + (std::max)(least, files_per_source / 20) + sources / 10;
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
    std::error_code error;
    std::filesystem::path failed;
    const std::size_t descriptors = detail::fds_for_sources(sources, error, failed);
    detail::throw_if(error, "skyutil::get_max_workers_for_file_mounts: cannot read the directory",
                     failed);
    const std::optional<std::uint64_t> limit = detail::os::soft_fd_limit(error);
    detail::throw_if(
        error, "skyutil::get_max_workers_for_file_mounts: cannot get the limit on descriptors");
    return detail::max_workers(limit, descriptors, get_parallel_threads(cloud));
}

[[nodiscard]] inline int get_max_workers_for_file_mounts(
    std::initializer_list<std::filesystem::path> sources, std::string_view cloud = {}) {
    return get_max_workers_for_file_mounts<const std::initializer_list<std::filesystem::path>&>(
        sources, cloud);
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
    std::error_code error;
    const std::optional<std::uint64_t> limit = detail::os::soft_fd_limit(error);
    detail::throw_if(
        error, "skyutil::get_max_workers_for_file_mounts: cannot get the limit on descriptors");
    const std::uint64_t descriptors =
        detail::estimate_fds_per_worker(num_sources, estimated_files_per_source);
    return detail::max_workers(limit, descriptors, get_parallel_threads(cloud));
}

}  // namespace skyutil::inline v0
