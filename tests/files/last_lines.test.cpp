// SPDX-License-Identifier: MIT
//
// The lines that read_last_n_lines returns, beside the reference answers and a slow search.

#include <skyutil/files.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

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

TEST_CASE("read_last_n_lines answers as the Python original, but for what is listed") {
    // Rows whose answer is another one on purpose.
    const std::map<std::string, std::string> different{
        {"read_last_n_lines-009985", "/proc/self/limits has no size, but it has lines"},
        {"read_last_n_lines-009980", "a directory is an error, whatever the number of lines"},
    };
    const temporary_directory directory;
    const auto make_path = [&](const std::string& kind) -> fs::path {
        const fs::path file = directory / "f";
        if (kind == "symlink-to-file:1\\n2\\n3\\n") {
            write_file(file, "1\n2\n3\n");
            fs::remove(directory / "link");
            fs::create_symlink(file, directory / "link");
            return directory / "link";
        }
        if (kind == "dangling-symlink") {
            fs::create_symlink("nothing", directory / "dang");
            return directory / "dang";
        }
        if (kind == "symlink-loop") {
            fs::create_symlink("loop", directory / "loop");
            return directory / "loop";
        }
        if (kind == "file-as-dir") {
            write_file(file, "x");
            return file / "x";
        }
        const std::map<std::string, fs::path> others{
            {"nul-in-path", directory.path().native() + std::string("/f\0x", 4)},
            {"/dev/null", "/dev/null"},
            {"/proc/self/limits (st_size 0, non-empty)", "/proc/self/limits"},
            {"directory", directory.path()},
            {"empty-path", ""},
            {"name-too-long", directory / std::string(300, 'x')},
            {"missing", directory / "nope"},
        };
        return others.at(kind);
    };

    int compared = 0;
    int impossible = 0;
    std::size_t listed = 0;
    for (const nlohmann::json& row : read_rows("read_last_n_lines.jsonl")) {
        const std::string id = row["id"];
        const nlohmann::json& n = row["n"];
        const nlohmann::json& chunk_size = row["chunk_size"];
        if ((n.is_number_integer() && n < 0) ||
            (chunk_size.is_number_integer() && chunk_size <= 0)) {
            CHECK(row.contains("exc"));
            ++impossible;  // there are no such arguments
            continue;
        }
        fs::path path = directory / "f";
        if (row.contains("file_b64")) {
            write_file(path, decode_base64(row["file_b64"].get<std::string>()));
        } else {
            path = make_path(row["path_kind"]);
        }
        const std::size_t count =
            n.is_number_unsigned() ? n.get<std::size_t>() : all;  // one is 10^30
        outcome result = try_read(path, count, {.invalid_utf8 = skyutil::invalid_utf8::replace});

        // The original strips every "\r" and keeps the "\n" of all lines but the last.
        for (std::string& line : result.found) {
            line.resize(line.find_last_not_of('\r') + 1);
        }
        bool same = row.contains("exc") == static_cast<bool>(result.error);
        if (same && row.contains("out")) {
            lines expected = row["out"];
            for (std::size_t i = 0; i + 1 < expected.size(); ++i) {
                REQUIRE(expected[i].back() == '\n');
                expected[i].pop_back();
            }
            same = result.found == expected;
        }
        INFO(row.dump().substr(0, 2000) << "\n"
                                        << result.error.message() << ", " << summary(result.found));
        CHECK(same != different.contains(id));
        listed += different.contains(id) ? 1 : 0;
        ++compared;
    }
    CHECK(listed == different.size());
    CHECK(compared == 232);
    CHECK(impossible == 23);
}

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

TEST_CASE("read_last_n_lines finds the same lines in a pipe") {
    std::size_t number = 0;
    for (const auto& [name, text] : texts()) {
        if (text.size() > 20'000 && ++number % 20 != 0) {
            continue;
        }
        const std::size_t total = last_lines(text, all).size();
        for (const std::size_t n :
             {std::size_t{0}, std::size_t{1}, std::size_t{2}, total / 2, total, all}) {
            const text_pipe pipe(text);
            const outcome result = try_read(pipe.path(), n);
            if (result.error || result.found != last_lines(text, n)) {
                FAIL_CHECK(name << ", n = " << n << ": " << result.error.message() << ", "
                                << summary(result.found));
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

TEST_CASE("max_bytes counts the bytes of the lines asked for, line ends included") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    struct row {
        std::string name, text;
        std::size_t n, bytes;
    };
    std::string far = "first\n";
    for (int i = 0; i < 30'000; ++i) {
        far += std::to_string(i) + "\n";
    }
    const std::vector<row> rows{
        {"one line in the last block", "first\nlast\n", 1, 5},
        {"a last line without a line end", "first\nlast", 1, 4},
        {"the whole of a small file", "first\nlast\n", 2, 11},
        {"more lines than there are", "first\nlast\n", 100, 11},
        {"an empty line", "first\n\n", 1, 1},
        {"far back", far, 20'000, 20'000 * 6},
        {"the whole of a larger file", far, all, far.size()},
        {"one long line after another",
         std::string(50'000, 'a') + "\n" + std::string(70'000, 'b') + "\n", 1, 70'001},
        {"one line that is the file", std::string(70'000, 'b'), 1, 70'000},
        {"short lines after one far too long", std::string(500'000, 'a') + "\nb\nc\n", 2, 4},
        {"short lines before one far too long", "b\nc\n" + std::string(500'000, 'a'), 1, 500'000},
    };
    for (const row& row : rows) {
        INFO(row.name);
        write_file(path, row.text);
        const lines expected = last_lines(row.text, row.n);

        outcome result = try_read(path, row.n, {.max_bytes = row.bytes});
        CHECK_FALSE(result.error);
        CHECK(result.found == expected);
        result = try_read(path, row.n, {.max_bytes = row.bytes - 1});
        CHECK(result.error == std::errc::file_too_large);
        CHECK(result.found.empty());
        CHECK(try_read(path, row.n, {.max_bytes = 0}).error == std::errc::file_too_large);

        {
            const text_pipe pipe(row.text);
            CHECK(try_read(pipe.path(), row.n, {.max_bytes = row.bytes - 1}).error ==
                  std::errc::file_too_large);
        }
        const text_pipe pipe(row.text);
        result = try_read(pipe.path(), row.n, {.max_bytes = row.bytes});
        CHECK_FALSE(result.error);
        CHECK(result.found == expected);
    }
    write_file(path, "");
    CHECK_FALSE(try_read(path, 1, {.max_bytes = 0}).error);
    write_file(path, "text\n");
    CHECK_FALSE(try_read(path, 0, {.max_bytes = 0}).error);
}

TEST_CASE("the end of a file of 5 GiB takes little time and memory") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    const auto size = std::uint64_t{5} << 30;
    {
        const skyutil::unique_fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        const std::string text = "\nsecond last\nlast\n";
        if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(size)) == -1 ||
            ::pwrite(fd.get(), text.data(), text.size(), static_cast<off_t>(size)) == -1) {
            SKYUTIL_SKIP("the file system has no files of 5 GiB");
        }
    }
    const nlohmann::json answer = run_in_child([&] {
        const auto peak = [] {
            rusage usage{};
            ::getrusage(RUSAGE_SELF, &usage);
            return usage.ru_maxrss;
        };
        const long before = peak();
        const auto start = std::chrono::steady_clock::now();
        const outcome near = try_read(path, 2);
        const outcome hole = try_read(path, 3, {.max_bytes = std::size_t{1} << 20});
        return nlohmann::json{
            {"lines", near.found},
            {"hole", hole.error.value()},
            {"seconds",
             std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()},
            {"kilobytes", peak() - before}};
    });
    CHECK(answer["lines"] == nlohmann::json(lines{"second last", "last"}));
    CHECK(answer["hole"] == EFBIG);
    CHECK(answer["seconds"] < 1.0);
    CHECK(answer["kilobytes"] < 8 * 1024);
}
