// SPDX-License-Identifier: MIT
//
// What becomes of names and files while they are followed.

#include <skyutil/follow.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "follow/events.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

using skyutil::file_follower;
using skyutil::follow_wake;
constexpr auto beginning = skyutil::follow_start::beginning;

/// Calls `check(directory, options)` for each way of being woken.
template <class Check>
void for_each_wake(Check check) {
    for (const follow_wake wake :
         {follow_wake::automatic, follow_wake::events, follow_wake::polling}) {
        CAPTURE(static_cast<int>(wake));
        const temporary_directory directory;
        check(directory.path(), skyutil::follow_options{.wake = wake, .poll_interval = 5ms});
    }
}

}  // namespace

TEST_CASE("a name that is not there yet is waited for, and its directories too") {
    for_each_wake([](const fs::path& at, const skyutil::follow_options& options) {
        file_follower follower(at / "a/b/log", options);
        CHECK(is_quiet(follower));
        fs::create_directory(at / "a");
        CHECK(is_quiet(follower));
        fs::create_directory(at / "a/b");
        write_file(at / "a/b/log", "one\n");
        CHECK(next_events(follower, 2) == texts{"appeared", "line one"});
    });
}

TEST_CASE("a name that leads nowhere for a moment is told, and what it leads to then") {
    for_each_wake([](const fs::path& at, const skyutil::follow_options& options) {
        write_file(at / "log", "old\n");
        file_follower follower(at / "log", options);
        fs::rename(at / "log", at / "log.1");
        auto event = follower.next(patience);
        REQUIRE(event);
        CHECK(event->kind == skyutil::follow_kind::vanished);
        CHECK(event->error == std::errc::no_such_file_or_directory);
        append(at / "log.1", "still written\nand half");
        CHECK(next_events(follower, 1) == texts{"line still written"});
        write_file(at / "log", "new\n");
        CHECK(next_events(follower, 3) == texts{"line and half", "appeared", "line new"});
        fs::rename(at / "log", at / "log.2");
        CHECK(next_events(follower, 1) == texts{"vanished"});
        fs::rename(at / "log.2", at / "log");
        CHECK(next_events(follower, 1) == texts{"appeared"});
        append(at / "log", "the same\n");
        CHECK(next_events(follower, 1) == texts{"line the same"});
    });
}

TEST_CASE("a file is followed wherever it is moved, if that is asked for") {
    for_each_wake([](const fs::path& at, skyutil::follow_options options) {
        options.by_name = false;
        write_file(at / "log", "");
        file_follower follower(at / "log", options);
        fs::rename(at / "log", at / "log.1");
        write_file(at / "log", "other\n");
        append(at / "log.1", "mine\n");
        CHECK(next_events(follower, 1) == texts{"line mine"});
        fs::remove(at / "log.1");
        CHECK(is_quiet(follower));
    });
}

TEST_CASE("the old file is followed until the new one has its first byte") {
    for_each_wake([](const fs::path& at, const skyutil::follow_options& options) {
        write_file(at / "log", "");
        file_follower follower(at / "log", options);
        fs::rename(at / "log", at / "log.1");
        write_file(at / "log", "");
        CHECK(is_quiet(follower));
        append(at / "log.1", "late\n");
        CHECK(next_events(follower, 1) == texts{"line late"});
        append(at / "log", "new\n");
        CHECK(next_events(follower, 2) == texts{"rotated", "line new"});
    });
}

TEST_CASE("links anywhere in the path are followed to where they lead now") {
    for_each_wake([](const fs::path& at, const skyutil::follow_options& options) {
        fs::create_directories(at / "first/logs");
        fs::create_directories(at / "second/logs");
        write_file(at / "first/logs/log", "");
        write_file(at / "second/logs/log", "two\n");
        write_file(at / "second/logs/real", "three\n");
        fs::create_directory_symlink("first", at / "current");
        file_follower follower(at / "current/../current/./logs/log", options);
        append(at / "first/logs/log", "one\n");
        CHECK(next_events(follower, 1) == texts{"line one"});
        fs::create_directory_symlink(at / "second", at / "next");
        fs::rename(at / "next", at / "current");
        CHECK(next_events(follower, 2) == texts{"rotated", "line two"});
        fs::create_symlink("../logs/real", at / "second/logs/link");
        fs::rename(at / "second/logs/link", at / "second/logs/log");
        CHECK(next_events(follower, 2) == texts{"rotated", "line three"});
    });
}

TEST_CASE("a truncated file is read from its beginning, also when it has grown beyond") {
    for_each_wake([](const fs::path& at, const skyutil::follow_options& options) {
        write_file(at / "log", "one\ntwo\n");
        file_follower follower(at / "log", options);
        append(at / "log", "three\nunfinished");
        CHECK(next_events(follower, 1) == texts{"line three"});
        CHECK_FALSE(follower.next(0s));
        write_file(at / "log", "1\n");
        CHECK(next_events(follower, 2) == texts{"truncated", "line 1"});
        write_file(at / "log", "another and longer\n");
        CHECK(next_events(follower, 2) == texts{"truncated", "line another and longer"});
        fs::resize_file(at / "log", 0);
        CHECK(next_events(follower, 1) == texts{"truncated"});
    });
}

TEST_CASE("a writer that does not append leaves NULs in a truncated file, which are skipped") {
    for_each_wake([](const fs::path& at, const skyutil::follow_options& options) {
        const std::string text(200000, 'x');
        const skyutil::unique_fd fd(::open((at / "log").c_str(), O_WRONLY | O_CREAT, 0644));
        REQUIRE(::write(fd.get(), text.data(), text.size()) == 200000);
        REQUIRE(::write(fd.get(), "\n", 1) == 1);
        file_follower follower(at / "log", options);
        CHECK_FALSE(follower.next(0s));
        fs::resize_file(at / "log", 0);
        CHECK(next_events(follower, 1) == texts{"truncated"});
        REQUIRE(::write(fd.get(), "next\n", 5) == 5);
        CHECK(next_events(follower, 1) == texts{"line next"});
        CHECK(is_quiet(follower));
    });
}

TEST_CASE("a FIFO is followed from writer to writer") {
    for_each_wake([](const fs::path& at, const skyutil::follow_options& options) {
        REQUIRE(::mkfifo((at / "fifo").c_str(), 0644) == 0);
        file_follower follower(at / "fifo", options);
        for (const char* const line : {"one", "two"}) {
            append(at / "fifo", std::string(line) + "\n");
            CHECK(next_events(follower, 1) == texts{std::string("line ") + line});
        }
    });
}

TEST_CASE("a file without a size is read") {
    for_each_wake([](const fs::path&, skyutil::follow_options options) {
        options.start = beginning;
        file_follower follower("/proc/self/limits", options);
        const auto event = follower.next(patience);
        REQUIRE(event);
        CHECK(event->text.starts_with("Limit"));
        while (follower.next(moment)) {
        }
        CHECK(is_quiet(follower));
    });
}

TEST_CASE("a file that may not be read is told, and read once it may be") {
    const auto found = run_in_child([] {
        drop_privileges();
        texts all;
        for (const follow_wake wake :
             {follow_wake::automatic, follow_wake::events, follow_wake::polling}) {
            const temporary_directory directory;
            const fs::path log = directory / "log";
            write_file(log, "");
            file_follower follower(log, {.wake = wake, .poll_interval = 5ms});
            fs::rename(log, directory / "log.1");
            write_file(directory / "new", "new\n");
            fs::permissions(directory / "new", fs::perms::none);
            fs::rename(directory / "new", log);
            const auto event = follower.next(patience);
            all.push_back(text_of(*event) + ": " + event->error.message());
            fs::permissions(log, fs::perms::owner_read);
            for (const std::string& each : next_events(follower, 2)) {
                all.push_back(each);
            }
        }
        return all;
    });
    for (std::size_t i = 0; i != 9; i += 3) {
        CHECK(found[i] == "vanished: Permission denied");
        CHECK(found[i + 1] == "appeared");
        CHECK(found[i + 2] == "line new");
    }
}

TEST_CASE("in a directory that may not be read, names are polled") {
    const auto found = run_in_child([] {
        drop_privileges();
        const temporary_directory directory;
        fs::create_directory(directory / "closed");
        const fs::path log = directory / "closed/log";
        write_file(log, "");
        fs::permissions(directory / "closed", fs::perms::owner_exec | fs::perms::owner_write);
        texts all;
        {
            file_follower follower(log, {.poll_interval = 5ms});
            append(log, "one\n");
            fs::rename(log, directory / "closed/log.1");
            append(log, "two\n");
            all = next_events(follower, 3);
        }
        std::error_code error;
        const file_follower by_events(log, {.wake = follow_wake::events}, error);
        all.push_back(error.message());
        fs::permissions(directory / "closed", fs::perms::owner_all);
        return all;
    });
    CHECK(found == nlohmann::json{"line one", "rotated", "line two", "Permission denied"});
}

TEST_CASE("the handle of a follower is readable when it is time to ask") {
    for_each_wake([](const fs::path& at, skyutil::follow_options options) {
        skyutil::stop_source source;
        options.stop = source.get_token();
        options.partial_after = 10ms;
        write_file(at / "log", "");
        file_follower follower(at / "log", options);
        const auto next = [&]() -> std::string {
            for (;;) {
                if (const auto event = follower.next(0s)) {
                    return text_of(*event);
                }
                pollfd entry{follower.native_handle(), POLLIN, 0};
                if (source.stop_requested() || ::poll(&entry, 1, 60000) != 1) {
                    return "nothing";
                }
            }
        };
        append(at / "log", "one\ntwo\nand");
        CHECK(next() == "line one");
        CHECK(next() == "line two");
        CHECK(next() == "partial and");
        CHECK_FALSE(follower.next(0s));
        pollfd entry{follower.native_handle(), POLLIN, 0};
        if (options.wake == follow_wake::events) {
            // Directories on the way, such as /tmp, tell of what others do there.
            bool quiet = false;
            for (int round = 0; round != 1000 && !quiet; ++round) {
                quiet = ::poll(&entry, 1, 20) == 0;
                CHECK_FALSE(follower.next(0s));
            }
            CHECK(quiet);
        }
        source.request_stop();
        CHECK(::poll(&entry, 1, 60000) == 1);
        CHECK_FALSE(follower.next(0s));
        CHECK(::poll(&entry, 1, 0) == 1);
    });
}

TEST_CASE("a follower leaves no descriptor open") {
    const temporary_directory directory;
    write_file(directory / "log", "one\n");
    meet_error_types();
    const std::size_t before = count_open_descriptors();
    {
        file_follower follower(directory / "log", {.start = beginning, .poll_interval = 5ms});
        CHECK(next_events(follower, 1) == texts{"line one"});
        for (int i = 0; i != 3; ++i) {
            fs::rename(directory / "log", directory / ("log." + std::to_string(i)));
            write_file(directory / "log", "two\n");
            CHECK(next_events(follower, 2) == texts{"rotated", "line two"});
        }
        CHECK(count_open_descriptors() == before + 4);  // the file; epoll, timer, inotify
    }
    CHECK(count_open_descriptors() == before);
}
