// SPDX-License-Identifier: MIT
//
// Ten thousand files followed by one thread.

#include <skyutil/follow.hpp>
#include <skyutil/system.hpp>

#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <system_error>

#include <sys/resource.h>

#include "follow/events.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// How often this thread has gone to sleep.
long count_waits() {
    rusage used{};
    ::getrusage(RUSAGE_THREAD, &used);
    return used.ru_nvcsw;
}

std::size_t count_inotify() {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
        std::error_code ignored;
        count += fs::read_symlink(entry.path(), ignored) == "anon_inode:inotify" ? 1 : 0;
    }
    return count;
}

}  // namespace

TEST_CASE("ten thousand files take one inotify, and their thread sleeps while nothing happens") {
    constexpr std::size_t count = 10'000;
    skyutil::raise_fd_limit();
    if (const auto most = skyutil::get_fd_limits().soft; most && *most < count + 100) {
        SKYUTIL_SKIP("no more than " + std::to_string(*most) + " files may be open");
    }
    const temporary_directory directory;
    std::error_code error;
    const std::size_t inherited = count_inotify();
    skyutil::file_follower_set set({.wake = skyutil::follow_wake::events}, error);
    REQUIRE_FALSE(error);
    for (std::size_t i = 0; i != count; ++i) {
        const fs::path log = directory / std::to_string(i);
        write_file(log, "old\n");
        set.add(log, error);
        if (error == std::errc::no_space_on_device) {
            SKYUTIL_SKIP("a user may not watch so many files");
        }
        if (error) {
            FAIL(error.message());
        }
    }
    CHECK(count_inotify() == inherited + 1);
    CHECK_FALSE(set.next(0s));

    // It sleeps until something happens, or the time is over. Others do something in /tmp, or a
    // page of memory has to be fetched, but not all the time.
    bool slept = false;
    for (int round = 0; round != 100 && !slept; ++round) {
        const long before = count_waits();
        CHECK_FALSE(set.next(300ms));
        slept = count_waits() - before <= 2;
    }
    CHECK(slept);

    std::set<std::size_t> found;
    bool right = true;
    constexpr std::size_t step = 20;
    for (std::size_t i = 0; i < count; i += step) {
        append(directory / std::to_string(i), std::to_string(i) + "\n");
    }
    while (right && found.size() != count / step) {
        const auto event = set.next(patience);
        right = event && event->text == std::to_string(event->file) && event->file % step == 0 &&
                found.insert(event->file).second;
    }
    CHECK(right);
    CHECK(is_quiet(set));
}
