// SPDX-License-Identifier: MIT
//
// Pressure of the group and of the machine.

#include <skyutil/system.hpp>

#include <chrono>
#include <filesystem>
#include <string>

#include "support.hpp"
#include "system/situations.hpp"

using namespace skyutil_tests;
using skyutil::sysroot;

TEST_CASE("pressure is that of the process's own group, else that of the machine") {
    const temporary_directory root;
    write_files(root, find_situation("v2_limit_on_parent"));
    std::filesystem::create_directories(place_in(root, "/proc/pressure"));
    const std::string group = "/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope/";
    write_file(place_in(root, group + "cpu.pressure"), pressure_of_group);
    write_file(place_in(root, group + "memory.pressure"), "garbled\n");
    for (const char* const name : {"cpu", "memory"}) {
        write_file(place_in(root, std::string("/proc/pressure/") + name), pressure_of_machine);
    }
    const skyutil::pressure found = skyutil::get_pressure(sysroot{root.path()});
    REQUIRE(found.cpu);
    CHECK(found.cpu->file == group + "cpu.pressure");
    REQUIRE(found.cpu->some);
    CHECK(found.cpu->some->avg10 == 1);
    CHECK(found.cpu->some->avg60 == 2);
    CHECK(found.cpu->some->avg300 == 3);
    CHECK(found.cpu->some->total == std::chrono::microseconds(4000));
    REQUIRE(found.cpu->full);
    CHECK(found.cpu->full->avg60 == 0.25);
    REQUIRE(found.memory);
    CHECK(found.memory->file == "/proc/pressure/memory");
    CHECK(found.memory->some->avg10 == 10);
    CHECK(!found.memory->full);
    CHECK(!found.io);

    const temporary_directory nothing;
    const skyutil::pressure none = skyutil::get_pressure(sysroot{nothing.path()});
    CHECK((!none.cpu && !none.memory && !none.io));
}
