// SPDX-License-Identifier: MIT
//
// The lines that read_last_n_lines returns, beside the reference answers and a slow search.

#include <skyutil/files.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "files/outcomes.hpp"
#include "support.hpp"

using namespace skyutil_tests;

namespace {

namespace fs = std::filesystem;
using lines = std::vector<std::string>;

// ------------------------------------------------------------------------------------- helpers

std::vector<std::size_t> interesting_counts(std::size_t total) {
    std::vector<std::size_t> counts{0, 1, 2, 3, 10, total / 2, total, all};
    if (total != 0 && total < 5000) {
        counts.insert(counts.end(), {total - 1, total + 1, all - 1});
    }
    std::sort(counts.begin(), counts.end());
    counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
    return counts;
}

}  // namespace

// --------------------------------------------------------------------------- the lines returned

TEST_CASE("read_last_n_lines finds the lines that a slow search finds") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    for (const auto& [name, text] : texts()) {
        write_file(path, text);
        const lines every = last_lines(text, all);
        for (const std::size_t n : interesting_counts(every.size())) {
            const lines expected(
                every.end() - static_cast<std::ptrdiff_t>((std::min)(n, every.size())),
                every.end());
            const outcome result = try_read(path, n);
            if (result.error || result.found != expected) {
                FAIL_CHECK(name << ", n = " << n << ": " << result.error.message() << ", "
                                << summary(result.found) << " and not " << summary(expected));
            }
        }
    }
    SUCCEED();
}

TEST_CASE("line_end says what stays of the line ends") {
    using skyutil::line_end;
    struct row {
        std::string name, text;
        line_end option;
        lines expected;
    };
    const std::string crlf = "a\r\nb\nc\r\r\n\r\nd\r";
    const std::vector<row> rows{
        {"strip_lf", crlf, line_end::strip_lf, {"a\r", "b", "c\r\r", "\r", "d\r"}},
        {"strip_crlf", crlf, line_end::strip_crlf, {"a", "b", "c\r", "", "d\r"}},
        {"keep", crlf, line_end::keep, {"a\r\n", "b\n", "c\r\r\n", "\r\n", "d\r"}},
        {"keep, a last line end", "a\n\n", line_end::keep, {"a\n", "\n"}},
        {"strip_lf, a \\r inside", "a\rb\n", line_end::strip_lf, {"a\rb"}},
        {"strip_crlf, a \\r inside", "a\rb\n\r", line_end::strip_crlf, {"a\rb", "\r"}},
        {"strip_crlf, a line end alone", "\n\r\n", line_end::strip_crlf, {"", ""}},
    };
    const temporary_directory directory;
    for (const row& row : rows) {
        INFO(row.name);
        write_file(directory / "file", row.text);
        CHECK(skyutil::read_last_n_lines(directory / "file", all, {.line_end = row.option}) ==
              row.expected);
    }

    std::mt19937 random(7);  // NOLINT(*-msc51-cpp)
    const std::string text = random_text(random, 100'000, 6, "\r\ra");
    write_file(directory / "file", text);
    for (const line_end option : {line_end::strip_lf, line_end::strip_crlf, line_end::keep}) {
        CHECK(skyutil::read_last_n_lines(directory / "file", 12'345, {.line_end = option}) ==
              last_lines(text, 12'345, option));
    }
}

TEST_CASE("invalid_utf8 replaces each maximal subpart of a line, or nothing") {
    struct row {
        std::string name, text;
        lines expected;
    };
    const std::string r = "\xef\xbf\xbd";
    const std::vector<row> rows{
        {"ASCII", "abc\n", {"abc"}},
        {"well-formed",
         "\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9\n",
         {"\xe2\x82\xac\xf0\x9f\x98\x80\xc3\xa9"}},
        {"a byte that starts nothing",
         "a\xff"
         "b\n",
         {"a" + r + "b"}},
        {"lone continuation bytes", "\x80\xbf\n", {r + r}},
        {"a sequence cut by the line end", "\xe2\x82\n\xac\n", {r, r}},
        {"a sequence cut by the end", "\xf0\x9f\x98", {r}},
        {"a surrogate is three", "\xed\xa0\x80\n", {r + r + r}},
        {"overlong forms", "\xc0\xaf\xe0\x80\xaf\n", {r + r + r + r + r}},
        {"beyond U+10FFFF", "\xf4\x90\x80\x80\n", {r + r + r + r}},
        {"the example of the Unicode Standard, table 3-11",
         "\x61\xf1\x80\x80\xe1\x80\xc2\x62\x80\x63\x80\xbf\x64\n",
         {"a" + r + r + r + "b" + r + "c" + r + r + "d"}},
        {"NUL stays", std::string("\0\xff\n", 3), {std::string(1, '\0') + r}},
        {"after eight ASCII bytes",
         "12345678\xff"
         "12345678\n",
         {"12345678" + r + "12345678"}},
    };
    const temporary_directory directory;
    for (const row& row : rows) {
        INFO(row.name);
        write_file(directory / "file", row.text);
        CHECK(skyutil::read_last_n_lines(directory / "file", all,
                                         {.invalid_utf8 = skyutil::invalid_utf8::replace}) ==
              row.expected);
        CHECK(skyutil::read_last_n_lines(directory / "file", all) == last_lines(row.text, all));
    }
    write_file(directory / "file", "\xff\r\n\xc3");
    CHECK(skyutil::read_last_n_lines(directory / "file", 2,
                                     {.line_end = skyutil::line_end::keep,
                                      .invalid_utf8 = skyutil::invalid_utf8::replace}) ==
          lines{r + "\r\n", r});
    CHECK(skyutil::read_last_n_lines(directory / "file", 2,
                                     {.line_end = skyutil::line_end::strip_crlf,
                                      .invalid_utf8 = skyutil::invalid_utf8::replace}) ==
          lines{r, r});
}
