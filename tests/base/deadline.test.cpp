// SPDX-License-Identifier: MIT

#include <skyutil/process.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>

#include "catch.hpp"

namespace detail = skyutil::detail;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

TEST_CASE("more than a hundred years, in any unit, is for ever") {
    using detail::deadline_after, detail::for_ever;
    CHECK(deadline_after(std::chrono::nanoseconds::max()) == for_ever);
    CHECK(deadline_after(std::chrono::hours::max()) == for_ever);
    CHECK(deadline_after(std::chrono::days::max()) == for_ever);
    CHECK(deadline_after(std::chrono::years::max()) == for_ever);
    CHECK(deadline_after(std::chrono::years(101)) == for_ever);
    CHECK(deadline_after(detail::hundred_years) == for_ever);
    CHECK(deadline_after(std::chrono::duration<double>(std::numeric_limits<double>::infinity())) ==
          for_ever);
    CHECK(deadline_after(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())) ==
          for_ever);
    CHECK(deadline_after(std::chrono::years(99)) != for_ever);
}

TEST_CASE("a deadline is never before its time, and now for times below zero") {
    const auto is_after = [](auto time, steady_clock::duration least) {
        const auto before = steady_clock::now();
        const auto deadline = detail::deadline_after(time);
        return deadline >= before + least && deadline <= steady_clock::now() + least;
    };
    CHECK(is_after(5ms, 5ms));
    CHECK(is_after(0s, 0ns));
    CHECK(is_after(-1s, 0ns));
    CHECK(is_after(std::chrono::days::min(), 0ns));
    CHECK(is_after(std::chrono::years(99), std::chrono::years(99)));
    CHECK(is_after(std::chrono::duration<double>(0.25), 250ms));
    CHECK(is_after(std::chrono::duration<std::int64_t, std::pico>(1), 1ns));  // rounded up
    CHECK(is_after(std::chrono::duration<std::int64_t, std::pico>::max(),
                   std::chrono::nanoseconds(9'223'372'036'854'776)));
}
