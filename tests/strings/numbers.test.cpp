// SPDX-License-Identifier: MIT
//
// format_float and format_compact.

#include <skyutil/strings.hpp>

#include <array>
#include <bit>
#include <charconv>
#include <clocale>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "strings/reference.hpp"
#include "support.hpp"

namespace {

using namespace skyutil_tests;
using Catch::Matchers::ContainsSubstring;

constexpr bool numbers_known_answers() {
    return skyutil::format_float(1234567.89) == "1234567.9" &&
           skyutil::format_float(42.0) == "42" && skyutil::format_float(-0.0) == "-0" &&
           skyutil::format_float(0.25, 1) == "0.2" && skyutil::format_float(0.75, 1) == "0.8" &&
           skyutil::format_float(-0.04) == "-0.0" &&
           skyutil::format_float(1e22) == "10000000000000000000000" &&
           skyutil::format_float(5e-324, 3) == "0.000" && skyutil::format_float(42) == "42" &&
           skyutil::format_float(-7L) == "-7" && skyutil::format_compact(1234567.89) == "1.2M" &&
           skyutil::format_compact(999999) == "1.0M";
}

TEST_CASE("known numbers, at compile time and at run time") {
    CHECK(numbers_known_answers());
    SKYUTIL_STATIC_CHECK(numbers_known_answers());
    SKYUTIL_STATIC_CHECK(skyutil::format_float(1e308).size() == 309);
    SKYUTIL_STATIC_CHECK(skyutil::format_float(0.1, 60).size() == 62);
}

std::string printed(double x, int precision) {
    std::array<char, 1600> buffer{};
    const int size = std::snprintf(buffer.data(), buffer.size(), "%.*f", precision, x);
    return std::string(buffer.data(), static_cast<std::size_t>(size));
}

TEST_CASE("numbers agree with the C library, which rounds correctly, on random values and ties") {
    auto random = generator();
    for (int i = 0; i < 200'000; ++i) {
        double x = 0;
        switch (i % 4) {
            case 0:
                x = std::bit_cast<double>(random());
                break;
            case 1:
                x = static_cast<double>(random() % 2'000'000'000) / 1000;
                break;
            case 2:
                x = static_cast<double>(random() % 1'000'000) / 1024;
                break;  // exact ties
            default:
                x = std::ldexp(static_cast<double>(random() % 100'000),
                               -static_cast<int>(random() % 70));
                break;
        }
        const int precision = static_cast<int>(random() % 26);
        if (!std::isfinite(x)) {
            continue;
        }
        CAPTURE(x, precision);
        REQUIRE(skyutil::format_float(x, precision) ==
                printed(x, std::trunc(x) == x ? 0 : precision));
    }
}

TEST_CASE("the big integers used at compile time give the same digits") {
    auto random = generator();
    for (int i = 0; i < 20'000; ++i) {
        const double x = i % 2 == 0 ? std::bit_cast<double>(random())
                                    : std::ldexp(static_cast<double>(random() % 4096),
                                                 -static_cast<int>(random() % 20));
        const int precision = static_cast<int>(i % 100 == 0 ? random() % 1200 : random() % 30);
        if (!std::isfinite(x)) {
            continue;
        }
        CAPTURE(x, precision);
        REQUIRE(skyutil::detail::format_fixed_wide(skyutil::detail::split(x), precision) ==
                printed(x, precision));
    }
}

TEST_CASE("numbers agree with the reference answers") {
    golden_rows rows({});
    std::size_t unrepresentable = 0;
    std::size_t whole_with_negative_precision = 0;
    for (const nlohmann::json& row : read_rows("format_float.jsonl")) {
        const nlohmann::json& wanted = row["precision"];
        const bool fits =
            wanted.is_null() || (wanted.is_number_integer() && !wanted.is_number_unsigned()) ||
            (wanted.is_number_unsigned() && wanted.get<std::uint64_t>() <= 0x7fff'ffff);
        if (!fits) {
            ++unrepresentable;
            continue;
        }
        const int precision = wanted.is_null() ? 1 : wanted.get<int>();
        const std::string expected = row.value("out", std::string("error"));
        if (row["type"] == "bool") {  // a bool prints its digit
            rows.compare(row, skyutil::format_float(row["repr"] == "True", precision) ==
                                  (expected == "True" ? "1" : "0"));
            continue;
        }
        if (row["type"] == "int") {
            const std::string digits = row["repr"];
            std::int64_t value = 0;
            std::uint64_t large = 0;
            const char* const end = digits.data() + digits.size();
            if (std::from_chars(digits.data(), end, value).ec == std::errc()) {
                rows.compare(row, skyutil::format_float(value, precision) == expected);
            } else if (std::from_chars(digits.data(), end, large).ec == std::errc()) {
                rows.compare(row, skyutil::format_float(large, precision) == expected);
            } else {
                ++unrepresentable;
            }
            continue;
        }
        const auto x =
            std::bit_cast<double>(std::stoull(row["bits"].get<std::string>(), nullptr, 16));
        std::string answer;
        try {
            answer = skyutil::format_float(x, precision);
        } catch (const std::invalid_argument&) {
            answer = "error";
        }
        if (precision < 0 &&
            expected != "error") {  // the original does not look at it for a whole number
            CHECK(answer == "error");
            ++whole_with_negative_precision;
            continue;
        }
        rows.compare(row, answer == expected);
    }
    rows.finish();
    CHECK(unrepresentable == 10);  // integers beyond 64 bits, precisions beyond int
    CHECK(whole_with_negative_precision == 2);
}

TEST_CASE("infinities, NaN and integers at their limits") {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    CHECK(skyutil::format_float(infinity) == "inf");
    CHECK(skyutil::format_float(-infinity, 5) == "-inf");
    CHECK(skyutil::format_float(std::nan("")) == "nan");
    CHECK(skyutil::format_float(-std::nan("")) == "nan");
    CHECK(skyutil::format_compact(-infinity) == "-inf");
    CHECK(skyutil::format_float((std::numeric_limits<std::int64_t>::min)()) ==
          "-9223372036854775808");
    CHECK(skyutil::format_float((std::numeric_limits<std::uint64_t>::max)()) ==
          "18446744073709551615");
    CHECK(skyutil::format_float(std::int8_t{-128}) == "-128");
    CHECK(skyutil::format_float(true) == "1");
    CHECK(skyutil::format_float(0) == "0");
    CHECK(skyutil::format_float(1.5F) == "1.5");
}

TEST_CASE("a negative precision is an error that names it") {
    CHECK_THROWS_WITH(skyutil::format_float(1.5, -3),
                      ContainsSubstring("format_float") && ContainsSubstring("-3"));
    CHECK_THROWS_AS(skyutil::format_float(2.0, -1), std::invalid_argument);
    CHECK_THROWS_AS(skyutil::format_compact(1.0, -1), std::invalid_argument);
}

TEST_CASE("no locale changes a number") {
    const std::string before = std::setlocale(LC_ALL, nullptr);
    const char* comma = nullptr;
    for (const char* const name : {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "de_DE"}) {
        comma = comma != nullptr ? comma : std::setlocale(LC_ALL, name);
    }
    if (comma == nullptr) {
        SKYUTIL_SKIP("no locale with a decimal comma is installed");
    }
    const std::string text = skyutil::format_float(1.5) + skyutil::format_compact(1500) +
                             skyutil::format_float(1e300 / 3, 2);
    std::setlocale(LC_ALL, before.c_str());
    CHECK(text.find(',') == std::string::npos);
}

TEST_CASE("compact numbers move to the next suffix where they would round to a thousand") {
    struct row {
        double x;
        int precision;
        std::string_view expected;
    };
    for (const auto& [x, precision, expected] :
         {row{0, 1, "0.0"},           row{-0.0, 1, "-0.0"},         row{42, 1, "42.0"},
          row{999, 0, "999"},         row{999.5, 0, "1K"},          row{999.94, 1, "999.9"},
          row{999.95, 1, "1.0K"},     row{999.96, 2, "999.96"},     row{1000, 1, "1.0K"},
          row{1234, 0, "1K"},         row{1234567.89, 1, "1.2M"},   row{999'949, 1, "999.9K"},
          row{999'950, 1, "1.0M"},    row{999'999'999, 2, "1.00B"}, row{1e9, 1, "1.0B"},
          row{1e12, 1, "1.0T"},       row{999'999e9, 1, "1000.0T"}, row{1e15, 1, "1000.0T"},
          row{1.5e18, 0, "1500000T"}, row{-1500, 1, "-1.5K"},       row{-999.99, 1, "-1.0K"},
          row{-999'999, 1, "-1.0M"},  row{0.04, 1, "0.0"}}) {
        CAPTURE(x, precision);
        CHECK(skyutil::format_compact(x, precision) == expected);
    }
}

}  // namespace
