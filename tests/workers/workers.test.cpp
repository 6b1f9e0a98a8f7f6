// SPDX-License-Identifier: MIT
//
// Worker counts beside the reference answers.

#include <skyutil/workers.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "environment.hpp"
#include "support.hpp"
#include "workers/reference.hpp"

using namespace skyutil_tests;
namespace detail = skyutil::detail;

TEST_CASE("the policies give the reference answers but for the rows that are wrong") {
    std::set<std::string> differing;
    for (const json& row : read_rows("workers.jsonl")) {
        int workers = detail::parallel_threads(cpus_of(row), cloud_of(row));
        if (row["fn"] == "get_max_workers_for_file_mounts") {
            const auto soft = row["rlimit_soft"].get<std::int64_t>();
            workers = detail::max_workers(
                soft == -1 ? std::nullopt : std::optional(static_cast<std::uint64_t>(soft)),
                descriptors_of(row), workers);
        }
        if (workers != row["out"]) {
            INFO(row << " but it was " << workers);
            CHECK(differing_rows.contains(row["id"]));
            differing.insert(row["id"]);
        }
    }
    for (const auto& [id, reason] : differing_rows) {
        INFO(id << ": " << reason);
        CHECK(differing.contains(id));
    }
}

TEST_CASE("there are four threads or one less than CPUs, four times as many for kubernetes") {
    struct row {
        int cpus;
        std::string_view cloud;
        int threads;
    };
    constexpr int most = std::numeric_limits<int>::max();
    constexpr std::array rows{
        row{1, "", 4},
        row{4, "", 4},
        row{5, "", 4},
        row{6, "", 5},
        row{64, "aws", 63},
        row{64, "kubernetes", 252},
        row{64, "KUBERNETES", 252},
        row{64, "KuBeRnEtEs", 252},
        row{64, "kubernetes ", 63},
        row{64, " kubernetes", 63},
        row{64, "kubernete", 63},
        row{64, "kubernetess", 63},
        row{64, "kubernetes\0", 252},
        row{64, std::string_view("kubernetes\0", 11), 63},
        row{64,
            "\xe2\x84\xaa"
            "ubernetes",
            63},
        row{64, "KUBERNETE\x53", 252},
        row{64, "[ubernetes", 63},
        row{64, "k8s", 63},
        row{1, "kubernetes", 16},
        row{most, "", most - 1},
        row{most, "kubernetes", most},
        row{most / 4, "kubernetes", (most / 4 - 1) * 4},
    };
    STATIC_REQUIRE(std::all_of(rows.begin(), rows.end(), [](const row& r) {
        return detail::parallel_threads(r.cpus, r.cloud) == r.threads;
    }));
    for (const row& each : rows) {
        CAPTURE(each.cpus, each.cloud);
        CHECK(detail::parallel_threads(each.cpus, each.cloud) == each.threads);
    }
}

TEST_CASE(
    "there is one worker at least and no more than threads, however few or many descriptors") {
    struct row {
        std::optional<std::uint64_t> limit;
        std::uint64_t each;
        int threads;
        int workers;
    };
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    constexpr std::array rows{
        row{std::nullopt, 5, 7, 7},
        row{std::nullopt, most, 7, 7},
        row{0, 5, 7, 1},
        row{99, 5, 7, 1},
        row{100, 5, 7, 1},
        row{104, 5, 7, 1},
        row{109, 5, 7, 1},
        row{110, 5, 7, 2},
        row{134, 5, 7, 6},
        row{135, 5, 7, 7},
        row{1024, 5, 7, 7},
        row{1024, 500, 7, 1},
        row{1'073'741'816, 5, 7, 7},
        row{most, 5, 7, 7},
        row{most, most, 7, 1},
        row{most - 1, 1, 2147483647, 2147483647},
    };
    STATIC_REQUIRE(std::all_of(rows.begin(), rows.end(), [](const row& r) {
        return detail::max_workers(r.limit, r.each, r.threads) == r.workers;
    }));
    for (const row& each : rows) {
        CAPTURE(each.limit.value_or(0), each.each, each.threads);
        CHECK(detail::max_workers(each.limit, each.each, each.threads) == each.workers);
    }
}

TEST_CASE("get_parallel_threads follows get_cpu_count and its overrides") {
    const scoped_variable ten("SKYUTIL_CPU_COUNT", "10");
    std::error_code error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::get_parallel_threads() == 9);
    CHECK(skyutil::get_parallel_threads("Kubernetes") == 36);
    CHECK(skyutil::get_parallel_threads(error) == 9);
    CHECK(skyutil::get_parallel_threads("kubernetes", error) == 36);
    CHECK_FALSE(error);
    const scoped_variable none("SKYUTIL_CPU_COUNT", "none");
    CHECK(skyutil::get_parallel_threads("kubernetes", error) >= 16);
    CHECK(error == std::errc::invalid_argument);
    CHECK_THROWS_AS(skyutil::get_parallel_threads(), std::invalid_argument);
}

TEST_CASE("an override that is no number is an error of the workers too") {
    const scoped_variable none("SKYUTIL_CPU_COUNT", "none");
    std::error_code error;
    CHECK(skyutil::get_max_workers_for_file_mounts(std::vector<path>{}, error) >= 1);
    CHECK(error == std::errc::invalid_argument);
    error.clear();
    CHECK(skyutil::get_max_workers_for_file_mounts(1, 1, "", error) >= 1);
    CHECK(error == std::errc::invalid_argument);
    CHECK_THROWS_AS(skyutil::get_max_workers_for_file_mounts(1), std::invalid_argument);
    CHECK_THROWS_AS(skyutil::get_max_workers_for_file_mounts(std::vector<path>{}),
                    std::invalid_argument);
}

TEST_CASE("a directory's estimate is five descriptors for each entry") {
    const temporary_directory directory;
    make_directory(directory, "empty", 0);
    make_directory(directory, "some", 7);
    std::filesystem::create_directory(directory / "some" / ".hidden");
    std::error_code without_links;
    std::filesystem::create_directory_symlink("some", directory / "link", without_links);
    CHECK(skyutil::estimate_fd_for_directory(directory / "empty") == 0);
    CHECK(skyutil::estimate_fd_for_directory(directory / "some") == 40);
    if (!without_links) {  // libstdc++ makes none on Windows
        CHECK(skyutil::estimate_fd_for_directory(directory / "link") == 40);
    }
    std::error_code error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::estimate_fd_for_directory(directory / "some", error) == 40);
    CHECK(!error);
}
