// SPDX-License-Identifier: MIT
//
// What is told of files and names, and the alarm. Where a system cannot tell, files are polled.

#include <skyutil/detail/base/deadline.hpp>
#include <skyutil/detail/os/file_events.hpp>
#include <skyutil/detail/os/files.hpp>

#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "os_contract/answers.hpp"
#include "support.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// Waits for events and returns what they are: "3 written", "4 entry name".
std::vector<std::string> taken(os::file_events& events) {
    static const char* const names[] = {"written", "entry", "ended", "lost"};
    std::vector<std::string> all;
    done([&](std::error_code& error) {
        return os::wait_readable(events.handle(), 60s, error) == os::readiness::ready;
    });
    done([&](std::error_code& error) {
        return events.take(
            [&](const os::file_event& event) {
                std::string text =
                    std::to_string(event.watch) + ' ' + names[static_cast<int>(event.what)];
                text += event.name.empty() ? "" : " " + std::string(event.name);
                if (all.empty() || all.back() != text) {
                    all.push_back(text);
                }
            },
            error);
    });
    return all;
}

bool is_readable(const os::file_events& events, std::chrono::milliseconds time) {
    return done([&](std::error_code& error) {
               return os::wait_readable(events.handle(), time, error);
           }) == os::readiness::ready;
}

}  // namespace

TEST_CASE("an alarm has the handle be readable until it is set again") {
    std::error_code error;
    const os::file_events events(error);
    REQUIRE_FALSE(error);
    CHECK_FALSE(is_readable(events, 0ms));
    events.set_alarm(std::chrono::steady_clock::now() + 10ms);
    CHECK(is_readable(events, 60s));
    CHECK(is_readable(events, 0ms));
    events.set_alarm(skyutil::detail::for_ever);
    CHECK_FALSE(is_readable(events, 0ms));
    events.set_alarm({});  // long past
    CHECK(is_readable(events, 60s));
}

TEST_CASE("bytes of watched files and names in watched directories are told") {
    const temporary_directory directory;
    const fs::path file = directory / "file";
    write_file(file, "");
    std::error_code error;
    os::file_events events(error);
    events.start_watching(error);
    REQUIRE_FALSE(error);
    CHECK_FALSE(done([&](std::error_code& e) { return events.take([](const auto&) {}, e); }));

    const unique_fd open(
        done([&](std::error_code& e) { return os::open_file(name_of(file.string()), e); }));
    const os::watch_id bytes =
        done([&](std::error_code& e) { return events.watch_file(open.get(), e); });
    const os::watch_id names = done([&](std::error_code& e) {
        return events.watch_directory(name_of(directory.path().string()), e);
    });
    CHECK(bytes != names);
    CHECK(bytes == done([&](std::error_code& e) { return events.watch_file(open.get(), e); }));
    const std::string of_file = std::to_string(bytes);
    const std::string of_names = std::to_string(names);
    using list = std::vector<std::string>;

    write_file(file, "text");
    CHECK(taken(events) == list{of_file + " written"});
    fs::rename(file, directory / "other");
    CHECK(taken(events) == list{of_names + " entry file", of_names + " entry other"});
    write_file(directory / "other", "more");
    CHECK(taken(events) == list{of_file + " written"});
    events.unwatch(bytes);
    CHECK(taken(events) == list{of_file + " ended"});
    fs::remove(directory / "other");
    CHECK(taken(events) == list{of_names + " entry other"});
}

TEST_CASE("what cannot be watched is an error") {
    const temporary_directory directory;
    write_file(directory / "file", "");
    std::error_code error;
    os::file_events events(error);
    events.start_watching(error);
    REQUIRE_FALSE(error);
    CHECK(events.watch_directory(name_of((directory / "file").string()), error) == os::no_watch);
    CHECK(error == std::errc::not_a_directory);
    error.clear();
    CHECK(events.watch_directory(name_of((directory / "no").string()), error) == os::no_watch);
    CHECK(error == std::errc::no_such_file_or_directory);
}

TEST_CASE("files of /proc change without being told of") {
    const unique_fd open(
        done([](std::error_code& e) { return os::open_file(name_of("/proc/self/stat"), e); }));
    CHECK_FALSE(os::tells_of_changes(open.get()));
    CHECK_FALSE(os::tells_of_changes(name_of("/proc/self")));
}

TEST_CASE("a name and a link to it lead to the same file") {
    const temporary_directory directory;
    write_file(directory / "file", "");
    fs::create_symlink("file", directory / "link");
    const auto id = [&](const char* name) {
        return done([&](std::error_code& e) {
            return os::identify_target(name_of((directory / name).string()), e);
        });
    };
    CHECK(id("file") == id("link"));
    std::error_code error;
    static_cast<void>(os::identify_target(name_of((directory / "no").string()), error));
    CHECK(error == std::errc::no_such_file_or_directory);
}
