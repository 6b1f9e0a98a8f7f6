// SPDX-License-Identifier: MIT
//
// detail/os/linux/procfs/process_files.hpp: /proc, and what its folder of each process says.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/detail/os/linux/procfs/process_stat.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
using ::getpid, ::open, ::openat, ::read, ::readlinkat;
#endif

/// /proc. errc::function_not_supported where it is missing or another pid namespace's, whose
/// numbers mean other processes here.
inline unique_fd open_proc(std::error_code& error) noexcept {
    unique_fd proc(retry([] { return sys::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    if (!proc) {
        error = errno == ENOENT || errno == ENOTDIR || errno == EACCES
                    ? make_error(std::errc::function_not_supported)
                    : last_error();
        return proc;
    }
    std::array<char, 16> self{};
    std::array<char, 16> own{};
    const auto size = sys::readlinkat(proc.get(), "self", self.data(), self.size());
    const char* const end = std::to_chars(own.data(), own.data() + own.size(), sys::getpid()).ptr;
    if (size <= 0 || std::string_view(self.data(), static_cast<std::size_t>(size)) !=
                         std::string_view(own.data(), end)) {
        error = make_error(std::errc::function_not_supported);
        proc.reset();
    }
    return proc;
}

/// The first bytes of a small file below a directory.
inline std::size_t read_at(int directory, const char* name, char* buffer, std::size_t size,
                           std::error_code& error) noexcept {
    const unique_fd fd(retry([&] { return sys::openat(directory, name, O_RDONLY | O_CLOEXEC); }));
    if (!fd) {
        error = last_error();
        return 0;
    }
    const auto count = retry([&] { return sys::read(fd.get(), buffer, size); });
    if (count == -1) {
        error = last_error();
        return 0;
    }
    return static_cast<std::size_t>(count);
}

/// The process or thread whose folder has the name; 0 for another name.
inline std::int64_t number_of(std::string_view name) noexcept {
    std::int64_t number = 0;
    const char* const first = name.data();
    const char* const last = first + name.size();
    const auto [end, invalid] = std::from_chars(first, last, number);
    return invalid == std::errc() && end == last && number > 0 ? number : 0;
}

/// The name of the folder of a process in /proc, or of a file in it.
inline std::array<char, 32> name_in_proc(std::int64_t pid, std::string_view file = {}) noexcept {
    std::array<char, 32> name{};
    char* const end = std::to_chars(name.data(), name.data() + name.size(), pid).ptr;
    std::copy(file.begin(), file.end(), end);
    return name;
}

/// What the kernel says of a process, or of a thread by its id. errc::no_such_process when it is
/// gone, errc::operation_not_permitted when it is hidden.
inline std::optional<process_stat> read_stat(int proc, std::int64_t pid,
                                             std::error_code& error) noexcept {
    std::array<char, 2048> buffer;  // NOLINT(*-member-init)
    std::error_code failed;
    const std::size_t size =
        read_at(proc, name_in_proc(pid, "/stat").data(), buffer.data(), buffer.size(), failed);
    const auto stat = failed ? std::nullopt : parse_process_stat({buffer.data(), size});
    if (!stat) {
        error =
            is_starved(failed) ? failed
            : failed == std::errc::permission_denied || failed == std::errc::operation_not_permitted
                ? make_error(std::errc::operation_not_permitted)
                : make_error(std::errc::no_such_process);
    }
    return stat;
}

/// Calls the function with what the kernel says of each thread of a process.
template <class Function>
void for_each_thread(int proc, std::int64_t pid, Function function) noexcept {
    const auto name = name_in_proc(pid, "/task");
    const unique_fd threads(
        retry([&] { return sys::openat(proc, name.data(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
    std::error_code gone;
    if (threads) {
        for_each_entry(
            threads.get(),
            [&](const directory_entry& entry) {
                std::error_code ended;
                if (const auto stat = read_stat(proc, number_of(entry.name), ended)) {
                    function(*stat);
                }
            },
            gone);
    }
}

/// The name of a process: at most 15 bytes of any value; empty when it is gone.
inline std::string read_comm(int proc, std::int64_t pid) {
    std::array<char, 256> buffer;  // NOLINT(*-member-init)
    std::error_code ignored;
    const std::size_t size =
        read_at(proc, name_in_proc(pid, "/comm").data(), buffer.data(), buffer.size(), ignored);
    return {buffer.data(), size == 0 ? 0 : size - 1};
}

/// A number that tells a process from those that had its id before, or get it later: the kernel
/// gives the folder of each a new inode. Under memory pressure the number of a process may change,
/// too. 0 when there is no process.
inline std::uint64_t inode_of(int proc, std::int64_t pid) noexcept {
    file_info info;  // NOLINT(*-member-init)
    return get_info(proc, name_in_proc(pid).data(), info, 0) == 0 ? info.st_ino : 0;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
