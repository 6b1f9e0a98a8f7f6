// SPDX-License-Identifier: MIT
//
// The description of the budgets in text and JSON.

#include <skyutil/system.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>

#include "support.hpp"
#include "system/situations.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using skyutil::sysroot;
namespace detail = skyutil::detail::os;

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

TEST_CASE("the description tells how long a quota has held tasks back") {
    const no_overrides clean;
    const temporary_directory directory;
    write_files(directory, find_situation("v2_throttled_by_the_parent"));
    const sysroot root{directory.path()};
    const std::string file = "/sys/fs/cgroup/user.slice/user-1000.slice/cpu.stat";
    CHECK_THAT(skyutil::describe_resources(skyutil::description_form::text, root),
               Catch::Matchers::ContainsSubstring(
                   "  held back by it       4500 of 9000 periods, 7.5 s  " + file + "\n"));
    const json form =
        json::parse(skyutil::describe_resources(skyutil::description_form::json, root));
    CHECK(
        form["cpus"]["throttled"] ==
        json{{"value", {{"periods", 9000}, {"throttled_periods", 4500}, {"throttled_us", 7500250}}},
             {"source", file}});
}

TEST_CASE("the description says nothing of a quota that has never bound anything") {
    const no_overrides clean;
    const temporary_directory directory;
    write_files(directory, find_situation("v2_throttled_by_the_parent"));
    write_file(place_in(directory, "/sys/fs/cgroup/user.slice/user-1000.slice/cpu.stat"),
               "nr_periods 0\nnr_throttled 0\nthrottled_usec 0\n");
    const sysroot root{directory.path()};
    CHECK(skyutil::get_cpu_budget(root).throttled);
    CHECK(skyutil::describe_resources(skyutil::description_form::text, root).find("held back") ==
          std::string::npos);
    CHECK(json::parse(skyutil::describe_resources(skyutil::description_form::json,
                                                  root))["cpus"]["throttled"]
              .is_null());
}

TEST_CASE("the description of this system agrees with the budgets") {
    const no_overrides clean;
    const json form = json::parse(skyutil::describe_resources(skyutil::description_form::json));
    CHECK(form["cpus"]["usable"] == skyutil::get_cpu_count());
    CHECK(form["memory_bytes"]["usable"] == skyutil::get_memory_budget().usable());
    std::error_code uncounted;
    const std::size_t open = skyutil::open_fd_count(uncounted);
    CHECK(
        form["descriptors"]["open"] ==
        (uncounted ? json() : json{{"value", open}, {"source", detail::open_descriptors_name()}}));
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
