// SPDX-License-Identifier: MIT
//
// What the contract leaves to a system, and Linux tells.

#include <skyutil/detail/os/files.hpp>

#include "os_contract/answers.hpp"

using namespace skyutil_tests;

TEST_CASE("a time long ago is past") {
    CHECK(os::is_past({.seconds = 0, .nanoseconds = 0}));
    CHECK(os::is_past({.seconds = 0, .nanoseconds = 1}));
}
