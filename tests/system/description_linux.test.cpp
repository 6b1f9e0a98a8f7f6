// SPDX-License-Identifier: MIT
//
// Descriptions with names that only files of Linux can have.

#include <skyutil/system.hpp>

#include <filesystem>
#include <string>

#include "support.hpp"
#include "system/situations.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using skyutil::sysroot;

TEST_CASE("names of groups break neither the page nor the JSON") {
    const no_overrides clean;
    const temporary_directory directory;
    situation what = find_situation("v2_limit_on_leaf");
    std::string group;
    for (auto& [name, text] : what.files) {
        if (name == "/proc/self/cgroup") {
            text = "0::/a\"b\\c\x01\xff\n";
        }
        if (name.ends_with("/cpu.max") && group.empty()) {
            group = name.substr(0, name.rfind('/'));
        }
    }
    write_files(directory, what);
    const std::string odd = "/sys/fs/cgroup/a\"b\\c\x01\xff";
    std::filesystem::create_directories(place_in(directory, odd));
    write_file(place_in(directory, odd + "/cpu.max"), "100000 100000\n");
    const sysroot root{directory.path()};
    CHECK(json::parse(skyutil::describe_resources(skyutil::description_form::json,
                                                  root))["cpus"]["quota"]["source"] ==
          "/sys/fs/cgroup/a\"b\\c\x01\xef\xbf\xbd/cpu.max");
    CHECK(skyutil::describe_resources(skyutil::description_form::text, root).find('\x01') ==
          std::string::npos);
}
