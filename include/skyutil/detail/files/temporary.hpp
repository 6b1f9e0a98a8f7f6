// SPDX-License-Identifier: MIT
//
// detail/files/temporary.hpp: names that cannot be guessed, and the owner of a file or directory
// with such a name, which temporary_file and temporary_directory are made of.

#pragma once

#include <skyutil/detail/base/path_error.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/files/remove_tree.hpp>
#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/files.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Returns `prefix` and 16 characters that hold 80 random bits.
inline os::path_text unpredictable_name(std::string_view prefix, std::error_code& error) {
    constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuv";
    std::array<unsigned char, 16> bytes{};
    os::random_bytes(bytes, error);
    os::path_text name(prefix.begin(), prefix.end());
    for (const unsigned char byte : bytes) {
        name += digits[byte % digits.size()];
    }
    return name;
}

/// Calls `make(name)` with one name after the other, until it succeeds or fails for another reason
/// than errc::file_exists; returns the last name.
template <class Make>
os::path_text make_under_new_name(std::string_view prefix, Make make, std::error_code& error) {
    constexpr int attempts = 100;
    os::path_text name;
    for (int i = 0; i < attempts; ++i) {
        error.clear();
        name = unpredictable_name(prefix, error);
        if (!error) {
            make(name);
        }
        if (error != std::errc::file_exists) {
            break;
        }
    }
    return name;
}

struct file_maker {
    static constexpr const char* cannot_make =
        "skyutil::temporary_file: cannot make a temporary file in the directory";
    static constexpr const char* cannot_remove =
        "skyutil::temporary_file::remove: cannot remove the temporary file";

    static os::native_handle make(os::native_handle parent, const os::path_char* name,
                                  std::error_code& error) noexcept {
        return os::create_file(parent, name, os::audience::owner, error);
    }

    static void remove(const std::filesystem::path& path, os::native_handle,
                       std::error_code& error) noexcept {
        os::remove_file(path.native(), error);
    }
};

struct directory_maker {
    static constexpr const char* cannot_make =
        "skyutil::temporary_directory: cannot make a temporary directory in the directory";
    static constexpr const char* cannot_remove =
        "skyutil::temporary_directory::remove: cannot remove the temporary directory";

    static os::native_handle make(os::native_handle parent, const os::path_char* name,
                                  std::error_code& error) noexcept {
        os::create_directory(parent, name, error);
        const os::native_handle made =
            error ? os::no_handle : os::open_entry_directory(parent, name, error);
        if (made == os::no_handle && error != std::errc::file_exists) {
            std::error_code ignored;
            os::remove_directory(parent, name, ignored);
        }
        return made;
    }

    /// Leaves the directory alone if it was renamed: if its path names nothing by now, or something
    /// else. Allocates nothing.
    static void remove(const std::filesystem::path& path, os::native_handle directory,
                       std::error_code& error) noexcept {
        const os::file_id named = os::identify(path.native(), error);
        const os::file_id open = error ? os::file_id{} : os::identify(directory, error);
        if (error || named != open) {
            return;
        }
        constexpr int attempts = 3;  // another process may be making files in it
        for (int i = 0; i < attempts; ++i) {
            tree_remover(directory).run(error);
            if (!error) {
                os::remove_open_directory(directory, path.native(), error);
            }
            if (error != std::errc::directory_not_empty) {
                return;
            }
        }
    }
};

/// Owns what `Maker` makes: see the public classes.
template <class Maker>
class [[nodiscard]] temporary {
public:
    temporary() {
        std::error_code error;
        const std::filesystem::path directory = os::temporary_location(error);
        if (!error) {
            make(directory, error);
        }
        throw_if(error, Maker::cannot_make, directory);
    }
    explicit temporary(std::error_code& error) {
        error.clear();
        const std::filesystem::path directory = os::temporary_location(error);
        if (!error) {
            make(directory, error);
        }
    }

    explicit temporary(const std::filesystem::path& directory) {
        std::error_code error;
        make(directory, error);
        throw_if(error, Maker::cannot_make, directory);
    }
    temporary(const std::filesystem::path& directory, std::error_code& error) {
        make(directory, error);
    }

    temporary(temporary&& other) noexcept
        : path_(std::move(other.path_)),
          fd_(std::move(other.fd_)),
          owner_(std::exchange(other.owner_, 0)) {
        other.path_.clear();
    }
    temporary& operator=(temporary&& other) noexcept {
        if (this != &other) {
            remove_quietly();
            path_ = std::move(other.path_);
            other.path_.clear();
            fd_ = std::move(other.fd_);
            owner_ = std::exchange(other.owner_, 0);
        }
        return *this;
    }
    temporary(const temporary&) = delete;
    temporary& operator=(const temporary&) = delete;
    ~temporary() { remove_quietly(); }

    [[nodiscard]] const std::filesystem::path& path() const& noexcept { return path_; }
    const std::filesystem::path& path() const&& = delete;

    [[nodiscard]] os::native_handle native_handle() const noexcept { return fd_.get(); }

    std::filesystem::path release() {
        owner_ = 0;
        fd_.reset();
        return path_;
    }

    void remove(std::error_code& error) noexcept {
        error.clear();
        if (owner_ == 0) {
            return;
        }
        Maker::remove(path_, fd_.get(), error);
        if (error == std::errc::no_such_file_or_directory) {
            error.clear();
        }
        if (!error) {
            owner_ = 0;
            fd_.reset();
            path_.clear();
        }
    }
    void remove() {
        std::error_code error;
        remove(error);
        throw_if(error, Maker::cannot_remove, path_);
    }

private:
    void make(const std::filesystem::path& directory, std::error_code& error) {
        error.clear();
        if (directory.empty()) {
            error = os::make_error(std::errc::no_such_file_or_directory);
            return;
        }
        const std::filesystem::path parent = std::filesystem::absolute(directory, error);
        const unique_fd location(error ? os::no_handle : os::open_location(parent.native(), error));
        if (error) {
            return;
        }
        std::filesystem::path path;
        make_under_new_name(
            "skyutil-",
            [&](const os::path_text& name) {
                path = parent / name;
                fd_.reset(Maker::make(location.get(), name.c_str(), error));
            },
            error);
        if (fd_) {
            path_.swap(path);
            owner_ = os::process_id();
        }
    }

    void remove_quietly() noexcept {
        if (owner_ != 0 && owner_ == os::process_id()) {
            std::error_code ignored;
            remove(ignored);
        }
    }

    std::filesystem::path path_;
    unique_fd fd_;
    std::int64_t owner_ = 0;  // the process that removes it; 0 when there is nothing to remove
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
