// SPDX-License-Identifier: MIT
//
// truncate_long_string, and the replacement of what is no UTF-8.

#include <skyutil/strings.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "strings/reference.hpp"
#include "support.hpp"

namespace {

using namespace skyutil_tests;
using skyutil::truncate_mode;

constexpr std::size_t huge = (std::numeric_limits<std::size_t>::max)();

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
