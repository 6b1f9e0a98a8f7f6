// SPDX-License-Identifier: MIT
//
// What Windows does not have yet says so.

#include <skyutil/ports.hpp>
#include <skyutil/subprocess.hpp>

#include <system_error>

#include "catch.hpp"

TEST_CASE("what is missing is an error that says so") {
    std::error_code error;
    CHECK(skyutil::find_free_port(8000, error) == 0);
    CHECK(error == std::errc::function_not_supported);
    static_cast<void>(skyutil::run({"true"}, error));
    CHECK(error == std::errc::function_not_supported);
}
