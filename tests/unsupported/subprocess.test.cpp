// SPDX-License-Identifier: MIT

#include <skyutil/subprocess.hpp>

#include <system_error>

#include "unsupported/answers.hpp"

using namespace skyutil_tests;
using skyutil::child_process;
using skyutil::command;
using skyutil::start_step;

TEST_CASE("subprocess says that no command can be started") {
    const command what{"true"};
    CHECK(set_by([&](std::error_code& error) {
              const skyutil::completed_process result = skyutil::run(what, error);
              CHECK(result.failed_step != start_step::none);
              CHECK_FALSE(result.ok());
          }) == not_supported);
    CHECK(thrown_by([&] { static_cast<void>(skyutil::run(what)); }) == not_supported);
    CHECK(thrown_by([&] { static_cast<void>(skyutil::run(skyutil::shell("true"))); }) ==
          not_supported);
    CHECK(set_by([&](std::error_code& error) {
              CHECK(skyutil::pipeline({what, what}, {}, error).size() == 2);
          }) == not_supported);
    CHECK(set_by([&](std::error_code& error) {
              static_cast<void>(skyutil::run_with_retries(what, {}, {}, error));
          }) == not_supported);
    CHECK(set_by([&](std::error_code& error) {
              CHECK(skyutil::run_detached(what, "log", error) == 0);
          }) == not_supported);
    CHECK(thrown_by([&] { static_cast<void>(skyutil::run_detached(what, "log")); }) ==
          not_supported);
}

TEST_CASE("subprocess has no children to tell of") {
    CHECK(set_by([](std::error_code& error) {
              child_process child({"true"}, {}, error);
              CHECK(child.pid() == 0);
              CHECK_FALSE(child.running());
              CHECK(child.failed_step() != start_step::none);
              CHECK_FALSE(child.wait().ok());
          }) == not_supported);
    CHECK(thrown_by([] { const child_process child({"true"}); }) == not_supported);
    CHECK(set_by([](std::error_code& error) { CHECK(skyutil::reap_orphans(error).empty()); }) ==
          not_supported);
}
