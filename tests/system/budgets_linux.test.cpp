// SPDX-License-Identifier: MIT
//
// Files of a situation that only Linux can have, and the names of its own sources.

#include <skyutil/system.hpp>

#include <filesystem>
#include <string>

#include <sys/stat.h>

#include "support.hpp"
#include "system/situations.hpp"

using namespace skyutil_tests;
using skyutil::sysroot;

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

TEST_CASE("where nothing else is said a number is from the usual source") {
    CHECK(skyutil::cpu_budget().online_source() == "/sys/devices/system/cpu/online");
    CHECK(skyutil::cpu_budget().affinity_source() == "sched_getaffinity(2)");
}
