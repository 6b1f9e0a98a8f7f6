// SPDX-License-Identifier: MIT
//
// Logs that are rotated while they are written and read. SKYUTIL_TEST_FOLLOW_LINES and
// SKYUTIL_TEST_FOLLOW_ROTATIONS ask for more lines (10000000) and rotations (1000).

#include <skyutil/follow.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "follow/numbered_log.hpp"
#include "support.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;

namespace {

void check_rotations(skyutil::follow_wake wake) {
    const std::uint64_t lines = size_from_environment("SKYUTIL_TEST_FOLLOW_LINES", 20000);
    const std::uint64_t count = size_from_environment("SKYUTIL_TEST_FOLLOW_ROTATIONS", 20);
    for (const rotation kind : rotations) {
        CAPTURE(static_cast<int>(kind));
        const temporary_directory directory;
        std::atomic<std::uint64_t> seen = 0;
        log_reader reader(seen);
        skyutil::file_follower follower(
            directory / "logs/log",
            {.start = skyutil::follow_start::beginning, .wake = wake, .poll_interval = 1ms});
        const log_writer writer(directory / "logs/log", {kind, lines, count}, seen);
        while (reader.found().last != lines && reader.found().wrong.empty()) {
            const auto event = follower.next(60s);
            if (!event) {
                FAIL("nothing more after line " << reader.found().last);
            }
            reader.take(*event);
        }
        CHECK(reader.found().wrong == "");
        if (kind == rotation::copytruncate) {
            CHECK(reader.found().truncated <= count);
            CHECK(reader.found().rotated == 1);
        } else {
            CHECK(reader.found().missing == 0);
            CHECK(reader.found().truncated == 0);
            CHECK(reader.found().rotated == count + 1);  // the file itself appears
        }
    }
}

}  // namespace

TEST_CASE("every line comes once through rotations, by events") {
    check_rotations(skyutil::follow_wake::events);
}

TEST_CASE("every line comes once through rotations, by polling") {
    check_rotations(skyutil::follow_wake::polling);
}

TEST_CASE("every line comes once through rotations, by what is chosen") {
    check_rotations(skyutil::follow_wake::automatic);
}
