// SPDX-License-Identifier: MIT
//
// detail/follow/watches.hpp: which file that is followed wants to know of what. Files may share a
// directory, or be one and the same: what is watched is shared then.

#pragma once

#include <skyutil/detail/os/file_events.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstddef>
#include <system_error>
#include <unordered_map>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

class follow_watches {
public:
    /// What has changed for a file: its bytes, or what its name leads to.
    enum class change { bytes, name };

    explicit follow_watches(std::error_code& error) noexcept : events_(error) {}

    [[nodiscard]] const os::file_events& events() const noexcept { return events_; }

    void start(std::error_code& error) noexcept {
        events_.start_watching(error);
        watching_ = !error;
    }

    /// Whether anything can be watched.
    [[nodiscard]] bool watching() const noexcept { return watching_; }

    os::watch_id watch_bytes(os::native_handle handle, std::size_t file, std::error_code& error) {
        const os::watch_id watch = events_.watch_file(handle, error);
        if (watch != os::no_watch) {
            watched_[watch].files.push_back(file);
        }
        return watch;
    }

    os::watch_id watch_name(const os::path_text& directory, const os::path_text& name,
                            std::size_t file, std::error_code& error) {
        const os::watch_id watch = events_.watch_directory(directory, error);
        if (watch != os::no_watch) {
            watched_[watch].names[name].push_back(file);
        }
        return watch;
    }

    void forget_bytes(os::watch_id watch, std::size_t file) noexcept {
        if (const auto found = watched_.find(watch); found != watched_.end()) {
            erase_one(found->second.files, file);
            drop_if_unused(found);
        }
    }

    void forget_name(os::watch_id watch, const os::path_text& name, std::size_t file) noexcept {
        if (const auto found = watched_.find(watch); found != watched_.end()) {
            auto& names = found->second.names;
            if (const auto at = names.find(name); at != names.end()) {
                erase_one(at->second, file);
                if (at->second.empty()) {
                    names.erase(at);
                }
            }
            drop_if_unused(found);
        }
    }

    /// Calls `changed(file, change)` for what has happened, and `lost()` if anything may have.
    /// Returns whether there was something.
    template <class Changed, class Lost>
    bool take(Changed changed, Lost lost, std::error_code& error) {
        return events_.take(
            [&](const os::file_event& event) {
                if (event.what == os::file_change::lost) {
                    lost();
                    return;
                }
                const auto found = watched_.find(event.watch);
                if (found == watched_.end()) {
                    return;
                }
                const watched& of = found->second;
                const auto tell = [&](const std::vector<std::size_t>& files, change what) {
                    for (const std::size_t file : files) {
                        changed(file, what);
                    }
                };
                if (event.what != os::file_change::entry) {
                    tell(of.files, change::bytes);
                }
                if (event.what == os::file_change::entry && !event.name.empty()) {
                    const auto at = of.names.find(os::path_text(event.name));
                    if (at != of.names.end()) {
                        tell(at->second, change::name);
                    }
                } else if (event.what != os::file_change::written) {
                    for (const auto& each : of.names) {
                        tell(each.second, change::name);
                    }
                }
                if (event.what == os::file_change::ended) {
                    watched_.erase(found);
                }
            },
            error);
    }

private:
    struct watched {
        std::vector<std::size_t> files;  ///< whose bytes these are
        /// The files that have a name on their way; one has it twice whose links lead there twice.
        std::unordered_map<os::path_text, std::vector<std::size_t>> names;
    };

    static void erase_one(std::vector<std::size_t>& files, std::size_t file) noexcept {
        if (const auto at = std::find(files.begin(), files.end(), file); at != files.end()) {
            *at = files.back();
            files.pop_back();
        }
    }

    void drop_if_unused(std::unordered_map<os::watch_id, watched>::iterator found) noexcept {
        if (found->second.files.empty() && found->second.names.empty()) {
            events_.unwatch(found->first);
            watched_.erase(found);
        }
    }

    os::file_events events_;
    bool watching_ = false;
    std::unordered_map<os::watch_id, watched> watched_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
