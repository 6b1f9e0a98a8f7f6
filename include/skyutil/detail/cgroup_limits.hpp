// SPDX-License-Identifier: MIT
//
// detail/cgroup_limits.hpp: reads the limits of a process's control groups, from its own up to the
// root.
//
// The lowest limit on the way binds, so each one is looked at: a group without a limit can stand in
// one with a limit, and the files of a group can be missing, unreadable or gone meanwhile.

#pragma once

#include <skyutil/detail/cgroup.hpp>
#include <skyutil/detail/os.hpp>
#include <skyutil/detail/sysroot.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline v0::detail {

/// A number and the file it was read from.
template <class T>
struct sourced {
    T value;
    std::string file;
};

template <class T>
void keep_lowest(std::optional<sourced<T>>& lowest, const std::optional<T>& value,
                 std::string file) {
    if (value && (!lowest || *value < lowest->value)) {
        lowest = sourced<T>{*value, std::move(file)};
    }
}

/// The control groups of this process wherever they are mounted.
class cgroup_tree {
public:
    explicit cgroup_tree(const sysroot& root)
        : root_(root),
          memberships_(read_text(root, "/proc/self/cgroup").value_or("")),
          mounts_(read_text(root, "/proc/self/mountinfo").value_or("")) {}

    /// CPUs that the quotas allow.
    [[nodiscard]] std::optional<sourced<double>> cpu_quota() const {
        std::optional<sourced<double>> lowest;
        for_each_group("cpu", [&](bool v2, const std::string& group, bool) {
            const std::string file = group + (v2 ? "/cpu.max" : "/cpu.cfs_quota_us");
            const std::optional<std::string> text = read_text(root_, file);
            if (text && v2) {
                keep_lowest(lowest, parse_cpu_max(*text), file);
            } else if (text && !text->starts_with('-')) {
                const std::string period =
                    read_text(root_, group + "/cpu.cfs_period_us").value_or("");
                keep_lowest(lowest, parse_quota(trim(*text), trim(period)), file);
            }
            return text ? next_group::read_here : next_group::nothing_here;
        });
        return lowest;
    }

    /// CPUs of the nearest group that names any; those above have no fewer.
    [[nodiscard]] std::optional<sourced<int>> cpuset() const {
        std::optional<sourced<int>> found;
        for_each_group("cpuset", [&](bool v2, const std::string& group, bool) {
            for (const char* const name :
                 {v2 ? "/cpuset.cpus.effective" : "/cpuset.effective_cpus", "/cpuset.cpus"}) {
                const std::string file = group + name;
                const std::optional<int> count =
                    count_cpu_list(read_text(root_, file).value_or(""));
                if (count) {
                    keep_lowest(found, count, file);
                    return next_group::none;
                }
            }
            return next_group::nothing_here;
        });
        return found;
    }

    /// Bytes of memory that the limits allow.
    [[nodiscard]] std::optional<sourced<std::uint64_t>> memory_limit() const {
        std::optional<sourced<std::uint64_t>> lowest;
        std::optional<sourced<std::uint64_t>> above;
        for_each_group("memory", [&](bool v2, const std::string& group, bool own) {
            // A version 1 group binds the groups below it only if it is hierarchical, and so are
            // then all below.
            if (!v2 && !own &&
                trim(read_text(root_, group + "/memory.use_hierarchy").value_or("")) == "0") {
                return next_group::none;
            }
            const std::string file = group + (v2 ? "/memory.max" : "/memory.limit_in_bytes");
            const std::optional<std::string> text = read_text(root_, file);
            keep_lowest(lowest, parse_memory_limit(text.value_or("")), file);
            if (!v2 && own) {  // knows the limits above the mount too
                const std::string statistics = group + "/memory.stat";
                const std::string numbers = read_text(root_, statistics).value_or("");
                keep_lowest(above,
                            parse_memory_limit(find_value(numbers, "hierarchical_memory_limit")),
                            statistics);
            }
            return text ? next_group::read_here : next_group::nothing_here;
        });
        if (above) {  // last: of equal ones the file that sets the limit is kept
            keep_lowest(lowest, std::optional(above->value), std::move(above->file));
        }
        return lowest;
    }

private:
    /// What a visitor of groups found, and whether it wants the group above.
    enum class next_group { none, read_here, nothing_here };

    /// Calls visit(v2, directory, own) for the process's own group and each above it, as far as a
    /// mount shows them, in the hierarchy that has the controller: version 1 if that names it, as
    /// no controller is in both.
    template <class Visit>
    void for_each_group(std::string_view controller, Visit visit) const {
        const std::optional<std::string_view> v1_path = group_of(false, controller);
        const std::optional<std::string_view> path = v1_path ? v1_path : group_of(true, controller);
        std::vector<std::pair<std::string_view, std::string_view>>
            seen;  // devices and roots that could be read
        for (std::string_view lines = mounts_; path && !lines.empty();) {
            const std::optional<cgroup_mount> mount = parse_mount_line(take_until(lines, '\n'));
            if (!mount || mount->v2 == v1_path.has_value() ||
                !(mount->v2 || list_contains(mount->controllers, controller))) {
                continue;
            }
            const std::pair identity{mount->device, mount->root};
            const std::optional<cgroup_location> location =
                locate_cgroup(unescape(mount->root), *path);
            if (!location || std::find(seen.begin(), seen.end(), identity) != seen.end()) {
                continue;
            }
            const std::string top = unescape(mount->mount_point);
            std::string group = top + std::string(location->rest);
            if (location->unknown != 0) {
                group = find_below(top, location->unknown, location->rest).value_or(top);
            }
            bool readable = false;
            for (bool own = true;; own = false) {
                const next_group next = visit(mount->v2, group, own);
                readable = readable || next != next_group::nothing_here;
                if (next == next_group::none || group.size() <= top.size()) {
                    break;
                }
                group.resize((std::max)(group.rfind('/'), top.size()));
            }
            if (readable) {
                seen.push_back(identity);
            }
        }
    }

    /// The path of this process's group in a hierarchy.
    [[nodiscard]] std::optional<std::string_view> group_of(bool v2,
                                                           std::string_view controller) const {
        for (std::string_view lines = memberships_; !lines.empty();) {
            const std::optional<cgroup_membership> line =
                parse_cgroup_line(take_until(lines, '\n'));
            if (line && line->v2 == v2 && (v2 || list_contains(line->controllers, controller))) {
                return line->path;
            }
        }
        return std::nullopt;
    }

    /// The group `depth` unknown directories below `top`, then `rest`, that this process is in.
    /// Looks at no more than a few thousand groups.
    [[nodiscard]] std::optional<std::string> find_below(const std::string& top, std::size_t depth,
                                                        std::string_view rest) const {
        const std::string own = own_pid();
        std::size_t left = 4096;
        std::vector<std::string> level{top};
        for (; depth != 0; --depth) {
            std::vector<std::string> next;
            for (const std::string& group : level) {
                std::error_code error;
                std::filesystem::directory_iterator entry(name_in(root_, group), error);
                for (; !error && left != 0 && entry != std::filesystem::directory_iterator();
                     entry.increment(error)) {
                    std::error_code ignored;
                    if (entry->is_directory(ignored)) {
                        next.push_back(group + "/" + entry->path().filename().native());
                        --left;
                    }
                }
            }
            level = std::move(next);
        }
        for (std::string& group : level) {
            group += rest;
            const std::string pids = read_text(root_, group + "/cgroup.procs").value_or("");
            for (std::string_view lines = pids; !lines.empty();) {
                if (take_until(lines, '\n') == own) {
                    return std::move(group);
                }
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] std::string own_pid() const {
        if (root_.is_real()) {
            return std::to_string(os::process_id());
        }
        const std::string text = read_text(root_, "/proc/self/stat").value_or("");
        return text.substr(0, text.find(' '));
    }

    const sysroot& root_;
    std::string memberships_;
    std::string mounts_;
};

}  // namespace skyutil::inline v0::detail
