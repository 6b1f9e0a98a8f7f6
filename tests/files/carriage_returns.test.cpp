// SPDX-License-Identifier: MIT
//
// Lines with carriage returns in them.

#include <skyutil/files.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "files/outcomes.hpp"
#include "support.hpp"

using namespace skyutil_tests;

namespace {

namespace fs = std::filesystem;
using lines = std::vector<std::string>;
using skyutil::line_end;

}  // namespace

TEST_CASE("with line_end::any a carriage return alone ends a line too") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    struct row {
        std::string text;
        lines expected;
    };
    for (const auto& [text, expected] :
         {row{"a\rb\nc\r\nd", {"a", "b", "c", "d"}}, row{"a\r", {"a"}}, row{"a\r\n", {"a"}},
          row{"\r", {""}}, row{"\r\n", {""}}, row{"\r\r", {"", ""}}, row{"\n\r", {"", ""}},
          row{"\r\n\r\n", {"", ""}}, row{"\r\r\n", {"", ""}}, row{"a\n\rb", {"a", "", "b"}},
          row{" 10%\r 20%\r100%\ndone\n", {" 10%", " 20%", "100%", "done"}}, row{"", {}},
          row{"x", {"x"}}}) {
        INFO(Catch::Detail::stringify(text));
        write_file(path, text);
        for (std::size_t n = 0; n <= expected.size() + 1; ++n) {
            const lines last(
                expected.end() - static_cast<std::ptrdiff_t>((std::min)(n, expected.size())),
                expected.end());
            CHECK(try_tail(path, n, {.line_end = line_end::any}).found == last);
            CHECK(try_read(path, n, {.line_end = line_end::any}).found == last);
        }
    }
}

TEST_CASE("with line_end::terminal a line is what a terminal would show of it") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    struct row {
        std::string text;
        lines expected;
    };
    for (const auto& [text, expected] : {
             row{"a\nb\n", {"a", "b"}},
             row{"  9%\r 10%\r100%\ndone\n", {"100%", "done"}},
             row{"  9%\r 10%\r", {" 10%"}},
             row{"windows\r\n", {"windows"}},
             row{"12345\rab\n", {"ab345"}},
             row{"12345\rab\rX", {"Xb345"}},
             row{"12345\r\r\r\n", {"12345"}},
             row{"\r\n", {""}},
             row{"\rx\n", {"x"}},
             row{"done\rcopying 10%\n", {"copying 10%"}},
             row{"copying 10%\rdone\x1b[K\n", {"done"}},
             row{"copying 10%\r\x1b[Kdone\n", {"done"}},
             row{"copying 10%\x1b[2K\rdone\n", {"done"}},
             row{"copying 10%\r\x1b[2Kdone\n", {"done"}},
             row{"copying 10%\rdo\x1b[0Kne\n", {"done"}},
             row{"abc\x1b[2Kdef\rx\n", {"x  def"}},
             row{"a\x1b[K\r\xc3\xa4\xc3\xb6\n", {"\xc3\xa4\xc3\xb6"}},
             row{"\xc3\xa4\xc3\xb6\xe2\x82\xac\rx\n", {"x\xc3\xb6\xe2\x82\xac"}},
             row{"xyz\r\xe2\x82\xac\n", {"\xe2\x82\xacyz"}},
             row{"12345\r\x1b[32mab\x1b[0m\n", {"\x1b[32mab\x1b[0m345"}},
             row{"\x1b[31m12345\x1b[0m\rabcde\n", {"abcde\x1b[0m"}},
             row{"abc\r\x1b[\n", {"\x1b[c"}},
             row{"abc\r\x1b\n",
                 {"\x1b"
                  "bc"}},
         }) {
        INFO(Catch::Detail::stringify(text));
        write_file(path, text);
        CHECK(try_tail(path, all, {.line_end = line_end::terminal}).found == expected);
        CHECK(try_read(path, all, {.line_end = line_end::terminal}).found == expected);
        CHECK(try_tail(path, 1, {.line_end = line_end::terminal}).found == lines{expected.back()});
    }
    write_file(path,
               "a\xff"
               "cd\r\xe2\x82\n");
    for (const auto read : {try_tail, try_read}) {
        CHECK(read(path, 1,
                   {.line_end = line_end::terminal, .invalid_utf8 = skyutil::invalid_utf8::replace})
                  .found == lines{"\xef\xbf\xbd\xef\xbf\xbd"
                                  "cd"});
    }
}

TEST_CASE("many steps of progress in one line take little time") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    std::string text;
    for (int i = 0; i < 100'000; ++i) {
        text += std::to_string(i) + " of 100000\r";
    }
    write_file(path, text + "\nend\n");
    const outcome result = try_tail(path, 2, {.line_end = line_end::terminal});
    CHECK(result.found == lines{"99999 of 100000", "end"});
}
