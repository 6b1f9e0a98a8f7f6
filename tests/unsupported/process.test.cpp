// SPDX-License-Identifier: MIT

#include <skyutil/process.hpp>

#include <chrono>
#include <cstdint>
#include <system_error>

#include "unsupported/answers.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t pid = 4242;

}  // namespace

TEST_CASE("process knows no process") {
    CHECK_FALSE(skyutil::pid_exists(pid));
    CHECK(set_by([](std::error_code& error) {
              CHECK_FALSE(skyutil::is_process_alive(pid, error));
          }) == not_supported);
    CHECK(thrown_by([] { static_cast<void>(skyutil::is_process_alive(pid)); }) == not_supported);
    CHECK(set_by([](std::error_code& error) {
              CHECK(skyutil::process_handle::open(pid, error).pid() == 0);
          }) == not_supported);
    CHECK(thrown_by([] { static_cast<void>(skyutil::process_handle::open(pid)); }) ==
          not_supported);
    CHECK(set_by([](std::error_code& error) {
              CHECK(skyutil::child_processes(pid, error).empty());
          }) == not_supported);
    CHECK(thrown_by([] { static_cast<void>(skyutil::child_processes(pid)); }) == not_supported);
    CHECK(set_by([](std::error_code& error) {
              CHECK(skyutil::process_tree(pid, error).empty());
          }) == not_supported);
    CHECK(thrown_by([] { static_cast<void>(skyutil::process_tree(pid)); }) == not_supported);
}

TEST_CASE("process says that no process can be ended") {
    CHECK(set_by([](std::error_code& error) {
              static_cast<void>(skyutil::terminate_process(pid, 10ms, error));
          }) == not_supported);
    CHECK(thrown_by([] { static_cast<void>(skyutil::terminate_process(pid, 10ms)); }) ==
          not_supported);
    CHECK(set_by([](std::error_code& error) {
              static_cast<void>(skyutil::kill_process_tree(pid, error));
          }) == not_supported);
    CHECK(thrown_by([] { static_cast<void>(skyutil::kill_process_tree(pid)); }) == not_supported);
    CHECK(set_by([](std::error_code& error) {
              static_cast<void>(skyutil::kill_children_processes(error));
          }) == not_supported);
    CHECK(thrown_by([] { static_cast<void>(skyutil::kill_children_processes()); }) ==
          not_supported);
}
