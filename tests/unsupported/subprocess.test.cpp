// SPDX-License-Identifier: MIT

#include <skyutil/subprocess.hpp>

#include <system_error>

#include "unsupported/answers.hpp"

using namespace skyutil_tests;

TEST_CASE("subprocess says that no program can be started") {
    const skyutil::command command{"true"};
    CHECK(set_by([&](std::error_code& error) { CHECK_FALSE(skyutil::run(command, error).ok()); }) ==
          not_supported);
    CHECK(thrown_by([&] { skyutil::run(command); }) == not_supported);
    CHECK(set_by([&](std::error_code& error) { skyutil::run(skyutil::shell("true"), error); }) ==
          not_supported);
    CHECK(set_by([&](std::error_code& error) {
              skyutil::pipeline({command, command}, {}, error);
          }) == not_supported);
    CHECK(thrown_by([&] { skyutil::pipeline({command, command}); }) == not_supported);
    CHECK(set_by([&](std::error_code& error) {
              CHECK(skyutil::run_detached(command, "log", error) == 0);
          }) == not_supported);
    CHECK(thrown_by([&] { static_cast<void>(skyutil::run_detached(command, "log")); }) ==
          not_supported);
    CHECK(set_by([&](std::error_code& error) {
              skyutil::child_process child(command, {}, error);
              CHECK(child.pid() == 0);
              CHECK_FALSE(child.running());
          }) == not_supported);
    CHECK(thrown_by([&] { skyutil::child_process child(command); }) == not_supported);
}

TEST_CASE("subprocess says that no orphan can be found") {
    CHECK(set_by([](std::error_code& error) { CHECK(skyutil::reap_orphans(error).empty()); }) ==
          not_supported);
    CHECK(thrown_by([] { skyutil::reap_orphans(); }) == not_supported);
}
