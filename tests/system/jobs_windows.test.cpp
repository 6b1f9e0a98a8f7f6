// SPDX-License-Identifier: MIT
//
// Affinity masks, and a job that this program is put into with limits. What a system does not
// limit is left out, with the reason.

#include <skyutil/system.hpp>

#include <chrono>
#include <cstddef>
#include <cstring>
#include <string>
#include <system_error>
#include <thread>

#include "system/situations.hpp"
#include "windows/calls.hpp"

using namespace skyutil_tests;
using skyutil::limit_kind;

namespace {

/// Runs a hidden test case in a process of its own; where it writes a reason, the test is skipped.
void run_alone(const std::wstring& test) {
    const temporary_directory directory;
    write_file(directory / "reason", "");
    DWORD code = 0;
    {
        const other_process process(test, directory / "reason");
        process.wait();
        code = process.exit_code();
    }
    const std::string reason = read_file(directory / "reason");
    if (code == 4 && !reason.empty()) {
        SKYUTIL_SKIP(reason);
    }
    CHECK(code == 0);
}

[[noreturn]] void skip_in_parent(const std::string& reason) {
    write_file(other_process::argument(), reason);
    SKYUTIL_SKIP(reason);
}

/// Puts this process into a job. The limits are read back, as a system may know none.
template <class Limits>
void enter_job(JOBOBJECTINFOCLASS what, Limits limits, const std::string& name) {
    HANDLE const job = ::CreateJobObjectW(nullptr, nullptr);
    const Limits nothing{};
    Limits found{};
    if (::SetInformationJobObject(job, what, &limits, sizeof limits) == 0) {
        skip_in_parent("no job can have " + name + ": SetInformationJobObject: error " +
                       std::to_string(::GetLastError()));
    }
    if (::QueryInformationJobObject(job, what, &found, sizeof found, nullptr) == 0 ||
        std::memcmp(&found, &nothing, sizeof found) == 0) {
        skip_in_parent("a job does not keep " + name + ": it reads back as nothing");
    }
    if (::AssignProcessToJobObject(job, ::GetCurrentProcess()) == 0) {
        skip_in_parent("the process cannot be put into a job: error " +
                       std::to_string(::GetLastError()));
    }
}

/// As JOBOBJECT_CPU_RATE_CONTROL_INFORMATION, which not every header has.
struct cpu_rate {
    DWORD flags;
    DWORD rate;
};
constexpr auto cpu_rate_class = static_cast<JOBOBJECTINFOCLASS>(15);

}  // namespace

// In a process of its own.
TEST_CASE("in a job with a CPU rate", "[.]") {
    const no_overrides clean;
    enter_job(cpu_rate_class, cpu_rate{1 | 4, 2500}, "a CPU rate");
    const skyutil::cpu_budget budget = skyutil::get_cpu_budget();
    REQUIRE(budget.quota);
    CHECK(*budget.quota == budget.online.value_or(0) * 0.25);
    CHECK(budget.quota_file == "job object");
    CHECK(budget.limiting_factor().kind == limit_kind::quota);
    CHECK(skyutil::get_cpu_count() == budget.usable());
}

TEST_CASE("the CPU rate of a real job is the quota") { run_alone(L"in a job with a CPU rate"); }

TEST_CASE("in a job with memory limits", "[.]") {
    const no_overrides clean;
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    limits.BasicLimitInformation.LimitFlags =
        JOB_OBJECT_LIMIT_JOB_MEMORY | JOB_OBJECT_LIMIT_PROCESS_MEMORY;
    limits.JobMemoryLimit = 512U << 20;
    limits.ProcessMemoryLimit = 384U << 20;
    enter_job(JobObjectExtendedLimitInformation, limits, "limits on memory");
    const skyutil::memory_budget budget = skyutil::get_memory_budget();
    CHECK(budget.limit == 384U << 20);
    CHECK(budget.limit_file == "job object");
    CHECK(budget.usage.value_or(0) > 0);
    CHECK(budget.group_available < 384U << 20);
    CHECK(budget.limiting_factor().kind == limit_kind::memory_limit);
    CHECK(skyutil::get_mem_size_gb() == 0.375);
}

TEST_CASE("the memory limits of a real job are the limit") {
    run_alone(L"in a job with memory limits");
}

TEST_CASE("in a job with an affinity mask", "[.]") {
    const no_overrides clean;
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_AFFINITY;
    limits.BasicLimitInformation.Affinity = 1;
    enter_job(JobObjectExtendedLimitInformation, limits, "an affinity mask");
    const skyutil::cpu_budget budget = skyutil::get_cpu_budget();
    CHECK(budget.cpuset == 1);
    CHECK(budget.cpuset_file == "job object");
    CHECK(budget.affinity == 1);
    CHECK(skyutil::get_cpu_count() == 1);
}

TEST_CASE("the affinity mask of a real job is the cpuset") {
    run_alone(L"in a job with an affinity mask");
}

TEST_CASE("the affinity mask of the calling thread counts, at once and for no other thread") {
    const no_overrides clean;
    const int before = skyutil::get_cpu_count();
    if (before < 2) {
        SKYUTIL_SKIP("needs two CPUs");
    }
    int bound = 0;
    skyutil::cpu_budget budget;
    std::thread([&] {
        ::SetThreadAffinityMask(::GetCurrentThread(), 1);
        bound = skyutil::get_cpu_count();
        budget = skyutil::get_cpu_budget();
    }).join();
    CHECK(bound == 1);
    CHECK(budget.affinity == 1);
    CHECK(budget.limiting_factor().kind == limit_kind::affinity);
    CHECK(budget.limiting_factor().file == "affinity mask");
    CHECK(skyutil::get_cpu_count() == before);
}

TEST_CASE("the affinity mask of the process counts for all its threads") {
    const no_overrides clean;
    DWORD_PTR process = 0;
    DWORD_PTR system = 0;
    REQUIRE(::GetProcessAffinityMask(::GetCurrentProcess(), &process, &system) != 0);
    if ((process & (process - 1)) == 0) {
        SKYUTIL_SKIP("needs two CPUs");
    }
    REQUIRE(::SetProcessAffinityMask(::GetCurrentProcess(), process & (~process + 1)) != 0);
    const int here = skyutil::get_cpu_count();
    int elsewhere = 0;
    std::thread([&] { elsewhere = skyutil::get_cpu_count(); }).join();
    REQUIRE(::SetProcessAffinityMask(::GetCurrentProcess(), process) != 0);
    CHECK(here == 1);
    CHECK(elsewhere == 1);
    CHECK(skyutil::get_cpu_count() >= 2);
}
