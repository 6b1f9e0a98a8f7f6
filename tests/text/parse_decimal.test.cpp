// SPDX-License-Identifier: MIT
//
// The double that is nearest to a decimal number.

#include <skyutil/detail/text/parse_decimal.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"

using skyutil::detail::parse_decimal;

namespace {

static_assert(parse_decimal("2.5") == 2.5);
static_assert(parse_decimal("1e400") == std::nullopt);
static_assert(parse_decimal("1.7976931348623157e308") == 1.7976931348623157e308);

/// What strtod(3) says of a text that is a number: nullopt where it is not finite or became zero.
std::optional<double> by_strtod(const std::string& text) {
    const double value = std::strtod(text.c_str(), nullptr);
    const bool vanished =
        value == 0 &&
        text.substr(0, text.find_first_of("eE")).find_first_of("123456789") != text.npos;
    return std::isfinite(value) && !vanished ? std::optional(value) : std::nullopt;
}

std::string print(const char* format, int precision, double value) {
    std::array<char, 2000> buffer;
    const int size = std::snprintf(buffer.data(), buffer.size(), format, precision, value);
    return {buffer.data(), static_cast<std::size_t>(size)};
}

/// The number in the middle between this one and the next, with all its digits.
std::string middle_after(double value) {
    const double next = std::nextafter(value, INFINITY);
    if (value >= 1e300) {
        return print("%.*f", 0, value / 2 + next / 2);
    }
    // long double has eleven bits more.
    std::array<char, 2000> buffer;
    const long double middle = (static_cast<long double>(value) + next) / 2;
    const int size = std::snprintf(buffer.data(), buffer.size(), "%.1200Lg", middle);
    return {buffer.data(), static_cast<std::size_t>(size)};
}

TEST_CASE("a decimal number is the double nearest to it") {
    for (const char* text :
         {"0",
          "0.0",
          "000",
          "1",
          "1.",
          ".5",
          "00012.500",
          "2.5e0",
          "25e-1",
          "0.25E+1",
          "1e22",
          "1e23",
          "123456789012345678",
          "1234567890123456789",
          "9007199254740993",
          "9007199254740993.0000000000000000000000000000000000000000000000000000000000000000001",
          "9007199254740992.9999999999999999999999999999",
          "9007199254740995",
          "18014398509481985",
          "0.1",
          "0.3",
          "5e-324",
          "2.4703282292062327e-324",
          "2.4703282292062328e-324",
          "1e-324",
          "7.4109846876186981e-324",
          "2.2250738585072011e-308",
          "2.2250738585072014e-308",
          "1.7976931348623157e308",
          "1.7976931348623158e308",
          "1.7976931348623159e308",
          "1e309",
          "1e-400",
          "1e99999999999999999999",
          "1e-99999999999999999999",
          "0e99999999999999999999",
          "6.02214076e23",
          "4.35",
          "16000000000",
          "8e9",
          "1000000000000000000000000000000"}) {
        INFO(text);
        CHECK(parse_decimal(text) == by_strtod(text));
    }
    const std::string zeros(1000, '0');
    for (const std::string& text :
         {"1" + zeros, "1" + zeros + "e-1000", "0." + zeros + "1e1001", "1." + zeros + "1",
          "1." + zeros, zeros + "7", "9007199254740993." + zeros + "1", "1" + zeros + "e-690",
          "0." + zeros + "12345e700"}) {
        INFO(text);
        CHECK(parse_decimal(text) == by_strtod(text));
    }
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

TEST_CASE(
    "any double is read from its digits, and what lies beside the middle of two is no other") {
    std::mt19937_64 random(1);
    std::vector<double> values{5e-324, 1e-323, 2.2250738585072009e-308, 2.2250738585072014e-308};
    while (values.size() != 20'000) {
        const auto value = std::bit_cast<double>(random() >> 1);
        if (std::isfinite(value) && value > 0) {
            values.push_back(value);
        }
    }
    bool all = true;
    for (std::size_t i = 0; i != values.size(); ++i) {
        const double value = values[i];
        std::vector<std::string> texts{print("%.*e", 16, value),
                                       print("%.*e", static_cast<int>(i % 15), value)};
        if (i % 20 == 0) {
            texts.push_back(print("%.*f", 1074, value));
            const std::string middle = middle_after(value);
            texts.insert(texts.end(),
                         {middle, middle + (middle.find('e') == middle.npos ? "1" : "")});
        }
        for (const std::string& text : texts) {
            if (parse_decimal(text) != by_strtod(text)) {
                all = false;
                UNSCOPED_INFO(text);
            }
        }
        all = all && parse_decimal(texts[0]) == value;
    }
    CHECK(all);
}

TEST_CASE("random digits, points and exponents are read as strtod reads them") {
    std::mt19937 random(2);
    const auto digits = [&](std::size_t most) {
        std::string text(random() % (most + 1), '0');
        for (char& c : text) {
            c = static_cast<char>('0' + (random() % 3 == 0 ? 0 : random() % 10));
        }
        return text;
    };
    bool all = true;
    for (int i = 0; i != 50'000; ++i) {
        const std::size_t most = i % 100 == 0 ? 1000 : 12;
        std::string text = digits(most) + (i % 2 == 0 ? "." + digits(most) : "7");
        if (text == ".") {
            continue;
        }
        if (i % 3 != 0) {
            text += "e" + std::to_string(static_cast<int>(random() % 700) - 350);
        }
        if (parse_decimal(text) != by_strtod(text)) {
            all = false;
            UNSCOPED_INFO(text);
        }
    }
    CHECK(all);
}

}  // namespace
