// SPDX-License-Identifier: MIT
//
// detail/follow/watched_name.hpp: what a path leads to, watched: each directory in which a part of
// the path, or of a link on the way, is looked up.

#pragma once

#include <skyutil/detail/follow/watches.hpp>
#include <skyutil/detail/os/file_events.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

class watched_name {
public:
    /// Watches nothing yet. The path is absolute.
    watched_name(std::filesystem::path path, std::size_t file, follow_watches& watches)
        : path_(std::move(path)), file_(file), watches_(watches) {}
    watched_name(const watched_name&) = delete;
    watched_name& operator=(const watched_name&) = delete;
    ~watched_name() { forget(lookups_); }

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// Whether every change of what the path leads to is told.
    [[nodiscard]] bool is_told() const noexcept { return told_; }

    /// Watches the path as it leads now. What cannot be watched is an error, but the rest is
    /// watched all the same. A directory is watched before a name is looked up in it: no change
    /// goes unnoticed between.
    void watch(std::error_code& error) {
        using std::filesystem::path;
        constexpr int most_links = 40;  // as Linux follows
        const std::vector<lookup> before = std::exchange(lookups_, {});
        told_ = true;
        path at = path_.root_path();
        os::path_text rest = path_.relative_path().native();
        for (int links = 0; !rest.empty() && links <= most_links;) {
            const path part = take_first(rest);
            if (part == ".." || part == "." || part.empty()) {
                at = part == ".." ? at.parent_path() : at;  // no link is left in it
                continue;
            }
            std::error_code failed;
            const os::watch_id watch =
                watches_.watch_name(at.native(), part.native(), file_, failed);
            if (watch != os::no_watch) {
                lookups_.push_back({watch, part.native()});
            } else if (failed == std::errc::no_such_file_or_directory ||
                       failed == std::errc::not_a_directory) {
                break;  // that is for the watch above to tell
            } else {
                told_ = false;
                error = failed;
            }
            if (rest.empty() && !os::tells_of_changes(at.native())) {
                told_ = false;
            }
            std::error_code ignored;
            const auto target = os::read_link((at / part).native(), ignored);
            if (target) {
                ++links;
                at = target->is_absolute() ? target->root_path() : at;
                rest.insert(0, 1, path::preferred_separator);
                rest.insert(0, target->relative_path().native());
            } else {
                at /= part;
            }
        }
        forget(before);
    }

private:
    struct lookup {
        os::watch_id watch;
        os::path_text name;
    };

    /// Takes the first name off a relative path.
    static os::path_text take_first(os::path_text& path) {
        constexpr os::path_char separators[] = {'/', std::filesystem::path::preferred_separator, 0};
        const std::size_t size = (std::min)(path.find_first_of(separators), path.size());
        os::path_text name = path.substr(0, size);
        path.erase(0, size + 1);
        return name;
    }

    void forget(const std::vector<lookup>& lookups) noexcept {
        for (const lookup& each : lookups) {
            watches_.forget_name(each.watch, each.name, file_);
        }
    }

    std::filesystem::path path_;
    std::size_t file_;
    follow_watches& watches_;
    bool told_ = true;
    std::vector<lookup> lookups_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
