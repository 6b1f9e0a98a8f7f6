// SPDX-License-Identifier: MIT
//
// detail/os/linux/cgroup/tree.hpp: finds the control groups that a thread is in, wherever they are
// mounted.

#pragma once

#include <skyutil/detail/base/compiler.hpp>
#include <skyutil/detail/os/linux/cgroup/text.hpp>
#include <skyutil/detail/os/linux/procfs/file_reader.hpp>
#include <skyutil/detail/text/scan.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

/// Returns whether a file with one id in each line has this one.
inline bool lists_id(file_reader& files, const std::string& file, std::string_view id) {
    for (std::string_view lines = files.text(file).value_or(""); !lines.empty();) {
        if (take_until(lines, '\n') == id) {
            return true;
        }
    }
    return false;
}

/// Returns the group that this process is in: `depth` directories with unknown names below `top`,
/// and from there `rest`. Looks at no more than a few thousand groups.
inline std::optional<std::string> find_group_below(file_reader& files, const std::string& top,
                                                   std::size_t depth, std::string_view rest) {
    const thread_ids own = files.own_ids();
    std::size_t left = 4096;
    std::vector<std::string> level{top};
    for (; depth != 0; --depth) {
        std::vector<std::string> next;
        for (const std::string& group : level) {
            std::error_code error;
            std::filesystem::directory_iterator entry(files.root().name_of(group), error);
            for (; !error && left != 0 && entry != std::filesystem::directory_iterator();
                 entry.increment(error)) {
                std::error_code ignored;
                if (entry->is_directory(ignored)) {
                    next.push_back(group + "/" + entry->path().filename().string());
                    --left;
                }
            }
        }
        level = std::move(next);
    }
    for (std::string& group : level) {
        group += rest;
        // A group lists its threads (in version 2, then in version 1) and its processes; copies
        // have the list of processes alone.
        if (lists_id(files, group + "/cgroup.threads", own.thread) ||
            lists_id(files, group + "/tasks", own.thread) ||
            lists_id(files, group + "/cgroup.procs", own.process)) {
            return std::move(group);
        }
    }
    return std::nullopt;
}

/// The controllers whose groups are found; `none` is the hierarchy of version 2, whichever
/// controllers it has.
enum class controller : std::size_t { cpu, cpuset, memory, none };

/// What a visitor answers after each group: show me none of those above, or the next one above, and
/// whether there was something to read in this one.
enum class next_group { none, read_here, nothing_here };

/// The control groups of the calling thread, wherever they are mounted.
class cgroup_tree {
public:
    /// Without any groups.
    cgroup_tree() = default;

    explicit cgroup_tree(file_reader& files) { look_again(files, true); }

    /// Reads which groups the thread is in now. When they have changed, or with `mounts_too`, also
    /// reads where groups are mounted. Returns false, and changes nothing, when a file that says so
    /// cannot be read.
    bool look_again(file_reader& files, bool mounts_too) {
        const std::optional<std::string_view> memberships = files.own("cgroup");
        if (!memberships) {
            return false;
        }
        const bool moved = *memberships != memberships_;
        if (!mounts_too && !moved) {
            return true;
        }
        std::string now_in = moved ? std::string(*memberships) : std::string();
        const std::optional<std::string_view> mounts = files.own("mountinfo");
        if (!mounts && files.starved()) {
            return false;
        }
        if (moved) {
            memberships_ = std::move(now_in);
        } else if (!searched_ && mounts.value_or("") == mounts_) {
            return true;
        }
        mounts_ = mounts.value_or("");
        const auto mentions = [&](std::string_view name) {
            return !mounts || mounts_.find(name) != std::string::npos;
        };
        cpu_files_replaced_ = mentions(" /sys/devices/system/cpu");
        memory_file_replaced_ = mentions(" /proc/meminfo ");
        find_groups(files, mounts_);
        return true;
    }

    /// Returns whether the files in which the kernel tells the CPUs of the machine may be covered
    /// by those of another file system, such as lxcfs, which tell of fewer CPUs than the system
    /// calls.
    [[nodiscard]] bool cpu_files_replaced() const noexcept { return cpu_files_replaced_; }

    /// Returns the same of the file that tells the memory of the machine.
    [[nodiscard]] bool memory_file_replaced() const noexcept { return memory_file_replaced_; }

    /// Returns the directory of the process's own group of version 2; empty where there is none.
    [[nodiscard]] std::string own_group() const {
        const std::vector<place>& places = places_[static_cast<std::size_t>(controller::none)];
        return places.empty() ? std::string() : places.front().own;
    }

    /// Calls visit(v2, directory, own) for the process's own group and each group above it, as far
    /// as a mount shows them, until `visit` returns next_group::none. Of several mounts that show
    /// the same groups only the first with something to read is used.
    ///
    /// The directory stays where it is until groups are looked for again.
    template <class Visit>
    void for_each_group(controller which, Visit visit) const {
        std::array<std::size_t, 16> seen{};  // of more mounts than that some are used twice
        std::size_t count = 0;
        for (const place& each : places_[static_cast<std::size_t>(which)]) {
            const auto end = seen.begin() + static_cast<std::ptrdiff_t>(count);
            if (std::find(seen.begin(), end, each.view) != end) {
                continue;
            }
            bool read = false;
            std::string_view group = each.own;
            for (bool own = true;; own = false) {
                const next_group next = visit(each.v2, group, own);
                read = read || next != next_group::nothing_here;
                if (next == next_group::none || group.size() <= each.top) {
                    break;
                }
                group = group.substr(0, (std::max)(group.rfind('/'), each.top));
            }
            if (read && count != seen.size()) {
                seen[count++] = each.view;
            }
        }
    }

private:
    SKYUTIL_OWN static constexpr std::array<std::string_view, 4> controller_names{"cpu", "cpuset",
                                                                                  "memory", ""};

    /// The process's own group below a mount point.
    struct place {
        bool v2 = false;
        std::size_t view = 0;  // the same number for mounts that show the same groups
        std::string own;
        std::size_t top = 0;  // the length of the mount point's name
    };

    /// Returns this process's group in the hierarchy with this controller. That is one of version 1
    /// if it names the controller, which is then not in version 2, else the one of version 2.
    [[nodiscard]] std::optional<cgroup_membership> find_membership(std::string_view name) const {
        std::optional<cgroup_membership> found;
        for (std::string_view lines = memberships_; !lines.empty();) {
            const std::optional<cgroup_membership> line =
                parse_cgroup_line(take_until(lines, '\n'));
            if (line && line->v2 && !found) {
                found = line;
            } else if (line && !line->v2 && !name.empty() &&
                       list_contains(line->controllers, name)) {
                return line;
            }
        }
        return found;
    }

    void find_groups(file_reader& files, std::string_view mounts) {
        std::array<std::optional<cgroup_membership>, controller_names.size()> paths;
        for (std::size_t i = 0; i < paths.size(); ++i) {
            paths[i] = find_membership(controller_names[i]);
            places_[i].clear();
        }
        searched_ = false;
        std::vector<std::string> views;
        while (!mounts.empty()) {
            const std::optional<cgroup_mount> mount = parse_mount_line(take_until(mounts, '\n'));
            if (!mount) {
                continue;
            }
            std::string view = std::string(mount->device).append(" ").append(mount->root);
            const auto known = std::find(views.begin(), views.end(), view);
            const auto number = static_cast<std::size_t>(known - views.begin());
            if (known == views.end()) {
                views.push_back(std::move(view));
            }
            place last;  // without a name where the mount does not show it
            std::string_view last_path;
            for (std::size_t i = 0; i < paths.size(); ++i) {
                if (!paths[i] || paths[i]->v2 != mount->v2 ||
                    !(mount->v2 || list_contains(mount->controllers, controller_names[i]))) {
                    continue;
                }
                if (std::exchange(last_path, paths[i]->path) != paths[i]->path) {
                    last = find_place(files, *mount, number, paths[i]->path);
                }
                if (!last.own.empty()) {
                    places_[i].push_back(last);
                }
            }
        }
    }

    place find_place(file_reader& files, const cgroup_mount& mount, std::size_t view,
                     std::string_view path) {
        const std::optional<cgroup_location> location = locate_cgroup(unescape(mount.root), path);
        if (!location) {
            return {};
        }
        const std::string top = unescape(mount.mount_point);
        std::string group = top + std::string(location->rest);
        if (location->unknown != 0) {
            searched_ = true;
            group = find_group_below(files, top, location->unknown, location->rest).value_or(top);
        }
        return {mount.v2, view, std::move(group), top.size()};
    }

    std::string memberships_;
    std::string mounts_;
    bool searched_ = true;  // where the groups are does not follow from the two texts alone
    bool cpu_files_replaced_ = true;
    bool memory_file_replaced_ = true;
    std::array<std::vector<place>, controller_names.size()> places_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
