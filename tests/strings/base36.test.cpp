// SPDX-License-Identifier: MIT
//
// Base 36. Each test has cases that hold at compile time as well.

#include <skyutil/strings.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "strings/reference.hpp"
#include "support.hpp"

namespace {

using namespace skyutil_tests;
using Catch::Matchers::ContainsSubstring;

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

}  // namespace
