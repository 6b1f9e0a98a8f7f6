// SPDX-License-Identifier: MIT
//
// The situations are in fixtures/: copies of the files of /proc and /sys that matter, and the
// budgets that follow from them. What the kernel itself does is tested on real control groups where
// the user may make some.

#include <skyutil/system.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using skyutil::limit_kind;
using skyutil::sysroot;
namespace detail = skyutil::detail;

namespace {

constexpr double gib = 1024.0 * 1024.0 * 1024.0;
constexpr std::array cpu_variables{"SKYUTIL_CPU_COUNT", "SKYPILOT_POD_CPU_CORE_LIMIT"};
constexpr std::array memory_variables{"SKYUTIL_MEMORY_BYTES", "SKYPILOT_POD_MEMORY_GB_LIMIT",
                                      "SKYPILOT_POD_MEMORY_BYTES_LIMIT"};

/// Sets an environment variable, or unsets it, until the end of the scope.
class scoped_variable {
public:
    scoped_variable(const char* name, const char* value) : name_(name) {
        if (const char* const old = std::getenv(name)) {
            old_ = old;
        }
        set(value);
    }
    scoped_variable(const scoped_variable&) = delete;
    scoped_variable& operator=(const scoped_variable&) = delete;
    ~scoped_variable() { set(old_ ? old_->c_str() : nullptr); }

private:
    void set(const char* value) const {
        if (value != nullptr) {
            ::setenv(name_, value, 1);
        } else {
            ::unsetenv(name_);
        }
    }

    const char* name_;
    std::optional<std::string> old_;
};

/// No override, whatever the environment of the tests is.
class no_overrides {
    scoped_variable a_{cpu_variables[0], nullptr};
    scoped_variable b_{cpu_variables[1], nullptr};
    scoped_variable c_{memory_variables[0], nullptr};
    scoped_variable d_{memory_variables[1], nullptr};
    scoped_variable e_{memory_variables[2], nullptr};
};

double gib_of(const skyutil::memory_budget& budget) {
    return static_cast<double>(budget.usable()) / gib;
}

/// What an invalid_argument says; empty when there was none.
std::string invalid_argument_of(const std::function<void()>& function) {
    try {
        function();
    } catch (const std::invalid_argument& exception) {
        return exception.what();
    }
    return {};
}

// ------------------------------------------------------------------------------------------
// fixtures

/// A situation: the files of a machine and the budgets that follow from them.
struct situation {
    std::string name;
    json expected;
    std::vector<std::pair<std::string, std::string>> files;
};

/// Comment lines, then sections "== NAME": `expected`, in JSON, and files by their full names. The
/// blank line before the next section belongs to neither.
situation read_situation(const std::filesystem::path& path) {
    situation result;
    result.name = path.stem();
    std::istringstream in(read_file(path));
    std::string* text = nullptr;
    std::string expected;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("== ")) {
            if (text != nullptr && text->ends_with('\n')) {
                text->pop_back();
            }
            const std::string name = line.substr(3);
            text = name == "expected" ? &expected : &result.files.emplace_back(name, "").second;
        } else if (text != nullptr) {
            *text += line + '\n';
        }
    }
    result.expected = json::parse(expected);
    return result;
}

const std::vector<situation>& situations() {
    static const std::vector<situation> all = [] {
        std::vector<situation> result;
        for (const auto& entry : std::filesystem::directory_iterator(SKYUTIL_TEST_FIXTURES)) {
            if (entry.path().extension() == ".txt") {
                result.push_back(read_situation(entry.path()));
            }
        }
        std::sort(result.begin(), result.end(),
                  [](const situation& a, const situation& b) { return a.name < b.name; });
        return result;
    }();
    return all;
}

situation find_situation(const std::string& name) {
    for (const situation& each : situations()) {
        if (each.name == name) {
            return each;
        }
    }
    throw std::runtime_error("no situation " + name);
}

std::filesystem::path place_in(const temporary_directory& root, const std::string& name) {
    return root.path().string() + name;
}

void write_files(const temporary_directory& root, const situation& what) {
    for (const auto& [name, text] : what.files) {
        std::filesystem::create_directories(place_in(root, name).parent_path());
        write_file(place_in(root, name), text);
    }
}

/// The numbers of a machine in the form of `expected`; what there is none of is left out.
json budgets_of(const sysroot& root) {
    const skyutil::cpu_budget cpus = skyutil::get_cpu_budget(root);
    const skyutil::memory_budget memory = skyutil::get_memory_budget(root);
    json result;
    const auto add = [&](const char* name, const auto& value) {
        if (value) {
            result[name] = *value;
        }
    };
    result["usable"] = cpus.usable();
    add("online", cpus.online);
    add("affinity", cpus.affinity);
    add("cpuset", cpus.cpuset);
    add("quota", cpus.quota);
    result["cpu_factor"] = to_string(cpus.limiting_factor().kind);
    add("physical", memory.physical);
    add("limit", memory.limit);
    result["memory_factor"] = to_string(memory.limiting_factor().kind);
    add("request", cpus.request);
    add("soft_limit", memory.soft_limit);
    add("swap_limit", memory.swap_limit);
    add("usage", memory.usage);
    add("reclaimable", memory.reclaimable);
    add("group_available", memory.group_available);
    add("address_space_limit", memory.address_space_limit);
    add("data_limit", memory.data_limit);
    add("process_available", memory.process_available);
    if (memory.available() != memory.usable()) {
        result["available"] = memory.available();
    }
    for (const auto& [name, file] :
         {std::pair("cpuset_file", cpus.cpuset_file), std::pair("quota_file", cpus.quota_file),
          std::pair("request_file", cpus.request_file), std::pair("limit_file", memory.limit_file),
          std::pair("soft_limit_file", memory.soft_limit_file),
          std::pair("swap_limit_file", memory.swap_limit_file),
          std::pair("usage_file", memory.usage_file)}) {
        if (!file.empty()) {
            result[name] = file;
        }
    }
    return result;
}

// ------------------------------------------------------------------------------- real control
// groups

bool writable(const std::string& name) { return ::access(name.c_str(), W_OK) == 0; }

/// Two control groups of version 1, one in the other, removed at the end of the scope. Skips the
/// test where there can be none.
class nested_groups {
public:
    nested_groups(const std::string& controller, const std::string& proof) {
        const std::string top = "/sys/fs/cgroup/" + controller;
        if (::geteuid() != 0 || !writable(top + "/cgroup.procs")) {
            SKYUTIL_SKIP("needs root and a writable " + top + " of cgroup version 1");
        }
        static int number = 0;
        outer_ =
            top + "/skyutil-test-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
        inner_ = outer_ + "/inner";
        if (::mkdir(outer_.c_str(), 0755) == -1) {
            SKYUTIL_SKIP("cannot make control groups in " + top);
        }
        if (::mkdir(inner_.c_str(), 0755) == -1 || !std::filesystem::exists(inner_ + "/" + proof)) {
            remove();
            SKYUTIL_SKIP(top + " is not of cgroup version 1");
        }
    }
    nested_groups(const nested_groups&) = delete;
    nested_groups& operator=(const nested_groups&) = delete;
    ~nested_groups() { remove(); }

    void set_outer(const std::string& file, const std::string& value) const {
        write_file(outer_ + "/" + file, value);
    }
    void set_inner(const std::string& file, const std::string& value) const {
        write_file(inner_ + "/" + file, value);
    }
    const std::string& outer() const { return outer_; }
    const std::string& inner() const { return inner_; }

    /// Moves the calling process to the inner group.
    void enter() const { write_file(inner_ + "/cgroup.procs", std::to_string(::getpid())); }

private:
    void remove() const {
        // A process that has just ended can still be in its group.
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        for (const std::string& group : {inner_, outer_}) {
            while (::rmdir(group.c_str()) == -1 && errno == EBUSY &&
                   std::chrono::steady_clock::now() < deadline) {
                std::this_thread::yield();
            }
        }
    }

    std::string outer_;
    std::string inner_;
};

/// The first answer to a call that began 20 milliseconds after `start` or later.
template <class Function>
auto answer_after_20_ms(std::chrono::steady_clock::time_point start, Function function) {
    for (;;) {
        const auto called = std::chrono::steady_clock::now();
        const auto answer = function();
        if (called - start >= std::chrono::milliseconds(20)) {
            return answer;
        }
    }
}

/// Affinity masks of any size.
class cpu_mask {
public:
    cpu_mask() : words_(1024) {
        const long size =
            ::syscall(SYS_sched_getaffinity, 0, words_.size() * sizeof(words_[0]), words_.data());
        if (size < 0) {
            throw_errno("sched_getaffinity");
        }
        words_.resize(static_cast<std::size_t>(size) / sizeof(words_[0]));
    }

    int count() const {
        int result = 0;
        for (const unsigned long word : words_) {
            result += std::popcount(word);
        }
        return result;
    }

    /// Leaves the first CPU alone and binds the calling thread to it.
    void bind_to_first() {
        bool found = false;
        for (unsigned long& word : words_) {
            word = found ? 0 : word & (~word + 1);
            found = found || word != 0;
        }
        if (::syscall(SYS_sched_setaffinity, 0, words_.size() * sizeof(words_[0]), words_.data()) !=
            0) {
            throw_errno("sched_setaffinity");
        }
    }

private:
    std::vector<unsigned long> words_;
};

}  // namespace

// -------------------------------------------------------------------------------------------
// parsers

namespace {

struct membership_case {
    std::string_view line;
    bool valid;
    bool v2 = false;
    std::string_view controllers = {};
    std::string_view path = {};
};

constexpr bool holds(const membership_case& c) {
    const auto line = detail::parse_cgroup_line(c.line);
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
    const auto mount = detail::parse_mount_line(c.line);
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
    const auto location = detail::locate_cgroup(c.root, c.path);
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

constexpr bool holds(const cpu_max_case& c) { return detail::parse_cpu_max(c.text) == c.cpus; }

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

constexpr bool holds(const quota_case& c) {
    return detail::parse_quota(c.quota, c.period) == c.cpus;
}

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

constexpr bool holds(const cpu_list_case& c) { return detail::count_cpu_list(c.text) == c.count; }

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
    return detail::parse_memory_limit(c.text) == c.bytes;
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
    return is_about(detail::cpus_of_shares(c.text), c.of_shares) &&
           is_about(detail::cpus_of_weight(c.text), c.of_weight);
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

constexpr bool holds(const kib_case& c) { return detail::find_kib(c.text, "MemFree") == c.bytes; }

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

constexpr std::string_view limits_text =
    "Limit                     Soft Limit           Hard Limit           Units     \n"
    "Max data size             unlimited            unlimited            bytes     \n"
    "Max open files            1024                 524288               files     \n"
    "Max open files soon       1                    2                    files     \n"
    "Max address space         -1                   99999999999999999999 bytes     \n"
    "Max locked memory         65536\r               65536                bytes     \n"
    "Max processes             4x                   8                    processes \n"
    "Max pending signals       4                    8                    \n"
    "Max msgqueue size         4                    8                    bytes 1   \n"
    "Max nice priority         08                   8                    0         \n"
    "Max stack size            8388608              unlimited            bytes     \n";

struct process_limit_case {
    std::string_view name;
    bool known;
    std::optional<std::uint64_t> soft = {};
    std::optional<std::uint64_t> hard = {};
};

constexpr bool holds(const process_limit_case& c) {
    const auto limit = detail::find_process_limit(limits_text, c.name);
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
    const auto line = detail::find_pressure(c.text, "some");
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

static_assert(detail::count_reclaimable(statistics_text, true) == 8 + 16 + 32);
static_assert(detail::count_reclaimable(statistics_text, false) == 128 + 256);
static_assert(detail::count_reclaimable("active_file -1\ninactive_file x\n", true) == 0);
static_assert(detail::count_reclaimable("active_file 18446744073709551615\n"
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
    SKYUTIL_STATIC_CHECK(detail::unescape(R"(/mnt/my\040cgroup)") == "/mnt/my cgroup");
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
        CHECK(detail::unescape(escaped) == plain);
    }
}

// -------------------------------------------------------------------------------------------
// budgets

TEST_CASE("every situation gives the budget that its files say") {
    const no_overrides clean;
    REQUIRE(situations().size() >= 75);
    for (const situation& each : situations()) {
        const temporary_directory root;
        write_files(root, each);
        INFO(each.name);
        json found;
        REQUIRE_NOTHROW(found = budgets_of(sysroot{root.path()}));
        CHECK(found == each.expected);
    }
}

TEST_CASE("very long lines and many mounts hide no limit") {
    const no_overrides clean;
    const situation what = find_situation("v2_limit_on_parent");
    const temporary_directory root;
    write_files(root, what);
    std::string layers = "99 23 0:99 / /merged rw - overlay overlay rw,lowerdir=";
    for (int i = 0; i < 50'000; ++i) {
        layers += "/var/lib/layers/" + std::to_string(i) + ":";
    }
    std::string others;
    for (int i = 0; i < 5000; ++i) {
        others += "100 23 0:100 / /mnt/" + std::to_string(i) + " rw - tmpfs tmpfs rw\n";
    }
    const auto mountinfo = place_in(root, "/proc/self/mountinfo");
    write_file(mountinfo, layers + "\n" + others + read_file(mountinfo));
    CHECK(budgets_of(sysroot{root.path()}) == what.expected);
}

TEST_CASE("files that cannot be read as files are no limit") {
    const no_overrides clean;
    const temporary_directory root;
    situation what = find_situation("v2_limit_on_parent");
    const std::string leaf = "/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope/";
    std::erase_if(what.files, [&](const auto& file) { return file.first.starts_with(leaf); });
    write_files(root, what);
    std::filesystem::create_directories(place_in(root, leaf + "cpu.max"));
    REQUIRE(::mkfifo(place_in(root, leaf + "memory.max").c_str(), 0600) == 0);
    CHECK(budgets_of(sysroot{root.path()}) == what.expected);
}

TEST_CASE("whatever the files hold, there is a CPU and no limit is exceeded") {
    const no_overrides clean;
    std::mt19937 random(20240229);
    const auto below = [&](std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
    };
    constexpr std::array<std::string_view, 24> words{"max",
                                                     "0",
                                                     "1",
                                                     "-1",
                                                     "100000",
                                                     "18446744073709551615",
                                                     "99999999999999999999",
                                                     "0-7",
                                                     ",",
                                                     "-",
                                                     ":",
                                                     "::",
                                                     "/",
                                                     "/..",
                                                     "/../..",
                                                     " ",
                                                     "\n",
                                                     " - cgroup2 cgroup2 rw",
                                                     " - cgroup cgroup rw,cpu",
                                                     "cpu",
                                                     "memory",
                                                     "\\040",
                                                     "Cpus_allowed_list:\t",
                                                     "MemTotal: "};
    const auto garble = [&](std::string text) {
        switch (below(4)) {
            case 0:
                text.resize(below(300));
                for (char& c : text) {
                    c = static_cast<char>(below(256));
                }
                break;
            case 1:
                for (std::size_t i = 0; !text.empty() && i < 1 + below(4); ++i) {
                    text[below(text.size())] = static_cast<char>(below(256));
                }
                break;
            case 2:
                text.resize(below(text.size() + 1));
                break;
            default:
                text.clear();
                for (std::size_t i = below(12); i != 0; --i) {
                    text += words[below(words.size())];
                }
        }
        return text;
    };
    for (const situation& each : situations()) {
        const temporary_directory root;
        write_files(root, each);
        for (int i = 0; !each.files.empty() && i < 25; ++i) {
            const auto& [name, original] = each.files[below(each.files.size())];
            const std::string text = garble(original);
            const std::filesystem::path file = place_in(root, name);
            const auto replace_by = [&](const std::string& content) {
                std::filesystem::remove(
                    file);  // file systems flush what is truncated and written anew
                write_file(file, content);
            };
            replace_by(text);
            CAPTURE(each.name, name, text);
            std::error_code error;
            skyutil::cpu_budget cpus;
            skyutil::memory_budget memory;
            REQUIRE_NOTHROW(cpus = skyutil::get_cpu_budget(sysroot{root.path()}, error));
            REQUIRE_NOTHROW(memory = skyutil::get_memory_budget(sysroot{root.path()}, error));
            REQUIRE(!error);
            const int usable = cpus.usable();
            REQUIRE(usable >= 1);
            REQUIRE(cpus.usable(skyutil::rounding::ceil) >=
                    cpus.usable(skyutil::rounding::nearest));
            REQUIRE(cpus.usable(skyutil::rounding::nearest) >= usable);
            REQUIRE(cpus.online.value_or(usable) >= usable);
            REQUIRE(cpus.affinity.value_or(usable) >= usable);
            REQUIRE(cpus.cpuset.value_or(usable) >= usable);
            REQUIRE((std::max)(1.0, cpus.quota.value_or(usable)) >= usable);
            REQUIRE(memory.usable() <= memory.physical.value_or(std::uint64_t{1} << 63));
            REQUIRE(memory.usable() <= memory.limit.value_or(std::uint64_t{1} << 63));
            REQUIRE((memory.usable() == 0 || memory.available() <= memory.usable()));
            REQUIRE(memory.available() <= memory.machine_available.value_or(memory.available()));
            REQUIRE(memory.available() <= memory.group_available.value_or(memory.available()));
            REQUIRE(memory.available() <= memory.process_available.value_or(memory.available()));
            REQUIRE(memory.reclaimable.value_or(0) <= memory.usage.value_or(0));
            skyutil::resource_monitor monitor(sysroot{root.path()});
            REQUIRE(monitor.cpu_count() == usable);
            REQUIRE(monitor.mem_size_gb() == gib_of(memory));
            REQUIRE_NOTHROW(json::parse(skyutil::describe_resources(skyutil::description_form::json,
                                                                    sysroot{root.path()}, error)));
            replace_by(original);
        }
    }
}

TEST_CASE("a monitor of a copy answers as the budgets do") {
    const no_overrides clean;
    for (const situation& each : situations()) {
        const temporary_directory root;
        write_files(root, each);
        skyutil::resource_monitor monitor(sysroot{root.path()});
        CAPTURE(each.name);
        CHECK(monitor.cpu_count() == each.expected["usable"]);
        CHECK(monitor.mem_size_gb() == gib_of(skyutil::get_memory_budget(sysroot{root.path()})));
    }
}

TEST_CASE("a monitor sees what changed when its answer is older than it may be") {
    const no_overrides clean;
    const temporary_directory root;
    write_files(root, find_situation("v2_limit_on_parent"));
    skyutil::resource_monitor fresh(sysroot{root.path()}, std::chrono::milliseconds(0));
    skyutil::resource_monitor lasting(sysroot{root.path()}, std::chrono::hours(1));
    CHECK(fresh.cpu_count() == 3);
    CHECK(lasting.cpu_count() == 3);
    CHECK(fresh.mem_size_gb() == 4);
    CHECK(lasting.mem_size_gb() == 4);
    const std::string slice = "/sys/fs/cgroup/user.slice/user-1000.slice/";
    write_file(place_in(root, slice + "cpu.max"), "200000 100000\n");
    write_file(place_in(root, slice + "memory.max"), "1073741824\n");
    CHECK(fresh.cpu_count() == 2);
    CHECK(lasting.cpu_count() == 3);
    CHECK(fresh.mem_size_gb() == 1);
    CHECK(lasting.mem_size_gb() == 4);

    // Another group: at once, wherever the old one was.
    write_file(place_in(root, "/proc/self/cgroup"), "0::/\n");
    CHECK(fresh.cpu_count() == 8);
    CHECK(fresh.mem_size_gb() == 16);

    // Nothing can be looked at any more: the process is where it was.
    write_file(place_in(root, "/proc/self/cgroup"),
               "0::/user.slice/user-1000.slice/session-2.scope\n");
    CHECK(fresh.cpu_count() == 2);
    CHECK(fresh.mem_size_gb() == 1);
    std::filesystem::remove(place_in(root, "/proc/self/cgroup"));
    std::filesystem::remove_all(place_in(root, "/sys"));
    CHECK(fresh.cpu_count() == 2);
    CHECK(fresh.mem_size_gb() == 1);
}

TEST_CASE("a monitor takes its overrides when it is made") {
    const no_overrides clean;
    {
        const scoped_variable cpus("SKYUTIL_CPU_COUNT", "4321");
        const scoped_variable memory("SKYUTIL_MEMORY_BYTES", "1073741824");
        skyutil::resource_monitor monitor;
        const scoped_variable later("SKYUTIL_CPU_COUNT", "5");
        CHECK(monitor.cpu_count() == 4321);
        CHECK(monitor.mem_size_gb() == 1);
    }
    const scoped_variable bad("SKYUTIL_MEMORY_BYTES", "many");
    CHECK_THAT(invalid_argument_of([] { skyutil::resource_monitor monitor; }),
               Catch::Matchers::ContainsSubstring("resource_monitor") &&
                   Catch::Matchers::ContainsSubstring("SKYUTIL_MEMORY_BYTES"));
}

// ------------------------------------------------------------------------------------------
// pressure

namespace {

constexpr const char* pressure_of_group =
    "some avg10=1.00 avg60=2.00 avg300=3.00 total=4000\n"
    "full avg10=0.50 avg60=0.25 avg300=0.10 total=5\n";
constexpr const char* pressure_of_machine = "some avg10=10.00 avg60=20.00 avg300=30.00 total=40\n";

}  // namespace

TEST_CASE("pressure is that of the process's own group, else that of the machine") {
    const temporary_directory root;
    write_files(root, find_situation("v2_limit_on_parent"));
    std::filesystem::create_directories(place_in(root, "/proc/pressure"));
    const std::string group = "/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope/";
    write_file(place_in(root, group + "cpu.pressure"), pressure_of_group);
    write_file(place_in(root, group + "memory.pressure"), "garbled\n");
    for (const char* const name : {"cpu", "memory"}) {
        write_file(place_in(root, std::string("/proc/pressure/") + name), pressure_of_machine);
    }
    const skyutil::pressure found = skyutil::get_pressure(sysroot{root.path()});
    REQUIRE(found.cpu);
    CHECK(found.cpu->file == group + "cpu.pressure");
    REQUIRE(found.cpu->some);
    CHECK(found.cpu->some->avg10 == 1);
    CHECK(found.cpu->some->avg60 == 2);
    CHECK(found.cpu->some->avg300 == 3);
    CHECK(found.cpu->some->total == std::chrono::microseconds(4000));
    REQUIRE(found.cpu->full);
    CHECK(found.cpu->full->avg60 == 0.25);
    REQUIRE(found.memory);
    CHECK(found.memory->file == "/proc/pressure/memory");
    CHECK(found.memory->some->avg10 == 10);
    CHECK(!found.memory->full);
    CHECK(!found.io);

    const temporary_directory nothing;
    const skyutil::pressure none = skyutil::get_pressure(sysroot{nothing.path()});
    CHECK((!none.cpu && !none.memory && !none.io));
}

// ------------------------------------------------------------------------------------------
// descriptors

TEST_CASE("open descriptors are counted without the one that counts") {
    const std::size_t before = skyutil::open_fd_count();
    CHECK(before == count_open_descriptors());
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    REQUIRE(fd != -1);
    std::error_code error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::open_fd_count(error) == before + 1);
    CHECK(!error);
    ::close(fd);
    CHECK(skyutil::open_fd_count() == before);
}

TEST_CASE("descriptors that cannot be counted are an error that says so") {
    const json answer = run_in_child([] {
        const no_descriptors scope;
        std::error_code error;
        json result{skyutil::open_fd_count(error), error == std::errc::too_many_files_open};
        try {
            static_cast<void>(skyutil::open_fd_count());
        } catch (const std::system_error& exception) {
            result.push_back(exception.what());
        }
        return result;
    });
    CHECK(answer[0] == 0);
    CHECK(answer[1] == true);
    CHECK_THAT(answer[2].get<std::string>(), Catch::Matchers::ContainsSubstring("open_fd_count"));
}

TEST_CASE("the soft limit on descriptors is raised to the hard one, or as far as asked") {
    const json answer = run_in_child([] {
        const rlimit low{256, 512};
        if (::setrlimit(RLIMIT_NOFILE, &low) == -1) {
            throw cannot_run{"cannot lower the limit on descriptors"};
        }
        const auto show = [](const skyutil::fd_limits& limits) {
            return json{limits.soft.value_or(0), limits.hard.value_or(0)};
        };
        json result;
        result.push_back(show(skyutil::get_fd_limits()));
        result.push_back(show(skyutil::raise_fd_limit(100)));  // never lower
        result.push_back(show(skyutil::raise_fd_limit(300)));
        result.push_back(show(skyutil::raise_fd_limit()));
        std::error_code error = std::make_error_code(std::errc::io_error);
        result.push_back(show(skyutil::raise_fd_limit(error)));
        result.push_back(error.value());
        result.push_back(show(skyutil::get_fd_limits()));
        rlimit now{};
        ::getrlimit(RLIMIT_NOFILE, &now);
        result.push_back({now.rlim_cur, now.rlim_max});
        return result;
    });
    CHECK(answer == json::parse("[[256,512],[256,512],[300,512],[512,512],[512,512],0,[512,512],"
                                "[512,512]]"));
}

// ------------------------------------------------------------------------------------------
// description

TEST_CASE("the description tells each number, its file and which one wins, in text and JSON") {
    const no_overrides clean;
    const temporary_directory directory;
    write_files(directory, find_situation("v2_limit_on_parent"));
    const std::string group = "/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope/";
    write_file(place_in(directory, group + "cpu.pressure"), pressure_of_group);
    write_file(place_in(directory, "/proc/self/limits"), limits_text);
    const sysroot root{directory.path()};
    const std::string slice = "/sys/fs/cgroup/user.slice/user-1000.slice/";

    const std::string page = skyutil::describe_resources(skyutil::description_form::text, root);
    CAPTURE(page);
    const auto line_of = [&](const std::string& start) {
        const std::size_t at = page.find("\n" + start);
        REQUIRE(at != std::string::npos);
        return page.substr(at + 1, page.find('\n', at + 1) - at - 1);
    };
    using Catch::Matchers::ContainsSubstring;
    CHECK_THAT(line_of("CPUs"), ContainsSubstring("3, limited by the CPU quota"));
    CHECK_THAT(line_of("> CPU quota"),
               ContainsSubstring(" 3 ") && ContainsSubstring(slice + "cpu.max"));
    CHECK_THAT(line_of("  machine"), ContainsSubstring("/sys/devices/system/cpu/online"));
    CHECK_THAT(line_of("  cpuset"), ContainsSubstring("no limit"));
    CHECK_THAT(line_of("Memory"), ContainsSubstring("4 GiB, limited by the memory limit"));
    CHECK_THAT(line_of("> memory limit"),
               ContainsSubstring("4 GiB") && ContainsSubstring(slice + "memory.max"));
    CHECK_THAT(line_of("  cpu  "),
               ContainsSubstring("1 2 3") && ContainsSubstring(group + "cpu.pressure"));
    CHECK_THAT(line_of("> soft limit"), ContainsSubstring("1024"));

    const json form =
        json::parse(skyutil::describe_resources(skyutil::description_form::json, root));
    CAPTURE(form.dump(2));
    CHECK(form["version"] == skyutil::version);
    CHECK(form["cpus"]["usable"] == 3);
    CHECK(form["cpus"]["limited_by"] == json{{"kind", "CPU quota"}, {"source", slice + "cpu.max"}});
    CHECK(form["cpus"]["quota"] == json{{"value", 3}, {"source", slice + "cpu.max"}});
    CHECK(form["cpus"]["online"]["value"] == 8);
    CHECK(form["cpus"]["cpuset"].is_null());
    CHECK(form["cpus"]["request"].is_null());
    CHECK(form["memory_bytes"]["usable"] == 4294967296);
    CHECK(form["memory_bytes"]["available"] == 4294967296);
    CHECK(form["memory_bytes"]["limit"] ==
          json{{"value", 4294967296}, {"source", slice + "memory.max"}});
    CHECK(form["memory_bytes"]["soft_limit"].is_null());
    CHECK(form["pressure_percent"]["cpu"]["value"]["full"] ==
          json{{"avg10", 0.5}, {"avg60", 0.25}, {"avg300", 0.1}, {"total_us", 5}});
    CHECK(form["descriptors"]["soft"]["value"] == 1024);
    CHECK(form["descriptors"]["hard"]["value"] == 524288);
}

TEST_CASE("the description of this system agrees with the budgets") {
    const no_overrides clean;
    const json form = json::parse(skyutil::describe_resources(skyutil::description_form::json));
    CHECK(form["cpus"]["usable"] == skyutil::get_cpu_count());
    CHECK(form["memory_bytes"]["usable"] == skyutil::get_memory_budget().usable());
    CHECK(form["descriptors"]["open"]["value"] == count_open_descriptors());
    const scoped_variable variable("SKYUTIL_CPU_COUNT", "2.5");
    const json overridden =
        json::parse(skyutil::describe_resources(skyutil::description_form::json));
    CHECK(overridden["cpus"]["usable"] == 2);
    CHECK(overridden["cpus"]["override"] == json{{"value", 2.5}, {"source", "SKYUTIL_CPU_COUNT"}});
    CHECK_THAT(skyutil::describe_resources(), Catch::Matchers::ContainsSubstring("> override"));
    const scoped_variable bad("SKYUTIL_CPU_COUNT", "many");
    CHECK_THAT(invalid_argument_of([] { static_cast<void>(skyutil::describe_resources()); }),
               Catch::Matchers::ContainsSubstring("describe_resources"));
    std::error_code error;
    CHECK(!skyutil::describe_resources(skyutil::description_form::text, {}, error).empty());
    CHECK(error == std::errc::invalid_argument);
}

TEST_CASE("names of groups break neither the page nor the JSON") {
    const no_overrides clean;
    const temporary_directory directory;
    situation what = find_situation("v2_limit_on_leaf");
    std::string group;
    for (auto& [name, text] : what.files) {
        if (name == "/proc/self/cgroup") {
            text = "0::/a\"b\\c\x01\xff\n";
        }
        if (name.ends_with("/cpu.max") && group.empty()) {
            group = name.substr(0, name.rfind('/'));
        }
    }
    write_files(directory, what);
    const std::string odd = "/sys/fs/cgroup/a\"b\\c\x01\xff";
    std::filesystem::create_directories(place_in(directory, odd));
    write_file(place_in(directory, odd + "/cpu.max"), "100000 100000\n");
    const sysroot root{directory.path()};
    CHECK(json::parse(skyutil::describe_resources(skyutil::description_form::json,
                                                  root))["cpus"]["quota"]["source"] ==
          "/sys/fs/cgroup/a\"b\\c\x01\xef\xbf\xbd/cpu.max");
    CHECK(skyutil::describe_resources(skyutil::description_form::text, root).find('\x01') ==
          std::string::npos);
}

TEST_CASE("a budget is rounded as asked and is never less than one CPU") {
    struct row {
        double quota;
        int floor;
        int ceil;
        int nearest;
    };
    for (const row& each :
         {row{0.001, 1, 1, 1}, row{0.5, 1, 1, 1}, row{1.0, 1, 1, 1}, row{1.49, 1, 2, 1},
          row{1.5, 1, 2, 2}, row{2.0, 2, 2, 2}, row{2.999, 2, 3, 3}, row{9.5, 8, 8, 8}}) {
        skyutil::cpu_budget budget;
        budget.online = 8;
        budget.affinity = 8;
        budget.quota = each.quota;
        CAPTURE(each.quota);
        CHECK(budget.usable() == each.floor);
        CHECK(budget.usable(skyutil::rounding::ceil) == each.ceil);
        CHECK(budget.usable(skyutil::rounding::nearest) == each.nearest);
    }
    CHECK(skyutil::cpu_budget{}.usable() == 1);
    CHECK(skyutil::cpu_budget{}.limiting_factor().kind == limit_kind::none);
    CHECK(skyutil::memory_budget{}.usable() == 0);
    CHECK(skyutil::memory_budget{}.limiting_factor().kind == limit_kind::none);
}

TEST_CASE("a budget names what decides it") {
    skyutil::cpu_budget cpus;
    cpus.online = 8;
    CHECK(cpus.limiting_factor().kind == limit_kind::machine);
    CHECK(cpus.limiting_factor().file == "/sys/devices/system/cpu/online");
    cpus.affinity = 6;
    CHECK(cpus.limiting_factor().kind == limit_kind::affinity);
    CHECK(cpus.limiting_factor().file == "sched_getaffinity(2)");
    cpus.cpuset = 6;
    cpus.cpuset_file = "/set";
    CHECK(cpus.limiting_factor().kind == limit_kind::cpuset);
    CHECK(cpus.limiting_factor().file == "/set");
    cpus.quota = 6.5;
    cpus.quota_file = "/quota";
    CHECK(cpus.limiting_factor().kind == limit_kind::cpuset);
    cpus.quota = 5.5;
    CHECK(cpus.limiting_factor().kind == limit_kind::quota);
    CHECK(cpus.limiting_factor().file == "/quota");
    cpus.override_value = 100;
    cpus.override_variable = "VARIABLE";
    CHECK(cpus.limiting_factor().kind == limit_kind::override_value);
    CHECK(cpus.limiting_factor().file == "VARIABLE");
    CHECK(cpus.usable() == 100);

    skyutil::memory_budget memory;
    memory.physical = 100;
    CHECK(memory.limiting_factor().kind == limit_kind::machine);
    memory.limit = 101;
    CHECK(memory.limiting_factor().kind == limit_kind::machine);
    CHECK(memory.usable() == 100);
    memory.limit = 99;
    memory.limit_file = "/limit";
    CHECK(memory.limiting_factor().kind == limit_kind::memory_limit);
    CHECK(memory.limiting_factor().file == "/limit");
    CHECK(memory.usable() == 99);
}

/// Makes sched_getaffinity(2) refuse masks of so many bytes and less, as a kernel that was built
/// for more CPUs does.
void refuse_masks_up_to(unsigned bytes) {
    std::array<sock_filter, 6> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_getaffinity, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[1])),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, bytes, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    install_filter(program);
}

TEST_CASE("a kernel that was built for more CPUs gets a larger mask, up to half a million CPUs") {
    if constexpr (std::endian::native != std::endian::little) {
        SKYUTIL_SKIP("the filter reads the low half of an argument");
    }
    const int expected = detail::os::affinity_count();
    REQUIRE(expected > 0);
    CHECK(run_in_child([] {
              refuse_masks_up_to(1024);  // 8,192 CPUs
              return json(detail::os::affinity_count());
          }) == expected);
    CHECK(run_in_child([] {
              refuse_masks_up_to(65535);
              return json(detail::os::affinity_count());
          }) == expected);
    CHECK(run_in_child([] {
              refuse_masks_up_to(65536);
              return json(detail::os::affinity_count());
          }) == 0);
}

TEST_CASE("the running system has CPUs and memory, and the short forms agree with the budgets") {
    const no_overrides clean;
    const skyutil::cpu_budget cpus = skyutil::get_cpu_budget();
    REQUIRE(cpus.affinity);
    CHECK(*cpus.affinity == cpu_mask().count());
    CHECK(skyutil::get_cpu_count() == cpus.usable());
    CHECK(skyutil::get_cpu_count() <= *cpus.affinity);
    CHECK(cpus.limiting_factor().kind != limit_kind::none);
    const skyutil::memory_budget memory = skyutil::get_memory_budget();
    REQUIRE(memory.physical);
    CHECK(gib_of(memory) == skyutil::get_mem_size_gb());
    CHECK(skyutil::get_mem_size_gb() > 0);
    CHECK(memory.usable() <= *memory.physical);

    std::error_code error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::get_cpu_count(error) == cpus.usable());
    CHECK(!error);
    error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::get_mem_size_gb(error) == gib_of(memory));
    CHECK(!error);
}

TEST_CASE("without descriptors left there is still an answer") {
    const json answer = run_in_child([] {
        const no_overrides clean;
        const no_descriptors scope;
        if (::open("/proc/self/cgroup", O_RDONLY) != -1) {
            throw std::runtime_error("a file could be opened");
        }
        std::error_code error;
        return json{skyutil::get_cpu_count(), skyutil::get_mem_size_gb(),
                    skyutil::get_cpu_budget({}, error).usable(),
                    skyutil::get_cpu_budget().usable()};
    });
    CHECK(answer[0] >= 1);
    CHECK(answer[1] > 0.0);
    CHECK(answer[2] == answer[0]);
    CHECK(answer[3] == answer[0]);
}

// -----------------------------------------------------------------------------------------
// overrides

TEST_CASE("an override of the CPUs is any positive number, rounded down, at least one") {
    const no_overrides clean;
    const std::vector<std::pair<const char*, int>> cases{
        {"4", 4},
        {"0.5", 1},
        {"2.9", 2},
        {"2.9999999999", 2},
        {"1e3", 1000},
        {"1E3", 1000},
        {" 4 ", 4},
        {"\t4\n", 4},
        {"+4", 4},
        {"007", 7},
        {".5", 1},
        {"3.", 3},
        {"1e-300", 1},
        {"2147483647", 2147483647},
        {"2147483648", 2147483647},
        {"1e300", 2147483647},
    };
    for (const auto& [text, expected] : cases) {
        CAPTURE(text);
        for (const char* const name : cpu_variables) {
            const scoped_variable variable(name, text);
            std::error_code error = std::make_error_code(std::errc::io_error);
            CHECK(skyutil::get_cpu_count() == expected);
            CHECK(skyutil::get_cpu_count(error) == expected);
            CHECK(!error);
            const skyutil::cpu_budget budget = skyutil::get_cpu_budget();
            CHECK(budget.usable() == expected);
            CHECK(budget.limiting_factor().kind == limit_kind::override_value);
            CHECK(budget.limiting_factor().file == name);
            CHECK(budget.affinity);
        }
    }
}

TEST_CASE(
    "an override that is no positive number is an error that names the variable and the value") {
    const no_overrides clean;
    const int cpus = skyutil::get_cpu_count();
    const double memory = skyutil::get_mem_size_gb();
    for (const char* const text :
         {"",         " ",     "0",  "0.0", "-0",   "-1",  "-4.5", "abc", "nan", "inf",   "+inf",
          "infinity", "1e999", "4x", "4 4", "0x10", "1,5", "++4",  "+-4", "+ 4", "4_000", "e5"}) {
        CAPTURE(text);
        const std::string quoted = "'" + std::string(text) + "'";
        const auto names = [&](const std::string& message, const char* function,
                               const char* variable) {
            CAPTURE(message, function, variable);
            CHECK(message.find(function) != std::string::npos);
            CHECK(message.find(variable) != std::string::npos);
            CHECK(message.find(quoted) != std::string::npos);
        };
        for (const char* const name : cpu_variables) {
            const scoped_variable variable(name, text);
            names(invalid_argument_of([] { static_cast<void>(skyutil::get_cpu_count()); }),
                  "get_cpu_count", name);
            names(invalid_argument_of([] { static_cast<void>(skyutil::get_cpu_budget()); }),
                  "get_cpu_budget", name);
            std::error_code error;
            CHECK(skyutil::get_cpu_count(error) == cpus);
            CHECK(error == std::errc::invalid_argument);
            error.clear();
            CHECK(skyutil::get_cpu_budget({}, error).usable() == cpus);
            CHECK(error == std::errc::invalid_argument);
        }
        for (const char* const name : memory_variables) {
            const scoped_variable variable(name, text);
            names(invalid_argument_of([] { static_cast<void>(skyutil::get_mem_size_gb()); }),
                  "get_mem_size_gb", name);
            names(invalid_argument_of([] { static_cast<void>(skyutil::get_memory_budget()); }),
                  "get_memory_budget", name);
            std::error_code error;
            CHECK(skyutil::get_mem_size_gb(error) == memory);
            CHECK(error == std::errc::invalid_argument);
            error.clear();
            CHECK(gib_of(skyutil::get_memory_budget({}, error)) == memory);
            CHECK(error == std::errc::invalid_argument);
        }
    }
}

TEST_CASE("an override of the memory is in the unit of its variable") {
    const no_overrides clean;
    const std::vector<std::tuple<const char*, const char*, double>> cases{
        {"SKYUTIL_MEMORY_BYTES", "1073741824", 1},
        {"SKYUTIL_MEMORY_BYTES", "1.5e9", 1.5e9 / gib},
        {"SKYPILOT_POD_MEMORY_BYTES_LIMIT", "2147483648", 2},
        {"SKYPILOT_POD_MEMORY_GB_LIMIT", "2", 2},
        {"SKYPILOT_POD_MEMORY_GB_LIMIT", " +0.5 ", 0.5},
    };
    for (const auto& [name, text, expected] : cases) {
        CAPTURE(name, text);
        const scoped_variable variable(name, text);
        CHECK(skyutil::get_mem_size_gb() == expected);
        CHECK(gib_of(skyutil::get_memory_budget()) == expected);
        CHECK(skyutil::get_memory_budget().limiting_factor().kind == limit_kind::override_value);
        CHECK(skyutil::get_memory_budget().limiting_factor().file == name);
    }
}

TEST_CASE("an override of the memory in GiB that no number of bytes can be is an error") {
    const no_overrides clean;
    const scoped_variable variable("SKYPILOT_POD_MEMORY_GB_LIMIT", "1e308");
    CHECK_THROWS_AS(skyutil::get_mem_size_gb(), std::invalid_argument);
    std::error_code error;
    CHECK(std::isfinite(skyutil::get_mem_size_gb(error)));
    CHECK(error == std::errc::invalid_argument);
}

TEST_CASE("the first variable that is set wins, even when it is malformed") {
    const no_overrides clean;
    const scoped_variable a("SKYPILOT_POD_CPU_CORE_LIMIT", "3");
    const scoped_variable b("SKYPILOT_POD_MEMORY_BYTES_LIMIT", "1073741824");
    CHECK(skyutil::get_cpu_count() == 3);
    CHECK(skyutil::get_mem_size_gb() == 1);
    const scoped_variable c("SKYUTIL_CPU_COUNT", "5");
    const scoped_variable d("SKYPILOT_POD_MEMORY_GB_LIMIT", "2");
    CHECK(skyutil::get_cpu_count() == 5);
    CHECK(skyutil::get_mem_size_gb() == 2);
    const scoped_variable e("SKYUTIL_MEMORY_BYTES", "3221225472");
    CHECK(skyutil::get_mem_size_gb() == 3);
    const scoped_variable f("SKYUTIL_CPU_COUNT", "");
    const scoped_variable g("SKYUTIL_MEMORY_BYTES", "");
    CHECK_THROWS_AS(skyutil::get_cpu_count(), std::invalid_argument);
    CHECK_THROWS_AS(skyutil::get_mem_size_gb(), std::invalid_argument);
}

TEST_CASE("an override is read at each call") {
    const no_overrides clean;
    const int without = skyutil::get_cpu_count();
    {
        const scoped_variable variable("SKYUTIL_CPU_COUNT", "4321");
        CHECK(skyutil::get_cpu_count() == 4321);
    }
    CHECK(skyutil::get_cpu_count() == without);
}

// What the next test runs as another program.
TEST_CASE("prints the CPU count", "[.]") {
    std::error_code error;
    std::cout << "count=" << skyutil::get_cpu_count(error) << " error=" << error.value()
              << std::endl;
}

TEST_CASE("a program with more rights than its caller ignores the overrides") {
    if (::geteuid() != 0) {
        SKYUTIL_SKIP("needs root to start a program as if it were setuid");
    }
    const auto output_as = [](bool with_more_rights) {
        return run_in_child([with_more_rights] {
                   ::setenv("SKYUTIL_CPU_COUNT", "4321", 1);
                   int ends[2];
                   if (::pipe(ends) == -1) {
                       throw_errno("pipe");
                   }
                   const pid_t child = ::fork();
                   if (child == 0) {
                       ::dup2(ends[1], STDOUT_FILENO);
                       ::close(ends[0]);
                       // execve(2) sets AT_SECURE when the real and the effective user differ.
                       if (!with_more_rights || ::setresuid(65534, 0, 0) == 0) {
                           ::execl("/proc/self/exe", "test", "prints the CPU count",
                                   static_cast<char*>(nullptr));
                       }
                       ::_exit(1);
                   }
                   ::close(ends[1]);
                   std::string text;
                   std::array<char, 4096> buffer{};
                   for (ssize_t count = 0;
                        (count = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
                       text.append(buffer.data(), static_cast<std::size_t>(count));
                   }
                   int status = 0;
                   ::waitpid(child, &status, 0);
                   return text;
               })
            .get<std::string>();
    };
    CHECK_THAT(output_as(false), Catch::Matchers::ContainsSubstring("count=4321 error=0"));
    const std::string privileged = output_as(true);
    CHECK_THAT(privileged, Catch::Matchers::ContainsSubstring("count="));
    CHECK_THAT(privileged, !Catch::Matchers::ContainsSubstring("count=4321"));
}

// ---------------------------------------------------------------------------------- the running
// system

TEST_CASE("the affinity mask of the calling thread counts, at once and for no other thread") {
    const no_overrides clean;
    if (cpu_mask().count() < 2) {
        SKYUTIL_SKIP("needs two CPUs");
    }
    const int before = skyutil::get_cpu_count();
    int warm = 0;
    int bound = 0;
    std::optional<int> in_budget;
    std::thread([&] {
        warm = skyutil::get_cpu_count();
        cpu_mask().bind_to_first();
        bound = skyutil::get_cpu_count();
        in_budget = skyutil::get_cpu_budget().affinity;
    }).join();
    CHECK(warm == before);
    CHECK(bound == 1);
    CHECK(in_budget == 1);
    CHECK(skyutil::get_cpu_count() == before);
    CHECK(skyutil::get_cpu_budget().affinity == cpu_mask().count());
}

TEST_CASE("eight threads that ask at once get the same answers") {
    const no_overrides clean;
    const int cpus = skyutil::get_cpu_count();
    const double memory = skyutil::get_mem_size_gb();
    std::atomic<int> waiting = 8;
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            --waiting;
            while (waiting != 0) {
                std::this_thread::yield();
            }
            for (int k = 0; k < 100; ++k) {
                std::error_code error;
                wrong += skyutil::get_cpu_count() == cpus ? 0 : 1;
                wrong += skyutil::get_mem_size_gb() == memory ? 0 : 1;
                if (k % 20 == 0) {
                    wrong += skyutil::get_cpu_budget({}, error).usable() == cpus ? 0 : 1;
                    wrong += gib_of(skyutil::get_memory_budget({}, error)) == memory ? 0 : 1;
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(wrong == 0);
}

TEST_CASE("a child made by fork gets its own answers, and its parent keeps its") {
    const no_overrides clean;
    const int cpus = skyutil::get_cpu_count();
    const double memory = skyutil::get_mem_size_gb();
    const json answer = run_in_child([] {
        const int at_once = skyutil::get_cpu_count();
        const double gigabytes = skyutil::get_mem_size_gb();
        cpu_mask().bind_to_first();
        return json{at_once, gigabytes, skyutil::get_cpu_count(),
                    skyutil::get_cpu_budget().affinity.value_or(0)};
    });
    CHECK(answer == json{cpus, memory, 1, 1});
    CHECK(skyutil::get_cpu_count() == cpus);
}

namespace {

struct asks_at_the_end {
    int* answer;
    ~asks_at_the_end() {
        std::error_code error;
        *answer = skyutil::get_cpu_count(error);
    }
};

}  // namespace

TEST_CASE("destructors of a thread that ends may ask") {
    const no_overrides clean;
    int answer = 0;
    std::thread([&] {
        thread_local const asks_at_the_end last{&answer};  // outlives what get_cpu_count() keeps
        CHECK(last.answer == &answer);
        static_cast<void>(skyutil::get_cpu_count());
        std::this_thread::sleep_for(std::chrono::milliseconds(30));  // so that it reads again
    }).join();
    CHECK(answer == skyutil::get_cpu_count());
}

TEST_CASE("asking leaves no descriptor open") {
    const no_overrides clean;
    const std::size_t before = count_open_descriptors();
    static_cast<void>(skyutil::get_cpu_budget());
    static_cast<void>(skyutil::get_memory_budget());
    const int cpus = skyutil::get_cpu_count();
    CHECK(cpus >= 1);
    CHECK(count_open_descriptors() == before);
}

TEST_CASE("a real quota on the parent group counts within 20 milliseconds of moving there") {
    const no_overrides clean;
    const nested_groups groups("cpu", "cpu.cfs_quota_us");
    groups.set_outer("cpu.cfs_period_us", "100000");
    groups.set_outer("cpu.cfs_quota_us", "150000");
    const int before = skyutil::get_cpu_count();
    const json answer = run_in_child([&] {
        static_cast<void>(skyutil::get_cpu_count());
        groups.enter();
        const auto moved = std::chrono::steady_clock::now();
        const int count = answer_after_20_ms(moved, [] { return skyutil::get_cpu_count(); });
        const skyutil::cpu_budget budget = skyutil::get_cpu_budget();
        groups.set_outer("cpu.cfs_quota_us", "50000");
        return json{count, budget.quota.value_or(0), budget.quota_file,
                    skyutil::get_cpu_budget().quota.value_or(0)};
    });
    CHECK(answer == json{1, 1.5, groups.outer() + "/cpu.cfs_quota_us", 0.5});
    CHECK(skyutil::get_cpu_count() == before);
}

TEST_CASE("a quota that can no longer be looked at still counts") {
    const no_overrides clean;
    if (cpu_mask().count() < 2) {
        SKYUTIL_SKIP("needs two CPUs");
    }
    const nested_groups groups("cpu", "cpu.cfs_quota_us");
    groups.set_outer("cpu.cfs_quota_us", "100000");
    const auto count_later = [] {
        return answer_after_20_ms(std::chrono::steady_clock::now(),
                                  [] { return skyutil::get_cpu_count(); });
    };
    const auto count_in_thread = [] {
        int count = 0;
        std::thread([&] { count = skyutil::get_cpu_count(); }).join();
        return count;
    };
    const json without_descriptors = run_in_child([&] {
        groups.enter();
        const int before = count_later();
        const int in_thread = count_in_thread();  // after it UBSan needs no file for that thread
        const no_descriptors scope;
        return json{before, in_thread, count_later(), count_in_thread()};
    });
    CHECK(without_descriptors == json{1, 1, 1, 1});

    const temporary_directory jail;
    const json in_a_jail = run_in_child([&] {
        groups.enter();
        const int before = count_later();
        const int in_thread = count_in_thread();
        if (::chroot(jail.path().c_str()) == -1 || ::chdir("/") == -1) {
            throw cannot_run{"may not call chroot"};
        }
        return json{before, in_thread, count_later(), count_in_thread()};
    });
    CHECK(in_a_jail == json{1, 1, 1, 1});
}

TEST_CASE("a group that is removed or changes meanwhile never makes an answer wrong") {
    const no_overrides clean;
    const nested_groups groups("cpu", "cpu.cfs_quota_us");
    const int cpus = skyutil::get_cpu_count();
    const json answer = run_in_child([&] {
        const std::string moving = groups.outer() + "/moving";
        std::atomic<bool> done = false;
        std::atomic<int> wrong = 0;
        std::thread mover([&] {
            for (int i = 0; i < 100; ++i) {
                ::mkdir(moving.c_str(), 0755);
                write_file(moving + "/cpu.cfs_quota_us", i % 2 == 0 ? "100000" : "-1");
                write_file(moving + "/cgroup.procs", std::to_string(::getpid()));
                write_file(groups.inner() + "/cgroup.procs", std::to_string(::getpid()));
                ::rmdir(moving.c_str());
            }
            done = true;
        });
        skyutil::resource_monitor monitor({}, std::chrono::milliseconds(0));
        while (!done) {
            for (const int count : {monitor.cpu_count(), skyutil::get_cpu_budget().usable()}) {
                wrong += count >= 1 && count <= cpus ? 0 : 1;
            }
        }
        mover.join();
        return json{wrong.load(), monitor.cpu_count()};
    });
    CHECK(answer == json{0, cpus});
}

TEST_CASE("a thread in a group of its own has that group's quota, its process another") {
    const no_overrides clean;
    if (cpu_mask().count() < 2) {
        SKYUTIL_SKIP("needs two CPUs");
    }
    const nested_groups groups("cpu", "cpu.cfs_quota_us");
    groups.set_inner("cpu.cfs_quota_us", "100000");
    const int cpus = skyutil::get_cpu_count();
    const json answer = run_in_child([&] {
        int in_group = 0;
        std::thread([&] {
            write_file(groups.inner() + "/tasks", std::to_string(::syscall(SYS_gettid)));
            in_group = skyutil::get_cpu_count();
        }).join();
        return json{in_group, skyutil::get_cpu_count()};
    });
    CHECK(answer == json{1, cpus});
}

TEST_CASE("a real memory limit on the parent group counts within 20 milliseconds of moving there") {
    const no_overrides clean;
    const nested_groups groups("memory", "memory.limit_in_bytes");
    groups.set_outer("memory.limit_in_bytes", "536870912");
    const json answer = run_in_child([&] {
        static_cast<void>(skyutil::get_mem_size_gb());
        groups.enter();
        const auto moved = std::chrono::steady_clock::now();
        const double size = answer_after_20_ms(moved, [] { return skyutil::get_mem_size_gb(); });
        const skyutil::memory_budget budget = skyutil::get_memory_budget();
        return json{size, budget.limit.value_or(0), budget.limit_file};
    });
    CHECK(answer == json{0.5, 536870912, groups.outer() + "/memory.limit_in_bytes"});
}

TEST_CASE("a real cpuset counts") {
    const no_overrides clean;
    if (cpu_mask().count() < 2) {
        SKYUTIL_SKIP("needs two CPUs");
    }
    const nested_groups groups("cpuset", "cpuset.cpus");
    groups.set_outer("cpuset.cpus", "0");
    groups.set_outer("cpuset.mems", "0");
    groups.set_inner("cpuset.cpus", "0");
    groups.set_inner("cpuset.mems", "0");
    const json answer = run_in_child([&] {
        static_cast<void>(skyutil::get_cpu_count());
        groups.enter();
        const skyutil::cpu_budget budget = skyutil::get_cpu_budget();
        return json{skyutil::get_cpu_count(), budget.cpuset.value_or(0), budget.cpuset_file,
                    budget.affinity.value_or(0)};
    });
    CHECK(answer[0] == 1);
    CHECK(answer[1] == 1);
    CHECK_THAT(answer[2].get<std::string>(), Catch::Matchers::StartsWith(groups.inner()));
    CHECK(answer[3] == 1);
}

TEST_CASE("limits above the root of the process's cgroup namespace are found") {
    const no_overrides clean;
    const nested_groups cpu("cpu", "cpu.cfs_quota_us");
    const nested_groups memory("memory", "memory.limit_in_bytes");
    cpu.set_outer("cpu.cfs_quota_us", "150000");
    memory.set_outer("memory.limit_in_bytes", "536870912");
    const json answer = run_in_child([&] {
        cpu.enter();
        memory.enter();
        if (::unshare(CLONE_NEWCGROUP) == -1) {
            throw cannot_run{"cannot make a cgroup namespace"};
        }
        if (read_file("/proc/self/cgroup").find("skyutil-test") != std::string::npos ||
            read_file("/proc/self/mountinfo").find(" /../.. ") == std::string::npos) {
            throw std::runtime_error("the namespace does not hide the way");
        }
        const skyutil::cpu_budget cpus = skyutil::get_cpu_budget();
        const skyutil::memory_budget limits = skyutil::get_memory_budget();
        return json{cpus.quota.value_or(0), cpus.quota_file, limits.limit.value_or(0),
                    limits.limit_file, skyutil::get_cpu_count()};
    });
    CHECK(answer == json{1.5, cpu.outer() + "/cpu.cfs_quota_us", 536870912,
                         memory.outer() + "/memory.limit_in_bytes", 1});
}

TEST_CASE("a thread with a real-time policy has no quota, and its neighbours keep theirs") {
    const no_overrides clean;
    const nested_groups groups("cpu", "cpu.cfs_quota_us");
    groups.set_outer("cpu.cfs_quota_us", "50000");
    const std::string runtime = groups.outer() + "/cpu.rt_runtime_us";
    if (writable(runtime)) {  // each group has its share of real time where the kernel groups it
        try {
            groups.set_outer("cpu.rt_runtime_us", "2000");
            groups.set_inner("cpu.rt_runtime_us", "1000");
        } catch (const std::system_error&) {
            SKYUTIL_SKIP("no real time left for a new group");
        }
    }
    const json answer = run_in_child([&] {
        groups.enter();
        json result;
        const auto note = [&] {
            result.push_back(skyutil::get_cpu_budget().quota.value_or(0));
            result.push_back(skyutil::get_cpu_count());
        };
        const auto set_policy = [](int policy, int priority) {
            const sched_param parameter{priority};
            if (::sched_setscheduler(0, policy, &parameter) == -1) {
                throw cannot_run{"may not set a real-time policy"};
            }
        };
        const auto moved = std::chrono::steady_clock::now();
        answer_after_20_ms(moved, [] { return skyutil::get_cpu_count(); });
        note();
        set_policy(SCHED_FIFO, 1);
        note();
        set_policy(SCHED_RR | SCHED_RESET_ON_FORK, 1);
        note();
        std::thread(note).join();
        set_policy(SCHED_OTHER, 0);
        note();
        return result;
    });
    const int cpus = skyutil::get_cpu_count();
    CHECK(answer == json{0.5, 1, 0, cpus, 0, cpus, 0.5, 1, 0.5, 1});
}
