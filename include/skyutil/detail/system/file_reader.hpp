// SPDX-License-Identifier: MIT
//
// detail/system/file_reader.hpp: reads the small text files of /proc and /sys, or copies of them.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// The directory below which /proc and /sys are: "/" for the running system, another one for a
/// copy.
class root_directory {
public:
    /// The running system.
    root_directory() = default;

    root_directory(std::filesystem::path path)  // NOLINT(*-explicit-*) as paths are passed
        : path_(std::move(path)) {}

    /// Returns whether this is the running system, of which system calls can tell more.
    [[nodiscard]] bool is_real() const noexcept { return path_.native() == "/"; }

    /// Returns the name that a file such as "/proc/stat" has here.
    [[nodiscard]] std::string name_of(std::string_view file) const {
        return is_real() ? std::string(file) : path_.native() + std::string(file);
    }

private:
    std::filesystem::path path_ = "/";
};

/// Returns the text of a small file; nullopt when it cannot be read or has 16 MiB or more.
inline std::optional<std::string> read_text(const root_directory& root, std::string_view name,
                                            std::error_code& error) {
    constexpr std::size_t most = std::size_t{16} << 20;
    const unique_fd fd(os::open_file(root.name_of(name), error));
    std::string text;
    for (std::size_t used = 0; fd && used < most;) {
        text.resize((std::max)(std::size_t{4096}, 2 * used));
        bool would_block = false;
        const std::size_t count =
            os::read_some(fd.get(), text.data() + used, text.size() - used, would_block, error);
        if (error || would_block) {
            break;
        }
        used += count;
        if (count == 0) {
            text.resize(used);
            return text;
        }
    }
    return std::nullopt;
}

inline std::optional<std::string> read_text(const root_directory& root, std::string_view name) {
    std::error_code ignored;
    return read_text(root, name, ignored);
}

/// Reads files below one root, and notes when that failed for lack of descriptors or memory. Then
/// it is not known whether there was a file.
class file_reader {
public:
    explicit file_reader(root_directory root = {}) : root_(std::move(root)) {}

    [[nodiscard]] const root_directory& root() const noexcept { return root_; }

    /// Returns the text of a file, nullopt when it cannot be read.
    [[nodiscard]] std::optional<std::string> text(std::string_view name) {
        std::error_code error;
        std::optional<std::string> text = read_text(root_, name, error);
        starved_ = starved_ || error == std::errc::too_many_files_open ||
                   error == std::errc::too_many_files_open_in_system ||
                   error == std::errc::not_enough_memory;
        return text;
    }

    /// Returns what the kernel says of the calling thread in /proc; before Linux 3.17, and in
    /// copies, what it says of the process. The two differ when threads are in control groups of
    /// their own, and when the first thread has ended.
    [[nodiscard]] std::optional<std::string> own(std::string_view name) {
        std::optional<std::string> text = this->text("/proc/thread-self/" + std::string(name));
        return text ? text : this->text("/proc/self/" + std::string(name));
    }

    /// Returns whether any read failed for lack of descriptors or memory.
    [[nodiscard]] bool starved() const noexcept { return starved_; }

private:
    root_directory root_;
    bool starved_ = false;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
