// SPDX-License-Identifier: MIT
//
// file_tail: the same lines as read_last_n_lines, as views of one buffer.

#include <skyutil/files.hpp>

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "files/outcomes.hpp"
#include "support.hpp"

using namespace skyutil_tests;

namespace {

namespace fs = std::filesystem;
using lines = std::vector<std::string>;

}  // namespace

TEST_CASE("file_tail has the lines that read_last_n_lines returns") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    std::size_t number = 0;
    for (const auto& [name, text] : texts()) {
        if (text.size() > 20'000 && ++number % 5 != 0) {
            continue;
        }
        write_file(path, text);
        for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{7}, all}) {
            for (const auto line_end : {skyutil::line_end::strip_lf, skyutil::line_end::strip_crlf,
                                        skyutil::line_end::keep}) {
                for (const auto invalid :
                     {skyutil::invalid_utf8::keep, skyutil::invalid_utf8::replace}) {
                    const skyutil::tail_options options{.line_end = line_end,
                                                        .invalid_utf8 = invalid};
                    const outcome views = try_tail(path, n, options);
                    if (views.error || views.found != try_read(path, n, options).found) {
                        FAIL_CHECK(name << ", n = " << n << ": " << views.error.message() << ", "
                                        << summary(views.found));
                    }
                }
            }
        }
    }
    SUCCEED();
}

TEST_CASE("the views of a file_tail stay valid when it is moved") {
    const temporary_directory directory;
    write_file(directory / "short", "a\nb\n");
    write_file(directory / "invalid", "a\xff\nb\n");
    for (const char* const name : {"short", "invalid"}) {
        INFO(name);
        skyutil::file_tail first(directory / name, 2,
                                 {.invalid_utf8 = skyutil::invalid_utf8::replace});
        const auto* const data = first.lines().back().data();
        const skyutil::file_tail second(std::move(first));
        CHECK(first.lines().empty());  // NOLINT(*-use-after-move)
        REQUIRE(second.lines().size() == 2);
        CHECK(second.lines().back() == "b");
        CHECK(second.lines().back().data() == data);
    }
    skyutil::file_tail tail;
    CHECK(tail.lines().empty());
    tail = skyutil::file_tail(directory / "short", 1);
    REQUIRE(tail.lines().size() == 1);
    CHECK(tail.lines().front() == "b");
}

TEST_CASE("file_tail keeps its views in one buffer") {
    const temporary_directory directory;
    write_file(directory / "file", std::string(50'000, '\n') + "a\nb\nc\n");
    const skyutil::file_tail tail(directory / "file", 40'000);
    REQUIRE(tail.lines().size() == 40'000);
    for (std::size_t i = 1; i < tail.lines().size(); ++i) {
        const std::string_view before = tail.lines()[i - 1];
        if (tail.lines()[i].data() != before.data() + before.size() + 1) {
            FAIL("line " << i << " is elsewhere");
        }
    }
}

TEST_CASE("file_tail reports errors as read_last_n_lines does") {
    const temporary_directory directory;
    write_file(directory / "file", "text\nmore\n");
    CHECK(try_tail(directory / "missing", 1).error == std::errc::no_such_file_or_directory);
    CHECK(try_tail(directory.path(), 0).error == std::errc::is_a_directory);
    CHECK(try_tail(directory / "file", 2, {.max_bytes = 9}).error == std::errc::file_too_large);
    CHECK_FALSE(try_tail(directory / "file", 2, {.max_bytes = 10}).error);
    std::error_code error = std::make_error_code(std::errc::io_error);
    const skyutil::file_tail failed(directory / "missing", 1, error);
    CHECK(error == std::errc::no_such_file_or_directory);
    CHECK(failed.lines().empty());
    try {
        const skyutil::file_tail tail(directory / "missing", 1);
        FAIL_CHECK("no exception");
    } catch (const fs::filesystem_error& thrown) {
        CHECK(thrown.code() == std::errc::no_such_file_or_directory);
        CHECK(thrown.path1() == directory / "missing");
        CHECK(std::string(thrown.what()).find("skyutil::file_tail") != std::string::npos);
    }
}

TEST_CASE("a file with a hole has lines of NULs") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "first\nbefore");
    fs::resize_file(path, 3'000'000);
    {
        std::ofstream out(path, std::ios::app | std::ios::binary);
        out << "after\nlast\n";
    }
    const std::string hole =
        "before" + std::string(3'000'000 - std::strlen("first\nbefore"), '\0') + "after";
    CHECK(summary(skyutil::read_last_n_lines(path, 2)) == summary({hole, "last"}));
    CHECK(skyutil::read_last_n_lines(path, 2) == lines{hole, "last"});
    CHECK(try_tail(path, 3).found == lines{"first", hole, "last"});
    CHECK(try_tail(path, 1, {.max_bytes = 5}).found == lines{"last"});
}
