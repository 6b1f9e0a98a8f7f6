// SPDX-License-Identifier: MIT
//
// count_directory_entries.

#include <skyutil/files.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>

#include "files/outcomes_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;

namespace {

namespace fs = std::filesystem;

}  // namespace

TEST_CASE("count_directory_entries counts everything but . and ..") {
    const temporary_directory directory;
    CHECK(skyutil::count_directory_entries(directory.path()) == 0);
    write_file(directory / "file", "");
    CHECK(skyutil::count_directory_entries(directory.path()) == 1);
    write_file(directory / ".hidden", "");
    write_file(directory / "...", "");
    write_file(directory / ".x", "");
    write_file(directory / "..x", "");
    fs::create_directory(directory / "directory");
    write_file(directory / "directory/not direct", "");
    fs::create_symlink("nothing", directory / "dangling");
    make_fifo(directory / "fifo");
    CHECK(skyutil::count_directory_entries(directory.path()) == 8);
    CHECK(skyutil::count_directory_entries(directory.path().native() + "/") == 8);

    fs::create_symlink("directory", directory / "link");
    CHECK(skyutil::count_directory_entries(directory / "link") == 1);

    const fs::path large = directory / "large";
    fs::create_directory(large);
    for (int i = 0; i < 1000; ++i) {  // more than one system call returns
        write_file(
            large / (std::string(static_cast<std::size_t>(i) % 200, 'n') + std::to_string(i)), "");
    }
    CHECK(skyutil::count_directory_entries(large) == 1000);
    CHECK(skyutil::count_directory_entries("/proc/self/task") == 1);
}

TEST_CASE("counting the entries of what is no directory names the function and the path") {
    const temporary_directory directory;
    write_file(directory / "file", "");
    make_fifo(directory / "fifo");
    for (const fs::path& path : {directory / "file", directory / "fifo", fs::path("/dev/null")}) {
        INFO(path);
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
}
