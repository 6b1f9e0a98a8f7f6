// SPDX-License-Identifier: MIT
//
// detail/remove_tree.hpp: removes all that is in a directory.
//
// Every name is looked up in a directory that is held open, and no link is followed: whoever swaps
// a directory for a link meanwhile cannot make it remove what is elsewhere. Two descriptors do for
// any depth.

#pragma once

#include <skyutil/detail/os.hpp>
#include <skyutil/detail/unique_fd.hpp>

#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Goes on after an error; the first one is reported.
class tree_remover {
public:
    explicit tree_remover(int root) noexcept : root_(root) {}

    void run(std::error_code& error) {
        enter("", root_);
        while (!levels_.empty()) {
            if (levels_.back().directories.empty()) {
                if (!leave()) {
                    break;
                }
                continue;
            }
            const std::string name = std::move(levels_.back().directories.back());
            levels_.back().directories.pop_back();
            std::error_code failure;
            unique_fd child(os::open_entry_directory(fd(), name.c_str(), failure));
            if (failure == std::errc::not_a_directory) {  // it has become a link or a file
                failure = {};
                os::remove_file(fd(), name.c_str(), failure);
            }
            note(failure);
            if (child && enter(name, child.get())) {
                current_ = std::move(child);
            }
        }
        error = first_;
    }

private:
    struct level {
        std::string name;
        os::file_id id;
        std::vector<std::string> directories;  // still to be removed
    };

    /// The directory of the last level.
    int fd() const noexcept { return current_ ? current_.get() : root_; }

    void note(const std::error_code& error) noexcept {
        if (!first_ && error != std::errc::no_such_file_or_directory) {
            first_ = error;
        }
    }

    /// Removes the files of a directory and makes it the last level. What is mounted inside is left
    /// alone: the directory under it cannot be removed anyway.
    bool enter(const std::string& name, int directory) {
        std::error_code failure;
        const os::file_id id = os::identify(directory, failure);
        if (!failure && !levels_.empty() && id.device != levels_.front().id.device) {
            failure = os::make_error(std::errc::device_or_resource_busy);
        }
        if (failure) {
            note(failure);
            return false;
        }
        os::unlock_directory(directory);
        level& last = levels_.emplace_back(level{name, id, {}});
        const auto remove = [&](const os::directory_entry& entry) {
            failure = {};
            if (!entry.is_directory) {
                os::remove_file(directory, entry.name, failure);
            }
            if (entry.is_directory || failure == std::errc::is_a_directory) {
                last.directories.emplace_back(entry.name);
            } else {
                note(failure);
            }
        };
        std::error_code reading;
        os::for_each_entry(directory, remove, reading);
        note(reading);
        return true;
    }

    /// Goes back to the level before the last and removes the directory of the last. False at the
    /// root, and where the way back is another directory because somebody moved this one.
    bool leave() {
        const std::string name = std::move(levels_.back().name);
        levels_.pop_back();
        if (levels_.empty()) {
            return false;
        }
        if (levels_.size() == 1) {
            current_.reset();
        } else {
            std::error_code failure;
            unique_fd parent(os::open_entry_directory(fd(), "..", failure));
            if (!failure && os::identify(parent.get(), failure) != levels_.back().id && !failure) {
                failure = os::make_error(std::errc::device_or_resource_busy);
            }
            if (failure) {
                first_ = first_ ? first_ : failure;
                return false;
            }
            current_ = std::move(parent);
        }
        std::error_code failure;
        os::remove_directory(fd(), name.c_str(), failure);
        note(failure);
        return true;
    }

    int root_;
    unique_fd current_;  // of the last level, unless that is the root
    std::vector<level> levels_;
    std::error_code first_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
