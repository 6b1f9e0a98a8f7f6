// SPDX-License-Identifier: MIT
//
// Where the following of a file begins.

#include <skyutil/files.hpp>
#include <skyutil/follow.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>

#include "follow/events.hpp"
#include "support.hpp"

using namespace skyutil_tests;

namespace {

using enum skyutil::follow_start;
using skyutil::file_follower;

}  // namespace

TEST_CASE("unless something else is asked for, the name is followed from its end, by events") {
    const skyutil::follow_options options;
    CHECK(options.start == end);
    CHECK(options.last_lines == 10);
    CHECK(options.by_name);
    CHECK(options.line_end == skyutil::line_end::strip_lf);
    CHECK(options.invalid_utf8 == skyutil::invalid_utf8::keep);
    CHECK(options.max_line == std::size_t{1} << 20);
    CHECK_FALSE(options.partial_after);
    CHECK(options.wake == skyutil::follow_wake::automatic);
    CHECK(options.poll_interval == std::chrono::seconds(1));
}

TEST_CASE("a follower begins at the end, with the first line or with the last lines") {
    const temporary_directory directory;
    const std::filesystem::path log = directory / "log";
    write_file(log, "one\ntwo\nthree\n");
    file_follower from_end(log);
    file_follower from_beginning(log, {.start = beginning});
    file_follower from_last(log, {.start = last_lines, .last_lines = 2});
    file_follower from_none(log, {.start = last_lines, .last_lines = 0});
    append(log, "four\n");
    CHECK(next_events(from_end, 1) == texts{"line four"});
    CHECK(next_events(from_beginning, 4) ==
          texts{"line one", "line two", "line three", "line four"});
    CHECK(next_events(from_last, 3) == texts{"line two", "line three", "line four"});
    CHECK(next_events(from_none, 1) == texts{"line four"});
}

TEST_CASE("a last line that is unfinished at the start comes whole") {
    const temporary_directory directory;
    const std::filesystem::path log = directory / "log";
    write_file(log, "one\ntw");
    file_follower from_end(log);
    file_follower from_last(log, {.start = last_lines, .last_lines = 2});
    CHECK(is_quiet(from_end));
    append(log, "o\n");
    CHECK(next_events(from_end, 1) == texts{"line two"});
    CHECK(next_events(from_last, 2) == texts{"line one", "line two"});
}

TEST_CASE("the last lines are found in a file of many blocks") {
    const temporary_directory directory;
    const std::filesystem::path log = directory / "log";
    std::string text;
    for (int i = 0; i != 50000; ++i) {
        text += std::to_string(i) + " some text\n";
    }
    write_file(log, text);
    file_follower follower(log, {.start = last_lines, .last_lines = 20000});
    CHECK(next_events(follower, 1) == texts{"line 30000 some text"});
    CHECK(next_events(follower, 19999).back() == "line 49999 some text");
    CHECK(follower.position().offset == text.size());
}

TEST_CASE("a follower goes on at the position of another, or of a file_tail") {
    const temporary_directory directory;
    const std::filesystem::path log = directory / "log";
    write_file(log, "one\ntwo\nthree\n");
    file_follower first(log, {.start = beginning});
    CHECK(next_events(first, 2) == texts{"line one", "line two"});
    const skyutil::follow_position where = first.position();
    CHECK(where.offset == 8);
    file_follower second(log, {.start = position, .position = where});
    CHECK(next_events(second, 1) == texts{"line three"});
    CHECK(second.position() == skyutil::follow_position{14, second.position().file});
    CHECK(second.position() != where);

    const skyutil::file_tail tail(log, 1);
    append(log, "four\n");
    file_follower third(log, {.start = position, .position = {tail.end_offset()}});
    CHECK(next_events(third, 1) == texts{"line four"});
}

TEST_CASE("a file at the name that is not the one of a position is told and read whole") {
    const temporary_directory directory;
    const std::filesystem::path log = directory / "log";
    write_file(log, "one\n");
    file_follower first(log, {.start = beginning});
    CHECK(next_events(first, 1) == texts{"line one"});
    const skyutil::follow_position where = first.position();
    std::filesystem::rename(log, directory / "log.1");
    write_file(log, "new\nfile\n");
    file_follower second(log, {.start = position, .position = where});
    CHECK(next_events(second, 3) == texts{"rotated", "line new", "line file"});
}

TEST_CASE("a file that was truncated after a position was taken is told and read whole") {
    const temporary_directory directory;
    const std::filesystem::path log = directory / "log";
    for (const std::string now : {"", "1\n", "other\nlines\nof more bytes\n"}) {
        CAPTURE(now);
        write_file(log, "one\ntwo\n");
        file_follower first(log, {.start = beginning});
        CHECK(next_events(first, 2) == texts{"line one", "line two"});
        write_file(log, now);  // truncates
        file_follower second(log, {.start = position, .position = first.position()});
        CHECK(next_events(second, 1) == texts{"truncated"});
        append(log, "last\n");
        CHECK(next_events(second, 1) ==
              texts{now.empty() ? "line last" : "line " + now.substr(0, now.find('\n'))});
    }
}

TEST_CASE("a file that cannot be followed is an error") {
    const temporary_directory directory;
    const auto error_of = [](const std::filesystem::path& path, bool by_name) {
        std::error_code error;
        const file_follower follower(path, {.by_name = by_name}, error);
        return error;
    };
    using enum std::errc;
    CHECK(error_of(directory / "nothing", false) == no_such_file_or_directory);
    CHECK(error_of(directory.path(), false) == is_a_directory);
    CHECK(error_of(directory.path(), true) == is_a_directory);
    CHECK(error_of(directory / std::string("a\0b", 3), true) == invalid_argument);
    try {
        const file_follower follower(directory.path());
        FAIL_CHECK("no exception");
    } catch (const std::filesystem::filesystem_error& error) {
        CHECK(error.path1() == directory.path());
        CHECK(error.code() == is_a_directory);
    }
}
