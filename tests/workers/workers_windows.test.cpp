// SPDX-License-Identifier: MIT
//
// Worker counts where handles have no limit, and what is no directory there.

#include <skyutil/workers.hpp>

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "environment.hpp"
#include "support.hpp"
#include "workers/reference.hpp"

using namespace skyutil_tests;

TEST_CASE("without a limit on handles there are as many workers as threads") {
    const scoped_variable cpus("SKYUTIL_CPU_COUNT", "9");
    const temporary_directory directory;
    const std::vector<path> sources{make_directory(directory, "large", 300), "nowhere"};
    std::error_code error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::get_max_workers_for_file_mounts(sources) == 8);
    CHECK(skyutil::get_max_workers_for_file_mounts(sources, error) == 8);
    CHECK_FALSE(error);
    CHECK(skyutil::get_max_workers_for_file_mounts(sources, "kubernetes") == 32);
    CHECK(skyutil::get_max_workers_for_file_mounts(1'000'000, 1'000'000) == 8);
}

TEST_CASE("what is no directory has no estimate on Windows") {
    const temporary_directory directory;
    write_file(directory / "file", "text");
    const std::vector<std::pair<path, std::errc>> cases{
        {directory / "file", std::errc::not_a_directory},
        {directory / "nothing", std::errc::no_such_file_or_directory},
        {"", std::errc::no_such_file_or_directory},
        {directory.path() / std::string("a\0b", 3), std::errc::invalid_argument},
    };
    for (const auto& [name, expected] : cases) {
        CAPTURE(name.string());
        std::error_code error;
        CHECK(skyutil::estimate_fd_for_directory(name, error) == 0);
        CHECK(error == expected);
    }
}
