// SPDX-License-Identifier: MIT
//
// The lines that read_last_n_lines returns beside the reference answers, of pipes and huge files.

#include <skyutil/files.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <system_error>
#include <vector>

#include <sys/resource.h>

#include "files/outcomes_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;

namespace {

namespace fs = std::filesystem;
using lines = std::vector<std::string>;

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
    write_file(path, "");
    std::error_code error;
    fs::resize_file(path, std::uint64_t{5} << 30, error);
    if (error) {
        SKYUTIL_SKIP("the file system has no files of 5 GiB");
    }
    std::ofstream(path, std::ios::app) << "\nsecond last\nlast\n";
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
