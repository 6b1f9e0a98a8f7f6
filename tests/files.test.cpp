// SPDX-License-Identifier: MIT

#include <skyutil/files.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "support.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

using lines = std::vector<std::string>;

constexpr std::size_t all = (std::numeric_limits<std::size_t>::max)();

// ------------------------------------------------------------------------------------- helpers

/// What read_last_n_lines must return, found the slow way.
lines last_lines(std::string_view text, std::size_t n,
                 skyutil::line_end line_end = skyutil::line_end::strip_lf) {
    lines found;
    std::string line;
    for (const char c : text) {
        line += c;
        if (c != '\n') {
            continue;
        }
        if (line_end != skyutil::line_end::keep) {
            line.pop_back();
        }
        if (line_end == skyutil::line_end::strip_crlf && !line.empty() && line.back() == '\r') {
            line.pop_back();
        }
        found.push_back(line);
        line.clear();
    }
    if (!line.empty()) {
        found.push_back(line);
    }
    if (found.size() > n) {
        found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(n));
    }
    return found;
}

/// Sizes instead of the lines themselves: some are too long for a report.
std::string summary(const lines& found) {
    std::string out = std::to_string(found.size()) + " lines";
    for (std::size_t i = 0; i < found.size() && i < 8; ++i) {
        out += ", " + std::to_string(found[i].size()) + " bytes";
    }
    return out;
}

struct outcome {
    std::error_code error;
    lines found;
};

outcome try_read(const fs::path& path, std::size_t n, const skyutil::tail_options& options = {}) {
    outcome result;
    result.error = std::make_error_code(std::errc::bad_message);  // stale
    result.found = skyutil::read_last_n_lines(path, n, options, result.error);
    return result;
}

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count == -1 && errno != EINTR) {
            return;
        }
        text.remove_prefix(count == -1 ? 0 : static_cast<std::size_t>(count));
    }
}

/// Waits until the other side has read all that is in a pipe.
void wait_until_drained(int fd) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    for (int bytes = 1; bytes != 0 && std::chrono::steady_clock::now() < deadline;) {
        if (::ioctl(fd, FIONREAD, &bytes) == -1) {
            return;
        }
        std::this_thread::yield();
    }
}

/// Opens a FIFO for writing once someone has it open for reading.
skyutil::unique_fd open_after_reader(const fs::path& path) {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    for (;;) {
        skyutil::unique_fd fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
        if (fd || errno != ENXIO || std::chrono::steady_clock::now() > deadline) {
            if (fd) {
                ::fcntl(fd.get(), F_SETFL, 0);
            }
            return fd;
        }
        std::this_thread::yield();
    }
}

/// An anonymous pipe that a thread writes a text into.
class text_pipe {
public:
    explicit text_pipe(std::string text) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) == -1) {
            throw_errno("pipe2");
        }
        read_end_.reset(ends[0]);
        writer_ = std::thread([fd = ends[1], text = std::move(text)] {
            write_all(fd, text);
            ::close(fd);
        });
    }
    text_pipe(const text_pipe&) = delete;
    text_pipe& operator=(const text_pipe&) = delete;
    ~text_pipe() {
        char rest[4096];
        while (::read(read_end_.get(), rest, sizeof rest) >
               0) {  // the writer must not wait for ever
        }
        writer_.join();
    }

    fs::path path() const { return "/proc/self/fd/" + std::to_string(read_end_.get()); }

private:
    skyutil::unique_fd read_end_;
    std::thread writer_;
};

void make_fifo(const fs::path& path) {
    if (::mkfifo(path.c_str(), 0666) == -1) {
        throw_errno("mkfifo");
    }
}

struct named_text {
    std::string name;
    std::string text;
};

std::string random_text(std::mt19937& random, std::size_t size, std::size_t longest_line,
                        std::string_view alphabet) {
    std::string text;
    while (text.size() < size) {
        const std::size_t length = random() % (longest_line + 1);
        for (std::size_t i = 0; i < length && text.size() < size; ++i) {
            text += alphabet[random() % alphabet.size()];
        }
        if (text.size() < size) {
            text += '\n';
        }
    }
    return text;
}

std::vector<named_text> texts() {
    using namespace std::string_view_literals;
    std::vector<named_text> result{
        {"empty", ""},
        {"one line end", "\n"},
        {"one character", "x"},
        {"one line", "x\n"},
        {"no line end at the end", "a\nb"},
        {"empty lines", "\n\n\n"},
        {"empty lines and no line end at the end", "\n\nx"},
        {"CRLF", "a\r\nb\r\n\r\nc\r\r\nd\r"},
        {"NULs", std::string("\0\n\0\0\na\0b\n\0"sv)},
        {"invalid UTF-8", "\xff\xfe\n\xc3\n\xe2\x82\n\x80\n\xed\xa0\x80\n"},
        {"only line ends", std::string(20'000, '\n')},
        {"one huge line", std::string(300'000, 'x')},
        {"one huge line with a line end", std::string(300'000, 'x') + "\n"},
        {"one huge line after short ones", "a\nb\n" + std::string(300'000, 'x') + "\n"},
        {"short lines after a huge one", std::string(300'000, 'x') + "\na\nb\n"},
    };
    std::mt19937 random(20250101);  // NOLINT(*-msc51-cpp)
    const std::vector<std::size_t> edges{8191,    8192,    8193,    16384,   24575,   24576,
                                         24577,   57343,   57344,   57345,   65535,   65536,
                                         65537,   122'879, 122'880, 122'881, 131'071, 131'072,
                                         131'073, 188'416, 196'608, 262'144, 262'145};
    for (const std::size_t size : edges) {
        const std::string suffix = " of " + std::to_string(size) + " bytes";
        for (const unsigned longest : {size % 65'536 == 1 ? 3U : 200U, 9000U, 30'000U}) {
            result.push_back({"lines of up to " + std::to_string(longest) + suffix,
                              random_text(random, size, longest, "ab c\r\0\xff\xe2\x82\xac"sv)});
        }
        if (size % 65'536 != 0 && size != 24'577) {
            continue;
        }
        // A line end at every distance from the end at which a block may start, and around it.
        for (const std::size_t edge : edges) {
            for (const int shift : {-1, 0, 1}) {
                const std::size_t distance = edge + static_cast<std::size_t>(shift);
                if (distance < size) {
                    std::string text(size, 'x');
                    text[size - 1 - distance] = '\n';
                    result.push_back(
                        {"a line end " + std::to_string(distance) + " from the last byte" + suffix,
                         text});
                    if (shift == 0) {
                        text.back() = '\n';
                        result.push_back({result.back().name + ", which is one", text});
                    }
                }
            }
        }
    }
    for (int i = 0; i < 25; ++i) {
        result.push_back({"random " + std::to_string(i),
                          random_text(random, random() % 400'000, std::size_t{1} << (random() % 15),
                                      "xy\r\0"sv)});
    }
    std::string multibyte;
    for (int i = 0; i < 40'000; ++i) {
        multibyte += i % 97 == 0 ? "\n" : i % 2 == 0 ? "\xe2\x82\xac" : "\xf0\x9f\x98\x80";
    }
    result.push_back({"multibyte characters over every block edge", multibyte});
    return result;
}

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

// ------------------------------------------------------------------------ files of other kinds

TEST_CASE("files whose size reads as 0 give their lines") {
    for (const char* const path :
         {"/proc/self/limits", "/proc/self/mountinfo", "/proc/filesystems"}) {
        INFO(path);
        const std::string text = read_file(path);
        REQUIRE(fs::file_size(path) == 0);
        REQUIRE(std::count(text.begin(), text.end(), '\n') > 3);
        for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{3}, all}) {
            CHECK(skyutil::read_last_n_lines(path, n) == last_lines(text, n));
        }
    }
}

TEST_CASE("files with fewer bytes than their size give their lines") {
    int tried = 0;
    for (const char* const path :
         {"/sys/kernel/mm/transparent_hugepage/enabled", "/sys/kernel/uevent_helper",
          "/sys/devices/system/cpu/online", "/sys/class/net/lo/mtu", "/sys/power/state"}) {
        std::error_code error;
        if (fs::file_size(path, error) == 0 || error || ::access(path, R_OK) == -1) {
            continue;
        }
        INFO(path);
        const std::string text = read_file(path);
        REQUIRE(fs::file_size(path) > text.size());
        CHECK(skyutil::read_last_n_lines(path, 1) == last_lines(text, 1));
        CHECK(skyutil::read_last_n_lines(path, all) == last_lines(text, all));
        ++tried;
    }
    if (tried == 0) {
        SKYUTIL_SKIP("no file in /sys can be read");
    }
}

TEST_CASE("devices are read, but for those that never end") {
    CHECK(skyutil::read_last_n_lines("/dev/null", 5).empty());
    for (const char* const path : {"/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}) {
        INFO(path);
        CHECK(try_read(path, 1).error == std::errc::file_too_large);
    }
}

TEST_CASE("a pipe whose writer waits for its reader is read to the end") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const skyutil::unique_fd read_end(ends[0]);
    std::thread writer([fd = ends[1]] {
        for (const char* const piece : {"o", "ne", "\n", "two\nthr", "ee", "\n", "four"}) {
            write_all(fd, piece);
            wait_until_drained(fd);
        }
        ::close(fd);
    });
    const outcome result = try_read("/proc/self/fd/" + std::to_string(read_end.get()), 3);
    writer.join();
    CHECK_FALSE(result.error);
    CHECK(result.found == lines{"two", "three", "four"});
}

TEST_CASE("a FIFO is read to the end") {
    const temporary_directory directory;
    const fs::path fifo = directory / "fifo";
    make_fifo(fifo);
    outcome result;

    SECTION("when its writer comes after the reader") {
        std::thread writer([&] { write_all(open_after_reader(fifo).get(), "one\ntwo\nthree\n"); });
        result = try_read(fifo, 2);
        writer.join();
        CHECK(result.found == lines{"two", "three"});
    }
    SECTION("when its writer comes first") {
        std::thread writer([&] {
            const skyutil::unique_fd fd(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
            write_all(fd.get(), "one\ntwo\nthree\n");
        });
        result = try_read(fifo, 2);
        writer.join();
        CHECK(result.found == lines{"two", "three"});
    }
    SECTION("when its writer waits for the reader after every piece") {
        std::thread writer([&] {
            const skyutil::unique_fd fd = open_after_reader(fifo);
            for (int i = 0; i < 200; ++i) {
                write_all(fd.get(), std::to_string(i) + (i % 2 == 0 ? "\n" : "+"));
                wait_until_drained(fd.get());
            }
        });
        result = try_read(fifo, 2);
        writer.join();
        CHECK(result.found == lines{"197+198", "199+"});
    }
    SECTION("when its writer leaves without a word") {
        std::thread writer([&] { (void)open_after_reader(fifo); });
        result = try_read(fifo, 2);
        writer.join();
        CHECK(result.found.empty());
    }
    SECTION("when it gets more than it holds") {
        std::string text;
        for (int i = 0; i < 100'000; ++i) {
            text += std::to_string(i) + "\n";
        }
        std::thread writer([&] { write_all(open_after_reader(fifo).get(), text); });
        result = try_read(fifo, 50'000);
        writer.join();
        CHECK(result.found == last_lines(text, 50'000));
    }
    CHECK_FALSE(result.error);
}

TEST_CASE("a FIFO that nobody opens for writing is an error after a time") {
    const temporary_directory directory;
    const fs::path fifo = directory / "fifo";
    make_fifo(fifo);
    const auto read_with_patience = [&](std::chrono::milliseconds patience) {
        std::error_code error;
        skyutil::detail::input_file file(fifo, error, patience);
        const auto start = std::chrono::steady_clock::now();
        (void)skyutil::detail::read_tail_forward(file, {1, 1000}, error);
        return std::pair(error, std::chrono::steady_clock::now() - start);
    };
    const auto [error, waited] = read_with_patience(50ms);
    CHECK(error == std::errc::timed_out);
    CHECK(waited >= 50ms);
    CHECK(waited < 5s);
    CHECK(read_with_patience(0ms).first == std::errc::timed_out);

    SECTION("also while signals keep coming") {
        const nlohmann::json answer = run_in_child(
            [&] {
                struct sigaction action{};
                action.sa_handler = [](int) {};
                ::sigaction(SIGALRM, &action, nullptr);
                const itimerval timer{{0, 5000}, {0, 5000}};
                ::setitimer(ITIMER_REAL, &timer, nullptr);
                return read_with_patience(50ms).first.value();
            },
            10s);
        CHECK(answer == ETIMEDOUT);
    }
}

// -------------------------------------------------------------------------------------- errors

TEST_CASE("a file that cannot be read is the error of its kind") {
    const temporary_directory directory;
    write_file(directory / "file", "x\n");
    fs::create_symlink("nothing", directory / "dangling");
    fs::create_symlink("loop", directory / "loop");
    struct row {
        std::string name;
        fs::path path;
        std::errc expected;
    };
    const std::vector<row> rows{
        {"missing", directory / "missing", std::errc::no_such_file_or_directory},
        {"in a missing directory", directory / "missing/file",
         std::errc::no_such_file_or_directory},
        {"a dangling link", directory / "dangling", std::errc::no_such_file_or_directory},
        {"a loop of links", directory / "loop", std::errc::too_many_symbolic_link_levels},
        {"a name that is too long", directory / std::string(300, 'x'),
         std::errc::filename_too_long},
        {"a path that is too long", directory / std::string(5000, '/').append("x"),
         std::errc::filename_too_long},
        {"in a file", directory / "file/x", std::errc::not_a_directory},
        {"an empty path", "", std::errc::no_such_file_or_directory},
        {"a NUL in the path", directory.path().native() + std::string("/file\0x", 7),
         std::errc::invalid_argument},
        {"a directory", directory.path(), std::errc::is_a_directory},
        {"a directory in /proc", "/proc/self", std::errc::is_a_directory},
    };
    for (const row& row : rows) {
        for (const std::size_t n : {std::size_t{0}, std::size_t{1}, all}) {
            INFO(row.name << ", n = " << n);
            const outcome result = try_read(row.path, n);
            CHECK(result.error == row.expected);
            CHECK(result.found.empty());
            try {
                (void)skyutil::read_last_n_lines(row.path, n);
                FAIL_CHECK("no exception");
            } catch (const fs::filesystem_error& error) {
                CHECK(error.code() == row.expected);
                CHECK(error.path1() == row.path);
                CHECK(std::string(error.what()).find("skyutil::read_last_n_lines") !=
                      std::string::npos);
                CHECK(std::string(error.what()).find(row.path.c_str()) !=
                      std::string::npos);  // up to a NUL
            }
        }
        INFO(row.name << ", counted");
        std::error_code error;
        const std::size_t entries = skyutil::count_directory_entries(row.path, error);
        if (row.expected == std::errc::is_a_directory) {
            CHECK_FALSE(error);
        } else {
            CHECK(error == row.expected);
            CHECK(entries == 0);
            CHECK_THROWS_AS(skyutil::count_directory_entries(row.path), fs::filesystem_error);
        }
    }
}

TEST_CASE("success clears an error that was there before") {
    const temporary_directory directory;
    write_file(directory / "file", "x\n");
    std::error_code error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::read_last_n_lines(directory / "file", 1, error) == lines{"x"});
    CHECK_FALSE(error);
    error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::read_last_n_lines(directory / "file", 0, error).empty());
    CHECK_FALSE(error);
    error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::count_directory_entries(directory.path(), error) == 1);
    CHECK_FALSE(error);
}

TEST_CASE("a file or directory without permission is permission_denied") {
    const temporary_directory directory;
    write_file(directory / "file", "x\n");
    fs::create_directory(directory / "closed");
    write_file(directory / "closed/file", "x\n");
    fs::permissions(directory / "file", fs::perms::none);
    fs::permissions(directory / "closed", fs::perms::none);
    const nlohmann::json answer = run_in_child([&] {
        drop_privileges();
        std::error_code counted;
        (void)skyutil::count_directory_entries(directory / "closed", counted);
        return nlohmann::json{
            {"file", try_read(directory / "file", 1).error.value()},
            {"in a directory", try_read(directory / "closed/file", 1).error.value()},
            {"directory", counted.value()}};
    });
    fs::permissions(directory / "closed", fs::perms::owner_all);
    CHECK(answer ==
          nlohmann::json{{"file", EACCES}, {"in a directory", EACCES}, {"directory", EACCES}});
}

// ------------------------------------------------------------------- files that change meanwhile

namespace {

/// A line that shows whether it is whole. All have the same length, so that line k is always at the
/// same place, unless `k` is part of the length.
std::string numbered_line(unsigned k, bool varying) {
    const std::string number = std::to_string(1'000'000 + k);
    return number + ":" +
           std::string(varying ? k * 37 % 300 : 40, static_cast<char>('a' + k % 26)) + ":" + number;
}

bool is_numbered_line(const std::string& line, bool varying) {
    if (line.size() < 7 || line.find_first_not_of("0123456789") != 7) {
        return false;
    }
    return line ==
           numbered_line(static_cast<unsigned>(std::stoul(line.substr(0, 7)) - 1'000'000), varying);
}

/// Reads until the time is over, with one thread that calls `write` and two that read. Returns what
/// was wrong.
template <class Write, class Check>
std::vector<std::string> read_while_writing(const fs::path& path, std::chrono::milliseconds time,
                                            Write write, Check check) {
    std::atomic<bool> stop = false;
    std::atomic<int> reads = 0;
    std::vector<std::string> wrong(2);
    std::thread writer([&] {
        while (!stop) {
            write();
        }
    });
    std::vector<std::thread> readers;
    for (std::string& problem : wrong) {
        readers.emplace_back([&, seed = &problem - wrong.data()] {
            constexpr std::array<std::size_t, 5> counts{1, 10, 100, 1000, 5000};
            for (auto i = static_cast<std::size_t>(seed); !stop && problem.empty(); ++i) {
                const std::size_t n = counts[i % counts.size()];
                const outcome result = try_read(path, n);
                if (result.error) {
                    problem = result.error.message();
                } else if (result.found.size() > n) {
                    problem =
                        std::to_string(result.found.size()) + " lines for " + std::to_string(n);
                } else {
                    problem = check(result.found);
                }
                ++reads;
            }
        });
    }
    std::this_thread::sleep_for(time);
    stop = true;
    writer.join();
    for (std::thread& reader : readers) {
        reader.join();
    }
    wrong.erase(std::remove(wrong.begin(), wrong.end(), ""), wrong.end());
    if (reads == 0) {
        wrong.emplace_back("no reads");
    }
    return wrong;
}

/// All lines whole, one after the other; the last may be one that was just being written.
std::string check_whole(const lines& found, bool varying) {
    for (std::size_t i = 0; i < found.size(); ++i) {
        const bool last = i + 1 == found.size();
        if (!is_numbered_line(found[i], varying) && !(last && found.size() > 1) &&
            !(found.size() == 1 && found[0].find_first_not_of("0123456789") >= 7)) {
            return "line " + std::to_string(i) + " of " + std::to_string(found.size()) +
                   " is not whole: " + found[i];
        }
        if (i != 0 && !last &&
            std::stoul(found[i].substr(0, 7)) != std::stoul(found[i - 1].substr(0, 7)) + 1) {
            return "line " + std::to_string(i) + " does not follow: " + found[i];
        }
    }
    return "";
}

}  // namespace

TEST_CASE("a file that grows gives whole lines") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "");
    const skyutil::unique_fd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    unsigned k = 0;
    const auto append = [&] {
        if (k < 400'000) {  // in pieces that end anywhere
            std::string text;
            for (int i = 0; i < 20; ++i) {
                text += numbered_line(k++, true) + "\n";
            }
            const std::size_t cut = k * 7919 % text.size();
            write_all(fd.get(), std::string_view(text).substr(0, cut));
            write_all(fd.get(), std::string_view(text).substr(cut));
        } else {
            std::this_thread::yield();
        }
    };
    CHECK(read_while_writing(path, 700ms, append, [](const lines& found) {
              return check_whole(found, true);
          }) == std::vector<std::string>{});
}

TEST_CASE("a file that is truncated and filled again gives whole lines") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "");
    const skyutil::unique_fd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    unsigned k = 0;
    unsigned most = 3000;
    const auto refill = [&] {
        std::string text;
        for (int i = 0; i < 50; ++i) {
            text += numbered_line(k++, false) + "\n";
        }
        write_all(fd.get(), text);
        if (k > most) {
            k = 0;
            most = 100 + most * 7919 % 20'000;
            (void)!::ftruncate(fd.get(), 0);
        }
    };
    CHECK(read_while_writing(path, 700ms, refill, [](const lines& found) {
              return check_whole(found, false);
          }) == std::vector<std::string>{});
}

TEST_CASE("a file that is replaced gives the lines of one of the files") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    unsigned k = 0;
    const auto replace = [&] {
        std::string text;
        const unsigned count = 1 + k % 4000;
        for (unsigned i = 0; i < count; ++i) {
            text += numbered_line(k++ % 1'000'000, true) + "\n";
        }
        write_file(directory / "new", text);
        fs::rename(directory / "new", path);
    };
    replace();
    const auto check = [](const lines& found) -> std::string {
        for (const std::string& line : found) {
            if (!is_numbered_line(line, true)) {
                return "not whole: " + line;
            }
        }
        return found.empty() ? "no lines" : "";
    };
    CHECK(read_while_writing(path, 500ms, replace, check) == std::vector<std::string>{});
}

TEST_CASE("a file that is written over gives no more lines than asked for, the first one uncut") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    std::string long_lines;
    std::string short_lines;
    while (long_lines.size() < 1'003'000) {
        long_lines += "<" + std::string(1000, 'x') + ">\n";
    }
    while (short_lines.size() < long_lines.size()) {
        short_lines += "<x>\n";
    }
    REQUIRE(short_lines.size() == long_lines.size());
    write_file(path, long_lines);
    const skyutil::unique_fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    const auto overwrite = [&] {
        for (const std::string& text : {short_lines, long_lines}) {
            (void)!::pwrite(fd.get(), text.data(), text.size(), 0);
        }
    };
    const auto check = [](const lines& found) {
        return found.empty() || !found.front().starts_with('<') ? "cut" : std::string();
    };
    CHECK(read_while_writing(path, 500ms, overwrite, check) == std::vector<std::string>{});
}

// -------------------------------------------------------------------- descriptors, signals,
// threads

TEST_CASE("no descriptor is left open, whatever the outcome") {
    const temporary_directory directory;
    write_file(directory / "small", "a\nb\n");
    write_file(directory / "large", std::string(200'000, '\n'));
    const nlohmann::json answer = run_in_child([&] {
        const std::size_t before = count_open_descriptors();
        std::error_code error;
        for (int i = 0; i < 1000; ++i) {
            (void)try_read(directory / "small", 1);
            (void)try_read(directory / "missing", 1);
            (void)try_read(directory.path(), 1);
            (void)try_read("/proc/self/limits", 1);
            (void)try_read(directory / "large", all, {.max_bytes = 10});
            (void)skyutil::count_directory_entries(directory.path(), error);
            (void)skyutil::count_directory_entries(directory / "small", error);
            try {
                (void)skyutil::read_last_n_lines(directory / "missing", 1);
            } catch (const fs::filesystem_error&) {
            }
        }
        return static_cast<int>(count_open_descriptors()) - static_cast<int>(before);
    });
    CHECK(answer == 0);
}

TEST_CASE("running out of descriptors is an error that passes") {
    const temporary_directory directory;
    write_file(directory / "file", "x\n");
    const nlohmann::json answer = run_in_child([&] {
        meet_error_types();
        const rlimit limit{64, 64};
        ::setrlimit(RLIMIT_NOFILE, &limit);
        std::vector<int> copies;
        for (int fd = ::dup(0); fd != -1; fd = ::dup(0)) {
            copies.push_back(fd);
        }
        std::error_code counted;
        (void)skyutil::count_directory_entries(directory.path(), counted);
        const outcome full = try_read(directory / "file", 1);
        ::close(copies.back());
        const outcome again = try_read(directory / "file", 1);
        for (const int fd : copies) {  // sanitizers need descriptors
            ::close(fd);
        }
        return nlohmann::json{{"full", full.error.value()},
                              {"counted", counted.value()},
                              {"again", again.error.value()},
                              {"lines", again.found}};
    });
    CHECK(
        answer ==
        nlohmann::json{{"full", EMFILE}, {"counted", EMFILE}, {"again", 0}, {"lines", lines{"x"}}});
}

TEST_CASE("signals do not disturb the reading") {
    const nlohmann::json answer = run_in_child([] {
        static std::atomic<int> signals = 0;
        struct sigaction action{};
        action.sa_handler = [](int) { ++signals; };  // without SA_RESTART
        ::sigaction(SIGALRM, &action, nullptr);
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) == -1) {
            throw_errno("pipe2");
        }
        sigset_t alarm;
        sigemptyset(&alarm);
        sigaddset(&alarm, SIGALRM);
        ::pthread_sigmask(SIG_BLOCK, &alarm, nullptr);
        std::thread writer([fd = ends[1]] {  // a line for every few signals that the reader has had
            for (int i = 0; i < 20; ++i) {
                const int before = signals;
                while (signals < before + 3) {
                    std::this_thread::yield();
                }
                write_all(fd, std::to_string(i) + "\n");
            }
            ::close(fd);
        });
        ::pthread_sigmask(SIG_UNBLOCK, &alarm, nullptr);
        const itimerval timer{{0, 2000}, {0, 2000}};
        ::setitimer(ITIMER_REAL, &timer, nullptr);
        const outcome result = try_read("/proc/self/fd/" + std::to_string(ends[0]), 3);
        const itimerval none{};
        ::setitimer(ITIMER_REAL, &none, nullptr);
        writer.join();
        ::close(ends[0]);
        return nlohmann::json{{"error", result.error.value()}, {"lines", result.found}};
    });
    CHECK(answer == nlohmann::json{{"error", 0}, {"lines", lines{"17", "18", "19"}}});
}

TEST_CASE("several threads read at once") {
    const temporary_directory directory;
    std::vector<std::thread> threads;
    std::array<int, 4> wrong{};
    for (std::size_t t = 0; t < wrong.size(); ++t) {
        const fs::path path = directory / std::to_string(t);
        std::string text;
        for (int i = 0; i < 5000; ++i) {
            text += std::to_string(t) + "-" + std::to_string(i) + "\n";
        }
        write_file(path, text);
        threads.emplace_back([path, text, &bad = wrong[t]] {
            for (std::size_t n = 0; n < 5000; n += 101) {
                bad += skyutil::read_last_n_lines(path, n) == last_lines(text, n) ? 0 : 1;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(wrong == std::array<int, 4>{});
}

// ------------------------------------------------------------------------------------ directories

TEST_CASE("count_directory_entries counts everything but . and ..") {
    const temporary_directory directory;
    CHECK(skyutil::count_directory_entries(directory.path()) == 0);
    write_file(directory / "file", "");
    CHECK(skyutil::count_directory_entries(directory.path()) == 1);
    write_file(directory / ".hidden", "");
    write_file(directory / "...", "");
    write_file(directory / ".x", "");
    write_file(directory / "..x", "");
    fs::create_directory(directory / "directory");
    write_file(directory / "directory/not direct", "");
    fs::create_symlink("nothing", directory / "dangling");
    make_fifo(directory / "fifo");
    CHECK(skyutil::count_directory_entries(directory.path()) == 8);
    CHECK(skyutil::count_directory_entries(directory.path().native() + "/") == 8);

    fs::create_symlink("directory", directory / "link");
    CHECK(skyutil::count_directory_entries(directory / "link") == 1);

    const fs::path large = directory / "large";
    fs::create_directory(large);
    for (int i = 0; i < 1000; ++i) {  // more than one system call returns
        write_file(
            large / (std::string(static_cast<std::size_t>(i) % 200, 'n') + std::to_string(i)), "");
    }
    CHECK(skyutil::count_directory_entries(large) == 1000);
    CHECK(skyutil::count_directory_entries("/proc/self/task") == 1);
}

TEST_CASE("counting the entries of what is no directory names the function and the path") {
    const temporary_directory directory;
    write_file(directory / "file", "");
    make_fifo(directory / "fifo");
    for (const fs::path& path : {directory / "file", directory / "fifo", fs::path("/dev/null")}) {
        INFO(path);
        try {
            (void)skyutil::count_directory_entries(path);
            FAIL_CHECK("no exception");
        } catch (const fs::filesystem_error& error) {
            CHECK(error.code() == std::errc::not_a_directory);
            CHECK(error.path1() == path);
            CHECK(std::string(error.what()).find("skyutil::count_directory_entries") !=
                  std::string::npos);
            CHECK(std::string(error.what()).find(path.string()) != std::string::npos);
        }
    }
}

// -------------------------------------------------------------------------------------- unique_fd

namespace {

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

int open_null() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

}  // namespace

TEST_CASE("unique_fd closes its descriptor once") {
    using skyutil::unique_fd;
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<unique_fd>);
    STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<unique_fd>);
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<unique_fd>);
    STATIC_REQUIRE(std::is_nothrow_move_assignable_v<unique_fd>);
    STATIC_REQUIRE(std::is_nothrow_destructible_v<unique_fd>);
    STATIC_REQUIRE(std::is_nothrow_swappable_v<unique_fd>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<int, unique_fd>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<unique_fd, int>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<unique_fd, bool>);

    SECTION("when it goes") {
        const int fd = open_null();
        {
            const unique_fd owner(fd);
            CHECK(owner);
            CHECK(owner.get() == fd);
            CHECK(is_open(fd));
        }
        CHECK_FALSE(is_open(fd));
    }
    SECTION("not when it has none") {
        CHECK_FALSE(unique_fd());
        CHECK(unique_fd().get() == -1);
        CHECK_FALSE(unique_fd(-1));
        CHECK_FALSE(unique_fd(-5));
        CHECK(unique_fd(::dup(0)));
    }
    SECTION("not when it was released") {
        const int fd = open_null();
        {
            unique_fd owner(fd);
            CHECK(owner.release() == fd);
            CHECK_FALSE(owner);
            CHECK(owner.release() == -1);
        }
        CHECK(is_open(fd));
        ::close(fd);
    }
    SECTION("not when it was moved away") {
        const int fd = open_null();
        unique_fd a(fd);
        unique_fd b(std::move(a));
        CHECK_FALSE(a);  // NOLINT(*-use-after-move)
        CHECK(b.get() == fd);
        const int other = open_null();
        unique_fd c(other);
        c = std::move(b);
        CHECK_FALSE(is_open(other));
        CHECK(c.get() == fd);
        unique_fd& same = c;
        c = std::move(same);
        CHECK(c.get() == fd);
        CHECK(is_open(fd));
    }
    SECTION("when it gets another") {
        const int first = open_null();
        const int second = open_null();
        unique_fd owner(first);
        owner.reset(second);
        CHECK_FALSE(is_open(first));
        CHECK(is_open(second));
        owner.reset(second);
        CHECK(is_open(second));
        owner.reset();
        CHECK_FALSE(is_open(second));
        CHECK_FALSE(owner);
    }
    SECTION("after swapping") {
        const int first = open_null();
        const int second = open_null();
        unique_fd a(first);
        unique_fd b(second);
        swap(a, b);
        CHECK(a.get() == second);
        CHECK(b.get() == first);
        a.reset();
        CHECK_FALSE(is_open(second));
        CHECK(is_open(first));
    }
}
