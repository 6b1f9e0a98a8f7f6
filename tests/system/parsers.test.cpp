// SPDX-License-Identifier: MIT
//
// Texts of /proc and /sys that are taken apart or refused, at compile time and at run time.

#include <skyutil/system.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "system/situations.hpp"

using namespace skyutil_tests;
namespace detail = skyutil::detail;
namespace sys = skyutil::detail::os::sys;

namespace {

struct membership_case {
    std::string_view line;
    bool valid;
    bool v2 = false;
    std::string_view controllers = {};
    std::string_view path = {};
};

constexpr bool holds(const membership_case& c) {
    const auto line = sys::parse_cgroup_line(c.line);
    return line ? c.valid && line->v2 == c.v2 && line->controllers == c.controllers &&
                      line->path == c.path
                : !c.valid;
}

constexpr std::array membership_cases{
    membership_case{"0::/", true, true, "", "/"},
    membership_case{"0::/user.slice/session-2.scope", true, true, "",
                    "/user.slice/session-2.scope"},
    membership_case{"0::/job (deleted)", true, true, "", "/job (deleted)"},
    membership_case{"0::/../sibling", true, true, "", "/../sibling"},
    membership_case{"3:cpu,cpuacct:/app", true, false, "cpu,cpuacct", "/app"},
    membership_case{"1:name=systemd:/a", true, false, "name=systemd", "/a"},
    membership_case{"2:cpu:/a:b::c", true, false, "cpu", "/a:b::c"},
    membership_case{"7::/a", true, false, "", "/a"},
    membership_case{"0:cpu:/a", true, false, "cpu", "/a"},
    membership_case{"", false},
    membership_case{"0", false},
    membership_case{"0:", false},
    membership_case{"0::", false},
    membership_case{":::", false},
    membership_case{"x::/a", false},
    membership_case{"-1:cpu:/a", false},
    membership_case{"2:cpu", false},
    membership_case{"2:cpu:relative", false},
    membership_case{"99999999999999999999:cpu:/a", false},
};

struct mount_case {
    std::string_view line;
    bool valid;
    bool v2 = false;
    std::string_view device = {};
    std::string_view root = {};
    std::string_view mount_point = {};
    std::string_view controllers = {};
};

constexpr bool holds(const mount_case& c) {
    const auto mount = sys::parse_mount_line(c.line);
    return mount ? c.valid && mount->v2 == c.v2 && mount->device == c.device &&
                       mount->root == c.root && mount->mount_point == c.mount_point &&
                       mount->controllers == c.controllers
                 : !c.valid;
}

constexpr std::array mount_cases{
    mount_case{"30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate",
               true, true, "0:26", "/", "/sys/fs/cgroup", "rw,nsdelegate"},
    mount_case{"30 23 0:26 /../.. /sys/fs/cgroup rw - cgroup2 none rw", true, true, "0:26",
               "/../..", "/sys/fs/cgroup", "rw"},
    mount_case{"31 30 0:29 /docker/0123 /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct", true,
               false, "0:29", "/docker/0123", "/sys/fs/cgroup/cpu", "rw,cpu,cpuacct"},
    mount_case{
        R"(31 30 0:29 /my\040app /mnt/my\040cgroup rw shared:1 master:2 propagate_from:3 - cgroup c rw,cpu)",
        true, false, "0:29", R"(/my\040app)", R"(/mnt/my\040cgroup)", "rw,cpu"},
    mount_case{"34 30 0:32 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd", true,
               false, "0:32", "/", "/sys/fs/cgroup/systemd", "rw,xattr,name=systemd"},
    mount_case{"30 23 0:26 / /sys/fs/cgroup rw - cgroup2", true, true, "0:26", "/",
               "/sys/fs/cgroup", ""},
    mount_case{"30 23 0:26 / /sys/fs/cgroup rw - cgroup2  rw", true, true, "0:26", "/",
               "/sys/fs/cgroup", "rw"},
    mount_case{
        R"(60 23 0:50 / /Docker/host rw - 9p C:\Program Files\Docker rw,path=C:\Program Files)",
        false},
    mount_case{"61 23 0:51 / /mnt/c/My Files - old rw - 9p D:\\My Files - old rw", false},
    mount_case{"61 23 0:51 / /mnt/c rw - 9p D:\\a - cgroup2 x rw", false},
    mount_case{"23 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw", false},
    mount_case{"40 23 0:36 / /x rw - cgroup3 cgroup rw", false},
    mount_case{"40 23 0:36 / /x rw - tmpfs cgroup rw", false},
    mount_case{"30 23 0:26 relative /sys/fs/cgroup rw - cgroup2 cgroup2 rw", false},
    mount_case{"30 23 0:26 / relative rw - cgroup2 cgroup2 rw", false},
    mount_case{"30 23 0:26 - cgroup2 cgroup2 rw", false},
    mount_case{"30 23 0:26 / /sys/fs/cgroup rw", false},
    mount_case{" - ", false},
    mount_case{"", false},
};

struct location_case {
    std::string_view root;
    std::string_view path;
    std::optional<std::string_view> rest;
    std::size_t unknown = 0;
};

constexpr bool holds(const location_case& c) {
    const auto location = sys::locate_cgroup(c.root, c.path);
    return location ? c.rest == location->rest && c.unknown == location->unknown : !c.rest;
}

constexpr std::array location_cases{
    location_case{"/", "/", ""},
    location_case{"/", "/a/b", "/a/b"},
    location_case{"/a", "/a", ""},
    location_case{"/a", "/a/b", "/b"},
    location_case{"/a", "/ab", std::nullopt},
    location_case{"/a", "/b", std::nullopt},
    location_case{"/a/b", "/a", std::nullopt},
    location_case{"/a", "/", std::nullopt},
    location_case{"/..", "/", "", 1},
    location_case{"/../..", "/", "", 2},
    location_case{"/../..", "/a", "/a", 2},
    location_case{"/../..", "/../a", "/a", 1},
    location_case{"/..", "/../a", "/a"},
    location_case{"/../a", "/../a/b", "/b"},
    location_case{"/../a", "/../ab", std::nullopt},
    location_case{"/../a", "/", std::nullopt},
    location_case{"/", "/..", std::nullopt},
    location_case{"/", "/../a", std::nullopt},
    location_case{"/", "/a/../b", std::nullopt},
    location_case{"/", "/a/..", std::nullopt},
    location_case{"/", "/..a", "/..a"},
    location_case{"/..a", "/..a/b", "/b"},
};

struct cpu_max_case {
    std::string_view text;
    std::optional<double> cpus;
};

constexpr bool holds(const cpu_max_case& c) { return sys::parse_cpu_max(c.text) == c.cpus; }

constexpr std::array cpu_max_cases{
    cpu_max_case{"max 100000\n", std::nullopt},
    cpu_max_case{"max", std::nullopt},
    cpu_max_case{"250000 100000\n", 2.5},
    cpu_max_case{"50000 100000\n", 0.5},
    cpu_max_case{"1000 1000000\n", 0.001},
    cpu_max_case{"30000 20000", 1.5},
    cpu_max_case{"300000\n", std::nullopt},
    cpu_max_case{"300000 \n", std::nullopt},
    cpu_max_case{" 300000 100000\n", std::nullopt},
    cpu_max_case{"300000  100000\n", std::nullopt},
    cpu_max_case{"300000\t100000\n", std::nullopt},
    cpu_max_case{"300000 100000 \n", std::nullopt},
    cpu_max_case{"300000 100000\r\n", std::nullopt},
    cpu_max_case{"300000 100000\n\n", std::nullopt},
    cpu_max_case{"300000 100000\nmax 100000\n", std::nullopt},
    cpu_max_case{"0300000 100000\n", std::nullopt},
    cpu_max_case{"\r\r 18", std::nullopt},
    cpu_max_case{"123 \r\r", std::nullopt},
    cpu_max_case{"500000\n", std::nullopt},
    cpu_max_case{"max max\n", std::nullopt},
    cpu_max_case{"18446744073709551615 1", 18446744073709551615.0},
    cpu_max_case{"18446744073709551616 1", std::nullopt},
    cpu_max_case{"", std::nullopt},
    cpu_max_case{"\n", std::nullopt},
    cpu_max_case{"0 100000", std::nullopt},
    cpu_max_case{"100000 0", std::nullopt},
    cpu_max_case{"-1 100000", std::nullopt},
    cpu_max_case{"100000 -1", std::nullopt},
    cpu_max_case{"100000 100000 100000", std::nullopt},
    cpu_max_case{"1e5 1e5", std::nullopt},
    cpu_max_case{"+100000 100000", std::nullopt},
    cpu_max_case{"many few", std::nullopt},
    cpu_max_case{std::string_view("1\0 1", 4), std::nullopt},
};

struct quota_case {
    std::string_view quota;
    std::string_view period;
    std::optional<double> cpus;
};

constexpr bool holds(const quota_case& c) { return sys::parse_quota(c.quota, c.period) == c.cpus; }

constexpr std::array quota_cases{
    quota_case{"150000", "100000", 1.5},       quota_case{"-1", "100000", std::nullopt},
    quota_case{"0", "100000", std::nullopt},   quota_case{"100000", "0", std::nullopt},
    quota_case{"100000", "", std::nullopt},    quota_case{"", "100000", std::nullopt},
    quota_case{"all", "100000", std::nullopt}, quota_case{"100000", "-100000", std::nullopt},
};

struct cpu_list_case {
    std::string_view text;
    std::optional<int> count;
};

constexpr bool holds(const cpu_list_case& c) { return sys::count_cpu_list(c.text) == c.count; }

constexpr std::array cpu_list_cases{
    cpu_list_case{"0\n", 1},
    cpu_list_case{"0-7\n", 8},
    cpu_list_case{"0-3,8,10-11\n", 7},
    cpu_list_case{"5", 1},
    cpu_list_case{"3-3", 1},
    cpu_list_case{"0-1535", 1536},
    cpu_list_case{"0-16777215", 16777216},
    cpu_list_case{" 0-3\n", std::nullopt},
    cpu_list_case{"0-3 \n", std::nullopt},
    cpu_list_case{"0-3\r\n", std::nullopt},
    cpu_list_case{"0-3\n\n", std::nullopt},
    cpu_list_case{"0-3\n8\n", std::nullopt},
    cpu_list_case{"0-3, 8\n", std::nullopt},
    cpu_list_case{"0-3 8\n", std::nullopt},
    cpu_list_case{"0,,1", std::nullopt},
    cpu_list_case{"0,1,", std::nullopt},
    cpu_list_case{",0", std::nullopt},
    cpu_list_case{"00", std::nullopt},
    cpu_list_case{"0-03", std::nullopt},
    cpu_list_case{"0 - 3", std::nullopt},
    cpu_list_case{"0-7:1/2", 4},
    cpu_list_case{"0-8:1/2", 5},
    cpu_list_case{"0-1023:2/256", 8},
    cpu_list_case{"0-10:3/4,12", 10},
    cpu_list_case{"4-5:4/4", 2},
    cpu_list_case{"0-7:8/8", 8},
    cpu_list_case{"0-7:0/2", std::nullopt},
    cpu_list_case{"0-7:3/2", std::nullopt},
    cpu_list_case{"0-7:1/0", std::nullopt},
    cpu_list_case{"0-7:1", std::nullopt},
    cpu_list_case{"0-7:", std::nullopt},
    cpu_list_case{"0-7:/2", std::nullopt},
    cpu_list_case{"0-7:1/18446744073709551615", std::nullopt},
    cpu_list_case{",", std::nullopt},
    cpu_list_case{"", std::nullopt},
    cpu_list_case{"\n", std::nullopt},
    cpu_list_case{"3-1", std::nullopt},
    cpu_list_case{"0-3,2", std::nullopt},
    cpu_list_case{"1,1", std::nullopt},
    cpu_list_case{"0-", std::nullopt},
    cpu_list_case{"-3", std::nullopt},
    cpu_list_case{"0-3-5", std::nullopt},
    cpu_list_case{"all", std::nullopt},
    cpu_list_case{"0-16777216", std::nullopt},
    cpu_list_case{"0-18446744073709551615", std::nullopt},
    cpu_list_case{"18446744073709551615", std::nullopt},
    cpu_list_case{"0-99999999999999999999", std::nullopt},
};

struct memory_limit_case {
    std::string_view text;
    std::optional<std::uint64_t> bytes;
};

constexpr bool holds(const memory_limit_case& c) {
    return sys::parse_memory_limit(c.text) == c.bytes;
}

constexpr std::array memory_limit_cases{
    memory_limit_case{"1073741824\n", 1073741824},
    memory_limit_case{"0\n", 0},
    memory_limit_case{"1152921504606846975", 1152921504606846975},
    memory_limit_case{"1152921504606846976", std::nullopt},
    memory_limit_case{"max\n", std::nullopt},
    memory_limit_case{"9223372036854771712\n", std::nullopt},  // pages of 4 KiB
    memory_limit_case{"9223372036854759424\n", std::nullopt},  // 16 KiB
    memory_limit_case{"9223372036854710272\n", std::nullopt},  // 64 KiB
    memory_limit_case{"9223372036854775807", std::nullopt},
    memory_limit_case{"18446744073709551615", std::nullopt},
    memory_limit_case{"18446744073709551616", std::nullopt},
    memory_limit_case{"-1", std::nullopt},
    memory_limit_case{"", std::nullopt},
    memory_limit_case{"1 GiB", std::nullopt},
    memory_limit_case{"0x1000", std::nullopt},
    memory_limit_case{"1.5", std::nullopt},
    memory_limit_case{" 4096\n", std::nullopt},
    memory_limit_case{"4096 \n", std::nullopt},
    memory_limit_case{"4096\r\n", std::nullopt},
    memory_limit_case{"\v4096", std::nullopt},
    memory_limit_case{"4096\n\n", std::nullopt},
    memory_limit_case{"4096\n8192\n", std::nullopt},
    memory_limit_case{"04096\n", std::nullopt},
    memory_limit_case{"00\n", std::nullopt},
};

struct value_case {
    std::string_view text;
    std::string_view name;
    std::string_view value;
};

constexpr bool holds(const value_case& c) { return detail::find_value(c.text, c.name) == c.value; }

constexpr std::array value_cases{
    value_case{"cache 0\nhierarchical_memory_limit 4096\n", "hierarchical_memory_limit", "4096"},
    value_case{"hierarchical_memsw_limit 1\nhierarchical_memory_limit 2",
               "hierarchical_memory_limit", "2"},
    value_case{"MemTotal:       16 kB\n", "MemTotal", "16 kB"},
    value_case{"Cpus_allowed:\tff\nCpus_allowed_list:\t0-7\n", "Cpus_allowed_list", "0-7"},
    value_case{"a\n", "a", ""},
    value_case{"a  1\n", "a", " 1"},
    value_case{"a 1 \n", "a", "1 "},
    value_case{"a 1\r\n", "a", "1\r"},
    value_case{"a\t1\n", "a", ""},
    value_case{"a: \t 1 kB\n", "a", "1 kB"},
    value_case{"a:\n", "a", ""},
    value_case{"a:  \n", "a", ""},
    value_case{"ab 1\n", "a", ""},
    value_case{"", "a", ""},
};

struct request_case {
    std::string_view text;
    std::optional<double> of_shares;
    std::optional<double> of_weight;
};

constexpr bool is_about(std::optional<double> a, std::optional<double> b) {
    return a.has_value() == b.has_value() && (!a || (*a - *b < 0.0005 && *b - *a < 0.0005));
}

constexpr bool holds(const request_case& c) {
    return is_about(sys::cpus_of_shares(c.text), c.of_shares) &&
           is_about(sys::cpus_of_weight(c.text), c.of_weight);
}

constexpr std::array request_cases{
    request_case{"1\n", std::nullopt, 0.002},
    request_case{"2\n", 0.00195, 0.0276},
    request_case{"39\n", 0.0381, 0.9748},
    request_case{"100\n", 0.0977, std::nullopt},
    request_case{"512\n", 0.5, 13.0846},
    request_case{"1024\n", std::nullopt, 26.193},
    request_case{"10000\n", 9.7656, 256},
    request_case{"10001\n", 9.7666, std::nullopt},
    request_case{"262144\n", 256, std::nullopt},
    request_case{"262145\n", std::nullopt, std::nullopt},
    request_case{"0\n", std::nullopt, std::nullopt},
    request_case{" 39\n", std::nullopt, std::nullopt},
    request_case{"39 \n", std::nullopt, std::nullopt},
    request_case{"39\r\n", std::nullopt, std::nullopt},
    request_case{"039\n", std::nullopt, std::nullopt},
    request_case{"39 39\n", std::nullopt, std::nullopt},
    request_case{"-1\n", std::nullopt, std::nullopt},
    request_case{"", std::nullopt, std::nullopt},
    request_case{"idle", std::nullopt, std::nullopt},
    request_case{"18446744073709551616", std::nullopt, std::nullopt},
};

struct kib_case {
    std::string_view text;
    std::optional<std::uint64_t> bytes;
};

constexpr bool holds(const kib_case& c) { return sys::find_kib(c.text, "MemFree") == c.bytes; }

constexpr std::array kib_cases{
    kib_case{"MemTotal: 2 kB\nMemFree:        1 kB\n", 1024},
    kib_case{"MemFree:\t 0 kB\n", 0},
    kib_case{"MemFree: 18014398509481983 kB\n", 18446744073709550592U},
    kib_case{"MemFree: 18014398509481984 kB\n", std::nullopt},
    kib_case{"MemFree: 1 MB\n", std::nullopt},
    kib_case{"MemFree: 1\n", std::nullopt},
    kib_case{"MemFree: 1  kB\n", std::nullopt},
    kib_case{"MemFree: 1 kB \n", std::nullopt},
    kib_case{"MemFree: 1 kB\r\n", std::nullopt},
    kib_case{"MemFree: 1 kB kB\n", std::nullopt},
    kib_case{"MemFree: 01 kB\n", std::nullopt},
    kib_case{"MemFree: -1 kB\n", std::nullopt},
    kib_case{"MemFreed: 1 kB\n", std::nullopt},
    kib_case{"", std::nullopt},
};

struct process_limit_case {
    std::string_view name;
    bool known;
    std::optional<std::uint64_t> soft = {};
    std::optional<std::uint64_t> hard = {};
};

constexpr bool holds(const process_limit_case& c) {
    const auto limit = sys::find_process_limit(limits_text, c.name);
    return limit ? c.known && limit->soft == c.soft && limit->hard == c.hard : !c.known;
}

constexpr std::array process_limit_cases{
    process_limit_case{"Max open files", true, 1024, 524288},
    process_limit_case{"Max data size", true},
    process_limit_case{"Max stack size", true, 8388608, std::nullopt},
    process_limit_case{"Max address space", false},
    process_limit_case{"Max locked memory", false},
    process_limit_case{"Max processes", false},
    process_limit_case{"Max pending signals", false},
    process_limit_case{"Max msgqueue size", false},
    process_limit_case{"Max nice priority", false},
    process_limit_case{"Max open", false},
    process_limit_case{"Max cpu time", false},
};

struct pressure_case {
    std::string_view text;
    bool valid;
    double avg10 = 0;
    double avg60 = 0;
    double avg300 = 0;
    std::uint64_t total = 0;
};

constexpr bool holds(const pressure_case& c) {
    const auto line = sys::find_pressure(c.text, "some");
    return line ? c.valid && line->avg10 == c.avg10 && line->avg60 == c.avg60 &&
                      line->avg300 == c.avg300 && line->total == c.total
                : !c.valid;
}

constexpr std::array pressure_cases{
    pressure_case{"some avg10=0.12 avg60=3.40 avg300=100.00 total=18446744073709551615\n", true,
                  0.12, 3.4, 100, 18446744073709551615U},
    pressure_case{"full avg10=9.00 avg60=9.00 avg300=9.00 total=9\n"
                  "some avg10=1.00 avg60=2.00 avg300=3.00 total=4\n",
                  true, 1, 2, 3, 4},
    pressure_case{"full avg10=1.00 avg60=2.00 avg300=3.00 total=4\n", false},
    pressure_case{"some avg10=100.01 avg60=2.00 avg300=3.00 total=4\n", false},
    pressure_case{"some avg10=1.0 avg60=2.00 avg300=3.00 total=4\n", false},
    pressure_case{"some avg10=1 avg60=2.00 avg300=3.00 total=4\n", false},
    pressure_case{"some avg10=-1.00 avg60=2.00 avg300=3.00 total=4\n", false},
    pressure_case{"some avg10=nan avg60=2.00 avg300=3.00 total=4\n", false},
    pressure_case{"some avg60=2.00 avg10=1.00 avg300=3.00 total=4\n", false},
    pressure_case{"some avg10=1.00 avg60=2.00 avg300=3.00\n", false},
    pressure_case{"some avg10=1.00 avg60=2.00 avg300=3.00 total=18446744073709551616\n", false},
    pressure_case{"some avg10=18446744073709551615.00 avg60=2.00 avg300=3.00 total=4\n", false},
    pressure_case{"some\n", false},
    pressure_case{"some  avg10=1.00 avg60=2.00 avg300=3.00 total=4\n", false},
    pressure_case{"some avg10=1.00  avg60=2.00 avg300=3.00 total=4\n", false},
    pressure_case{"some avg10=1.00 avg60=2.00 avg300=3.00 total=4 \n", false},
    pressure_case{"some avg10=1.00 avg60=2.00 avg300=3.00 total=4\r\n", false},
    pressure_case{"some avg10=1.00 avg60=2.00 avg300=3.00 total=4 5\n", false},
    pressure_case{"some avg10=1.00 avg60=2.00 avg300=3.00 total=04\n", false},
    pressure_case{"some avg10=01.00 avg60=2.00 avg300=3.00 total=4\n", false},
    pressure_case{"some avg10=1.0a avg60=2.00 avg300=3.00 total=4\n", false},
    pressure_case{"some avg10=1.05 avg60=2.00 avg300=3.00 total=0\n", true, 1.05, 2, 3, 0},
    pressure_case{"", false},
};

constexpr std::string_view statistics_text =
    "anon 1\nfile 2\nshmem 4\nactive_file 8\ninactive_file 16\nslab_reclaimable 32\n"
    "slab_unreclaimable 64\ntotal_active_file 128\ntotal_inactive_file 256\n";

static_assert(sys::count_reclaimable(statistics_text, true) == 8 + 16 + 32);
static_assert(sys::count_reclaimable(statistics_text, false) == 128 + 256);
static_assert(sys::count_reclaimable("active_file -1\ninactive_file x\n", true) == 0);
static_assert(sys::count_reclaimable("active_file 18446744073709551615\n"
                                     "inactive_file 18446744073709551615\n",
                                     true) == 0);

/// Every case at compile time and again, one by one, at run time.
#define CHECK_BOTH_WAYS(cases) \
    STATIC_REQUIRE( \
        std::all_of(cases.begin(), cases.end(), [](const auto& c) { return holds(c); })); \
    for (std::size_t i = 0; i < cases.size(); ++i) { \
        CAPTURE(i); \
        CHECK(holds(cases[i])); \
    }

}  // namespace

TEST_CASE("lines of /proc/PID/cgroup are taken apart or refused"){CHECK_BOTH_WAYS(membership_cases)}

TEST_CASE("lines of mountinfo are taken apart or refused"){CHECK_BOTH_WAYS(mount_cases)}

TEST_CASE("a group is found below a mount that shows it, and not below others"){
    CHECK_BOTH_WAYS(location_cases)}

TEST_CASE("the text of cpu.max is CPUs or no limit"){CHECK_BOTH_WAYS(cpu_max_cases)}

TEST_CASE("a quota and a period of version 1 are CPUs or no limit"){CHECK_BOTH_WAYS(quota_cases)}

TEST_CASE("the CPUs of a list are counted, and lists that are none are refused"){
    CHECK_BOTH_WAYS(cpu_list_cases)}

TEST_CASE("a memory limit is bytes, and what stands for unlimited is none"){
    CHECK_BOTH_WAYS(memory_limit_cases)}

TEST_CASE("a value is found by the whole name before it"){CHECK_BOTH_WAYS(value_cases)}

TEST_CASE("shares and weights are CPUs, and the kernel's defaults ask for nothing"){
    CHECK_BOTH_WAYS(request_cases)}

TEST_CASE("numbers in kB are bytes or none"){CHECK_BOTH_WAYS(kib_cases)}

TEST_CASE("limits of a process are found by their whole name"){CHECK_BOTH_WAYS(process_limit_cases)}

TEST_CASE("a line of a pressure file is taken apart or refused"){CHECK_BOTH_WAYS(pressure_cases)}

TEST_CASE("names of mountinfo lose their octal escapes and nothing else") {
    SKYUTIL_STATIC_CHECK(sys::unescape(R"(/mnt/my\040cgroup)") == "/mnt/my cgroup");
    const std::vector<std::pair<std::string, std::string>> cases{
        {"", ""},
        {"/plain", "/plain"},
        {R"(/mnt/my\040cgroup)", "/mnt/my cgroup"},
        {R"(/a\011b\012c\134d\043e)", "/a\tb\nc\\d#e"},
        {R"(\303\244)", "\303\244"},
        {R"(\377)", "\377"},
        {R"(\400)", R"(\400)"},
        {R"(\04)", R"(\04)"},
        {R"(\0)", R"(\0)"},
        {R"(\)", R"(\)"},
        {R"(\089)", R"(\089)"},
        {R"(\\040)", R"(\ )"},
        {R"(\134040)", R"(\040)"},
    };
    for (const auto& [escaped, plain] : cases) {
        CAPTURE(escaped);
        CHECK(sys::unescape(escaped) == plain);
    }
}
