// SPDX-License-Identifier: MIT
//
// The situations are in fixtures/: copies of the files of /proc and /sys that matter, and the
// budgets that follow from them. What the kernel itself does is tested on real control groups where
// the user may make some.

#include <skyutil/system.hpp>

#include <algorithm>
#include <array>
#include <atomic>
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
#include <sched.h>
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
    for (const auto& [name, file] :
         {std::pair("cpuset_file", cpus.cpuset_file), std::pair("quota_file", cpus.quota_file),
          std::pair("limit_file", memory.limit_file)}) {
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
    cpu_max_case{"300000\n", 3.0},
    cpu_max_case{"300000 \n", 3.0},
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
    cpu_list_case{"", std::nullopt},
    cpu_list_case{"\n", std::nullopt},
    cpu_list_case{"3-1", std::nullopt},
    cpu_list_case{"0-3,2", std::nullopt},
    cpu_list_case{"1,1", std::nullopt},
    cpu_list_case{"0-", std::nullopt},
    cpu_list_case{"-3", std::nullopt},
    cpu_list_case{"0-3-5", std::nullopt},
    cpu_list_case{"0,,1", std::nullopt},
    cpu_list_case{"0 1", std::nullopt},
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
    value_case{"ab 1\n", "a", ""},
    value_case{"", "a", ""},
};

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
    REQUIRE(situations().size() >= 50);
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
            REQUIRE(memory.usable() <=
                    static_cast<double>(memory.physical.value_or(std::uint64_t{1} << 63)));
            REQUIRE(memory.usable() <=
                    static_cast<double>(memory.limit.value_or(std::uint64_t{1} << 63)));
            replace_by(original);
        }
    }
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
    cpus.override_ = 100;
    cpus.override_variable = "VARIABLE";
    CHECK(cpus.limiting_factor().kind == limit_kind::override_);
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
    CHECK(skyutil::get_mem_size_gb() * gib == memory.usable());
    CHECK(skyutil::get_mem_size_gb() > 0);
    CHECK(memory.usable() <= static_cast<double>(*memory.physical));

    std::error_code error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::get_cpu_count(error) == cpus.usable());
    CHECK(!error);
    error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::get_mem_size_gb(error) * gib == memory.usable());
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
            CHECK(budget.limiting_factor().kind == limit_kind::override_);
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
            CHECK(skyutil::get_memory_budget({}, error).usable() == memory * gib);
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
        CHECK(skyutil::get_memory_budget().usable() == expected * gib);
        CHECK(skyutil::get_memory_budget().limiting_factor().kind == limit_kind::override_);
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
                    wrong += skyutil::get_memory_budget({}, error).usable() == memory * gib ? 0 : 1;
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
