// SPDX-License-Identifier: MIT
//
// detail/system/read_resources.hpp: reads the numbers of system.hpp; overrides are not looked at
// here. Included at the end of skyutil/system.hpp.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os.hpp>
#include <skyutil/detail/system/cgroup_limits.hpp>
#include <skyutil/detail/system/cgroup_tree.hpp>
#include <skyutil/detail/system/file_reader.hpp>
#include <skyutil/detail/system/limit_reader.hpp>
#include <skyutil/detail/system/meminfo.hpp>
#include <skyutil/detail/system/pressure.hpp>
#include <skyutil/detail/system/process_limits.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Moves a number and its file to two members of a budget.
template <class T>
void take(sourced<T> found, std::optional<T>& number, std::string& file) {
    number = found.value;
    file = std::move(found.file);
}

inline cpu_budget read_cpu_budget(const root_directory& root) {
    cpu_budget budget;
    file_reader files(root);
    const cgroup_tree groups(files);
    take(read_online(files), budget.online, budget.online_file);
    budget.affinity = read_affinity(files);
    if (!root.is_real() || os::affinity_count() == 0) {
        budget.affinity_file = status_file;
    }
    take(read_cpuset(groups, files), budget.cpuset, budget.cpuset_file);
    take(read_cpu_request(groups, files), budget.request, budget.request_file);
    if (!is_real_time(files)) {
        take(read_cpu_quota(groups, files), budget.quota, budget.quota_file);
    }
    return budget;
}

/// Returns a soft limit of the process. `name` is that of its line in /proc/self/limits.
inline std::optional<std::uint64_t> read_limit(file_reader& files, os::resource which,
                                               std::string_view name) {
    if (files.root().is_real()) {
        std::error_code error;
        const os::resource_limit limit = os::get_limit(which, error);
        if (!error) {
            return limit.soft;
        }
    }
    const auto limit = find_process_limit(files.own("limits").value_or(""), name);
    return limit ? limit->soft : std::nullopt;
}

/// Reads the limits of the process itself, and what they leave.
inline void read_own_limits(file_reader& files, memory_budget& budget) {
    budget.address_space_limit =
        read_limit(files, os::resource::address_space, "Max address space");
    budget.data_limit = read_limit(files, os::resource::data, "Max data size");
    const std::string status = files.own("status").value_or("");
    const auto leave = [&](const std::optional<std::uint64_t>& limit, const char* name) {
        if (const auto used = find_kib(status, name); limit && used) {
            const std::uint64_t left = *limit - (std::min)(*limit, *used);
            budget.process_available = (std::min)(left, budget.process_available.value_or(left));
        }
    };
    leave(budget.address_space_limit, "VmSize");
    leave(budget.data_limit, "VmData");
}

inline memory_budget read_memory_budget(const root_directory& root) {
    memory_budget budget;
    file_reader files(root);
    const group_memory groups = read_group_memory(cgroup_tree(files), files);
    take(groups.limit, budget.limit, budget.limit_file);
    take(groups.soft_limit, budget.soft_limit, budget.soft_limit_file);
    take(groups.swap_limit, budget.swap_limit, budget.swap_limit_file);
    take(groups.available, budget.group_available, budget.group_available_file);
    take(groups.use.usage, budget.usage, budget.usage_file);
    if (budget.usage) {
        budget.reclaimable = groups.use.reclaimable;
    }
    const std::string machine = files.text("/proc/meminfo").value_or("");
    take(read_physical(files, false, [&] { return std::string_view(machine); }), budget.physical,
         budget.physical_file);
    budget.machine_available = find_kib(machine, "MemAvailable");
    budget.machine_available_file = budget.machine_available ? "/proc/meminfo" : "";
    if (const std::uint64_t free = os::memory().free;
        !budget.machine_available && root.is_real() && free != 0) {
        budget.machine_available = free;
        budget.machine_available_file = "sysinfo(2)";
    }

    read_own_limits(files, budget);
    return budget;
}

inline pressure_averages to_averages(const pressure_line& line) {
    constexpr auto most = static_cast<std::uint64_t>((std::chrono::microseconds::max)().count());
    return {line.avg10, line.avg60, line.avg300,
            std::chrono::microseconds((std::min)(line.total, most))};
}

inline std::optional<resource_pressure> parse_pressure(std::string_view text) {
    resource_pressure result;
    if (const auto line = find_pressure(text, "some")) {
        result.some = to_averages(*line);
    }
    if (const auto line = find_pressure(text, "full")) {
        result.full = to_averages(*line);
    }
    return result.some || result.full ? std::optional(result) : std::nullopt;
}

inline pressure read_pressure(const root_directory& root) {
    file_reader files(root);
    const std::string own = cgroup_tree(files).own_group();
    const auto read = [&](const std::string& name) {
        std::string file = own + "/" + name + ".pressure";
        std::optional<resource_pressure> found;
        if (!own.empty()) {
            found = parse_pressure(files.text(file).value_or(""));
        }
        if (!found) {
            file = "/proc/pressure/" + name;
            found = parse_pressure(files.text(file).value_or(""));
        }
        if (found) {
            found->file = std::move(file);
        }
        return found;
    };
    return {read("cpu"), read("memory"), read("io")};
}

inline fd_limits read_fd_limits(const root_directory& root, std::error_code& error) {
    if (root.is_real()) {
        const os::resource_limit limit = os::get_limit(os::resource::descriptors, error);
        if (!error) {
            return {limit.soft, limit.hard};
        }
    }
    const std::optional<process_limit> limit =
        find_process_limit(file_reader(root).own("limits").value_or(""), "Max open files");
    if (!limit) {
        return {};
    }
    error.clear();
    return {limit->soft, limit->hard};
}

inline std::size_t count_open_fds(const root_directory& root, std::error_code& error) {
    for (const char* const name : {"/proc/thread-self/fd", "/proc/self/fd"}) {
        error.clear();
        const unique_fd directory(os::open_directory(root.name_of(name), error));
        if (directory) {
            const std::size_t count = os::count_entries(directory.get(), error);
            return error ? 0 : count - (root.is_real() ? 1 : 0);  // not the one that counts
        }
        if (error != std::errc::no_such_file_or_directory) {
            break;
        }
    }
    return 0;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
