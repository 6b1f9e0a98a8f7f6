// SPDX-License-Identifier: MIT
//
// detail/system/cgroup_limits.hpp: reads the numbers of a process's control groups, from its own up
// to the root.
//
// The lowest limit on the way binds, so each one is looked at: a group without a limit can stand in
// one with a limit, and the files of a group can be missing, unreadable or gone meanwhile.

#pragma once

#include <skyutil/detail/os.hpp>
#include <skyutil/detail/system/cgroup.hpp>
#include <skyutil/detail/system/sysroot.hpp>
#include <skyutil/detail/text/digits.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// A number, if there is one, and the file it was read from.
template <class T>
struct sourced {
    std::optional<T> value{};
    std::string file{};
};

/// Returns whether the value is the lowest so far.
template <class T>
bool keep_lowest(sourced<T>& lowest, const std::optional<T>& value, const std::string& file) {
    if (!value || (lowest.value && *value >= *lowest.value)) {
        return false;
    }
    lowest.value = value;
    lowest.file = file;
    return true;
}

/// What a control group has of memory, in bytes.
struct memory_use {
    sourced<std::uint64_t> usage;
    std::uint64_t reclaimable = 0;  // of it
};

/// What the memory controller says, in bytes.
struct group_memory {
    sourced<std::uint64_t> limit;
    sourced<std::uint64_t> soft_limit;
    sourced<std::uint64_t> swap_limit;
    memory_use use;                    // of the group that has the limit, else of the own
    sourced<std::uint64_t> available;  // the least that a limit leaves
};

/// The control groups of the calling thread wherever they are mounted.
class cgroup_tree {
public:
    /// No groups.
    cgroup_tree() = default;

    explicit cgroup_tree(file_reader& files) { look_again(files, true); }

    /// Looks which groups the thread is in now, and where they are mounted if those are others than
    /// before or `mounts_too`. False, and as before, when that cannot be told.
    bool look_again(file_reader& files, bool mounts_too) {
        std::optional<std::string> memberships = files.own("cgroup");
        if (!memberships) {
            return false;
        }
        if (!mounts_too && *memberships == memberships_) {
            return true;
        }
        const std::optional<std::string> mounts = files.own("mountinfo");
        if (!mounts && files.starved()) {
            return false;
        }
        memberships_ = std::move(*memberships);
        find_groups(files.root(), mounts.value_or(""));
        cpu_files_replaced_ = !mounts || mounts->find(" /sys/devices/system/cpu") != mounts->npos;
        memory_file_replaced_ = !mounts || mounts->find(" /proc/meminfo ") != mounts->npos;
        return true;
    }

    /// Whether the files in which the kernel tells the machine's CPUs and memory may be another
    /// file system's, such as lxcfs, and tell less than the system calls do.
    [[nodiscard]] bool cpu_files_replaced() const noexcept { return cpu_files_replaced_; }
    [[nodiscard]] bool memory_file_replaced() const noexcept { return memory_file_replaced_; }

    /// CPUs that the quotas allow.
    [[nodiscard]] sourced<double> cpu_quota(file_reader& files) const {
        sourced<double> lowest;
        for_each_group(controller::cpu, [&](bool v2, const std::string& group, bool) {
            const std::string file = group + (v2 ? "/cpu.max" : "/cpu.cfs_quota_us");
            const std::optional<std::string> text = files.text(file);
            if (text && v2) {
                keep_lowest(lowest, parse_cpu_max(*text), file);
            } else if (text && !text->starts_with('-')) {
                const std::string period = files.text(group + "/cpu.cfs_period_us").value_or("");
                keep_lowest(lowest, parse_quota(only_line(*text), only_line(period)), file);
            }
            return text ? next_group::read_here : next_group::nothing_here;
        });
        return lowest;
    }

    /// CPUs that the nearest group with a weight asks for.
    [[nodiscard]] sourced<double> cpu_request(file_reader& files) const {
        sourced<double> request;
        for_each_group(controller::cpu, [&](bool v2, const std::string& group, bool) {
            const std::string file = group + (v2 ? "/cpu.weight" : "/cpu.shares");
            const std::optional<std::string> text = files.text(file);
            if (!text) {
                return next_group::nothing_here;
            }
            keep_lowest(request, v2 ? cpus_of_weight(*text) : cpus_of_shares(*text), file);
            return next_group::none;
        });
        return request;
    }

    /// CPUs of the nearest group that names any; those above have no fewer.
    [[nodiscard]] sourced<int> cpuset(file_reader& files) const {
        sourced<int> found;
        for_each_group(controller::cpuset, [&](bool v2, const std::string& group, bool) {
            for (const char* const name :
                 {v2 ? "/cpuset.cpus.effective" : "/cpuset.effective_cpus", "/cpuset.cpus"}) {
                const std::string file = group + name;
                const std::optional<int> count = count_cpu_list(files.text(file).value_or(""));
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
    [[nodiscard]] std::optional<std::uint64_t> memory_limit(file_reader& files) const {
        std::optional<std::uint64_t> lowest;
        const auto keep = [&](const std::optional<std::uint64_t>& limit) {
            if (limit && (!lowest || *limit < *lowest)) {
                lowest = limit;
            }
        };
        for_each_memory_group(files, [&](bool v2, const std::string& group, bool own) {
            if (!v2 && own) {
                const std::string text = files.text(group + "/memory.stat").value_or("");
                keep(hierarchical_limit(text));
                if (files.root().is_real() && parse_unsigned(find_value(text, hierarchical_name))) {
                    return next_group::none;  // it is the lowest, says the kernel
                }
            }
            const std::optional<std::string> text =
                files.text(group + (v2 ? "/memory.max" : "/memory.limit_in_bytes"));
            keep(parse_memory_limit(text.value_or("")));
            return text ? next_group::read_here : next_group::nothing_here;
        });
        return lowest;
    }

    /// The limit and what explains it.
    [[nodiscard]] group_memory memory(file_reader& files) const {
        group_memory result;
        sourced<std::uint64_t> above;
        memory_use use;  // of the group looked at last
        const auto keep_limit = [&](const std::optional<std::uint64_t>& limit,
                                    const std::string& file) {
            if (keep_lowest(result.limit, limit, file) || !result.use.usage.value) {
                result.use = use;
            }
            if (limit && use.usage.value) {
                const std::uint64_t taken = *use.usage.value - use.reclaimable;
                keep_lowest(result.available, std::optional(*limit - (std::min)(*limit, taken)),
                            file);
            }
        };
        for_each_memory_group(files, [&](bool v2, const std::string& group, bool own) {
            const auto number = [&](const char* name) {
                return parse_memory_limit(files.text(group + name).value_or(""));
            };
            const char* const limit_name = v2 ? "/memory.max" : "/memory.limit_in_bytes";
            const char* const soft_name = v2 ? "/memory.high" : "/memory.soft_limit_in_bytes";
            const char* const usage_name = v2 ? "/memory.current" : "/memory.usage_in_bytes";
            const char* const swap_name = v2 ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes";
            const std::string statistics = files.text(group + "/memory.stat").value_or("");
            const std::optional<std::uint64_t> usage = number(usage_name);
            use = {};
            if (usage) {
                use = {{usage, group + usage_name},
                       (std::min)(*usage, count_reclaimable(statistics, v2))};
            }
            const std::optional<std::uint64_t> limit = number(limit_name);
            keep_limit(limit, group + limit_name);
            if (!v2 && own) {
                keep_lowest(above, hierarchical_limit(statistics), group + "/memory.stat");
            }
            keep_lowest(result.soft_limit, number(soft_name), group + soft_name);
            std::optional<std::uint64_t> swap = number(swap_name);
            if (!v2 && swap) {  // of memory and swap together
                swap = limit ? std::optional(*swap - (std::min)(*swap, *limit)) : std::nullopt;
            }
            keep_lowest(result.swap_limit, swap, group + swap_name);
            return limit || usage ? next_group::read_here : next_group::nothing_here;
        });
        if (above.value && (!result.limit.value || *above.value < *result.limit.value)) {
            keep_limit(above.value, above.file);
        }
        return result;
    }

    /// The directory of the process's own group of version 2; empty where there is none.
    [[nodiscard]] std::string own_group() const {
        const std::vector<place>& places = places_[static_cast<std::size_t>(controller::none)];
        return places.empty() ? std::string() : places.front().own;
    }

private:
    /// Where a hierarchy of groups has one of this process.
    enum class controller : std::size_t { cpu, cpuset, memory, none };
    SKYUTIL_OWN static constexpr std::array<std::string_view, 4> controller_names{"cpu", "cpuset",
                                                                                  "memory", ""};

    /// What a visitor of groups found, and whether it wants the group above.
    enum class next_group { none, read_here, nothing_here };

    /// The process's own group below a mount point.
    struct place {
        bool v2 = false;
        std::size_t view = 0;  // the same for mounts that show the same
        std::string own;
        std::size_t top = 0;  // length of the mount point
    };

    /// Calls visit(v2, directory, own) for the process's own group and each above it, as far as a
    /// mount shows them. Of mounts that show the same the first with something to read will do.
    template <class Visit>
    void for_each_group(controller which, Visit visit) const {
        std::vector<std::size_t> seen;
        for (const place& each : places_[static_cast<std::size_t>(which)]) {
            if (std::find(seen.begin(), seen.end(), each.view) != seen.end()) {
                continue;
            }
            std::string group = each.own;
            for (bool own = true;; own = false) {
                const next_group next = visit(each.v2, group, own);
                if (next != next_group::nothing_here &&
                    (seen.empty() || seen.back() != each.view)) {
                    seen.push_back(each.view);
                }
                if (next == next_group::none || group.size() <= each.top) {
                    break;
                }
                group.resize((std::max)(group.rfind('/'), each.top));
            }
        }
    }

    /// The same for groups whose memory counts: a group of version 1 binds those below it only if
    /// it is hierarchical, and so are then all below.
    template <class Visit>
    void for_each_memory_group(file_reader& files, Visit visit) const {
        for_each_group(controller::memory, [&](bool v2, const std::string& group, bool own) {
            const bool separate =
                !v2 && !own &&
                only_line(files.text(group + "/memory.use_hierarchy").value_or("")) == "0";
            return separate ? next_group::none : visit(v2, group, own);
        });
    }

    /// The lowest limit of a group of version 1 and those above it, also those above the mount.
    SKYUTIL_OWN static constexpr std::string_view hierarchical_name = "hierarchical_memory_limit";

    static std::optional<std::uint64_t> hierarchical_limit(std::string_view statistics) noexcept {
        return parse_memory_limit(find_value(statistics, hierarchical_name));
    }

    /// This process's group in the hierarchy that has the controller: version 1 if that names it,
    /// as no controller is in both.
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

    void find_groups(const sysroot& root, std::string_view mounts) {
        std::array<std::optional<cgroup_membership>, controller_names.size()> paths;
        for (std::size_t i = 0; i < paths.size(); ++i) {
            paths[i] = find_membership(controller_names[i]);
            places_[i].clear();
        }
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
                    last = find_place(root, *mount, number, paths[i]->path);
                }
                if (!last.own.empty()) {
                    places_[i].push_back(last);
                }
            }
        }
    }

    static place find_place(const sysroot& root, const cgroup_mount& mount, std::size_t view,
                            std::string_view path) {
        const std::optional<cgroup_location> location = locate_cgroup(unescape(mount.root), path);
        if (!location) {
            return {};
        }
        const std::string top = unescape(mount.mount_point);
        std::string group = top + std::string(location->rest);
        if (location->unknown != 0) {
            group = find_below(root, top, location->unknown, location->rest).value_or(top);
        }
        return {mount.v2, view, std::move(group), top.size()};
    }

    /// The group `depth` unknown directories below `top`, then `rest`, that this process is in.
    /// Looks at no more than a few thousand groups.
    [[nodiscard]] static std::optional<std::string> find_below(const sysroot& root,
                                                               const std::string& top,
                                                               std::size_t depth,
                                                               std::string_view rest) {
        const thread_ids own(root);
        std::size_t left = 4096;
        std::vector<std::string> level{top};
        for (; depth != 0; --depth) {
            std::vector<std::string> next;
            for (const std::string& group : level) {
                std::error_code error;
                std::filesystem::directory_iterator entry(name_in(root, group), error);
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
            // The threads of each group: version 2, version 1, and those of processes, which
            // copies have.
            if (lists(root, group + "/cgroup.threads", own.thread) ||
                lists(root, group + "/tasks", own.thread) ||
                lists(root, group + "/cgroup.procs", own.process)) {
                return std::move(group);
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] static bool lists(const sysroot& root, const std::string& file,
                                    std::string_view id) {
        const std::string ids = read_text(root, file).value_or("");
        for (std::string_view lines = ids; !lines.empty();) {
            if (take_until(lines, '\n') == id) {
                return true;
            }
        }
        return false;
    }

    struct thread_ids {
        explicit thread_ids(const sysroot& root) {
            if (root.is_real()) {
                thread = integer_text(os::thread_id());
                process = integer_text(os::process_id());
            } else {
                const std::string text = read_text(root, "/proc/self/stat").value_or("");
                thread = process = text.substr(0, text.find(' '));
            }
        }

        std::string thread;
        std::string process;
    };

    std::string memberships_;
    bool cpu_files_replaced_ = true;
    bool memory_file_replaced_ = true;
    std::array<std::vector<place>, controller_names.size()> places_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
