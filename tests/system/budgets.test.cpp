// SPDX-License-Identifier: MIT
//
// The budgets that follow from the files of a situation, and monitors of them.

#include <skyutil/system.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "support.hpp"
#include "system/situations.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using skyutil::limit_kind;
using skyutil::sysroot;

// -------------------------------------------------------------------------------------------
// budgets

TEST_CASE("every situation gives the budget that its files say") {
    const no_overrides clean;
    REQUIRE(situations().size() >= 78);
    for (const situation& each : situations()) {
        const temporary_directory root;
        write_files(root, each);
        INFO(each.name);
        json found;
        REQUIRE_NOTHROW(found = budgets_of(sysroot{root.path()}));
        CHECK(found == each.expected);
    }
}

TEST_CASE("memory that can be taken back is told with the file of its group") {
    const no_overrides clean;
    const temporary_directory root;
    write_files(root, find_situation("v2_page_cache_is_available"));
    const skyutil::memory_budget budget = skyutil::get_memory_budget(sysroot{root.path()});
    REQUIRE(budget.reclaimable);
    const std::string group = budget.usage_file.substr(0, budget.usage_file.rfind('/'));
    CHECK(budget.reclaimable_file == group + "/memory.stat");
    const json form = json::parse(
        skyutil::describe_resources(skyutil::description_form::json, sysroot{root.path()}));
    CHECK(form["memory_bytes"]["reclaimable"] ==
          json{{"value", *budget.reclaimable}, {"source", group + "/memory.stat"}});
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
        for (std::size_t i = 0; !each.files.empty() && i < 25; i += each_of_many) {
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
// description

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
    CHECK(cpus.limiting_factor().file == skyutil::detail::os::online_name());
    cpus.affinity = 6;
    CHECK(cpus.limiting_factor().kind == limit_kind::affinity);
    CHECK(cpus.limiting_factor().file == skyutil::detail::os::affinity_name());
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
