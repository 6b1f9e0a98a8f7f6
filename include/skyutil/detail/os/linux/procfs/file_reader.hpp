// SPDX-License-Identifier: MIT
//
// detail/os/linux/procfs/file_reader.hpp: reads the small text files of /proc and /sys, or copies
// of them.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

/// The ids of a thread and its process, as text.
struct thread_ids {
    std::string thread;
    std::string process;
};

/// Where the files of /proc and /sys are: in the running system, or below a directory with copies
/// of them.
class system_root {
public:
    /// The running system, of which system calls can tell more; one of them tells the ids of the
    /// calling thread.
    explicit system_root(thread_ids (*read_ids)()) noexcept : read_ids_(read_ids) {}

    /// A copy.
    explicit system_root(path_text directory) noexcept : directory_(std::move(directory)) {}

    [[nodiscard]] bool is_real() const noexcept { return read_ids_ != nullptr; }

    /// Returns the name that a file such as "/proc/stat" has here; empty where it can have none.
    [[nodiscard]] path_text name_of(std::string_view file) const {
        path_text name = directory_;
        return append_path_text(name, file) ? name : path_text();
    }

    /// Writes the same to `name`; the file is below a directory such as "/proc/".
    void write_name(path_text& name, std::string_view directory, std::string_view file) const {
        name.assign(directory_);
        if (!append_path_text(name, directory) || !append_path_text(name, file)) {
            name.clear();
        }
    }

    /// Returns the ids of the calling thread; not in a copy.
    [[nodiscard]] thread_ids own_ids() const { return read_ids_(); }

private:
    path_text directory_;
    thread_ids (*read_ids_)() = nullptr;
};

/// Returns the text of a small file, in the buffer, which grows as it must; nullopt when it cannot
/// be read or has 16 MiB or more.
inline std::optional<std::string_view> read_text(const path_text& name, std::string& buffer,
                                                 std::error_code& error) {
    constexpr std::size_t most = std::size_t{16} << 20;
    const unique_fd fd(os::open_file(name, error));
    for (std::size_t used = 0; fd && used < most;) {
        if (used == buffer.size()) {
            buffer.resize((std::max)(std::size_t{4096}, 2 * used));
        }
        bool would_block = false;
        const std::size_t count =
            os::read_some(fd.get(), buffer.data() + used, buffer.size() - used, would_block, error);
        if (error || would_block) {
            break;
        }
        used += count;
        if (count == 0) {
            return std::string_view(buffer).substr(0, used);
        }
    }
    return std::nullopt;
}

/// Reads files below one root, and notes when that failed for lack of descriptors or memory. Then
/// it is not known whether there was a file. Memory is allocated only for longer names and texts
/// than before.
class file_reader {
public:
    explicit file_reader(system_root root) noexcept : root_(std::move(root)) {}

    [[nodiscard]] const system_root& root() const noexcept { return root_; }

    /// Returns the text of a file of a directory, nullopt when it cannot be read. The text stays
    /// until the next call.
    [[nodiscard]] std::optional<std::string_view> text(std::string_view directory,
                                                       std::string_view name) {
        std::error_code error;
        root_.write_name(name_, directory, name);
        const std::optional<std::string_view> text = read_text(name_, buffer_, error);
        starved_ = starved_ || error == std::errc::too_many_files_open ||
                   error == std::errc::too_many_files_open_in_system ||
                   error == std::errc::not_enough_memory;
        return text;
    }

    /// The same for a file with one name.
    [[nodiscard]] std::optional<std::string_view> text(std::string_view name) {
        return text(name, {});
    }

    /// Returns what the kernel says of the calling thread in /proc; before Linux 3.17, and in
    /// copies, what it says of the process. The two differ when threads are in control groups of
    /// their own, and when the first thread has ended.
    [[nodiscard]] std::optional<std::string_view> own(std::string_view name) {
        const std::optional<std::string_view> text = this->text("/proc/thread-self/", name);
        return text ? text : this->text("/proc/self/", name);
    }

    /// Returns the ids of the calling thread and its process; in a copy both are the process's.
    [[nodiscard]] thread_ids own_ids() {
        if (root_.is_real()) {
            return root_.own_ids();
        }
        std::string id(text("/proc/self/stat").value_or(""));
        id.resize((std::min)(id.find(' '), id.size()));
        return {id, id};
    }

    /// Returns whether any read failed for lack of descriptors or memory since forget_failures().
    [[nodiscard]] bool starved() const noexcept { return starved_; }

    void forget_failures() noexcept { starved_ = false; }

private:
    system_root root_;
    path_text name_;
    std::string buffer_;
    bool starved_ = false;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
