// SPDX-License-Identifier: MIT

#include <skyutil/strings.hpp>
#include <skyutil/version.hpp>

#include <cstdint>

#include "unsupported/answers.hpp"

TEST_CASE("strings needs no system") {
    CHECK(skyutil::base36_encode("deadbeef") == "1ps9wxb");
    CHECK(skyutil::base36_encode(std::uint64_t{35}) == "z");
    CHECK(skyutil::base36_decode("1ps9wxb") == "deadbeef");
    CHECK(skyutil::format_float(0.25) == "0.2");
    CHECK(skyutil::format_compact(1234567.89) == "1.2M");
    CHECK(skyutil::truncate_long_string("one two three", 8) == "one two ...");
    CHECK(skyutil::version.starts_with("0."));
}
