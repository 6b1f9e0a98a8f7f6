// SPDX-License-Identifier: MIT
//
// detail/system/sysroot.hpp: the directory in which /proc and /sys are looked for; public through
// system.hpp.

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

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// Redirects every read of /proc and /sys to a copy of them below `path`. What is asked of the
/// kernel by system calls (the affinity mask, the scheduling policy) then comes from the copy too,
/// or is unknown.
struct sysroot {
    std::filesystem::path path = "/";

    /// Whether it is the running system.
    [[nodiscard]] bool is_real() const { return path.native() == "/"; }
};

namespace detail {

inline std::string name_in(const sysroot& root, std::string_view name) {
    return root.is_real() ? std::string(name) : root.path.native() + std::string(name);
}

/// The text of a small file, nullopt when it cannot be read or has more than 16 MiB.
inline std::optional<std::string> read_text(const sysroot& root, std::string_view name,
                                            std::error_code& error) {
    constexpr std::size_t most = std::size_t{16} << 20;
    const unique_fd fd(os::open_file(name_in(root, name), error));
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

inline std::optional<std::string> read_text(const sysroot& root, std::string_view name) {
    std::error_code ignored;
    return read_text(root, name, ignored);
}

/// Reads small files of one sysroot and notes when that failed for want of descriptors or memory:
/// then nobody knows whether there was a file.
class file_reader {
public:
    explicit file_reader(const sysroot& root) : root_(root) {}

    [[nodiscard]] const sysroot& root() const noexcept { return root_; }

    /// nullopt when the file cannot be read.
    [[nodiscard]] std::optional<std::string> text(std::string_view name) {
        std::error_code error;
        std::optional<std::string> text = read_text(root_, name, error);
        starved_ = starved_ || error == std::errc::too_many_files_open ||
                   error == std::errc::too_many_files_open_in_system ||
                   error == std::errc::not_enough_memory;
        return text;
    }

    /// What the kernel says of the calling thread in /proc; before Linux 3.17, and in copies, of
    /// its process. That is another thing when threads are in groups of their own, and when the
    /// first thread has ended.
    [[nodiscard]] std::optional<std::string> own(std::string_view name) {
        std::optional<std::string> text = this->text("/proc/thread-self/" + std::string(name));
        return text ? text : this->text("/proc/self/" + std::string(name));
    }

    [[nodiscard]] bool starved() const noexcept { return starved_; }

private:
    sysroot root_;
    bool starved_ = false;
};

}  // namespace detail

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
