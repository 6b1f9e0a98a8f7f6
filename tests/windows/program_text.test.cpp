// SPDX-License-Identifier: MIT
//
// The line of a program, beside the rules by which it is taken apart.

#include <skyutil/detail/os/windows/program_text.hpp>

#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "catch.hpp"

namespace sys = skyutil::detail::os::sys;

namespace {

using words = std::vector<std::u16string>;

std::u16string quoted(std::u16string_view word) {
    std::u16string line;
    sys::append_word(line, word);
    return line;
}

/// Takes a line apart as "Parsing C command-line arguments" says.
words split(std::u16string_view line) {
    words result(1);
    std::size_t at = 1;  // the name of the program, in quotes
    while (line[at] != u'"') {
        result[0] += line[at++];
    }
    ++at;
    for (;;) {
        while (at < line.size() && (line[at] == u' ' || line[at] == u'\t')) {
            ++at;
        }
        if (at == line.size()) {
            return result;
        }
        std::u16string word;
        bool inside = false;
        while (at < line.size() && (inside || (line[at] != u' ' && line[at] != u'\t'))) {
            std::size_t backslashes = 0;
            while (at < line.size() && line[at] == u'\\') {
                ++backslashes;
                ++at;
            }
            if (at < line.size() && line[at] == u'"') {
                word.append(backslashes / 2, u'\\');
                if (backslashes % 2 != 0) {
                    word += u'"';
                } else if (inside && at + 1 < line.size() && line[at + 1] == u'"') {
                    word += u'"';
                    ++at;
                } else {
                    inside = !inside;
                }
                ++at;
            } else {
                word.append(backslashes, u'\\');
                if (at < line.size() && (inside || (line[at] != u' ' && line[at] != u'\t'))) {
                    word += line[at++];
                }
            }
        }
        result.push_back(word);
    }
}

}  // namespace

TEST_CASE("a word is in quotes only if it has to be, and its backslashes only before a quote") {
    CHECK(quoted(u"plain") == u"plain");
    CHECK(quoted(u"") == u"\"\"");
    CHECK(quoted(u"a b") == u"\"a b\"");
    CHECK(quoted(u"C:\\dir\\") == u"C:\\dir\\");
    CHECK(quoted(u"C:\\my dir\\") == u"\"C:\\my dir\\\\\"");
    CHECK(quoted(u"a\\\\b") == u"a\\\\b");
    CHECK(quoted(u"\"") == u"\"\\\"\"");
    CHECK(quoted(u"a\\\"b") == u"\"a\\\\\\\"b\"");
    CHECK(quoted(u"\\") == u"\\");
    CHECK(quoted(u"a\tb") == u"\"a\tb\"");
}

TEST_CASE("any words come out of a line as they went in") {
    std::minstd_rand random(7);
    const std::u16string_view alphabet = u"\\\\\\\"\" \tab%^&\u00e4\U0001f600\n";
    for (int round = 0; round != 20'000; ++round) {
        words in{u"C:\\Program Files\\a.exe"};
        for (std::size_t count = random() % 6; count != 0; --count) {
            std::u16string word;
            for (std::size_t size = random() % 8; size != 0; --size) {
                word += alphabet[random() % alphabet.size()];
            }
            in.push_back(word);
        }
        const std::u16string line = sys::command_line<char16_t>(in);
        if (split(line) != in) {
            CAPTURE(round);
            CHECK(split(line) == in);
        }
    }
}

TEST_CASE("batch files are known in any spelling, and nothing else is one") {
    for (const std::u16string_view name : {u"a.bat", u"A.BAT", u"C:\\dir\\x.Cmd", u"a.bat ",
                                           u"a.cmd. . .", u"a.exe:b.bat", u".bat"}) {
        CHECK(sys::is_batch_file(name));
    }
    for (const std::u16string_view name :
         {u"", u"bat", u"a.bat.exe", u"a.bat\\b", u"a.batch", u"cmd.exe", u"abat"}) {
        CHECK_FALSE(sys::is_batch_file(name));
    }
}
