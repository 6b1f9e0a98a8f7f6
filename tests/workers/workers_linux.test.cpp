// SPDX-License-Identifier: MIT
//
// Worker counts under limits on descriptors, and the descriptors that sources are taken to need.

#include <skyutil/workers.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <list>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sys/resource.h>
#include <sys/stat.h>

#include "support_linux.hpp"
#include "workers/reference.hpp"

using namespace skyutil_tests;
namespace detail = skyutil::detail;

namespace {

/// Sets the soft limit on descriptors of the calling process, with the hard one if need be; false
/// where it may not.
bool set_fd_limit(std::uint64_t soft) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == -1) {
        throw_errno("getrlimit");
    }
    limit.rlim_max = (std::max)(limit.rlim_max, static_cast<rlim_t>(soft));
    limit.rlim_cur = static_cast<rlim_t>(soft);
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

void need_fd_limit(std::uint64_t soft) {
    if (!set_fd_limit(soft)) {
        throw cannot_run{"cannot set the limit on descriptors to " + std::to_string(soft)};
    }
}

void set_cpus(int count) { ::setenv("SKYUTIL_CPU_COUNT", std::to_string(count).c_str(), 1); }

// With these the number of workers tells how many descriptors a source was taken to need.
constexpr int plenty_of_cpus = 1001;
constexpr std::uint64_t test_fd_limit = 1100;
constexpr int workers_for_files = (test_fd_limit - 100) / 5;
constexpr int workers_for(int entries) {
    return static_cast<int>(test_fd_limit - 100) / (5 * entries);
}

/// What the function returns under those limits.
template <class Function>
json with_test_limits(Function function) {
    return run_in_child([&] {
        set_cpus(plenty_of_cpus);
        need_fd_limit(test_fd_limit);
        return json(function());
    });
}

}  // namespace

TEST_CASE("the public functions give the reference answers where the machine can be made to fit") {
    const temporary_directory directory;
    const path file = directory / "plain-file";
    write_file(file, "text");
    std::vector<json> rows;
    for (json& row : read_rows("workers.jsonl")) {
        if (differing_rows.contains(row["id"]) || cpus_of(row) < 1) {
            continue;
        }
        if (row["fn"] == "get_parallel_threads") {
            rows.push_back(std::move(row));
            continue;
        }
        bool fits = row["rlimit_soft"] >= 50;  // fewer are not enough to look at directories
        for (const auto& [name, entries] : row["dir_entry_counts"].items()) {
            fits = fits && entries <= 1000;
            if (fits && !std::filesystem::exists(directory / entries.dump())) {
                make_directory(directory, entries.dump(), entries.get<int>());
            }
        }
        if (fits) {
            rows.push_back(std::move(row));
        }
    }
    const json answers = run_in_child([&] {
        json result = json::array();
        for (const json& row : rows) {
            set_cpus(cpus_of(row));
            if (row["fn"] == "get_parallel_threads") {
                result.push_back(skyutil::get_parallel_threads(cloud_of(row)));
            } else if (!set_fd_limit(row["rlimit_soft"].get<std::uint64_t>())) {
                result.push_back(nullptr);
            } else {
                std::map<std::string, std::string> mounts;
                for (const auto& [target, source] : row["mounts"].items()) {
                    const auto entries = row["dir_entry_counts"].find(source.get<std::string>());
                    mounts[target] = entries != row["dir_entry_counts"].end()
                                         ? (directory / entries->dump()).string()
                                     : source == "/plain-file" ? file.string()
                                                               : source.get<std::string>();
                }
                result.push_back(skyutil::get_max_workers_for_file_mounts(mounts, cloud_of(row)));
            }
        }
        return result;
    });
    REQUIRE(answers.size() == rows.size());
    std::size_t compared = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (!answers[i].is_null()) {
            INFO(rows[i]);
            CHECK(answers[i] == rows[i]["out"]);
            ++compared;
        }
    }
    CHECK(compared >= 40);
}

TEST_CASE("sources are any range of paths or of pairs with one") {
    const temporary_directory directory;
    const path large = make_directory(directory, "large", 40);
    const path small = make_directory(directory, "small", 10);
    const std::string large_name = large.string();
    const std::string small_name = small.string();
    const json answer = with_test_limits([&] {
        using skyutil::get_max_workers_for_file_mounts;
        const char* const array[] = {small_name.c_str(), large_name.c_str()};
        const std::map<std::string, std::string> map{{"/x", small_name}, {"/y", large_name}};
        const std::unordered_map<std::string, path> hashed{{"/x", small}, {"/y", large}};
        const std::vector<std::pair<int, const char*>> pairs{{1, small_name.c_str()},
                                                             {2, large_name.c_str()}};
        const std::vector<std::string> strings{small_name, large_name};
        const std::vector<path> paths{large, small};
        const std::vector<std::string_view> views{small_name, large_name};
        const std::initializer_list<path> list{small, large};
        std::vector<path> filtered{large, small};
        int calls = 0;
        json result;
        result["vector of strings"] = get_max_workers_for_file_mounts(strings);
        result["vector of paths"] = get_max_workers_for_file_mounts(paths);
        result["temporary vector"] =
            get_max_workers_for_file_mounts(std::vector<path>{small, large});
        result["vector of string views"] = get_max_workers_for_file_mounts(views);
        result["array of C strings"] = get_max_workers_for_file_mounts(array);
        result["array"] = get_max_workers_for_file_mounts(std::array{small, large});
        result["span"] = get_max_workers_for_file_mounts(std::span(paths));
        result["deque"] = get_max_workers_for_file_mounts(std::deque<path>{small, large});
        result["list"] =
            get_max_workers_for_file_mounts(std::list<std::string>{small_name, large_name});
        result["set"] = get_max_workers_for_file_mounts(std::set<path>{small, large});
        result["map"] = get_max_workers_for_file_mounts(map);
        result["unordered_map"] = get_max_workers_for_file_mounts(hashed);
        result["multimap"] =
            get_max_workers_for_file_mounts(std::multimap<int, path>{{1, small}, {1, large}});
        result["vector of pairs"] = get_max_workers_for_file_mounts(pairs);
        result["values of a map"] = get_max_workers_for_file_mounts(map | std::views::values);
        result["transformed view"] = get_max_workers_for_file_mounts(
            strings | std::views::transform([](const std::string& name) { return path(name); }));
        result["view that only a changeable object can be walked through"] =
            get_max_workers_for_file_mounts(
                filtered | std::views::filter([&calls](const path&) { return ++calls != 0; }));
        result["range to be walked through once"] =
            get_max_workers_for_file_mounts(std::filesystem::directory_iterator(directory.path()));
        result["initializer list"] = get_max_workers_for_file_mounts({small, large});
        result["initializer list of C strings"] =
            get_max_workers_for_file_mounts({small_name.c_str(), large_name.c_str()});
        result["initializer list of one"] = get_max_workers_for_file_mounts({large_name});
        result["initializer list object"] = get_max_workers_for_file_mounts(list);
        std::error_code error;
        result["with an error_code"] = get_max_workers_for_file_mounts(strings, error);
        result["with a cloud and an error_code"] =
            get_max_workers_for_file_mounts(map, "kubernetes", error);
        return result;
    });
    CHECK(answer.size() == 24);
    for (const auto& [kind, workers] : answer.items()) {
        CAPTURE(kind);
        CHECK(workers == workers_for(40));
    }
}

TEST_CASE("no sources are the least that a worker needs") {
    const json answer = with_test_limits([] {
        return json{skyutil::get_max_workers_for_file_mounts(std::vector<path>{}),
                    skyutil::get_max_workers_for_file_mounts(std::map<std::string, std::string>{}),
                    skyutil::get_max_workers_for_file_mounts({})};
    });
    CHECK(answer == json{workers_for_files, workers_for_files, workers_for_files});
}

TEST_CASE("five descriptors for each entry, and for whatever is no directory") {
    const temporary_directory directory;
    write_file(directory / "file", "text");
    make_directory(directory, "empty", 0);
    make_directory(directory, "one", 1);
    make_directory(directory, "forty", 40);
    std::filesystem::create_directory(directory / "forty" / "inner");
    make_directory(directory, "forty/inner/deep", 50);
    std::filesystem::create_symlink("nothing", directory / "dangling");
    std::filesystem::create_symlink("loop", directory / "loop");
    std::filesystem::create_symlink("forty", directory / "link");
    REQUIRE(::mkfifo((directory / "fifo").c_str(), 0600) == 0);
    const std::vector<std::pair<path, int>> cases{
        {directory / "file", workers_for_files},
        {directory / "file" / "below", workers_for_files},
        {directory / "empty", workers_for_files},
        {directory / "one", workers_for_files},
        {directory / "forty", workers_for(41)},
        {directory / "forty/", workers_for(41)},
        {directory / "link", workers_for(41)},
        {directory / "dangling", workers_for_files},
        {directory / "loop", workers_for_files},
        {directory / "fifo", workers_for_files},
        {directory / "nothing", workers_for_files},
        {directory / std::string(300, 'x'), workers_for_files},
        {directory.path().string() + std::string("/forty\0/x", 9), workers_for_files},
        {std::string(5000, 'x'), workers_for_files},
        {"s3://bucket/key", workers_for_files},
        {"https://example.com/archive", workers_for_files},
        {"", workers_for_files},
        {"/dev/null", workers_for_files},
    };
    const json answer = with_test_limits([&] {
        json result = json::array();
        for (const auto& [source, workers] : cases) {
            std::error_code error = std::make_error_code(std::errc::io_error);
            const std::vector<path> sources{source};
            const int with_error_code = skyutil::get_max_workers_for_file_mounts(sources, error);
            result.push_back({skyutil::get_max_workers_for_file_mounts(sources), with_error_code,
                              error.value()});
        }
        return result;
    });
    for (std::size_t i = 0; i < cases.size(); ++i) {
        CAPTURE(cases[i].first.string());
        CHECK(answer[i] == json{cases[i].second, cases[i].second, 0});
    }
}

TEST_CASE("a directory that cannot be read is an error that names it") {
    const temporary_directory directory;
    const path closed = make_directory(directory, "closed", 1);
    const path hidden = make_directory(directory, "hidden", 0);
    std::filesystem::create_directory(hidden / "inner");
    ::chmod(closed.c_str(), 0300);
    ::chmod(hidden.c_str(), 0);
    const json answer = run_in_child([&] {
        drop_privileges();
        set_cpus(plenty_of_cpus);
        need_fd_limit(test_fd_limit);
        json result;
        const std::vector<path> sources{"/nowhere", closed};
        try {
            result.push_back(skyutil::get_max_workers_for_file_mounts(sources));
        } catch (const std::filesystem::filesystem_error& exception) {
            result.push_back(
                {exception.what(), exception.path1().string(), exception.code().value()});
        }
        std::error_code error;
        result.push_back({skyutil::get_max_workers_for_file_mounts(sources, error), error.value()});
        // Whether this is a directory cannot be told.
        error.clear();
        result.push_back(
            {skyutil::get_max_workers_for_file_mounts(std::vector{hidden / "inner"}, error),
             error.value()});
        return result;
    });
    ::chmod(hidden.c_str(), 0700);
    ::chmod(closed.c_str(), 0700);
    REQUIRE(answer[0].is_array());
    CHECK_THAT(answer[0][0].get<std::string>(),
               Catch::Matchers::ContainsSubstring("get_max_workers_for_file_mounts"));
    CHECK_THAT(answer[0][0].get<std::string>(),
               Catch::Matchers::ContainsSubstring(closed.string()));
    CHECK(answer[0][1] == closed.string());
    CHECK(answer[0][2] == EACCES);
    CHECK(answer[1] == json{1, EACCES});
    CHECK(answer[2] == json{workers_for_files, 0});
}

TEST_CASE("no more workers than threads, and four times as many for kubernetes") {
    const json answer = run_in_child([] {
        set_cpus(9);
        need_fd_limit(test_fd_limit);
        std::error_code error;
        return json{skyutil::get_max_workers_for_file_mounts(std::vector<path>{}),
                    skyutil::get_max_workers_for_file_mounts(std::vector<path>{}, "Kubernetes"),
                    skyutil::get_max_workers_for_file_mounts({"/nowhere"}, "kubernetes"),
                    skyutil::get_max_workers_for_file_mounts(1),
                    skyutil::get_max_workers_for_file_mounts(1, 100, "kubernetes")};
    });
    CHECK(answer == json{8, 32, 32, 8, 32});
}

TEST_CASE("the estimate needs 5 descriptors, files / 20 or 5 more, sources / 10 more") {
    struct row {
        std::uint64_t sources;
        std::uint64_t files;
        std::uint64_t descriptors;
    };
    constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
    constexpr std::array rows{
        row{0, 0, 10},
        row{1, 100, 10},
        row{9, 119, 10},
        row{10, 120, 12},
        row{100, 100, 20},
        row{0, 2000, 105},
        row{most, 0, most / 10 + 10},
        row{0, most, most / 20 + 5},
        row{most, most, most / 10 + most / 20 + 5},
    };
    STATIC_REQUIRE(std::all_of(rows.begin(), rows.end(), [](const row& r) {
        return detail::estimate_fds_per_worker(r.sources, r.files) == r.descriptors;
    }));
    const json answer = with_test_limits([&] {
        json result = json::array();
        for (const row& each : rows) {
            std::error_code error = std::make_error_code(std::errc::io_error);
            result.push_back(
                {detail::estimate_fds_per_worker(each.sources, each.files),
                 skyutil::get_max_workers_for_file_mounts(each.sources, each.files),
                 skyutil::get_max_workers_for_file_mounts(each.sources, each.files, "", error),
                 error.value()});
        }
        return result;
    });
    for (std::size_t i = 0; i < rows.size(); ++i) {
        CAPTURE(rows[i].sources, rows[i].files);
        const std::uint64_t workers =
            (std::max)((test_fd_limit - 100) / rows[i].descriptors, std::uint64_t{1});
        CHECK(answer[i] == json{rows[i].descriptors, workers, workers, 0});
    }
}

TEST_CASE("what is no directory has no estimate") {
    const temporary_directory directory;
    write_file(directory / "file", "text");
    std::filesystem::create_symlink("loop", directory / "loop");
    REQUIRE(::mkfifo((directory / "fifo").c_str(), 0600) == 0);
    const std::vector<std::pair<path, std::errc>> cases{
        {directory / "file", std::errc::not_a_directory},
        {directory / "fifo", std::errc::not_a_directory},
        {directory / "nothing", std::errc::no_such_file_or_directory},
        {"", std::errc::no_such_file_or_directory},
        {directory / "loop", std::errc::too_many_symbolic_link_levels},
        {directory / std::string(300, 'x'), std::errc::filename_too_long},
        {directory.path().string() + std::string("\0/x", 3), std::errc::invalid_argument},
    };
    for (const auto& [name, expected] : cases) {
        CAPTURE(name.string());
        std::error_code error;
        CHECK(skyutil::estimate_fd_for_directory(name, error) == 0);
        CHECK(error == expected);
        try {
            static_cast<void>(skyutil::estimate_fd_for_directory(name));
            FAIL_CHECK("no exception");
        } catch (const std::filesystem::filesystem_error& exception) {
            CHECK(exception.code() == expected);
            CHECK(exception.path1() == name);
            CHECK_THAT(exception.what(),
                       Catch::Matchers::ContainsSubstring("skyutil::estimate_fd_for_directory"));
        }
    }
}
