// SPDX-License-Identifier: MIT
//
// Variables that override the budgets.

#include <skyutil/system.hpp>

#include <cmath>
#include <stdexcept>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "support.hpp"
#include "system/situations.hpp"

using namespace skyutil_tests;
using skyutil::limit_kind;

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
