// SPDX-License-Identifier: MIT

#include <skyutil/system.hpp>

#include <string>
#include <system_error>

#include "unsupported/answers.hpp"

using namespace skyutil_tests;

TEST_CASE("system knows no number of the machine") {
    CHECK(set_by([](std::error_code& error) { CHECK(skyutil::get_cpu_count(error) >= 1); }) ==
          std::error_code());
    CHECK(skyutil::get_cpu_count() >= 1);
    CHECK(set_by([](std::error_code& error) { CHECK(skyutil::get_mem_size_gb(error) == 0); }) ==
          std::error_code());
    CHECK(skyutil::get_mem_size_gb() == 0);
    const skyutil::cpu_budget cpus = skyutil::get_cpu_budget();
    CHECK_FALSE(cpus.affinity);
    CHECK_FALSE(cpus.cpuset);
    CHECK_FALSE(cpus.quota);
    CHECK(cpus.usable() >= 1);
    const skyutil::memory_budget memory = skyutil::get_memory_budget();
    CHECK_FALSE(memory.physical);
    CHECK_FALSE(memory.limit);
    const skyutil::pressure pressure = skyutil::get_pressure();
    CHECK_FALSE(pressure.cpu);
    CHECK_FALSE(pressure.memory);
    CHECK_FALSE(pressure.io);
    skyutil::resource_monitor monitor;
    CHECK(monitor.cpu_count() >= 1);
    CHECK(monitor.mem_size_gb() == 0);
}

TEST_CASE("system says that no limit can be read or set") {
    CHECK(set_by([](std::error_code& error) {
              const auto [soft, hard] = skyutil::get_fd_limits(error);
              CHECK_FALSE(soft);
              CHECK_FALSE(hard);
          }) == not_supported);
    CHECK(thrown_by([] { static_cast<void>(skyutil::get_fd_limits()); }) == not_supported);
    CHECK(set_by([](std::error_code& error) { skyutil::raise_fd_limit(error); }) == not_supported);
    CHECK(thrown_by([] { skyutil::raise_fd_limit(); }) == not_supported);
    CHECK(set_by([](std::error_code& error) { CHECK(skyutil::open_fd_count(error) == 0); }) ==
          not_supported);
    CHECK(thrown_by([] { static_cast<void>(skyutil::open_fd_count()); }) == not_supported);
}

TEST_CASE("system describes what it does not know") {
    CHECK_FALSE(skyutil::describe_resources().empty());
    CHECK_FALSE(skyutil::describe_resources(skyutil::description_form::json).empty());
}
