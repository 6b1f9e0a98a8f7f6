// SPDX-License-Identifier: MIT
//
// UTF-8 from UTF-16 and back, as Windows needs it, on any system.

#include <skyutil/detail/os/windows/text.hpp>

#include <cstddef>
#include <optional>
#include <random>
#include <string>
#include <string_view>

#include "catch.hpp"

namespace sys = skyutil::detail::os::sys;

namespace {

std::string to_utf8(const std::u16string& units) {
    return sys::to_utf8(std::u16string_view(units));
}

std::optional<std::u16string> to_utf16(std::string_view text) {
    return sys::to_utf16<char16_t>(text);
}

/// A code point in UTF-16, written down anew.
std::u16string units_of(char32_t point) {
    if (point < 0x10000) {
        return {static_cast<char16_t>(point)};
    }
    return {static_cast<char16_t>(0xd7c0 + (point >> 10)),
            static_cast<char16_t>(0xdc00 + (point & 0x3ff))};
}

}  // namespace

TEST_CASE("each code point of every plane comes back, lone surrogates too") {
    std::size_t wrong = 0;
    for (char32_t point = 0; point <= 0x10ffff; ++point) {
        const std::u16string units = units_of(point);
        const std::string text = to_utf8(units);
        const std::size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        wrong += text.size() != size || to_utf16(text) != units ? 1 : 0;
    }
    CHECK(wrong == 0);
}

TEST_CASE("the bytes are those of UTF-8") {
    CHECK(to_utf8(u"a\u00e4\u20ac\U0001f600\U0010ffff") ==
          "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf");
    CHECK(to_utf8({u'a', char16_t{0xd800}, u'b'}) ==
          "a\xed\xa0\x80"
          "b");
    CHECK(to_utf8({char16_t{0xdc00}, char16_t{0xd800}}) == "\xed\xb0\x80\xed\xa0\x80");
    CHECK(to_utf8(std::u16string(1, u'\0')) == std::string(1, '\0'));
    CHECK(to_utf8({}).empty());
}

TEST_CASE("any units come back, in any order") {
    std::mt19937 random(5);  // NOLINT(*-msc51-cpp)
    for (int i = 0; i < 20'000; ++i) {
        std::u16string units(random() % 12, u'\0');
        for (char16_t& unit : units) {
            unit = static_cast<char16_t>(random() % 3 == 0 ? random() % 0x10000
                                                           : 0xd7f0 + random() % 0x820);
        }
        const std::string text = to_utf8(units);
        if (to_utf16(text) != units) {
            FAIL(i << ": " << Catch::Detail::stringify(text));
        }
    }
    SUCCEED();
}

TEST_CASE("what no units become is refused") {
    for (const std::string_view text :
         {"\x80", "\xbf", "a\xc3", "\xc3(", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\xaf", "\xe0\x9f\xbf",
          "\xe2\x82", "\xe2(\xac", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xf0\x9f\x98",
          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",
          "\xed\xa0\xbd\xed\xb8\x80"}) {  // two halves that belong together
        INFO(Catch::Detail::stringify(std::string(text)));
        CHECK_FALSE(to_utf16(text));
    }
}

TEST_CASE("text is converted at compile time too") {
    SKYUTIL_STATIC_CHECK(sys::to_utf8(std::u16string_view(u"\u20ac")) == "\xe2\x82\xac");
    SKYUTIL_STATIC_CHECK(sys::to_utf16<char16_t>("\xe2\x82\xac") == u"\u20ac");
}
