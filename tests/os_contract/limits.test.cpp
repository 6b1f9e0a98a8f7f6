// SPDX-License-Identifier: MIT

#include <skyutil/detail/os/limits.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/detail/os/resources.hpp>

#include <cstdint>
#include <string_view>
#include <system_error>

#include "os_contract/answers.hpp"

using namespace skyutil_tests;

TEST_CASE("this system answers, or does not know") {
    os::limits_source here;
    CHECK(here.affinity().value_or(1) >= 1);
    const auto cpus = here.read_cpus();
    CHECK(cpus.value.quota.value_or(1) > 0);
    const os::cpu_numbers all_cpus = os::read_cpu_numbers(here);
    CHECK(all_cpus.quota.value == cpus.value.quota);
    CHECK(all_cpus.online.value.value_or(1) >= 1);
    const os::memory_numbers memory = os::read_memory_numbers(here);
    CHECK(memory.physical.value.value_or(1) >= 1);
    CHECK(memory.machine_available.value.value_or(0) <= memory.physical.value.value_or(0));
    for (const char* const name :
         {os::online_name(), os::affinity_name(), os::open_descriptors_name()}) {
        CHECK(name != nullptr);
    }
    std::error_code error;
    CHECK((os::count_open_descriptors(here, error) >= 3 || error));
}

TEST_CASE("a limit that is set is the limit") {
    const os::limits_source here;
    std::error_code error;
    const os::resource_limit was = here.limit(os::resource::descriptors, error);
    if (error == std::errc::function_not_supported) {
        SKYUTIL_SKIP("the system has no limits of processes");
    }
    CHECK_FALSE(error);
    CHECK((!was.soft || !was.hard || *was.soft <= *was.hard));
    os::set_limit(os::resource::descriptors, was, error);
    if (error == std::errc::function_not_supported) {
        CHECK_FALSE(was.soft);
        SKYUTIL_SKIP("the system sets no limits of processes");
    }
    done([&](std::error_code& e) {
        os::set_limit(os::resource::descriptors, {.soft = 100, .hard = was.hard}, e);
    });
    CHECK(done([&](std::error_code& e) { return here.limit(os::resource::descriptors, e); }).soft ==
          100);
    done([&](std::error_code& e) { os::set_limit(os::resource::descriptors, was, e); });
    CHECK(std::string_view(os::limit_name(os::resource::descriptors)) != "");
}

TEST_CASE("a coarse clock does not go back") {
    const std::uint64_t first = os::coarse_milliseconds();
    CHECK(os::coarse_milliseconds() >= first);
}
