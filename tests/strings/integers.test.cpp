// SPDX-License-Identifier: MIT
//
// Integers of every kind as text: of 128 bits, characters, bool.

#include <skyutil/strings.hpp>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>

#include "catch.hpp"

namespace {

#if defined(__SIZEOF_INT128__)
__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

constexpr int128 two_to_70 = static_cast<int128>(1) << 70;
constexpr uint128 highest = ~static_cast<uint128>(0);
constexpr int128 lowest = static_cast<int128>(static_cast<uint128>(1) << 127);

constexpr bool prints_128_bits() {
    return skyutil::format_float(two_to_70) == "1180591620717411303424" &&
           skyutil::format_float(two_to_70 + 1, 3) == "1180591620717411303425" &&
           skyutil::format_float(-two_to_70 - 1) == "-1180591620717411303425" &&
           skyutil::format_float(highest) == "340282366920938463463374607431768211455" &&
           skyutil::format_float(lowest) == "-170141183460469231731687303715884105728" &&
           skyutil::format_float(static_cast<int128>(0)) == "0" &&
           skyutil::format_float(static_cast<int128>(-1)) == "-1" &&
           skyutil::base36_encode(highest) == "f5lxx1zz5pnorynqglhzmsp33" &&
           skyutil::base36_decode<uint128>("f5lxx1zz5pnorynqglhzmsp33") == highest;
}
#endif

constexpr bool prints_small_integers() {
    return skyutil::format_float(true) == "1" && skyutil::format_float(false, 5) == "0" &&
           skyutil::format_float('A') == "65" && skyutil::format_float(u8'A') == "65" &&
           skyutil::format_float(u'\xffff') == "65535" &&
           skyutil::format_float(U'\x10ffff') == "1114111" && skyutil::format_float(L'A') == "65" &&
           skyutil::format_float(static_cast<signed char>(-128)) == "-128" &&
           skyutil::format_float((std::numeric_limits<std::int64_t>::min)()) ==
               "-9223372036854775808" &&
           skyutil::format_float((std::numeric_limits<std::uint64_t>::max)()) ==
               "18446744073709551615" &&
           skyutil::base36_encode(true) == "1" && skyutil::base36_encode(u8'z') == "3e" &&
           skyutil::base36_encode(static_cast<unsigned char>(255)) == "73";
}

}  // namespace

TEST_CASE("integers of 128 bits have all their digits") {
#if defined(__SIZEOF_INT128__)
    SKYUTIL_STATIC_CHECK(prints_128_bits());
    CHECK(prints_128_bits());
    int128 value = 1;
    std::string digits = "1";
    for (int i = 0; i != 38; ++i) {
        CHECK(skyutil::format_float(value) == digits);
        CHECK(skyutil::format_float(-value) == "-" + digits);
        value *= 10;
        digits += '0';
    }
#else
    SKYUTIL_SKIP("the compiler has no such integer");
#endif
}

TEST_CASE("small integers, characters and bool print as numbers") {
    SKYUTIL_STATIC_CHECK(prints_small_integers());
    CHECK(prints_small_integers());
}

TEST_CASE("what does not fit an unsigned type is out of its range") {
    CHECK(skyutil::base36_decode<bool>("1"));
    CHECK_FALSE(skyutil::base36_decode<bool>("00"));
    CHECK_THROWS_AS(skyutil::base36_decode<bool>("2"), std::out_of_range);
    CHECK_THROWS_AS(skyutil::base36_decode<bool>("10"), std::out_of_range);
    CHECK(skyutil::base36_decode<char8_t>("73") == 255);
    CHECK_THROWS_AS(skyutil::base36_decode<char8_t>("74"), std::out_of_range);
    CHECK_THROWS_AS(skyutil::base36_decode<std::uint8_t>("zzzzzzzzzzzzzzzzzz"), std::out_of_range);
    CHECK(skyutil::base36_decode<char16_t>("1ekf") == 65535);
    CHECK_THROWS_AS(skyutil::base36_decode<char16_t>("1ekg"), std::out_of_range);
    CHECK(skyutil::base36_decode<std::uint64_t>("3w5e11264sgsf") ==
          (std::numeric_limits<std::uint64_t>::max)());
    CHECK_THROWS_AS(skyutil::base36_decode<std::uint64_t>("3w5e11264sgsg"), std::out_of_range);
    CHECK_THROWS_AS(skyutil::base36_decode<std::uint64_t>("3w5e11264sgsf0"), std::out_of_range);
}
