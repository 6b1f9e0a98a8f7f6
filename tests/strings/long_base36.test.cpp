// SPDX-License-Identifier: MIT
//
// Base 36 of texts so long that they are converted by halves.

#include <skyutil/strings.hpp>

#include <cstddef>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"

using Catch::Matchers::ContainsSubstring;

namespace {

std::string random_digits(std::size_t size, std::string_view digits, unsigned seed) {
    std::minstd_rand random(seed);
    std::string text(size, digits.back());
    for (std::size_t i = 1; i < size; ++i) {
        text[i] = digits[random() % digits.size()];
    }
    return text;
}

constexpr std::string_view hex_digits = "0123456789abcdef";
constexpr std::string_view base36_digits = "0123456789abcdefghijklmnopqrstuvwxyz";

std::string encode_piece(std::string_view hex) { return skyutil::base36_encode(hex); }
std::string decode_piece(std::string_view text) { return skyutil::base36_decode(text); }

/// Hard for carries: the highest digits, the lowest ones, and both.
std::vector<std::string> hard_texts(std::size_t size, char highest) {
    std::string edge(size, '0');
    edge.front() = '1';
    std::string mixed(size, highest);
    for (std::size_t i = size / 2; i < size; ++i) {
        mixed[i] = '0';
    }
    return {std::string(size, highest), edge, mixed};
}

}  // namespace

TEST_CASE("long numbers are converted by halves as by division, wherever they are cut") {
    // Both ways, whatever the number of pieces and the length of the last.
    for (std::size_t size = 1; size < 420; size += size < 60 ? 1 : 17) {
        for (const std::size_t most :
             {std::size_t{1}, std::size_t{2}, std::size_t{5}, std::size_t{13}, std::size_t{64}}) {
            INFO(size << " digits in pieces of " << most);
            std::vector<std::string> texts = hard_texts(size, 'f');
            texts.push_back(random_digits(size, hex_digits, static_cast<unsigned>(size + most)));
            for (const std::string& hex : texts) {
                const std::string expected = skyutil::base36_encode(hex);
                REQUIRE(skyutil::detail::convert_long<36>(hex, most, encode_piece) == expected);
                REQUIRE(skyutil::detail::convert_long<16>(expected, most, decode_piece) ==
                        skyutil::base36_decode(expected));
            }
        }
    }
}

TEST_CASE("texts of a hundred thousand digits are right to the last digit") {
    constexpr std::size_t size = 100'003;
    std::vector<std::string> texts = hard_texts(size, 'f');
    texts.push_back(random_digits(size, hex_digits, 1));
    texts.push_back(std::string(1000, '0') + random_digits(size, hex_digits, 2));
    for (const std::string& hex : texts) {
        // That of a quadratic time writes into a buffer of the caller's.
        std::vector<char> buffer(size);
        const auto [end, error] =
            skyutil::base36_to_chars(buffer.data(), buffer.data() + buffer.size(), hex);
        REQUIRE(error == std::errc());
        const std::string encoded = skyutil::base36_encode(hex);
        CHECK((encoded ==
               std::string_view(buffer.data(), static_cast<std::size_t>(end - buffer.data()))));
        const std::size_t zeros = hex.find_first_not_of('0');
        CHECK((skyutil::base36_decode(encoded) == std::string_view(hex).substr(zeros)));
    }
    for (const std::string& text : hard_texts(size, 'z')) {
        CHECK((skyutil::base36_encode(skyutil::base36_decode(text)) == text));
    }
    const std::string text = random_digits(size, base36_digits, 3);
    CHECK((skyutil::base36_encode(skyutil::base36_decode("000" + text)) == text));
}

TEST_CASE("long texts may have all that short ones may") {
    const std::string hex = random_digits(70'000, hex_digits, 4);
    const std::string expected = skyutil::base36_encode(hex);
    std::string spelled = " \t+0X_";
    for (std::size_t i = 0; i != hex.size(); ++i) {
        spelled += i % 3 == 1 && hex[i] >= 'a' ? static_cast<char>(hex[i] - 'a' + 'A') : hex[i];
        if (i % 7 == 3) {
            spelled += '_';
        }
    }
    CHECK((skyutil::base36_encode(spelled + "\n") == expected));
    std::string upper = expected;
    for (char& c : upper) {
        c = c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    CHECK((skyutil::base36_decode(upper) == hex));
    CHECK(skyutil::base36_encode(std::string(200'000, '0')) == "0");
    CHECK(skyutil::base36_decode(std::string(200'000, '0')) == "0");
    CHECK(skyutil::base36_decode(std::string(200'000, '0') + "10") == "24");
}

TEST_CASE("the error in a long text is found") {
    std::string hex(100'000, '7');
    hex[99'998] = 'g';
    CHECK_THROWS_WITH(skyutil::base36_encode(hex), ContainsSubstring("99998"));
    std::string text(100'000, 'y');
    text[77'777] = '-';
    CHECK_THROWS_WITH(skyutil::base36_decode(text), ContainsSubstring("77777"));
}
