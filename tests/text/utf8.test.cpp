// SPDX-License-Identifier: MIT
//
// The replacement of what is no UTF-8.

#include <skyutil/detail/text/utf8.hpp>

#include <cstddef>
#include <string>
#include <string_view>

#include "strings/code_points.hpp"
#include "strings/reference.hpp"
#include "support.hpp"

namespace {

using namespace skyutil_tests;

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

}  // namespace
