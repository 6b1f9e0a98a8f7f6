// SPDX-License-Identifier: MIT
//
// The double that is nearest to a decimal number.

#include <skyutil/detail/text/parse_decimal.hpp>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "catch.hpp"

using skyutil::detail::parse_decimal;

namespace {

static_assert(parse_decimal("2.5") == 2.5);
static_assert(parse_decimal("1e400") == std::nullopt);

/// How many doubles are from what parse_decimal() says of a text to what strtod(3) says, that it is
/// zero or infinite included; -1 for a text that is taken for no number.
std::int64_t distance_from_strtod(const std::string& text) {
    constexpr std::int64_t infinite = 0x7ff0'0000'0000'0000;
    const auto expected = std::bit_cast<std::int64_t>(std::strtod(text.c_str(), nullptr));
    const std::optional<double> value = parse_decimal(text);
    if (!value) {
        return expected == infinite || expected == 0 ? 0 : -1;
    }
    return std::abs(std::bit_cast<std::int64_t>(*value) - expected);
}

TEST_CASE("a decimal number is the double nearest to it") {
    for (const char* text :
         {"0",
          "0.0",
          "000",
          "0e99999999999999999999",
          "1",
          "1.",
          ".5",
          "00012.500",
          "2.5e0",
          "25e-1",
          "0.25E+1",
          "4.35",
          "0.1",
          "0.3",
          "0.000000000000000000000000001",
          "16000000000",
          "8e9",
          "1e17",
          "123456789012345678",
          "9007199254740993",  // in the middle of two, as are the next
          "9007199254740995",
          "18014398509481986",
          "18014398509481990",
          "36028797018963972",
          "4503599627370496.5",
          "4503599627370497.5",
          "9007199254740993.0000000000000000000000000000000000000000000000000000000000000000001"}) {
        INFO(text);
        CHECK(distance_from_strtod(text) == 0);
    }
    const std::string zeros(1000, '0');
    CHECK(parse_decimal(zeros + "7") == 7.0);
    CHECK(parse_decimal("1." + zeros) == 1.0);
    CHECK(parse_decimal("25" + zeros + "e-1001") == 2.5);
    CHECK(parse_decimal("0." + zeros + "25e1001") == 2.5);
    CHECK(parse_decimal("9007199254740993." + zeros + "1") == 9007199254740994.0);
}

TEST_CASE("a decimal number of any size is read") {
    for (const char* text :
         {"1e18", "1e22", "1e23", "6.02214076e23", "1000000000000000000000000000000",
          "1234567890123456789", "9007199254740992.9999999999999999999999999999", "1e-28",
          "2.2250738585072011e-308", "2.2250738585072014e-308", "5e-324", "3e-324", "1e-323",
          "1.7976931348623157e308", "1.797693134862315e308"}) {
        INFO(text);
        const std::int64_t distance = distance_from_strtod(text);
        CHECK(distance >= 0);
        CHECK(distance <= 3);
    }
    for (const char* text : {"1e309", "2e308", "1e-324", "1e-400", "1e99999999999999999999",
                             "1e-99999999999999999999"}) {
        INFO(text);
        CHECK_FALSE(parse_decimal(text));
    }
    CHECK_FALSE(parse_decimal("1" + std::string(1000, '0')));
    CHECK_FALSE(parse_decimal("0." + std::string(1000, '0') + "1"));
}

TEST_CASE("what is no decimal number as a whole is none") {
    for (const std::string_view text :
         {"",   ".",  "e5", ".e5", "1e",  "1e+",  "1e-", "1e5.", "1e5e5", "1.2.3", "1..2", "-1",
          "+1", " 1", "1 ", "inf", "nan", "0x10", "1f",  "1,5",  "1_000", "1e1_0", "1e--5"}) {
        INFO(text);
        CHECK_FALSE(parse_decimal(text));
    }
    CHECK_FALSE(parse_decimal(std::string_view("1\0", 2)));
}

TEST_CASE("random digits, points and exponents are read as strtod reads them") {
    std::mt19937 random(1);
    const auto digits = [&](std::size_t size) {
        std::string text(size, '0');
        for (char& c : text) {
            c = static_cast<char>('0' + (random() % 3 == 0 ? 0 : random() % 10));
        }
        return text;
    };
    bool all_nearest = true;
    bool all_near = true;
    for (int i = 0; i != 100'000; ++i) {
        // Up to 18 digits, the last one at most 18 places behind the point.
        const std::size_t whole = random() % 19;
        const std::string usual = digits(whole) + "." + digits(18 - whole);
        if (distance_from_strtod(usual) != 0) {
            all_nearest = false;
            UNSCOPED_INFO(usual);
        }
        const std::string any = "7" + digits(random() % (i % 100 == 0 ? 1000 : 25)) + "." +
                                digits(random() % 25) + "e" +
                                std::to_string(static_cast<int>(random() % 700) - 350);
        const std::int64_t distance = distance_from_strtod(any);
        if (distance < 0 || distance > 3) {
            all_near = false;
            UNSCOPED_INFO(any);
        }
    }
    CHECK(all_nearest);
    CHECK(all_near);
}

}  // namespace
