// SPDX-License-Identifier: MIT
//
// What of a line is given, and when.

#include <skyutil/follow.hpp>

#include <chrono>
#include <filesystem>
#include <string>

#include "follow/events.hpp"
#include "support.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;

namespace {

using skyutil::file_follower;
constexpr auto beginning = skyutil::follow_start::beginning;

/// The events of a file with this text, as many as that.
texts events_of(const std::string& text, std::size_t count, skyutil::follow_options options) {
    const temporary_directory directory;
    write_file(directory / "log", text);
    options.start = beginning;
    file_follower follower(directory / "log", options);
    texts found = next_events(follower, count);
    CHECK(is_quiet(follower));
    return found;
}

}  // namespace

TEST_CASE("lines end as the options say") {
    using enum skyutil::line_end;
    const std::string text = "a\r\n\nb\rc\n";
    CHECK(events_of(text, 3, {.line_end = strip_lf}) == texts{"line a\r", "line", "line b\rc"});
    CHECK(events_of(text, 3, {.line_end = strip_crlf}) == texts{"line a", "line", "line b\rc"});
    CHECK(events_of(text, 3, {.line_end = keep}) == texts{"line a\r\n", "line \n", "line b\rc\n"});
    CHECK(events_of(text, 4, {.line_end = any}) == texts{"line a", "line", "line b", "line c"});
    CHECK(events_of("  9%\r 10%\n", 1, {.line_end = terminal}) == texts{"line  10%"});
}

TEST_CASE("a carriage return ends a line at once, and a line feed that comes later is its own") {
    const temporary_directory directory;
    write_file(directory / "log", "10%\r");
    file_follower follower(directory / "log",
                           {.start = beginning, .line_end = skyutil::line_end::any});
    CHECK(next_events(follower, 1) == texts{"line 10%"});
    append(directory / "log", "\nnext\n");
    CHECK(next_events(follower, 1) == texts{"line next"});
}

TEST_CASE("what is not UTF-8 is replaced where that is asked for") {
    CHECK(events_of("a\xff\n", 1, {}) == texts{"line a\xff"});
    CHECK(events_of("a\xff\n", 1, {.invalid_utf8 = skyutil::invalid_utf8::replace}) ==
          texts{"line a\xef\xbf\xbd"});
}

TEST_CASE("a line without its end is waited for, piece by piece") {
    const temporary_directory directory;
    write_file(directory / "log", "");
    file_follower follower(directory / "log");
    for (const char* const piece : {"a", "b", "c"}) {
        append(directory / "log", piece);
        CHECK(is_quiet(follower));
    }
    append(directory / "log", "d\ne");
    CHECK(next_events(follower, 1) == texts{"line abcd"});
    CHECK(follower.position().offset == 5);
    CHECK(is_quiet(follower));
}

TEST_CASE("a part of a line is given after the time that is asked for") {
    const temporary_directory directory;
    write_file(directory / "log", "password: ");
    file_follower follower(directory / "log", {.start = beginning, .partial_after = 20ms});
    const auto before = std::chrono::steady_clock::now();
    CHECK(next_events(follower, 1) == texts{"partial password: "});
    CHECK(std::chrono::steady_clock::now() - before >= 20ms);
    CHECK(is_quiet(follower));
    append(directory / "log", "hidden\n");
    CHECK(next_events(follower, 1) == texts{"line hidden"});
    append(directory / "log", "and");
    CHECK(next_events(follower, 1) == texts{"partial and"});
    append(directory / "log", "\n");
    CHECK(next_events(follower, 1) == texts{"line"});
}

TEST_CASE("a longer line than may be held comes in pieces that make the whole") {
    std::string text;
    for (int i = 0; i != 100000; ++i) {
        text += "\xe2\x82\xac" + std::to_string(i);  // a code point of three bytes
    }
    for (const std::size_t most : {std::size_t{1}, std::size_t{100}, std::size_t{100000}}) {
        CAPTURE(most);
        const temporary_directory directory;
        write_file(directory / "log", text + "\nnext\n");
        file_follower follower(
            directory / "log",
            {.start = beginning, .invalid_utf8 = skyutil::invalid_utf8::replace, .max_line = most});
        std::string found;
        bool bounded = true;
        auto event = follower.next(patience);
        for (; event && event->kind == skyutil::follow_kind::partial;
             event = follower.next(patience)) {
            bounded = bounded && event->text.size() <= (most < 16 ? 16 : most);
            found += event->text;
        }
        REQUIRE(event);
        CHECK(event->kind == skyutil::follow_kind::line);
        CHECK(bounded);
        CHECK(found + std::string(event->text) == text);
        CHECK(next_events(follower, 1) == texts{"line next"});
    }
}

TEST_CASE("a line of just as many bytes as may be held comes whole") {
    const std::string line(100, 'x');
    CHECK(events_of(line + "\n" + line + "y\n", 3, {.max_line = 100}) ==
          texts{"line " + line, "partial " + line, "line y"});
}
