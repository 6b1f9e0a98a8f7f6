// SPDX-License-Identifier: MIT
//
// strings.hpp: reference answers, independent slow implementations on random input, and the limits
// inside.

#include <skyutil/strings.hpp>

#include "catch.hpp"
#include "support.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <clocale>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

using namespace skyutil_tests;
using Catch::Matchers::ContainsSubstring;
using skyutil::truncate_mode;

constexpr std::size_t huge = (std::numeric_limits<std::size_t>::max)();

std::mt19937_64 generator() {
    return std::mt19937_64(20260101);  // the same in every run
}

/// The ids of the rows that differ must be exactly those listed, each for its reason.
class golden_rows {
public:
    explicit golden_rows(std::map<std::string, std::string> differing)
        : expected_(std::move(differing)) {}

    void compare(const nlohmann::json& row, bool same) {
        const std::string id = row["id"];
        const bool listed = expected_.erase(id) != 0;
        if (same == listed) {
            UNSCOPED_INFO((listed ? "listed, but does not differ: " : "differs: ") << row.dump());
            wrong_ = true;
        }
    }

    void finish() const {
        for (const auto& [id, reason] : expected_) {
            UNSCOPED_INFO("listed, but not there: " << id << ", " << reason);
        }
        CHECK(expected_.empty());
        CHECK_FALSE(wrong_);
    }

private:
    std::map<std::string, std::string> expected_;
    bool wrong_ = false;
};

// ------------------------------------------------------------------------------------------------
// base 36

/// base36_to_chars as a string, for use at compile time under every standard library.
template <std::size_t Size>
constexpr bool writes(std::string_view hex, const char (&expected)[Size]) {
    std::array<char, 128> buffer{};
    const auto [end, error] =
        skyutil::base36_to_chars(buffer.data(), buffer.data() + buffer.size(), hex);
    return error == std::errc() &&
           std::string_view(buffer.data(), static_cast<std::size_t>(end - buffer.data())) ==
               expected;
}

constexpr bool base36_known_answers() {
    return writes("0", "0") && writes("ff", "73") && writes("deadbeef", "1ps9wxb") &&
           writes("ffffffffffffffff", "3w5e11264sgsf") &&
           writes("10000000000000000", "3w5e11264sgsg") &&
           writes("ffffffffffffffffffffffffffffffff", "f5lxx1zz5pnorynqglhzmsp33") &&
           writes(" \t+0X_f_F\n", "73") && writes("000000000000000000000000000000000001", "1");
}
static_assert(base36_known_answers());

TEST_CASE("base 36 of known numbers, at compile time and at run time") {
    CHECK(base36_known_answers());
    SKYUTIL_STATIC_CHECK(skyutil::base36_encode("ff") == "73");
    SKYUTIL_STATIC_CHECK(skyutil::base36_encode(255U) == "73");
    SKYUTIL_STATIC_CHECK(skyutil::base36_encode("ffffffffffffffffffffffffffffffff") ==
                         "f5lxx1zz5pnorynqglhzmsp33");
    SKYUTIL_STATIC_CHECK(skyutil::base36_decode("73") == "ff");
    SKYUTIL_STATIC_CHECK(skyutil::base36_decode<unsigned>("73") == 255);
}

/// Digit by digit: each hexadecimal digit multiplies what is there by 16.
std::string slow_base36(std::string_view hex) {
    std::vector<int> digits{0};
    for (const char c : hex) {
        int carry = static_cast<int>(std::string_view("0123456789abcdef").find(c));
        for (int& digit : digits) {
            carry += digit * 16;
            digit = carry % 36;
            carry /= 36;
        }
        for (; carry != 0; carry /= 36) {
            digits.push_back(carry % 36);
        }
    }
    std::string out;
    for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) {
        out += "0123456789abcdefghijklmnopqrstuvwxyz"[*digit];
    }
    return out;
}

std::string random_hex(std::mt19937_64& random, std::size_t digits) {
    std::string hex;
    for (std::size_t i = 0; i < digits; ++i) {
        hex += "0123456789abcdef"[random() % 16];
    }
    if (digits != 0 && hex.front() == '0') {
        hex.front() = '1';
    }
    return hex;
}

TEST_CASE("base 36 of every length agrees with long division by hand, and decodes back") {
    auto random = generator();
    std::vector<std::size_t> lengths;
    for (std::size_t i = 1; i <= 200; ++i) {
        lengths.push_back(i);
    }
    for (const std::size_t edge :
         std::array<std::size_t, 8>{256, 512, 1008, 1024, 1040, 2048, 2064, 5000}) {
        lengths.insert(lengths.end(), {edge - 1, edge, edge + 1});
    }
    for (const std::size_t length : lengths) {
        for (std::string hex : {random_hex(random, length), std::string(length, 'f'),
                                "1" + std::string(length - 1, '0')}) {
            CAPTURE(hex);
            const std::string encoded = skyutil::base36_encode(hex);
            REQUIRE(encoded == slow_base36(hex));
            REQUIRE(skyutil::base36_decode(encoded) == hex);
        }
    }
    const std::string long_hex = random_hex(random, 20'000);
    CHECK(skyutil::base36_decode(skyutil::base36_encode(long_hex)) == long_hex);
}

TEST_CASE("base 36 agrees with the reference answers") {
    const std::string reason = "white space and digits beyond ASCII are not accepted";
    golden_rows rows({{"base36-000086", reason},
                      {"base36-000088", reason},
                      {"base36-000089", reason},
                      {"base36-000093", reason},
                      {"base36-000116", reason},
                      {"base36-000117", reason},
                      {"base36-000120", reason},
                      {"base36-000126", reason},
                      {"base36-000128", reason},
                      {"base36-004561", reason},
                      {"base36-005077", reason},
                      {"base36-005141", reason},
                      {"base36-005272", reason},
                      {"base36-005305", reason}});
    for (const nlohmann::json& row : read_rows("base36.jsonl")) {
        std::string answer;
        try {
            answer = skyutil::base36_encode(decode_base64(row["in_b64"].get<std::string>()));
        } catch (const std::invalid_argument&) {
            answer = "error";
        }
        rows.compare(row, answer == row.value("out", std::string("error")));
    }
    rows.finish();
}

TEST_CASE("what is no hexadecimal number is named with its position") {
    struct row {
        std::string_view text;
        std::string_view position;
    };
    for (const auto& [text, position] : {row{"", "position 0"},
                                         row{"  ", "position 2"},
                                         row{"0x", "position 2"},
                                         row{"+", "position 1"},
                                         row{"-1", "position 0"},
                                         row{"-0", "position 0"},
                                         row{" +-1", "position 2"},
                                         row{"++1", "position 1"},
                                         row{"+ 1", "position 1"},
                                         row{"1 2", "position 1"},
                                         row{"12g", "position 2"},
                                         row{"_1", "position 0"},
                                         row{"1_", "position 1"},
                                         row{"1__2", "position 2"},
                                         row{"0x__1", "position 3"},
                                         row{"0_x1", "position 2"},
                                         row{"00x1", "position 2"},
                                         row{"0123456789abcdef0123456789abcdeg", "position 31"},
                                         row{"0123456789abcdefg123456789abcdef", "position 16"},
                                         row{std::string_view("1\0", 2), "position 1"},
                                         row{"\xff", "position 0"},
                                         row{"1e+5", "position 2"}}) {
        CAPTURE(text);
        CHECK_THROWS_AS(skyutil::base36_encode(text), std::invalid_argument);
        try {
            static_cast<void>(skyutil::base36_encode(text));
        } catch (const std::invalid_argument& e) {
            CHECK_THAT(e.what(), ContainsSubstring("base36_encode"));
            CHECK_THAT(e.what(), ContainsSubstring(std::string(position)));
        }
        std::array<char, 64> buffer{};
        const auto [end, error] =
            skyutil::base36_to_chars(buffer.data(), buffer.data() + buffer.size(), text);
        CHECK(error == std::errc::invalid_argument);
        CHECK(end == buffer.data());
    }
}

TEST_CASE("underscores, prefix, sign, letter case and white space do not change the number") {
    auto random = generator();
    for (int i = 0; i < 2000; ++i) {
        const std::string hex = random_hex(random, 1 + random() % 60);
        std::string text;
        for (const char c : hex) {
            if (!text.empty() && random() % 6 == 0) {
                text += '_';
            }
            text += c >= 'a' && random() % 2 == 0 ? static_cast<char>(c - 'a' + 'A') : c;
        }
        text.insert(0, random() % 9, '0');
        text.insert(0, std::array{"", "0x", "0X", "0x_"}[random() % 4]);
        text.insert(0, std::array{"", "+", " ", "\t\n\v\f\r +"}[random() % 4]);
        text += std::array{"", " ", "\r\n"}[random() % 3];
        CAPTURE(text);
        REQUIRE(skyutil::base36_encode(text) == slow_base36(hex));
    }
}

TEST_CASE("base36_to_chars writes nothing outside its buffer, whatever the size") {
    auto random = generator();
    for (const std::size_t length : std::array<std::size_t, 16>{
             0, 1, 8, 15, 16, 17, 31, 32, 33, 64, 128, 1023, 1024, 1025, 1100, 3000}) {
        const std::string hex = length == 0 ? "0" : random_hex(random, length);
        const std::string expected = slow_base36(hex);
        for (std::size_t size = expected.size() > 40 ? expected.size() - 40 : 0;
             size < expected.size() + 30; ++size) {
            std::string buffer(size + 32, '#');  // with a margin on both sides
            char* const first = buffer.data() + 16;
            const auto [end, error] = skyutil::base36_to_chars(first, first + size, hex);
            CAPTURE(hex, size);
            REQUIRE(buffer.substr(0, 16) == std::string(16, '#'));
            REQUIRE(buffer.substr(16 + size) == std::string(16, '#'));
            if (size < expected.size()) {
                REQUIRE(error == std::errc::value_too_large);
                REQUIRE(end == first + size);
            } else {
                REQUIRE(error == std::errc());
                REQUIRE(std::string_view(first, static_cast<std::size_t>(end - first)) == expected);
            }
        }
    }
}

template <class T>
void check_integers() {
    auto random = generator();
    constexpr T highest = static_cast<T>(~T{0});
    for (int i = 0; i < 500; ++i) {
        T value = i == 0 ? T{0} : i == 1 ? highest : static_cast<T>(random());
        if constexpr (sizeof(T) > 8) {
            value = i < 2 ? value : static_cast<T>((value << 64) | random()) >> (random() % 128);
        }
        std::string hex;
        for (T rest = value; rest != 0; rest = static_cast<T>(rest / 16)) {
            hex.insert(0, 1, "0123456789abcdef"[static_cast<std::size_t>(rest % 16)]);
        }
        const std::string encoded = skyutil::base36_encode(value);
        REQUIRE(encoded == slow_base36(hex));
        REQUIRE(skyutil::base36_decode<T>(encoded) == value);
    }
    const std::string hex = skyutil::base36_decode(skyutil::base36_encode(highest));
    const std::string above = slow_base36("1" + std::string(hex.size(), '0'));
    CHECK_THROWS_AS(skyutil::base36_decode<T>(above), std::out_of_range);
    CHECK_THROWS_AS(skyutil::base36_decode<T>(std::string(200, 'z')), std::out_of_range);
    CHECK(skyutil::base36_decode<T>(std::string(200, '0') + "z") == 35);
}

TEST_CASE("integers of every width go both ways and report what does not fit") {
    check_integers<std::uint8_t>();
    check_integers<std::uint16_t>();
    check_integers<std::uint32_t>();
    check_integers<std::uint64_t>();
#if defined(__SIZEOF_INT128__)
    check_integers<skyutil::detail::native_uint128>();
#endif
}

TEST_CASE("decoding takes either case, leading zeros, and nothing else") {
    CHECK(skyutil::base36_decode("1PS9WXB") == "deadbeef");
    CHECK(skyutil::base36_decode("0001ps9wxb") == "deadbeef");
    CHECK(skyutil::base36_decode("0") == "0");
    CHECK(skyutil::base36_decode(std::string(100, '0')) == "0");
    for (const std::string_view text :
         {"", " 1", "1 ", "+1", "-1", "1_0", "a.b", "\xc3\xa9", "{"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(skyutil::base36_decode(text), std::invalid_argument);
        CHECK_THROWS_AS(skyutil::base36_decode<unsigned>(text), std::invalid_argument);
    }
    CHECK_THROWS_WITH(skyutil::base36_decode("ab-c"), ContainsSubstring("position 2"));
}

TEST_CASE("a message quotes a short part of a hostile text and nothing unprintable") {
    const std::string text = std::string(1'000'000, 'g') + "\n\x1b[2J";
    try {
        static_cast<void>(skyutil::base36_encode(text));
        FAIL("no exception");
    } catch (const std::invalid_argument& e) {
        const std::string_view what = e.what();
        CHECK(what.size() < 200);
        CHECK(std::all_of(what.begin(), what.end(), [](char c) { return c >= 0x20 && c < 0x7f; }));
    }
}

// ----------------------------------------------------------------------------------------------
// numbers

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

// -----------------------------------------------------------------------------------------------
// titles

/// Bytes of the code point at `at` by table 3-7 of the Unicode Standard; 1 for an ill-formed byte.
std::size_t code_point_bytes(std::string_view text, std::size_t at) {
    struct range {
        unsigned first_low, first_high, second_low, second_high;
        std::size_t bytes;
    };
    const auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<unsigned>(static_cast<unsigned char>(text[i])) : 0U;
    };
    for (const auto& [low, high, second_low, second_high, bytes] :
         {range{0xc2, 0xdf, 0x80, 0xbf, 2}, range{0xe0, 0xe0, 0xa0, 0xbf, 3},
          range{0xe1, 0xec, 0x80, 0xbf, 3}, range{0xed, 0xed, 0x80, 0x9f, 3},
          range{0xee, 0xef, 0x80, 0xbf, 3}, range{0xf0, 0xf0, 0x90, 0xbf, 4},
          range{0xf1, 0xf3, 0x80, 0xbf, 4}, range{0xf4, 0xf4, 0x80, 0x8f, 4}}) {
        if (byte(at) < low || byte(at) > high || byte(at + 1) < second_low ||
            byte(at + 1) > second_high) {
            continue;
        }
        bool all = true;
        for (std::size_t i = 2; i < bytes; ++i) {
            all = all && byte(at + i) >= 0x80 && byte(at + i) <= 0xbf;
        }
        return all ? bytes : 1;
    }
    return 1;
}

std::vector<std::string> code_points(std::string_view text) {
    std::vector<std::string> out;
    for (std::size_t at = 0; at < text.size(); at += out.back().size()) {
        out.emplace_back(text.substr(at, code_point_bytes(text, at)));
    }
    return out;
}

std::string join(const std::vector<std::string>& parts, std::size_t first, std::size_t last,
                 const std::string& between = "") {
    std::string out;
    for (std::size_t i = first; i < last; ++i) {
        out += (i == first ? "" : between) + parts[i];
    }
    return out;
}

/// The definition, word by word.
std::string slow_truncate(std::string_view text, std::size_t max_length, truncate_mode mode,
                          const std::string& placeholder) {
    const std::vector<std::string> all = code_points(text);
    const std::vector<std::string> dots = code_points(placeholder);
    if (all.size() <= max_length) {
        return std::string(text);
    }
    if (mode == truncate_mode::middle) {
        if (max_length <= dots.size()) {
            return placeholder;
        }
        const std::size_t room = max_length - dots.size();
        return join(all, 0, room - room / 2) + placeholder +
               join(all, all.size() - room / 2, all.size());
    }
    if (mode == truncate_mode::exact) {
        return max_length <= dots.size() ? join(dots, 0, max_length)
                                         : join(all, 0, max_length - dots.size()) + placeholder;
    }
    std::vector<std::vector<std::string>> words(1);
    for (const std::string& point : all) {
        if (point == " ") {
            words.emplace_back();
        } else {
            words.back().push_back(point);
        }
    }
    if (words.front().size() > max_length) {
        return join(all, 0, max_length) + placeholder;
    }
    std::size_t stop = 0;
    std::size_t total = 0;
    for (; stop < words.size(); ++stop) {
        total += words[stop].size();
        if (total >= max_length) {
            break;
        }
    }
    stop = (std::min)(stop, words.size() - 1);
    std::vector<std::string> kept;
    for (std::size_t i = 0; i < stop; ++i) {
        kept.push_back(join(words[i], 0, words[i].size()));
    }
    const std::size_t length = code_points(join(kept, 0, kept.size(), " ")).size();
    return join(all, 0, (std::max)(length, max_length)) + placeholder;
}

std::string random_text(std::mt19937_64& random) {
    const std::vector<std::vector<std::string_view>> alphabets{
        {"a", "b", "c", " "},
        {" ", " ", "a"},
        {"\u00e9", "\u0436", "\u672c", "\u8a9e", "\U0001f600", "a", " "},
        {"\u65e5", "\u672c"},
        {"a", " ", "\u00e9", "\u672c", "\U0001f600", "\xff", "\x80", "\xe2\x82", "\xed\xa0\x80",
         "\xc0\xaf", "\xf4\x90\x80\x80", std::string_view("\0", 1)}};
    const auto& alphabet = alphabets[random() % alphabets.size()];
    std::string text;
    for (std::size_t left = random() % 150; left != 0; --left) {
        text += alphabet[random() % alphabet.size()];
    }
    return text;
}

TEST_CASE("truncating random text agrees with the definition, word by word") {
    auto random = generator();
    const std::array<std::string, 5> placeholders{"...", "", "\u2026", " [and more]", "\xff\u00e9"};
    for (int i = 0; i < 30'000; ++i) {
        const std::string text = random_text(random);
        const std::size_t max_length = random() % 70;
        const std::string& placeholder = placeholders[random() % placeholders.size()];
        for (const truncate_mode mode :
             {truncate_mode::word, truncate_mode::middle, truncate_mode::exact}) {
            CAPTURE(text, max_length, placeholder, static_cast<int>(mode));
            const std::string result = skyutil::truncate_long_string(
                text, {.max_length = max_length, .mode = mode, .placeholder = placeholder});
            REQUIRE(result == slow_truncate(text, max_length, mode, placeholder));
        }
    }
}

TEST_CASE("a long text is cut right wherever blocks of bytes begin and end") {
    auto random = generator();
    std::string text;
    while (text.size() < 4000) {
        text += random_text(random);
    }
    for (std::size_t max_length = 0; max_length < 1000; max_length += 7) {
        for (std::size_t skip = 0; skip < 20; ++skip) {
            const std::string_view part = std::string_view(text).substr(skip);
            for (const truncate_mode mode :
                 {truncate_mode::word, truncate_mode::middle, truncate_mode::exact}) {
                CAPTURE(max_length, skip, static_cast<int>(mode));
                REQUIRE(skyutil::truncate_long_string(part, max_length, mode) ==
                        slow_truncate(part, max_length, mode, "..."));
            }
            if (skip > 2 && max_length > 100) {
                break;
            }
        }
    }
}

constexpr bool truncation_known_answers() {
    return skyutil::truncate_long_string("short") == "short" &&
           skyutil::truncate_long_string("the quick brown fox jumps over", 10) == "the quick ..." &&
           skyutil::truncate_long_string("abcdefghij", 7, truncate_mode::middle) == "ab...ij" &&
           skyutil::truncate_long_string("abcdefghij", 4, truncate_mode::middle) == "a..." &&
           skyutil::truncate_long_string("abcdefghij", 2, truncate_mode::middle) == "..." &&
           skyutil::truncate_long_string("abcdefghij", 8, truncate_mode::exact) == "abcde..." &&
           skyutil::truncate_long_string("abcdefghij", 2, truncate_mode::exact) == ".." &&
           skyutil::truncate_long_string("\u65e5\u672c\u8a9e\u65e5\u672c\u8a9e", 5,
                                         truncate_mode::exact) == "\u65e5\u672c..." &&
           skyutil::truncate_long_string(
               "abcdefghij", {.max_length = 5, .placeholder = "\u2026"}) == "abcde\u2026";
}

TEST_CASE("known titles, at compile time and at run time") {
    CHECK(truncation_known_answers());
    SKYUTIL_STATIC_CHECK(truncation_known_answers());
}

TEST_CASE("truncation agrees with the reference answers") {
    golden_rows rows({});
    std::size_t negative = 0;
    for (const nlohmann::json& row : read_rows("truncate.jsonl")) {
        const nlohmann::json& length = row["max_length"];
        if (length.is_number_integer() && length.get<std::int64_t>() < 0 &&
            !length.is_number_unsigned()) {
            ++negative;  // cannot be written here
            continue;
        }
        const auto max_length = length.is_null() ? std::size_t{35} : length.get<std::size_t>();
        const auto mode =
            row["truncate_middle"].get<bool>() ? truncate_mode::middle : truncate_mode::word;
        rows.compare(row, skyutil::truncate_long_string(
                              decode_base64(row["in_b64"].get<std::string>()), max_length, mode) ==
                              decode_base64(row["out_b64"].get<std::string>()));
    }
    rows.finish();
    CHECK(negative == 51);
}

TEST_CASE("no length and no text is too long or too short") {
    for (const truncate_mode mode :
         {truncate_mode::word, truncate_mode::middle, truncate_mode::exact}) {
        CHECK(skyutil::truncate_long_string("", 0, mode).empty());
        CHECK(skyutil::truncate_long_string({}, 5, mode).empty());
        CHECK(skyutil::truncate_long_string("text", huge, mode) == "text");
        CHECK(skyutil::truncate_long_string(std::string(100'000, 'x'), huge - 1, mode).size() ==
              100'000);
    }
    CHECK(skyutil::truncate_long_string("ab", 0) == "...");
    CHECK(skyutil::truncate_long_string("ab", 0, truncate_mode::exact).empty());
    CHECK(skyutil::truncate_long_string(std::string(36, 'x')) == std::string(35, 'x') + "...");
}

// ---------------------------------------------------------------------------------- replacing what
// is no UTF-8

/// Maximal subparts, straight from the definition in section 3.9 of the Unicode Standard.
std::string slow_replace(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t whole = code_point_bytes(text, at);
        if (whole > 1 || static_cast<unsigned char>(text[at]) < 0x80) {
            out += text.substr(at, whole);
            at += whole;
            continue;
        }
        // The longest part that some continuation bytes would make well-formed.
        std::size_t part = 1;
        for (std::size_t length = 3; length >= 2 && part == 1; --length) {
            if (at + length > text.size()) {
                continue;
            }
            for (const std::string_view rest : {"\x80\x80", "\xbf\xbf"}) {
                const std::string completed =
                    std::string(text.substr(at, length)) + std::string(rest);
                part = code_point_bytes(completed, 0) > length ? length : part;
            }
        }
        out += "\ufffd";
        at += part;
    }
    return out;
}

TEST_CASE("each maximal subpart of an ill-formed sequence becomes one replacement character") {
    const auto replace = [](std::string_view text) {
        std::string out;
        skyutil::detail::append_replacing_invalid(out, text);
        return out;
    };
    CHECK(replace("a\xe2\x82"
                  "b") ==
          "a\ufffd"
          "b");
    CHECK(replace("\xed\xa0\x80") == "\ufffd\ufffd\ufffd");
    CHECK(replace("\xf0\x9f\x98") == "\ufffd");
    CHECK(replace("\xc0\xaf") == "\ufffd\ufffd");
    auto random = generator();
    for (int i = 0; i < 30'000; ++i) {
        std::string text = random_text(random);
        if (i % 2 == 0) {
            for (char& c : text) {
                c = random() % 3 == 0 ? static_cast<char>(random()) : c;
            }
        }
        CAPTURE(text);
        REQUIRE(replace(text) == slow_replace(text));
    }
}

TEST_CASE("arguments of every kind of string are taken") {
    const std::string owned = "ff";
    const std::string_view view = owned;
    const char* const pointer = "ff";
    CHECK(skyutil::base36_encode(owned) == "73");
    CHECK(skyutil::base36_encode(view) == "73");
    CHECK(skyutil::base36_encode(pointer) == "73");
    CHECK(skyutil::base36_encode(std::string("ff")) == "73");
    CHECK(skyutil::truncate_long_string(std::string("abc"), 2, truncate_mode::exact) == "..");
}

}  // namespace
