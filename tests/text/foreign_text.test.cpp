// SPDX-License-Identifier: MIT
//
// What messages quote: no terminal obeys it, and no character is cut.

#include <skyutil/detail/text/foreign_text.hpp>
#include <skyutil/strings.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "catch.hpp"

using skyutil::detail::visible;

namespace {

/// Whether it is UTF-8 without control characters.
bool is_plain(std::string_view text) { return visible(text) == text; }

}  // namespace

TEST_CASE("control characters and ill-formed bytes of a quoted text are spelled out") {
    struct row {
        std::string_view text;
        std::string_view expected;
    };
    using namespace std::string_view_literals;
    for (const auto& [text, expected] : {
             row{"", ""},
             row{"plain ASCII ~", "plain ASCII ~"},
             row{"caf\u00e9 \u65e5\u672c \U0001f600", "caf\u00e9 \u65e5\u672c \U0001f600"},
             row{"\x1b[31mred", "\\x1b[31mred"},
             row{"a\tb\r\n\a\0"sv, "a\\x09b\\x0d\\x0a\\x07\\x00"},
             row{"\x7f", "\\x7f"},
             row{"\u0080\u009b2J\u009f", "\\xc2\\x80\\xc2\\x9b2J\\xc2\\x9f"},
             row{"\u00a0", "\u00a0"},  // the first after C1
             row{"\x9b", "\\x9b"},     // CSI in Latin-1
             row{"\xff\xfe", "\\xff\\xfe"},
             row{"\xc0\x9b", "\\xc0\\x9b"},                    // overlong ESC
             row{"\xed\xa0\x80", "\\xed\\xa0\\x80"},           // a surrogate
             row{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},  // beyond Unicode
             row{"\xe6\x97", "\\xe6\\x97"},                    // cut
             row{"\xe6\x97\u00e9", "\\xe6\\x97\u00e9"},
         }) {
        CHECK(visible(text) == expected);
        CHECK(is_plain(visible(text)));
    }
    for (int byte = 0; byte != 256; ++byte) {
        const std::string text(1, static_cast<char>(byte));
        CHECK((visible(text) == text) == (byte >= 0x20 && byte < 0x7f));
    }
}

TEST_CASE("a quoted text is cut between characters") {
    const std::string text = "ab\u00e9\u65e5\U0001f600\x1b.";
    const std::string dots = "...";
    for (const auto& [most, expected] : {
             std::pair(std::size_t{0}, dots),
             std::pair(std::size_t{2}, "ab" + dots),
             std::pair(std::size_t{3}, "ab" + dots),
             std::pair(std::size_t{4}, "ab\u00e9" + dots),
             std::pair(std::size_t{6}, "ab\u00e9" + dots),
             std::pair(std::size_t{7}, "ab\u00e9\u65e5" + dots),
             std::pair(std::size_t{10}, "ab\u00e9\u65e5" + dots),
             std::pair(std::size_t{11}, "ab\u00e9\u65e5\U0001f600" + dots),
             std::pair(std::size_t{12}, "ab\u00e9\u65e5\U0001f600\\x1b" + dots),
             std::pair(std::size_t{13}, std::string("ab\u00e9\u65e5\U0001f600\\x1b.")),
             std::pair(std::size_t{99}, std::string("ab\u00e9\u65e5\U0001f600\\x1b.")),
         }) {
        INFO(most);
        CHECK(visible(text, most) == expected);
    }
    CHECK(visible("", 0).empty());
}

TEST_CASE("the message for an argument has nothing that a terminal obeys") {
    for (const std::string_view text : {"\x1b[2J", "\u009b2J", "\xff", "1\n2", "\u65e5"}) {
        for (const auto& call :
             {+[](std::string_view argument) { return skyutil::base36_encode(argument); },
              +[](std::string_view argument) { return skyutil::base36_decode(argument); }}) {
            try {
                static_cast<void>(call(text));
                FAIL("no error");
            } catch (const std::invalid_argument& error) {
                INFO(error.what());
                CHECK(is_plain(error.what()));
            }
        }
    }
}
