// SPDX-License-Identifier: MIT
//
// The table of the errors of Windows, on any system; its numbers beside those of <windows.h> are in
// errors_windows.test.cpp.

#include <skyutil/detail/os/windows/errors.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <system_error>

#include "catch.hpp"

namespace sys = skyutil::detail::os::sys;

TEST_CASE("each number of the table is a generic error, and any other keeps its number") {
    STATIC_REQUIRE(std::is_sorted(
        std::begin(sys::meanings), std::end(sys::meanings),
        [](const sys::meaning& a, const sys::meaning& b) { return a.number < b.number; }));
    std::size_t known = 0;
    for (unsigned long number = 0; number < 20'000; ++number) {
        const auto* const found =
            std::find_if(std::begin(sys::meanings), std::end(sys::meanings),
                         [&](const sys::meaning& entry) { return entry.number == number; });
        const std::error_code error = sys::error_of(number);
        if (found != std::end(sys::meanings)) {
            ++known;
            if (error != std::make_error_code(found->code)) {
                FAIL_CHECK(number << " is " << error);
            }
        } else if (error != std::error_code(static_cast<int>(number), std::system_category())) {
            FAIL_CHECK(number << " is " << error);
        }
    }
    CHECK(known == std::size(sys::meanings));
    CHECK(sys::error_of(0xc0000005) ==
          std::error_code(static_cast<int>(0xc0000005), std::system_category()));
}
