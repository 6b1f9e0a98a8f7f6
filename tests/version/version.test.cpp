// SPDX-License-Identifier: MIT

#include <skyutil/version.hpp>

#include <string>

#include "catch.hpp"

TEST_CASE("the macros, the constant and the build name the same version") {
    const std::string from_macros = std::to_string(SKYUTIL_VERSION_MAJOR) + "." +
                                    std::to_string(SKYUTIL_VERSION_MINOR) + "." +
                                    std::to_string(SKYUTIL_VERSION_PATCH);
    CHECK(skyutil::version == from_macros);
    CHECK(skyutil::version == SKYUTIL_TEST_PROJECT_VERSION);
    STATIC_REQUIRE(SKYUTIL_VERSION == SKYUTIL_VERSION_MAJOR * 10000 + SKYUTIL_VERSION_MINOR * 100 +
                                          SKYUTIL_VERSION_PATCH);
}
