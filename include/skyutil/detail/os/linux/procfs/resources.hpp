// SPDX-License-Identifier: MIT
//
// detail/os/linux/procfs/resources.hpp: all numbers that the files of /proc and /sys tell, or
// copies of them. What system calls tell is handed in: nothing is called here.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/detail/os/limit_types.hpp>
#include <skyutil/detail/os/linux/cgroup/limits.hpp>
#include <skyutil/detail/os/linux/cgroup/resources.hpp>
#include <skyutil/detail/os/linux/cgroup/tree.hpp>
#include <skyutil/detail/os/linux/limits_state.hpp>
#include <skyutil/detail/os/linux/procfs/file_reader.hpp>
#include <skyutil/detail/os/linux/procfs/meminfo.hpp>
#include <skyutil/detail/os/linux/procfs/pressure.hpp>
#include <skyutil/version.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

/// All but the affinity mask; no quota where the thread does not obey any.
inline cpu_numbers read_cpu_numbers(const system_root& root, bool obeys_quota) {
    file_reader files(root);
    const cgroup_tree groups(files);
    return {read_online(files).named(),
            {},
            read_cpuset(groups, files).named(),
            obeys_quota ? read_cpu_quota(groups, files).named() : sourced<double>(),
            read_cpu_request(groups, files).named(),
            read_throttling(groups, files).named()};
}

/// All but the limits of the process; `told`: by a call, of the machine.
inline memory_numbers read_memory_numbers(const system_root& root, const machine_memory& told) {
    file_reader files(root);
    memory_numbers numbers = read_group_memory(cgroup_tree(files), files);
    const std::string_view meminfo = files.text(memory_file).value_or("");
    numbers.physical = read_physical(told, false, [&] { return meminfo; }).named();
    if (const auto available = find_kib(meminfo, "MemAvailable")) {
        numbers.machine_available = {available, std::string(memory_file)};
    } else if (told.free != 0) {
        numbers.machine_available = {told.free, std::string(memory_call)};
    }
    const std::string_view status = files.own("status").value_or("");
    numbers.address_space_used = find_kib(status, "VmSize");
    numbers.data_used = find_kib(status, "VmData");
    return numbers;
}

/// The pressure of the process's own group, or where the group has no such file, of the machine.
inline stall_numbers read_stall_numbers(const system_root& root) {
    file_reader files(root);
    const std::string group = cgroup_tree(files).own_group();
    const auto read_file = [&](std::string file) -> stalls {
        const std::string_view text = files.text(file).value_or("");
        return {find_pressure(text, "some"), find_pressure(text, "full"), std::move(file)};
    };
    const auto read = [&](const std::string& name) {
        stalls own;
        if (!group.empty()) {
            own = read_file(group + "/" + name + ".pressure");
        }
        return own.some || own.full ? own : read_file("/proc/pressure/" + name);
    };
    return {read("cpu"), read("memory"), read("io")};
}

/// Returns how many entries the directory of the process's descriptors has.
inline std::size_t count_descriptors(const system_root& root, std::error_code& error) {
    std::error_code absent;
    unique_fd directory(os::open_directory(root.name_of("/proc/thread-self/fd"), absent));
    if (absent == std::errc::no_such_file_or_directory) {
        absent.clear();
        directory.reset(os::open_directory(root.name_of("/proc/self/fd"), absent));
    }
    if (absent) {
        error = absent;
        return 0;
    }
    return os::count_entries(directory.get(), error);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
