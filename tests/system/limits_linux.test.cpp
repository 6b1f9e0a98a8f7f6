// SPDX-License-Identifier: MIT
//
// Where one source says nothing the next is asked, for every number of system.hpp.

#include <skyutil/system.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support_linux.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using skyutil::sysroot;
namespace detail = skyutil::detail;
namespace sys = skyutil::detail::os::sys;

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t gib = std::uint64_t{1} << 30;

/// No override, whatever the environment of the tests is.
void forget_overrides() {
    for (const char* const name :
         {"SKYUTIL_CPU_COUNT", "SKYPILOT_POD_CPU_CORE_LIMIT", "SKYUTIL_MEMORY_BYTES",
          "SKYPILOT_POD_MEMORY_GB_LIMIT", "SKYPILOT_POD_MEMORY_BYTES_LIMIT"}) {
        ::unsetenv(name);
    }
}

void put(const temporary_directory& root, const std::string& name, std::string_view text) {
    const fs::path path = root.path().string() + name;
    fs::create_directories(path.parent_path());
    write_file(path, text);
}

}  // namespace

// ------------------------------------------------------------------------- one source, the next

namespace {

/// No file can be opened by its name.
void refuse_files() {
    forbid_system_call(SYS_openat, EPERM);
#ifdef SYS_open
    forbid_system_call(SYS_open, EPERM);
#endif
}

template <class T>
json or_null(const std::optional<T>& number) {
    return number ? json(*number) : json();
}

/// Every number of system.hpp that stays the same for a while.
json numbers() {
    std::error_code error;
    const skyutil::cpu_budget cpu = skyutil::get_cpu_budget({}, error);
    const skyutil::memory_budget ram = skyutil::get_memory_budget({}, error);
    skyutil::resource_monitor monitor({}, std::chrono::milliseconds(0));
    json result{{"online", or_null(cpu.online)},
                {"affinity", or_null(cpu.affinity)},
                {"cpuset", or_null(cpu.cpuset)},
                {"quota", or_null(cpu.quota)},
                {"request", or_null(cpu.request)},
                {"throttled", cpu.throttled.has_value()},
                {"usable", cpu.usable()},
                {"physical", or_null(ram.physical)},
                {"limit", or_null(ram.limit)},
                {"soft_limit", or_null(ram.soft_limit)},
                {"swap_limit", or_null(ram.swap_limit)},
                {"address_space_limit", or_null(ram.address_space_limit)},
                {"data_limit", or_null(ram.data_limit)},
                {"memory", ram.usable()},
                {"some is available", ram.available() > 0},
                {"the machine has some left", ram.machine_available.value_or(0) > 0},
                {"monitored CPUs", monitor.cpu_count()},
                {"monitored memory", monitor.mem_size_gb()}};
    std::thread([&] {  // which remembers nothing
        result["CPUs"] = skyutil::get_cpu_count(error);
        result["memory in GiB"] = skyutil::get_mem_size_gb(error);
    })
        .join();
    const skyutil::fd_limits descriptors = skyutil::get_fd_limits(error);
    result["descriptors"] = {error.value(), or_null(descriptors.soft), or_null(descriptors.hard)};
    return result;
}

/// For a child: limits of its own, and one CPU where there are more.
void set_own_limits() {
    forget_overrides();
    const std::uint64_t data[2] = {std::uint64_t{1} << 46, std::uint64_t{1} << 47};
    const rlimit descriptors{200, 300};
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(::sched_getcpu(), &one);
    // By system call, as an rlimit may have 32 bits.
    if (::syscall(SYS_prlimit64, 0, RLIMIT_DATA, data, nullptr) == -1 ||
        ::setrlimit(RLIMIT_NOFILE, &descriptors) == -1 ||
        ::sched_setaffinity(0, sizeof one, &one) == -1) {
        throw cannot_run{"cannot set limits"};
    }
}

struct refused_call {
    const char* name;
    std::vector<long> calls;
};

const std::vector<refused_call>& refused_calls() {
    static const std::vector<refused_call> calls{
        {"sysinfo", {SYS_sysinfo}},
        {"sched_getaffinity", {SYS_sched_getaffinity}},
        {"sched_getscheduler", {SYS_sched_getscheduler}},
        {"getrlimit",
         {SYS_prlimit64,
#ifdef SYS_getrlimit
          SYS_getrlimit
#endif
         }},
        {"fstat, statfs, getdents and lseek",
         {SYS_getdents64, SYS_lseek,
#ifdef SYS_statfs
          SYS_statfs
#endif
         }},
        {"all of them",
         {SYS_sysinfo, SYS_sched_getaffinity, SYS_sched_getscheduler, SYS_prlimit64,
#ifdef SYS_getrlimit
          SYS_getrlimit
#endif
         }},
    };
    return calls;
}

}  // namespace

TEST_CASE("where a filter refuses a system call every number stays as it was") {
#if defined(__SANITIZE_ADDRESS__)
    SKYUTIL_SKIP("AddressSanitizer itself makes the calls that are refused here");
#endif
    for (const refused_call& refused : refused_calls()) {
        for (const int error : {EPERM, ENOSYS}) {
            INFO(refused.name << ", errno " << error);
            const json answer = run_in_child([&] {
                set_own_limits();
                const json before = numbers();
                for (const long call : refused.calls) {
                    forbid_system_call(call, error);
                }
                return json{before, numbers()};
            });
            CHECK(answer[0]["data_limit"] == std::uint64_t{1} << 46);
            CHECK(answer[0]["descriptors"] == json{0, 200, 300});
            CHECK(answer[0]["affinity"] == 1);
            CHECK(answer[0]["memory in GiB"] > 0.0);
            CHECK(answer[0] == answer[1]);
        }
    }
}

TEST_CASE("a number says which source it is from when that is another one than usual") {
    const json answer = run_in_child([] {
        set_own_limits();
        forbid_system_call(SYS_sysinfo, EPERM);
        forbid_system_call(SYS_sched_getaffinity, EPERM);
        const skyutil::cpu_budget cpu = skyutil::get_cpu_budget();
        return json{cpu.affinity_source(), skyutil::get_memory_budget().physical_file,
                    skyutil::describe_resources().find("sched_getaffinity") == std::string::npos};
    });
    CHECK(answer == json{"/proc/self/status", "/proc/meminfo", true});
}

TEST_CASE("where no file can be opened the system calls tell what they know") {
    const json answer = run_in_child([] {
        set_own_limits();
        const json before = numbers();
        refuse_files();
        json after = numbers();
        std::error_code error;
        const skyutil::memory_budget ram = skyutil::get_memory_budget({}, error);
        after["source"] = ram.machine_available_file;
        return json{before, after};
    });
    const json& before = answer[0];
    const json& after = answer[1];
    for (const char* const name :
         {"affinity", "physical", "address_space_limit", "data_limit", "descriptors"}) {
        INFO(name);
        CHECK(after[name] == before[name]);
    }
    CHECK(after["usable"] == 1);
    CHECK(after["CPUs"] == 1);
    CHECK(after["memory in GiB"] > 0.0);
    CHECK(after["the machine has some left"] == true);
    CHECK(after["source"] == "sysinfo(2)");
}

TEST_CASE("where nothing says anything there is one CPU, no memory and no crash") {
#if defined(__SANITIZE_ADDRESS__)
    SKYUTIL_SKIP("AddressSanitizer itself makes the calls that are refused here");
#endif
    const json answer = run_in_child([] {
        detail::last_cpus = 0;  // as in a process that has not asked before
        set_own_limits();
        refuse_files();
        for (const long call : refused_calls().back().calls) {
            forbid_system_call(call, EPERM);
        }
        return numbers();
    });
    CHECK(answer["usable"] == 1);
    CHECK(answer["CPUs"] == 1);
    CHECK(answer["memory"] == 0);
    CHECK(answer["descriptors"] == json{EPERM, nullptr, nullptr});
}

TEST_CASE("a real-time policy is noticed where its system call is refused") {
    for (const bool real_time : {false, true}) {
        const json answer = run_in_child([&] {
            if (real_time && !set_scheduling_policy(SCHED_RR, 1)) {
                throw cannot_run{"may not set a real-time policy"};
            }
            forbid_system_call(SYS_sched_getscheduler, EPERM);
            return json(!detail::os::limits_source().obeys_quota());
        });
        CHECK(answer == real_time);
    }
}

TEST_CASE("the CPUs of a machine are those that /proc/stat has lines of where /sys says nothing") {
    forget_overrides();
    const temporary_directory root;
    put(root, "/proc/stat",
        "cpu  1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 2 3 4\ncpu17 1 2 3 4\nintr 1\nctxt 5\ncpux 1\ncpu01 1\n"
        "cpu2\n");
    const auto budget = [&] { return skyutil::get_cpu_budget(sysroot{root.path()}); };
    CHECK(budget().online == 3);
    CHECK(budget().limiting_factor().file == "/proc/stat");
    put(root, "/sys/devices/system/cpu/online", "all of them\n");
    CHECK(budget().online == 3);
    put(root, "/sys/devices/system/cpu/online", "0-3\n");
    CHECK(budget().online == 4);
    CHECK(budget().limiting_factor().file == "/sys/devices/system/cpu/online");
    CHECK(skyutil::resource_monitor(sysroot{root.path()}).cpu_count() == 4);
}

// ------------------------------------------------------------------- files that others cover

namespace {

/// For a child: another file in the place of one of /proc or /sys, as lxcfs puts it there.
void cover(const fs::path& file, const fs::path& place) {
    if (::mount(file.c_str(), place.c_str(), nullptr, MS_BIND, nullptr) == -1) {
        throw cannot_run{"may not mount"};
    }
}

void enter_mount_namespace() {
    forget_overrides();
    if (::unshare(CLONE_NEWNS) == -1 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1) {
        throw cannot_run{"may not mount"};
    }
}

}  // namespace

TEST_CASE("a file that covers /proc/meminfo tells the memory, if it is less") {
    const temporary_directory directory;
    write_file(directory / "less", "MemTotal:        1048576 kB\nMemAvailable:     524288 kB\n");
    write_file(directory / "more", "MemTotal:  1099511627776 kB\n");
    write_file(directory / "none", "MemTotal:  unknown\n");
    const json answer = run_in_child([&] {
        enter_mount_namespace();
        const auto ask = [] {
            json result;
            std::thread([&] {
                const skyutil::memory_budget budget = skyutil::get_memory_budget();
                const double usable = static_cast<double>(budget.usable()) / gib;
                // What is known of where things are may be a second old.
                const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
                while (skyutil::get_mem_size_gb() != usable &&
                       std::chrono::steady_clock::now() < deadline) {
                    std::this_thread::sleep_for(std::chrono::milliseconds(10));
                }
                result = {skyutil::get_mem_size_gb(), or_null(budget.physical),
                          budget.physical_file};
                skyutil::resource_monitor monitor({}, std::chrono::milliseconds(0));
                result.push_back(monitor.mem_size_gb());
            }).join();
            return result;
        };
        json results{{"uncovered", ask()}};
        for (const char* const name : {"less", "more", "none"}) {
            cover(directory / name, "/proc/meminfo");
            results[name] = ask();
            ::umount("/proc/meminfo");
        }
        return results;
    });
    const json& uncovered = answer["uncovered"];
    CHECK(uncovered[2] == "sysinfo(2)");
    if (uncovered[0] < 1.0) {
        SKYUTIL_SKIP("less than a GiB of memory");
    }
    CHECK(answer["less"] == json{1.0, gib, "/proc/meminfo", 1.0});
    CHECK(answer["more"] == uncovered);
    CHECK(answer["none"] == uncovered);
}

TEST_CASE("a monitor notices within a second that /proc/meminfo is covered") {
    const temporary_directory directory;
    write_file(directory / "less", "MemTotal:        1048576 kB\n");
    const json answer = run_in_child([&] {
        enter_mount_namespace();
        skyutil::resource_monitor monitor({}, std::chrono::milliseconds(0));
        const double before = monitor.mem_size_gb();
        cover(directory / "less", "/proc/meminfo");
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (monitor.mem_size_gb() == before && before > 1 &&
               std::chrono::steady_clock::now() < deadline) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return json{before, monitor.mem_size_gb()};
    });
    CHECK(answer[1] == (answer[0] > 1.0 ? json(1.0) : answer[0]));
}

TEST_CASE("a file that covers the list of CPUs that are on tells how many there are") {
    const temporary_directory directory;
    write_file(directory / "online", "0\n");
    const json answer = run_in_child([&] {
        enter_mount_namespace();
        cover(directory / "online", "/sys/devices/system/cpu/online");
        json result;
        std::thread([&] {
            const skyutil::cpu_budget budget = skyutil::get_cpu_budget();
            result = {skyutil::get_cpu_count(), or_null(budget.online), budget.usable()};
        }).join();
        return result;
    });
    CHECK(answer == json{1, 1, 1});
}

TEST_CASE("mountinfo tells which files of the machine are covered") {
    const temporary_directory root;
    put(root, "/proc/self/cgroup", "0::/\n");
    const auto covered = [&](const std::string& mount) {
        put(root, "/proc/self/mountinfo",
            "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n" + mount);
        sys::file_reader files(sys::system_root(root.path().native()));
        const sys::cgroup_tree tree(files);
        return std::pair(tree.memory_file_replaced(), tree.cpu_files_replaced());
    };
    CHECK(covered("") == std::pair(false, false));
    CHECK(covered("90 80 0:45 /proc/meminfo /proc/meminfo rw,nosuid - fuse.lxcfs lxcfs rw\n") ==
          std::pair(true, false));
    CHECK(covered("90 80 0:45 /proc/stat /proc/stat rw,nosuid - fuse.lxcfs lxcfs rw\n") ==
          std::pair(false, false));
    CHECK(covered("91 80 0:45 /sys/devices/system/cpu /sys/devices/system/cpu rw - fuse.lxcfs "
                  "lxcfs rw\n") == std::pair(false, true));
    CHECK(covered("91 80 0:45 /sys/devices/system/cpu/online /sys/devices/system/cpu/online rw - "
                  "fuse.lxcfs lxcfs rw\n") == std::pair(false, true));
}
