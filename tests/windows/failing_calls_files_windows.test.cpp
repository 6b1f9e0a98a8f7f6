// SPDX-License-Identifier: MIT
//
// Calls of files that fail, as the system can have them fail and a test cannot.

#include <windows.h>

#include <skyutil/files.hpp>

#include <cstdint>
#include <string>
#include <system_error>

#include "support.hpp"
#include "windows/fault.hpp"

using namespace skyutil_tests;

TEST_CASE("a file that cannot be opened is an error, and one that can is read after it") {
    const temporary_directory directory;
    write_file(directory / "file", "one\ntwo\n");
    std::error_code error;
    {
        constexpr auto none = ~std::uint64_t{0};  // INVALID_HANDLE_VALUE
        const fault fault("CreateFileW", 0, ERROR_TOO_MANY_OPEN_FILES, none);
        CHECK(skyutil::read_last_n_lines(directory / "file", 1, error).empty());
        CHECK(error == std::errc::too_many_files_open);
        CHECK(fault.happened() == 1);
        CHECK(skyutil::read_last_n_lines(directory / "file", 1, error).front() == "two");
        CHECK_FALSE(error);
    }
    CHECK(skyutil::read_last_n_lines(directory / "file", 1, error).front() == "two");
    CHECK_FALSE(error);
}

TEST_CASE("write_file_atomic tells that a file cannot be synced, and the old one stays") {
    const temporary_directory directory;
    skyutil::write_file_atomic(directory / "file", "old");
    std::error_code error;
    const fault fault("FlushFileBuffers", 0, ERROR_IO_DEVICE);
    skyutil::write_file_atomic(directory / "file", "new", error);
    CHECK(error == std::errc::io_error);
    CHECK(fault.happened() == 1);
    CHECK(read_file(directory / "file") == "old");
    CHECK(skyutil::count_directory_entries(directory.path()) == 1);
}
