// SPDX-License-Identifier: MIT

#include <skyutil/detail/os/process_list.hpp>
#include <skyutil/detail/os/processes.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <system_error>

#include "os_contract/answers.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;

TEST_CASE("this process is there, alive, and one that can be held on to") {
    const std::int64_t self = os::process_id();
    CHECK(os::is_process_id(self));
    CHECK(os::process_exists(self));
    for (const bool by_start : {false, true}) {
        CAPTURE(by_start);
        const os::process_ref process = done([&](std::error_code& error) {
            return by_start ? os::process_ref::open_by_start(self, error)
                            : os::process_ref::open(self, error);
        });
        CHECK(process.pid() == self);
        CHECK(done([&](std::error_code& error) { return process.alive(error); }));
        CHECK_FALSE(done([&](std::error_code& error) {
            return process.wait_until(std::chrono::steady_clock::now() + 5ms, error);
        }));
        done([&](std::error_code& error) { process.signal(0, error); });
    }
}

TEST_CASE("numbers that are no ids are those of no process") {
    for (const std::int64_t number :
         {std::int64_t{0}, std::int64_t{-1}, (std::numeric_limits<std::int64_t>::min)(),
          (std::numeric_limits<std::int64_t>::max)()}) {
        CAPTURE(number);
        CHECK_FALSE(os::is_process_id(number));
        CHECK_FALSE(os::process_exists(number));
        CHECK(error_of([&](std::error_code& error) {
                  return os::process_ref::open(number, error).pid();
              }) == std::errc::no_such_process);
    }
}

TEST_CASE("signals have numbers, of which two are the same on every system") {
    CHECK(os::is_signal(os::kill_signal));
    CHECK(os::is_signal(os::terminate_signal));
    CHECK_FALSE(os::is_signal(0));
    CHECK_FALSE(os::is_signal(-1));
}

TEST_CASE("want of handles or memory is no answer about a process") {
    CHECK(os::is_starved(os::make_error(std::errc::too_many_files_open)));
    CHECK(os::is_starved(os::make_error(std::errc::not_enough_memory)));
    CHECK_FALSE(os::is_starved(os::make_error(std::errc::no_such_process)));
    CHECK_FALSE(os::is_starved({}));
}

TEST_CASE("the list of processes has this one, with its parent and start") {
    os::process_list list = done([](std::error_code& error) { return os::process_list(error); });
    const std::int64_t self = os::process_id();
    const auto entry = done([&](std::error_code& error) { return list.look(self, error); });
    REQUIRE(entry);
    CHECK(entry->pid == self);
    CHECK(entry->alive);
    CHECK(list.shows(*entry));
    CHECK_FALSE(list.name_of(self).empty());
    done([&](std::error_code& error) { list.refresh(error); });
    done([&](std::error_code& error) { list.refresh(error); });
    CHECK(error_of([&](std::error_code& error) {
        return list.look((std::numeric_limits<std::int64_t>::max)(), error).has_value();
    }));
}
