// SPDX-License-Identifier: MIT
//
// What the calls of CPUs, memory and jobs say, each as it may be on some machine, and each of them
// failing.

#include <windows.h>

#include <psapi.h>

#include <skyutil/detail/os/limits.hpp>
#include <skyutil/detail/os/resources.hpp>
#include <skyutil/system.hpp>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <system_error>

#include "catch.hpp"
#include "system/situations.hpp"
#include "windows/fault.hpp"

using namespace skyutil_tests;
using skyutil::limit_kind;
namespace os = skyutil::detail::os;
namespace sys = skyutil::detail::os::sys;

namespace {

constexpr std::uint64_t mib = 1U << 20;
constexpr unsigned long not_known = 0xc0000003;  // STATUS_INVALID_INFO_CLASS
constexpr unsigned long refused = 0xc0000022;    // STATUS_ACCESS_DENIED

template <class T>
T& at(std::uint64_t address) {
    return *reinterpret_cast<T*>(static_cast<std::uintptr_t>(address));
}

/// While it lives the process is in a job, which answers so; what it is not told it does not know.
class job {
public:
    template <class Answer>
    job& tell(int what, const Answer& answer) {
        answers_[what] = std::string(reinterpret_cast<const char*>(&answer), sizeof answer);
        return *this;
    }
    job& limits(const sys::job_limits& answer) { return tell(9, answer); }
    job& rate(std::uint32_t flags, std::uint32_t rate) {
        return tell(15, sys::job_cpu_rate{flags, rate});
    }
    job& use(std::uint64_t bytes) {
        sys::job_use answer{};
        answer.memory = bytes;
        return tell(13, answer);
    }

    std::uint64_t otherwise = not_known;

private:
    std::map<int, std::string> answers_;
    fault in_job_{"IsProcessInJob", [](system_call& call) {
                      at<int>(call.arguments[2]) = 1;
                      call.result = 1;
                      return true;
                  }};
    fault asked_{"ZwQueryInformationJobObject", [this](system_call& call) {
                     const auto found = answers_.find(static_cast<int>(call.arguments[1]));
                     call.result = otherwise;
                     if (found != answers_.end() && found->second.size() == call.arguments[3]) {
                         std::memcpy(&at<char>(call.arguments[2]), found->second.data(),
                                     found->second.size());
                         call.result = 0;
                     }
                     return true;
                 }};
};

sys::job_limits limits_of(std::uint32_t flags) {
    sys::job_limits limits{};
    limits.flags = flags;
    limits.job_memory = 512 * mib;
    limits.process_memory = 256 * mib;
    limits.most_working_set = 128 * mib;
    limits.affinity = 5;
    return limits;
}

/// A machine with so many CPUs in each group, and a thread with a mask in one of them.
class processors {
public:
    processors(std::map<int, int> groups, int own_group, std::uint64_t mask)
        : groups_(std::move(groups)), own_group_(own_group), mask_(mask) {}

private:
    std::map<int, int> groups_;
    int own_group_;
    std::uint64_t mask_;
    fault counted_{"GetActiveProcessorCount", [this](system_call& call) {
                       call.result = 0;
                       for (const auto& [group, count] : groups_) {
                           if (call.arguments[0] == 0xffff ||
                               call.arguments[0] == static_cast<std::uint64_t>(group)) {
                               call.result += static_cast<std::uint64_t>(count);
                           }
                       }
                       return true;
                   }};
    fault of_process_{"GetProcessGroupAffinity", [this](system_call& call) {
                          unsigned short* const places = &at<unsigned short>(call.arguments[2]);
                          unsigned short count = 0;
                          for (const auto& [group, ignored] : groups_) {
                              places[count++] = static_cast<unsigned short>(group);
                          }
                          at<unsigned short>(call.arguments[1]) = count;
                          call.result = 1;
                          return true;
                      }};
    fault of_thread_{"GetThreadGroupAffinity", [this](system_call& call) {
                         auto& answer = at<sys::group_affinity>(call.arguments[1]);
                         answer = {static_cast<sys::size_type>(mask_),
                                   static_cast<unsigned short>(own_group_),
                                   {}};
                         call.result = 1;
                         return true;
                     }};
};

constexpr std::uint64_t all_of_64 = ~std::uint64_t{0};

}  // namespace

TEST_CASE("the structures are those of the headers of Windows") {
    STATIC_REQUIRE(sizeof(sys::job_limits) == sizeof(JOBOBJECT_EXTENDED_LIMIT_INFORMATION));
    STATIC_REQUIRE(offsetof(sys::job_limits, affinity) ==
                   offsetof(JOBOBJECT_BASIC_LIMIT_INFORMATION, Affinity));
    STATIC_REQUIRE(offsetof(sys::job_limits, process_memory) ==
                   offsetof(JOBOBJECT_EXTENDED_LIMIT_INFORMATION, ProcessMemoryLimit));
    STATIC_REQUIRE(sizeof(sys::group_affinity) == sizeof(GROUP_AFFINITY));
    STATIC_REQUIRE(offsetof(sys::group_affinity, group) == offsetof(GROUP_AFFINITY, Group));
    STATIC_REQUIRE(sizeof(sys::memory_status) == sizeof(MEMORYSTATUSEX));
    STATIC_REQUIRE(offsetof(sys::memory_status, available_commit) ==
                   offsetof(MEMORYSTATUSEX, ullAvailPageFile));
    STATIC_REQUIRE(sizeof(sys::process_memory) == sizeof(PROCESS_MEMORY_COUNTERS));
    STATIC_REQUIRE(offsetof(sys::process_memory, commit) ==
                   offsetof(PROCESS_MEMORY_COUNTERS, PagefileUsage));
}

TEST_CASE("a rate is CPUs' worth of time only where it is a hard one") {
    struct row {
        std::uint32_t flags;
        std::uint32_t rate;
        std::optional<double> quota;
    };
    constexpr row rows[] = {
        {1 | 4, 2500, 2.0},
        {1 | 4, 1, 8.0 / 10'000},
        {1 | 4, 10'000, 8.0},
        {1 | 0x10, 5000U << 16 | 100, 4.0},  // of the least and the most the latter
        {1, 2500, std::nullopt},             // it may use more when nobody else wants it
        {1 | 2, 5, std::nullopt},            // a weight
        {4, 2500, std::nullopt},             // not enabled
        {0, 0, std::nullopt},
        {1 | 4, 0, std::nullopt},
        {1 | 4, 10'001, std::nullopt},
        {1 | 0x10, 2500, std::nullopt},
    };
    STATIC_REQUIRE(sys::quota_of({1 | 4, 2500}, 8) == 2.0);
    for (const row& each : rows) {
        CAPTURE(each.flags, each.rate);
        CHECK(sys::quota_of({each.flags, each.rate}, 8) == each.quota);
        CHECK_FALSE(sys::quota_of({each.flags, each.rate}, 0));
        const no_overrides clean;
        const processors eight({{0, 8}}, 0, 0xff);
        job own;
        own.rate(each.flags, each.rate);
        const skyutil::cpu_budget budget = skyutil::get_cpu_budget();
        CHECK(budget.quota == each.quota);
        CHECK(budget.quota_file == (each.quota ? "job object" : ""));
        CHECK(budget.online == 8);
        CHECK(skyutil::resource_monitor({}, std::chrono::milliseconds(0)).cpu_count() ==
              budget.usable());
    }
}

TEST_CASE("a job names itself where its CPU rate decides, and its affinity mask") {
    const no_overrides clean;
    const processors eight({{0, 8}}, 0, 0x5);
    job own;
    own.rate(1 | 4, 1250).limits(limits_of(0x10));
    skyutil::cpu_budget budget = skyutil::get_cpu_budget();
    CHECK(budget.usable() == 1);
    CHECK(budget.limiting_factor().kind == limit_kind::quota);
    CHECK(budget.limiting_factor().file == "job object");
    CHECK(budget.cpuset == 2);
    CHECK(budget.affinity == 2);
    own.rate(0, 0);
    budget = skyutil::get_cpu_budget();
    CHECK(budget.limiting_factor().kind == limit_kind::cpuset);
    CHECK(budget.limiting_factor().file == "job object");
    const std::string page = skyutil::describe_resources();
    CHECK_THAT(page, Catch::Matchers::ContainsSubstring("> cpuset") &&
                         Catch::Matchers::ContainsSubstring("job object") &&
                         Catch::Matchers::ContainsSubstring("affinity mask"));
}

TEST_CASE("the lower one of a job's memory and its processes' is the limit") {
    const no_overrides clean;
    struct row {
        std::uint32_t flags;
        std::optional<std::uint64_t> limit;
        std::optional<std::uint64_t> soft;
    };
    for (const row& each : {row{0x200, 512 * mib, std::nullopt}, row{0x100, 256 * mib, {}},
                            row{0x300, 256 * mib, {}}, row{0x1, {}, 128 * mib}, row{0, {}, {}}}) {
        CAPTURE(each.flags);
        job own;
        own.limits(limits_of(each.flags)).use(500 * mib);
        const skyutil::memory_budget budget = skyutil::get_memory_budget();
        CHECK(budget.limit == each.limit);
        CHECK(budget.limit_file == (each.limit ? "job object" : ""));
        CHECK(budget.soft_limit == each.soft);
        REQUIRE(budget.physical);
        CHECK(budget.usable() == each.limit.value_or(*budget.physical));
        CHECK(skyutil::resource_monitor({}, std::chrono::milliseconds(0)).mem_size_gb() ==
              gib_of(budget));
    }
}

TEST_CASE("what is left is the least that the job, the process and the machine have left") {
    const no_overrides clean;
    std::uint64_t commit = 100 * mib;
    const fault own_use("K32GetProcessMemoryInfo", [&](system_call& call) {
        at<sys::process_memory>(call.arguments[1]).commit = static_cast<sys::size_type>(commit);
        call.result = 1;
        return true;
    });
    const fault machine("GlobalMemoryStatusEx", [](system_call& call) {
        auto& status = at<sys::memory_status>(call.arguments[0]);
        status.physical = 4096 * mib;
        status.available_physical = 2048 * mib;
        status.available_commit = 1024 * mib;
        call.result = 1;
        return true;
    });
    skyutil::memory_budget budget = skyutil::get_memory_budget();
    CHECK(budget.physical == 4096 * mib);
    CHECK(budget.physical_file == "GlobalMemoryStatusEx");
    CHECK(budget.available() == 1024 * mib);
    CHECK(budget.usage == 100 * mib);
    CHECK(budget.usage_file == "GetProcessMemoryInfo");
    {
        job own;
        own.limits(limits_of(0x300)).use(500 * mib);
        budget = skyutil::get_memory_budget();
        CHECK(budget.group_available == 12 * mib);  // of the job's
        CHECK(budget.group_available_file == "job object");
        CHECK(budget.available() == 12 * mib);
        CHECK(budget.usage == 100 * mib);  // of the process, whose limit it is
        own.use(300 * mib);
        CHECK(skyutil::get_memory_budget().group_available == 156 * mib);
        own.limits(limits_of(0x200));
        budget = skyutil::get_memory_budget();
        CHECK(budget.usage == 300 * mib);
        CHECK(budget.usage_file == "job object");
        own.use(600 * mib);
        CHECK(skyutil::get_memory_budget().available() == 0);
        own.use(0);  // it does not know
        CHECK(skyutil::get_memory_budget().usage == 100 * mib);
    }
    commit = 0;
    CHECK_FALSE(skyutil::get_memory_budget().usage);
}

TEST_CASE("a thread that is not bound may run on the groups of its process") {
    struct row {
        std::map<int, int> groups;
        int own_group;
        std::uint64_t mask;
        int cpus;
    };
    for (const row& each :
         {row{{{0, 4}}, 0, 0xf, 4}, row{{{0, 4}}, 0, 0x6, 2}, row{{{0, 64}}, 0, all_of_64, 64},
          row{{{0, 64}, {1, 32}}, 0, all_of_64, 96}, row{{{0, 64}, {1, 32}}, 1, 0xffffffff, 96},
          row{{{0, 64}, {1, 32}}, 1, 0xffff, 16}, row{{{0, 64}, {1, 32}}, 0, 1, 1}}) {
        CAPTURE(each.own_group, each.mask);
        const processors machine(each.groups, each.own_group, each.mask);
        CHECK(os::limits_source().affinity() == each.cpus);
    }
    const processors machine({{0, 64}, {1, 32}}, 0, all_of_64);
    const fault unknown("GetProcessGroupAffinity", fault::every_call, ERROR_INSUFFICIENT_BUFFER);
    CHECK(os::limits_source().affinity() == 64);
    CHECK(unknown.happened() == 1);
}

TEST_CASE("where a call about CPUs fails the others are asked, and one CPU is left") {
    const no_overrides clean;
    const processors four({{0, 4}}, 0, 0x7);
    const auto now = [] {
        return skyutil::resource_monitor({}, std::chrono::milliseconds(0)).cpu_count();
    };
    CHECK(now() == 3);
    const fault no_mask("GetThreadGroupAffinity", fault::every_call, ERROR_ACCESS_DENIED);
    CHECK(now() == 4);
    CHECK_FALSE(skyutil::get_cpu_budget().affinity);
    CHECK(skyutil::get_cpu_budget().limiting_factor().kind == limit_kind::machine);
    const fault no_count("GetActiveProcessorCount", fault::every_call, ERROR_INVALID_PARAMETER);
    CHECK(now() == 1);
    CHECK_FALSE(os::limits_source().read_cpus().complete);
    CHECK_FALSE(skyutil::get_cpu_budget().online);
    CHECK(skyutil::get_cpu_budget().limiting_factor().kind == limit_kind::none);
}

TEST_CASE("where the job can no longer be asked its last answer stays") {
    const no_overrides clean;
    const processors eight({{0, 8}}, 0, 0xff);
    skyutil::resource_monitor monitor({}, std::chrono::milliseconds(0));
    job own;
    own.rate(1 | 4, 2500).limits(limits_of(0x200));
    CHECK(monitor.cpu_count() == 2);
    CHECK(monitor.mem_size_gb() == 0.5);
    {
        const fault refusing("ZwQueryInformationJobObject", fault::every_call, 0, refused);
        CHECK(monitor.cpu_count() == 2);
        CHECK(monitor.mem_size_gb() == 0.5);
        CHECK(refusing.happened() == 2);
        CHECK_FALSE(skyutil::get_cpu_budget().quota);
        CHECK_FALSE(skyutil::get_memory_budget().limit);
    }
    {
        const fault unclear("IsProcessInJob", fault::every_call, ERROR_ACCESS_DENIED);
        CHECK(monitor.cpu_count() == 2);
        CHECK(monitor.mem_size_gb() == 0.5);
        CHECK(unclear.happened() == 2);
    }
    // A Windows that does not know the question has no such limit.
    const fault unknown("ZwQueryInformationJobObject", fault::every_call, 0, not_known);
    CHECK(monitor.cpu_count() == 8);
    CHECK(os::limits_source().read_cpus().complete);
}

TEST_CASE("where the memory cannot be told there is a limit at most") {
    const no_overrides clean;
    const fault failing("GlobalMemoryStatusEx", fault::every_call, ERROR_INVALID_PARAMETER);
    CHECK(skyutil::get_memory_budget().usable() == 0);
    CHECK_FALSE(skyutil::get_memory_budget().physical);
    CHECK_FALSE(os::limits_source().read_memory().complete);
    job own;
    own.limits(limits_of(0x200));
    CHECK(skyutil::get_memory_budget().usable() == 512 * mib);
    CHECK(os::limits_source().read_memory().value == 512 * mib);
    const fault no_use("K32GetProcessMemoryInfo", fault::every_call, ERROR_ACCESS_DENIED);
    CHECK_FALSE(skyutil::get_memory_budget().usage);
    CHECK(no_use.happened() == 1);
}

TEST_CASE("handles that cannot be counted are an error that says so") {
    const no_overrides clean;
    const fault failing("GetProcessHandleCount", fault::every_call, ERROR_ACCESS_DENIED);
    std::error_code error;
    CHECK(skyutil::open_fd_count(error) == 0);
    CHECK(error == std::errc::permission_denied);
    CHECK_THROWS_WITH(
        skyutil::open_fd_count(),
        Catch::Matchers::StartsWith("skyutil::open_fd_count: cannot list handles of the process"));
    CHECK_THAT(skyutil::describe_resources(),
               !Catch::Matchers::ContainsSubstring("handles of the process"));
}

TEST_CASE("a variable that the system does not hand out is not set") {
    const no_overrides clean;
    const scoped_variable variable("SKYUTIL_CPU_COUNT", "4321");
    CHECK(skyutil::get_cpu_count() == 4321);
    const fault failing("GetEnvironmentVariableW", fault::every_call, ERROR_NOT_ENOUGH_MEMORY);
    CHECK(skyutil::get_cpu_count() < 4321);
}
