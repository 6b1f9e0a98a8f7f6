// SPDX-License-Identifier: MIT
//
// The system failing under a follower.

#include <skyutil/follow.hpp>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>

#include "files/faults_linux.hpp"
#include "follow/events.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

using skyutil::file_follower;
using skyutil::follow_wake;
constexpr auto beginning = skyutil::follow_start::beginning;

/// The events of a line, a rotation and another line.
texts rotate(file_follower& follower, const fs::path& log) {
    append(log, "one\n");
    texts found = next_events(follower, 1);
    fs::rename(log, log.string() + ".1");
    write_file(log, "two\n");
    for (const std::string& each : next_events(follower, 2)) {
        found.push_back(each);
    }
    return found;
}

const texts all_of_it{"line one", "rotated", "line two"};

}  // namespace

TEST_CASE("where there is no inotify left, files are polled, and events alone are an error") {
    for (const int reason : {EMFILE, ENFILE, ENOSYS}) {
        const temporary_directory directory;
        const fs::path log = directory / "log";
        write_file(log, "");
        {
            const fault none("inotify_init1", 0, reason);
            file_follower follower(log, {.poll_interval = 2ms});
            CHECK(none.happened());
            CHECK(rotate(follower, log) == all_of_it);
        }
        const fault none("inotify_init1", 0, reason);
        std::error_code error;
        const file_follower follower(log, {.wake = follow_wake::events}, error);
        CHECK(error == std::error_code(reason, std::generic_category()));
    }
}

TEST_CASE("where there is no watch left, a file is polled, and events alone are an error") {
    for (int before = 0; before != 6; ++before) {
        CAPTURE(before);
        const temporary_directory directory;
        const fs::path log = directory / "a/log";
        fs::create_directory(directory / "a");
        write_file(log, "");
        for (const follow_wake wake : {follow_wake::automatic, follow_wake::events}) {
            const fault none("inotify_add_watch", before, ENOSPC);
            std::error_code error;
            file_follower follower(log, {.wake = wake, .poll_interval = 2ms}, error);
            if (!none.happened()) {
                CHECK(before > 3);  // at least "/", "tmp", the test's, "a" and the file
            } else if (wake == follow_wake::events) {
                CHECK(error == std::errc::no_space_on_device);
            } else {
                CHECK_FALSE(error);
                CHECK(rotate(follower, log) == all_of_it);
            }
        }
    }
}

TEST_CASE("a follower that has no descriptors for itself is an error") {
    for (const char* const call : {"epoll_create1", "timerfd_create", "epoll_ctl"}) {
        CAPTURE(call);
        const temporary_directory directory;
        write_file(directory / "log", "");
        meet_error_types();
        const std::size_t before = count_open_descriptors();
        {
            const fault none(call, 0, EMFILE);
            std::error_code error;
            const file_follower follower(directory / "log", {}, error);
            CHECK(error == std::errc::too_many_files_open);
        }
        CHECK(count_open_descriptors() == before);
    }
}

TEST_CASE("a file that cannot be read is told once, and read on when it can be") {
    for (const follow_wake wake :
         {follow_wake::automatic, follow_wake::events, follow_wake::polling}) {
        CAPTURE(static_cast<int>(wake));
        const temporary_directory directory;
        const fs::path log = directory / "log";
        write_file(log, "one\n");
        file_follower follower(log, {.start = beginning, .wake = wake, .poll_interval = 2ms});
        {
            const fault broken("pread", fault::every_call, EIO);
            const auto event = follower.next(patience);
            REQUIRE(event);
            CHECK(event->kind == skyutil::follow_kind::failed);
            CHECK(event->error == std::errc::io_error);
            CHECK(is_quiet(follower));
        }
        CHECK(next_events(follower, 1) == texts{"line one"});
        {
            const fault broken("fstat", fault::every_call, EIO);
            CHECK(next_events(follower, 1) == texts{"failed"});
        }
        append(log, "two\n");
        CHECK(next_events(follower, 1) == texts{"line two"});

        const fault broken("pread", 0, EIO);
        std::string found;
        std::error_code error;
        skyutil::follow_file(
            log, [&](std::string_view line) { found += line; }, {.start = beginning}, error);
        CHECK(error == std::errc::io_error);
        CHECK(found.empty());
    }
}

TEST_CASE("a new file that cannot be opened is tried again") {
    const temporary_directory directory;
    const fs::path log = directory / "log";
    write_file(log, "");
    file_follower follower(log, {.poll_interval = 2ms});
    CHECK_FALSE(follower.next(0s));
    fs::rename(log, directory / "log.1");
    write_file(log, "two\n");
    {
        const fault none("open", fault::every_call, EMFILE);
        const auto event = follower.next(patience);
        REQUIRE(event);
        CHECK(event->kind == skyutil::follow_kind::vanished);
        CHECK(event->error == std::errc::too_many_files_open);
    }
    CHECK(next_events(follower, 2) == texts{"appeared", "line two"});
}

TEST_CASE("no call that is interrupted or does less than asked changes what is read") {
    for (const auto kind : {fault::disturbance::interrupted, fault::disturbance::trickling}) {
        for (const follow_wake wake : {follow_wake::automatic, follow_wake::polling}) {
            const temporary_directory directory;
            const fs::path log = directory / "log";
            write_file(log, "");
            // Less than an event of inotify cannot be read: see inotify(7).
            if (kind == fault::disturbance::trickling && wake != follow_wake::polling) {
                continue;
            }
            const fault disturbed(kind);
            file_follower follower(log, {.wake = wake, .poll_interval = 2ms});
            CHECK(rotate(follower, log) == all_of_it);
            CHECK(disturbed.happened());
        }
    }
}

TEST_CASE("a truncation between two reads joins nothing") {
    // The first read is of the block, the second one finds its end, the third one looks again.
    for (int before = 0; before != 4; ++before) {
        CAPTURE(before);
        const temporary_directory directory;
        const fs::path log = directory / "log";
        std::string old;
        for (int i = 0; i != 40; ++i) {
            old += "old line " + std::to_string(i) + "\n";
        }
        write_file(log, "");
        file_follower follower(log, {.wake = follow_wake::polling, .poll_interval = 1ms});
        CHECK_FALSE(follower.next(0s));
        write_file(log, old);
        bool done = false;
        const fault truncated("pread", before, [&] {
            write_file(log, std::string(old.size() + 100, 'n') + "\nnew\n");
            done = true;
        });
        texts found;
        while (found.empty() || found.back() != "line new") {
            const auto event = follower.next(patience);
            REQUIRE(event);
            found.push_back(text_of(*event));
        }
        CHECK(done);
        for (const std::string& each : found) {
            CHECK((each == "truncated" || each == "line new" ||
                   each.starts_with("line old line ") ||
                   each == "line " + std::string(old.size() + 100, 'n')));
        }
    }
}
