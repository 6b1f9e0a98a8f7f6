// SPDX-License-Identifier: MIT

#include <skyutil/parallel.hpp>
#include <skyutil/workers.hpp>

#include <cstddef>
#include <filesystem>
#include <system_error>
#include <vector>

#include "unsupported/answers.hpp"

using namespace skyutil_tests;

TEST_CASE("workers knows the CPUs, but no limit on descriptors") {
    CHECK(skyutil::get_parallel_threads() >= 4);
    CHECK(skyutil::get_parallel_threads("kubernetes") >= 16);
    const std::vector<std::filesystem::path> sources{"a", "b"};
    CHECK(thrown_by([&] {
              static_cast<void>(skyutil::get_max_workers_for_file_mounts(sources));
          }) == not_supported);
    CHECK(thrown_by([] {
              static_cast<void>(skyutil::get_max_workers_for_file_mounts(std::size_t{3}));
          }) == not_supported);
    CHECK(set_by([](std::error_code& error) {
              CHECK(skyutil::estimate_fd_for_directory("a", error) == 0);
          }) == not_supported);
    CHECK(thrown_by([] { static_cast<void>(skyutil::estimate_fd_for_directory("a")); }) ==
          not_supported);
}

TEST_CASE("parallel works wholly") {
    const std::vector<int> numbers{1, 2, 3, 4};
    const auto square = [](int number) { return number * number; };
    CHECK(skyutil::run_in_parallel(square, numbers, 2) == std::vector<int>{1, 4, 9, 16});
    CHECK(skyutil::run_in_parallel(square, numbers) == std::vector<int>{1, 4, 9, 16});
}
