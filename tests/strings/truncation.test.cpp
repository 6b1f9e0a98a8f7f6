// SPDX-License-Identifier: MIT
//
// truncate_long_string.

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

#include "strings/code_points.hpp"
#include "strings/reference.hpp"
#include "support.hpp"

namespace {

using namespace skyutil_tests;
using skyutil::truncate_mode;

constexpr std::size_t huge = (std::numeric_limits<std::size_t>::max)();

// -----------------------------------------------------------------------------------------------
// titles

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
        const auto max_length = length.is_null()
                                    ? std::size_t{35}
                                    : static_cast<std::size_t>((std::min)(
                                          length.get<std::uint64_t>(), std::uint64_t{huge}));
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
