// SPDX-License-Identifier: MIT

#include <skyutil/detail/os/limits.hpp>
#include <skyutil/detail/os/machine.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <system_error>

#include "os_contract/answers.hpp"

using namespace skyutil_tests;

TEST_CASE("this system answers, or does not know") {
    os::limits_source here;
    const auto affinity = here.affinity();
    CHECK((!affinity || *affinity >= 1));
    static_cast<void>(here.obeys_quota());
    static_cast<void>(here.read_memory());
    static_cast<void>(here.read_cpus());
    static_cast<void>(here.explain_cpus());
    static_cast<void>(here.explain_memory());
    static_cast<void>(here.read_stalls());
    for (const char* const name :
         {os::limits_source::online_name(), os::limits_source::affinity_name(),
          os::limits_source::open_descriptors_name()}) {
        CHECK(name != nullptr);
    }
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
