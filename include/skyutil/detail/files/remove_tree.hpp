// SPDX-License-Identifier: MIT
//
// detail/files/remove_tree.hpp: removes everything in a directory.
//
// Every name is looked up in a directory that is held open, and no link is followed: a process that
// puts a link in a directory's place meanwhile cannot make this remove something elsewhere.
//
// Two handles are enough for any depth, and nothing is allocated, so that a destructor can remove
// when there is no memory left. The names of directories that are left for later need not be kept:
// they are still in their directories.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/files.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Removes everything in the directory `root`, which is open and stays so. Goes on after an error;
/// the first one is reported.
class tree_remover {
public:
    explicit tree_remover(os::native_handle root) noexcept : root_(root) {}

    void run(std::error_code& error) noexcept {
        std::error_code failure;
        top_ = os::identify(root_, failure);
        note(failure);
        for (bool again = !failure; again;) {
            const std::size_t removed_before = removed_;
            depth_ = known_ = 0;
            lost_ = false;
            enter(unique_fd(), top_);
            walk();
            again = lost_ && removed_ != removed_before;
        }
        error = first_;
    }

private:
    /// How many directories on the way back to the root are remembered at most. In a deeper tree,
    /// what is left is reached again from the root.
    static constexpr std::size_t most_known = 1024;

    [[nodiscard]] os::native_handle directory() const noexcept {
        return current_ ? current_.get() : root_;
    }

    void note(const std::error_code& error) noexcept {
        if (!first_ && error != std::errc::no_such_file_or_directory) {
            first_ = error;
        }
    }

    /// Opens and clears one directory after the other, until it is back at the root and done, or
    /// cannot go back.
    void walk() noexcept {
        os::file_id cleared{};  // the directory that it comes back from
        do {
            while (clear(cleared)) {
                cleared = {};
            }
            cleared = way_back_[(depth_ - 1) % most_known];
        } while (depth_ > 1 && leave());
    }

    /// Makes a directory the current one. An empty handle stands for the root.
    void enter(unique_fd entered, os::file_id id) noexcept {
        current_ = std::move(entered);
        way_back_[depth_ % most_known] = id;
        ++depth_;
        known_ = (std::min)(known_ + 1, most_known);
        os::unlock_directory(directory());
    }

    /// Goes back to the directory above and returns true, if that is the one it came from: the
    /// current one may have been moved.
    bool leave() noexcept {
        if (known_ == 1) {
            lost_ = true;
            return false;
        }
        --depth_;
        --known_;
        unique_fd above;
        if (depth_ > 1) {
            std::error_code failure;
            above.reset(os::open_parent(directory(), failure));
            if (!failure &&
                os::identify(above.get(), failure) != way_back_[(depth_ - 1) % most_known] &&
                !failure) {
                failure = os::make_error(std::errc::device_or_resource_busy);
            }
            if (failure) {
                first_ = first_ ? first_ : failure;
                return false;
            }
        }
        current_ = std::move(above);
        return true;
    }

    /// Removes the entries of the current directory, until one is a directory that is not empty.
    /// That becomes the current one, and true is returned. Begins with the directory that has been
    /// cleared, if any: the entries before it could not be removed.
    bool clear(os::file_id cleared) noexcept {
        bool begun = cleared == os::file_id{};
        bool entered = false;
        std::error_code reading;
        os::find_entry(
            directory(), current_ ? os::entries::unread : os::entries::read_before,
            [&](const os::directory_entry& entry) {
                if (begun) {
                    entered = remove(entry);
                    return entered;
                }
                std::error_code ignored;
                begun = os::identify(directory(), entry.name, ignored) == cleared;
                if (begun) {
                    note(remove_directory(entry.name));
                }
                return false;
            },
            reading);
        note(reading);
        if (!begun && !reading) {  // another process has removed it
            lost_ = true;
        }
        return entered;
    }

    /// Removes an entry, or makes it the current directory and returns true if it is a directory
    /// that is not empty.
    bool remove(const os::directory_entry& entry) noexcept {
        std::error_code failure;
        if (!entry.is_directory) {
            failure = remove_file(entry.name);
        }
        if (entry.is_directory || failure == std::errc::is_a_directory) {
            failure = remove_directory(entry.name);
        }
        if (failure == std::errc::not_a_directory) {  // it has become a link or a file
            failure = remove_file(entry.name);
        }
        if (failure != std::errc::directory_not_empty && failure != std::errc::file_exists) {
            note(failure);
            return false;
        }
        return open(entry.name);
    }

    /// Makes a directory that is not empty the current one and returns true. One on which another
    /// file system is mounted is left alone: it could not be removed anyway.
    bool open(const os::path_char* name) noexcept {
        std::error_code failure;
        unique_fd opened(os::open_entry_directory(directory(), name, failure));
        if (failure == std::errc::not_a_directory) {  // it has just become a link or a file
            failure = remove_file(name);
        }
        const os::file_id id =
            opened && !failure ? os::identify(opened.get(), failure) : os::file_id{};
        if (opened && !failure && id.device != top_.device) {
            failure = os::make_error(std::errc::device_or_resource_busy);
        }
        note(failure);
        if (!opened || failure) {
            return false;
        }
        enter(std::move(opened), id);
        return true;
    }

    std::error_code remove_file(const os::path_char* name) noexcept {
        std::error_code failure;
        os::remove_file(directory(), name, failure);
        removed_ += failure ? 0U : 1U;
        return failure;
    }

    std::error_code remove_directory(const os::path_char* name) noexcept {
        std::error_code failure;
        os::remove_directory(directory(), name, failure);
        removed_ += failure ? 0U : 1U;
        return failure;
    }

    os::native_handle root_;
    os::file_id top_{};
    unique_fd current_;                             // empty for the root
    std::array<os::file_id, most_known> way_back_;  // a ring  NOLINT(*-member-init)
    std::size_t depth_ = 0;
    std::size_t known_ = 0;
    bool lost_ = false;  // it could not go back: more may be left that can be removed
    std::size_t removed_ = 0;
    std::error_code first_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
