// SPDX-License-Identifier: MIT
//
// Waiting for lines, of one file and of many, and how it ends.

#include <skyutil/follow.hpp>
#include <skyutil/stop_token.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "follow/events.hpp"
#include "support.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;

namespace {

using skyutil::file_follower;
using skyutil::follow_wake;
constexpr auto beginning = skyutil::follow_start::beginning;

constexpr follow_wake every_wake[] = {follow_wake::automatic, follow_wake::events,
                                      follow_wake::polling};

}  // namespace

TEST_CASE("next returns nothing when the time is over, and lines that come meanwhile") {
    for (const follow_wake wake : every_wake) {
        CAPTURE(static_cast<int>(wake));
        const temporary_directory directory;
        write_file(directory / "log", "old\n");
        file_follower follower(directory / "log", {.wake = wake, .poll_interval = 5ms});
        CHECK_FALSE(follower.next(0s));
        CHECK_FALSE(follower.next(-1s));
        const auto before = std::chrono::steady_clock::now();
        CHECK_FALSE(follower.next(30ms));
        CHECK(std::chrono::steady_clock::now() - before >= 30ms);
        std::thread writer([&] {
            std::this_thread::sleep_for(20ms);
            append(directory / "log", "new\n");
        });
        CHECK(next_events(follower, 1) == texts{"line new"});
        writer.join();
    }
}

TEST_CASE("a stop ends the waiting, and all that comes after") {
    for (const follow_wake wake : every_wake) {
        CAPTURE(static_cast<int>(wake));
        const temporary_directory directory;
        write_file(directory / "log", "one\ntwo\n");
        skyutil::stop_source source;
        file_follower follower(directory / "log", {.wake = wake, .stop = source.get_token()});
        std::thread other([&] {
            std::this_thread::sleep_for(20ms);
            source.request_stop();
        });
        const auto before = std::chrono::steady_clock::now();
        CHECK_FALSE(follower.next(patience));
        CHECK(std::chrono::steady_clock::now() - before < patience);
        other.join();
        append(directory / "log", "three\n");
        CHECK_FALSE(follower.next(patience));
        std::error_code error;
        file_follower late(directory / "log", {.stop = source.get_token()}, error);
        CHECK_FALSE(error);
        CHECK_FALSE(late.next(patience));
        skyutil::follow_file(directory / "log", [](std::string_view) { FAIL_CHECK("a line"); },
                             {.start = beginning, .stop = source.get_token()});
    }
}

TEST_CASE("follow_file goes on until it is told that no line is wanted") {
    const temporary_directory directory;
    write_file(directory / "log", "one\ntwo\nthree\n");
    std::string found;
    skyutil::follow_file(directory / "log",
                         [&](std::string_view line) {
                             found += line;
                             return line != "two";
                         },
                         {.start = beginning});
    CHECK(found == "onetwo");

    found.clear();
    skyutil::stop_source source;
    skyutil::follow_file(directory / "log",
                         [&](std::string_view line) {
                             found += line;
                             if (line == "three") {
                                 source.request_stop();
                             }
                         },
                         {.start = beginning, .stop = source.get_token()});
    CHECK(found == "onetwothree");

    std::error_code error;
    skyutil::follow_file(directory.path(), [](std::string_view) {}, {}, error);
    CHECK(error == std::errc::is_a_directory);
    CHECK_THROWS_AS(skyutil::follow_file(directory.path(), [](std::string_view) {}),
                    std::filesystem::filesystem_error);
}

TEST_CASE("a set tells which file a line is of, each in order") {
    for (const follow_wake wake : every_wake) {
        CAPTURE(static_cast<int>(wake));
        const temporary_directory directory;
        skyutil::file_follower_set set({.wake = wake, .poll_interval = 5ms});
        constexpr std::size_t count = 20;
        for (std::size_t i = 0; i != count; ++i) {
            const std::filesystem::path log = directory / std::to_string(i);
            write_file(log, "old\n");
            CHECK(set.add(log) == i);
        }
        for (int round = 0; round != 3; ++round) {
            for (std::size_t i = 0; i != count; ++i) {
                append(directory / std::to_string(i),
                       std::to_string(i) + ' ' + std::to_string(round) + '\n');
            }
        }
        std::map<std::size_t, int> rounds;
        for (std::size_t i = 0; i != 3 * count; ++i) {
            const auto event = set.next(patience);
            REQUIRE(event);
            CHECK(event->text ==
                  std::to_string(event->file) + ' ' + std::to_string(rounds[event->file]++));
        }
        CHECK(set.position(7).offset == std::string("old\n7 0\n7 1\n7 2\n").size());
        set.remove(7);
        set.remove(7);
        set.remove(1000);
        append(directory / "7", "unseen\n");
        append(directory / "8", "seen\n");
        CHECK(next_events(set, 1) == texts{"line seen"});
        CHECK(is_quiet(set));
        CHECK(set.position(7) == skyutil::follow_position{});
        CHECK(set.add(directory / "7", {4, ""}) == count);
    }
}

TEST_CASE("a file with much to tell does not keep the others waiting") {
    const temporary_directory directory;
    std::string much;
    while (much.size() < 1'000'000) {
        much += "line\n";
    }
    write_file(directory / "large", much);
    write_file(directory / "small", "one\n");
    skyutil::file_follower_set set({.start = beginning});
    set.add(directory / "large");
    set.add(directory / "small");
    std::size_t before = 0;
    for (auto event = set.next(patience); event && event->file == 0; event = set.next(patience)) {
        ++before;
    }
    CHECK(before < much.size() / 5 / 2);
}

TEST_CASE("the same file may be in a set more than once") {
    const temporary_directory directory;
    write_file(directory / "log", "");
    skyutil::file_follower_set set;
    set.add(directory / "log");
    set.add(directory / "log");
    CHECK_FALSE(set.next(0s));
    append(directory / "log", "one\n");
    CHECK(next_events(set, 2) == texts{"line one", "line one"});
    set.remove(0);
    append(directory / "log", "two\n");
    CHECK(next_events(set, 1) == texts{"line two"});
}

TEST_CASE("a follower that is moved goes on, and a file that cannot be added changes nothing") {
    const temporary_directory directory;
    write_file(directory / "log", "");
    file_follower first(directory / "log");
    append(directory / "log", "one\ntwo\n");
    CHECK(next_events(first, 1) == texts{"line one"});
    file_follower second(std::move(first));
    CHECK(next_events(second, 1) == texts{"line two"});

    skyutil::file_follower_set set;
    CHECK_THROWS_AS(set.add(directory.path()), std::filesystem::filesystem_error);
    CHECK(set.add(directory / "log") == 0);
    append(directory / "log", "three\n");
    CHECK(next_events(set, 1) == texts{"line three"});
}
