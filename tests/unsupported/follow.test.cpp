// SPDX-License-Identifier: MIT

#include <skyutil/follow.hpp>

#include <string_view>
#include <system_error>

#include "unsupported/answers.hpp"

using namespace skyutil_tests;

TEST_CASE("follow says that no file can be opened") {
    using enum skyutil::follow_wake;
    for (const skyutil::follow_wake wake : {automatic, events, polling}) {
        CHECK(set_by([&](std::error_code& error) {
                  const skyutil::file_follower follower("file", {.wake = wake}, error);
              }) == not_supported);
        CHECK(thrown_by([&] { const skyutil::file_follower follower("file", {.wake = wake}); }) ==
              not_supported);
    }
    CHECK(set_by([](std::error_code& error) {
              skyutil::follow_file("file", [](std::string_view) {}, {}, error);
          }) == not_supported);
}
