// SPDX-License-Identifier: MIT
//
// count_directory_entries.

#include <skyutil/files.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>

#include "files/outcomes.hpp"
#include "support.hpp"

using namespace skyutil_tests;

TEST_CASE("count_directory_entries counts direct entries, however many") {
    const temporary_directory directory;
    CHECK(skyutil::count_directory_entries(directory.path()) == 0);
    write_file(directory / "file", "");
    write_file(directory / ".hidden", "");
    write_file(directory / "..x", "");
    fs::create_directory(directory / "directory");
    write_file(directory / "directory/not direct", "");
    CHECK(skyutil::count_directory_entries(directory.path()) == 4);
    CHECK(skyutil::count_directory_entries(directory / "") == 4);

    const fs::path large = directory / "large";
    fs::create_directory(large);
    for (int i = 0; i < 1000; ++i) {  // more than one system call returns
        write_file(
            large / (std::string(static_cast<std::size_t>(i) % 100, 'n') + std::to_string(i)), "");
    }
    CHECK(skyutil::count_directory_entries(large) == 1000);
}

TEST_CASE("counting the entries of a file names the function and the path") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "");
    try {
        (void)skyutil::count_directory_entries(path);
        FAIL_CHECK("no exception");
    } catch (const fs::filesystem_error& error) {
        CHECK(error.code() == std::errc::not_a_directory);
        CHECK(error.path1() == path);
        CHECK(std::string(error.what()).find("skyutil::count_directory_entries") !=
              std::string::npos);
        CHECK(std::string(error.what()).find(path.string()) != std::string::npos);
    }
}
