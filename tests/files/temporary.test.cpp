// SPDX-License-Identifier: MIT

#include <skyutil/files.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files/faults.hpp"
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

/// The same by file_tail.
outcome try_tail(const fs::path& path, std::size_t n, const skyutil::tail_options& options = {}) {
    outcome result;
    result.error = std::make_error_code(std::errc::bad_message);
    const skyutil::file_tail tail(path, n, options, result.error);
    result.found.assign(tail.lines().begin(), tail.lines().end());
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

std::string repeat(std::string_view text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) {
        out += text;
    }
    return out;
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
                const outcome result = i % 2 == 0 ? try_read(path, n) : try_tail(path, n);
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
    write_file(directory / "large", repeat(std::string(199, 'x') + "\n", 1000));
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
        a.swap(b);
        CHECK(a.get() == first);
        a.swap(a);
        CHECK(a.get() == first);
        a.swap(b);
        a.reset();
        CHECK_FALSE(is_open(second));
        CHECK(is_open(first));
    }
}

TEST_CASE("unique_fds are equal when they own the same, which only nothing can be") {
    const skyutil::unique_fd a(open_null());
    const skyutil::unique_fd b(open_null());
    CHECK(a == a);
    CHECK(a != b);
    CHECK(a != skyutil::unique_fd());
    CHECK(skyutil::unique_fd() == skyutil::unique_fd());
}

// -------------------------------------------------------------------------------------- file_tail

TEST_CASE("file_tail has the lines that read_last_n_lines returns") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    std::size_t number = 0;
    for (const auto& [name, text] : texts()) {
        if (text.size() > 20'000 && ++number % 5 != 0) {
            continue;
        }
        write_file(path, text);
        for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{7}, all}) {
            for (const auto line_end : {skyutil::line_end::strip_lf, skyutil::line_end::strip_crlf,
                                        skyutil::line_end::keep}) {
                for (const auto invalid :
                     {skyutil::invalid_utf8::keep, skyutil::invalid_utf8::replace}) {
                    const skyutil::tail_options options{.line_end = line_end,
                                                        .invalid_utf8 = invalid};
                    const outcome views = try_tail(path, n, options);
                    if (views.error || views.found != try_read(path, n, options).found) {
                        FAIL_CHECK(name << ", n = " << n << ": " << views.error.message() << ", "
                                        << summary(views.found));
                    }
                }
            }
        }
    }
    SUCCEED();
}

TEST_CASE("the views of a file_tail stay valid when it is moved") {
    const temporary_directory directory;
    write_file(directory / "short", "a\nb\n");
    write_file(directory / "invalid", "a\xff\nb\n");
    for (const char* const name : {"short", "invalid"}) {
        INFO(name);
        skyutil::file_tail first(directory / name, 2,
                                 {.invalid_utf8 = skyutil::invalid_utf8::replace});
        const auto* const data = first.lines().back().data();
        const skyutil::file_tail second(std::move(first));
        CHECK(first.lines().empty());  // NOLINT(*-use-after-move)
        REQUIRE(second.lines().size() == 2);
        CHECK(second.lines().back() == "b");
        CHECK(second.lines().back().data() == data);
    }
    skyutil::file_tail tail;
    CHECK(tail.lines().empty());
    tail = skyutil::file_tail(directory / "short", 1);
    REQUIRE(tail.lines().size() == 1);
    CHECK(tail.lines().front() == "b");
}

TEST_CASE("file_tail keeps its views in one buffer") {
    const temporary_directory directory;
    write_file(directory / "file", std::string(50'000, '\n') + "a\nb\nc\n");
    const skyutil::file_tail tail(directory / "file", 40'000);
    REQUIRE(tail.lines().size() == 40'000);
    for (std::size_t i = 1; i < tail.lines().size(); ++i) {
        const std::string_view before = tail.lines()[i - 1];
        if (tail.lines()[i].data() != before.data() + before.size() + 1) {
            FAIL("line " << i << " is elsewhere");
        }
    }
}

TEST_CASE("file_tail reports errors as read_last_n_lines does") {
    const temporary_directory directory;
    write_file(directory / "file", "text\nmore\n");
    CHECK(try_tail(directory / "missing", 1).error == std::errc::no_such_file_or_directory);
    CHECK(try_tail(directory.path(), 0).error == std::errc::is_a_directory);
    CHECK(try_tail("/dev/zero", 1).error == std::errc::file_too_large);
    CHECK(try_tail(directory / "file", 2, {.max_bytes = 9}).error == std::errc::file_too_large);
    CHECK_FALSE(try_tail(directory / "file", 2, {.max_bytes = 10}).error);
    std::error_code error = std::make_error_code(std::errc::io_error);
    const skyutil::file_tail failed(directory / "missing", 1, error);
    CHECK(error == std::errc::no_such_file_or_directory);
    CHECK(failed.lines().empty());
    try {
        const skyutil::file_tail tail(directory / "missing", 1);
        FAIL_CHECK("no exception");
    } catch (const fs::filesystem_error& thrown) {
        CHECK(thrown.code() == std::errc::no_such_file_or_directory);
        CHECK(thrown.path1() == directory / "missing");
        CHECK(std::string(thrown.what()).find("skyutil::file_tail") != std::string::npos);
    }
}

TEST_CASE("a file with a hole has lines of NULs") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "first\nbefore");
    fs::resize_file(path, 3'000'000);
    {
        std::ofstream out(path, std::ios::app | std::ios::binary);
        out << "after\nlast\n";
    }
    const std::string hole =
        "before" + std::string(3'000'000 - std::strlen("first\nbefore"), '\0') + "after";
    CHECK(summary(skyutil::read_last_n_lines(path, 2)) == summary({hole, "last"}));
    CHECK(skyutil::read_last_n_lines(path, 2) == lines{hole, "last"});
    CHECK(try_tail(path, 3).found == lines{"first", hole, "last"});
    CHECK(try_tail(path, 1, {.max_bytes = 5}).found == lines{"last"});
}

TEST_CASE("the last lines are those of GNU tail") {
    if (std::system("tail --version 2>/dev/null | grep -q GNU") != 0) {
        SKYUTIL_SKIP("there is no GNU tail");
    }
    const temporary_directory directory;
    const fs::path path = directory / "file";
    std::mt19937 random(99);  // NOLINT(*-msc51-cpp)
    for (int i = 0; i < 40; ++i) {
        using namespace std::string_view_literals;
        const std::string text = random_text(random, random() % 200'000,
                                             std::size_t{1} << (random() % 14), "ab\r\0\xff"sv);
        write_file(path, text);
        for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{random() % 100},
                                    std::size_t{random() % 10'000}}) {
            const std::string command = "tail -n " + std::to_string(n) + " " + path.string();
            const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "re"),
                                                             &::pclose);
            std::string expected(text.size() + 1, '\0');
            expected.resize(std::fread(expected.data(), 1, expected.size(), pipe.get()));
            std::string found;
            const skyutil::file_tail tail(path, n, {.line_end = skyutil::line_end::keep});
            for (const std::string_view line : tail.lines()) {
                found += line;
            }
            if (found != expected) {
                FAIL_CHECK("file " << i << ", n = " << n << ": " << found.size() << " bytes, not "
                                   << expected.size());
            }
        }
    }
    SUCCEED();
}

// ------------------------------------------------------------------ changes at the worst moments

TEST_CASE("whatever becomes of a file between two reads, the lines are whole and not too many") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    const std::string long_lines = repeat("<" + std::string(997, 'x') + ">\n", 300);
    const std::map<std::string, std::function<void()>> changes{
        {"written over with short lines",
         [&] {
             const skyutil::unique_fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
             write_all(fd.get(), repeat("<x>\n", 75'000));
         }},
        {"truncated", [&] { fs::resize_file(path, 0); }},
        {"cut in the middle of a line", [&] { fs::resize_file(path, 100'500); }},
        {"grown", [&] { std::ofstream(path, std::ios::app) << "<more>\n<and more>\n"; }},
        {"filled again",
         [&] { write_file(path, repeat("<" + std::string(96, 'y') + ">\n", 500)); }},
        {"removed", [&] { fs::remove(path); }},
        {"replaced", [&] { skyutil::write_file_atomic(path, "<other>\n"); }},
    };
    for (const auto& [name, change] : changes) {
        for (int before = 0; before < 12; ++before) {
            for (const bool views : {false, true}) {
                INFO(name << " before read " << before << (views ? ", views" : ", strings"));
                write_file(path, long_lines);
                outcome result;
                bool happened = false;
                {
                    const fault fault("pread", before, change);
                    result = views ? try_tail(path, 150) : try_read(path, 150);
                    happened = fault.happened();
                }
                CHECK((happened || before >= 5));
                CHECK_FALSE(result.error);
                CHECK(result.found.size() <= 150);
                for (std::size_t i = 0; i < result.found.size(); ++i) {
                    const std::string& line = result.found[i];
                    const bool cut_at_the_end =
                        name == "cut in the middle of a line" && i + 1 == result.found.size();
                    if (!line.starts_with('<') || (!line.ends_with('>') && !cut_at_the_end)) {
                        FAIL_CHECK("line " << i << " is not whole");
                    }
                }
            }
        }
    }
}

// ------------------------------------------------------------------------------------ mapped_file

namespace {

std::error_code error_of_mapping(const fs::path& path) {
    std::error_code error = std::make_error_code(std::errc::bad_message);
    const skyutil::mapped_file file(path, error);
    CHECK((!error || file.empty()));
    return error;
}

}  // namespace

TEST_CASE("mapped_file shows the bytes of a file") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    using namespace std::string_view_literals;
    for (const std::string& text :
         {std::string("text\n"), std::string("\0\xff\0"sv), std::string(4096, 'x'),
          std::string(1'000'001, 'y'), std::string()}) {
        write_file(path, text);
        const skyutil::mapped_file file(path);
        CHECK((file.text() == text));
        CHECK(file.size() == text.size());
        CHECK(file.empty() == text.empty());
        REQUIRE(file.bytes().size() == text.size());
        CHECK((text.empty() || file.bytes().back() == static_cast<std::byte>(text.back())));
    }
    fs::create_symlink("file", directory / "link");
    write_file(path, "text");
    CHECK(skyutil::mapped_file(directory / "link").size() == 4);
}

TEST_CASE("mapped_file keeps what it maps when the file is removed or replaced") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "old");
    const skyutil::mapped_file old(path);
    skyutil::write_file_atomic(path, "the new one");
    const skyutil::mapped_file replaced(path);
    fs::remove(path);
    CHECK(old.text() == "old");
    CHECK(replaced.text() == "the new one");
}

TEST_CASE("a mapped_file can be moved and leaves no descriptor and no memory behind") {
    const temporary_directory directory;
    write_file(directory / "a", "a");
    write_file(directory / "b", std::string(100'000, 'b'));
    write_file(directory / "empty", "");
    const auto count_mappings = [] {
        return skyutil::read_last_n_lines("/proc/self/maps", all).size();
    };
    const nlohmann::json answer = run_in_child([&] {
        static_cast<void>(count_mappings());
        const std::size_t descriptors = count_open_descriptors();
        const std::size_t before = count_mappings();
        bool right = true;
        for (int i = 0; i < 100; ++i) {
            skyutil::mapped_file a(directory / "a");
            skyutil::mapped_file b(directory / "b");
            const skyutil::mapped_file empty(directory / "empty");
            right = right && count_open_descriptors() == descriptors;
            swap(a, b);
            skyutil::mapped_file c(std::move(a));
            right = right && a.empty() && a.text().empty();  // NOLINT(*-use-after-move)
            b = std::move(c);
            skyutil::mapped_file& same = b;
            b = std::move(same);
            right = right && b.size() == 100'000 && b.text().front() == 'b';
            right = right && error_of_mapping(directory.path()) == std::errc::is_a_directory;
        }
        return nlohmann::json{{"right", right}, {"mappings", count_mappings() < before + 20}};
    });
    CHECK(answer == nlohmann::json{{"right", true}, {"mappings", true}});
}

TEST_CASE("what cannot be mapped is an error of its kind, and nothing is read from it") {
    const temporary_directory directory;
    make_fifo(directory / "fifo");
    fs::create_symlink("loop", directory / "loop");
    struct row {
        fs::path path;
        std::errc expected;
    };
    text_pipe pipe("text");
    for (const auto& [path, expected] :
         {row{directory.path(), std::errc::is_a_directory},
          row{directory / "missing", std::errc::no_such_file_or_directory},
          row{directory / "loop", std::errc::too_many_symbolic_link_levels},
          row{directory / "fifo", std::errc::operation_not_supported},
          row{pipe.path(), std::errc::operation_not_supported},
          row{"/dev/null", std::errc::operation_not_supported},
          row{"/dev/zero", std::errc::operation_not_supported},
          row{"/proc/self/limits", std::errc::operation_not_supported},
          row{"/proc/filesystems", std::errc::operation_not_supported},
          row{"", std::errc::no_such_file_or_directory},
          row{std::string("a\0b", 3), std::errc::invalid_argument}}) {
        INFO(path);
        CHECK(error_of_mapping(path) == expected);
        try {
            const skyutil::mapped_file file(path);
            FAIL_CHECK("no exception");
        } catch (const fs::filesystem_error& error) {
            CHECK(error.code() == expected);
            CHECK(error.path1() == path);
            CHECK(std::string(error.what()).find("skyutil::mapped_file") != std::string::npos);
        }
    }
    if (fs::exists("/sys/devices/system/cpu/online")) {
        CHECK(error_of_mapping("/sys/devices/system/cpu/online") ==
              std::errc::operation_not_supported);
    }
    CHECK(try_read(pipe.path(), 1).found == lines{"text"});  // still all there
}

TEST_CASE("mapping takes no memory for a huge file") {
    const temporary_directory directory;
    write_file(directory / "file", "start");
    std::error_code error;
    fs::resize_file(directory / "file", std::uint64_t{5} << 30, error);
    if (error || sizeof(std::size_t) < 8) {
        SKYUTIL_SKIP("no files of 5 GiB");
    }
    const skyutil::mapped_file file(directory / "file", error);
    if (error == std::errc::not_enough_memory) {
        SKYUTIL_SKIP("the address space is limited");
    }
    REQUIRE_FALSE(error);
    CHECK(file.size() == std::uint64_t{5} << 30);
    CHECK(file.text().starts_with("start"));
    CHECK(file.text().back() == '\0');
}

// --------------------------------------------------------------- temporary files and directories

namespace {

unsigned mode_of(const fs::path& path) {
    struct stat info{};
    if (::lstat(path.c_str(), &info) == -1) {
        throw_errno("lstat " + path.string());
    }
    return info.st_mode & 07777U;
}

std::size_t entries_of(const fs::path& path) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a temporary_file is an empty file of one's own until its owner goes") {
    const temporary_directory directory;
    fs::path path;
    {
        const skyutil::temporary_file file(directory.path());
        path = file.path();
        CHECK(path.parent_path() == directory.path());
        CHECK(path.filename().string().starts_with("skyutil-"));
        CHECK(fs::is_regular_file(path));
        CHECK(fs::file_size(path) == 0);
        CHECK(mode_of(path) == 0600);
        CHECK((::fcntl(file.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
        write_all(file.native_handle(), "text");
        CHECK(read_file(path) == "text");
        char c = 0;
        CHECK(::pread(file.native_handle(), &c, 1, 1) == 1);
        CHECK(c == 'e');
    }
    CHECK_FALSE(fs::exists(path));
    CHECK(entries_of(directory.path()) == 0);
}

TEST_CASE("a temporary_directory is an empty directory of one's own until its owner goes") {
    const temporary_directory directory;
    fs::path path;
    {
        const skyutil::temporary_directory own(directory.path());
        path = own.path();
        CHECK(path.parent_path() == directory.path());
        CHECK(fs::is_directory(path));
        CHECK(mode_of(path) == 0700);
        CHECK(fs::is_empty(path));
        CHECK((::fcntl(own.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
        write_file(path / "file", "x");
        fs::create_directories(path / "a/b/c");
    }
    CHECK_FALSE(fs::exists(path));
    CHECK(entries_of(directory.path()) == 0);
}

TEMPLATE_TEST_CASE("temporary things are kept when released and follow their owner when moved", "",
                   skyutil::temporary_file, skyutil::temporary_directory) {
    STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<TestType>);
    STATIC_REQUIRE_FALSE(std::is_copy_assignable_v<TestType>);
    STATIC_REQUIRE(std::is_nothrow_move_constructible_v<TestType>);
    STATIC_REQUIRE(std::is_nothrow_move_assignable_v<TestType>);
    STATIC_REQUIRE(std::is_nothrow_destructible_v<TestType>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<fs::path, TestType>);
    const temporary_directory directory;
    SECTION("released") {
        fs::path kept;
        {
            TestType owner(directory.path());
            const int fd = owner.native_handle();
            kept = owner.release();
            CHECK(owner.path() == kept);
            CHECK(owner.native_handle() == -1);
            CHECK_FALSE(is_open(fd));
            owner.remove();
        }
        CHECK(fs::exists(kept));
    }
    SECTION("moved") {
        TestType a(directory.path());
        const fs::path path = a.path();
        {
            const TestType b(std::move(a));
            CHECK(b.path() == path);
            CHECK(a.path().empty());  // NOLINT(*-use-after-move)
            CHECK(a.native_handle() == -1);
            CHECK(fs::exists(path));
        }
        CHECK_FALSE(fs::exists(path));
    }
    SECTION("assigned") {
        TestType a(directory.path());
        TestType b(directory.path());
        const fs::path first = a.path();
        const fs::path second = b.path();
        a = std::move(b);
        CHECK_FALSE(fs::exists(first));
        CHECK(fs::exists(second));
        TestType& same = a;
        a = std::move(same);
        CHECK(a.path() == second);
        CHECK(fs::exists(second));
    }
    SECTION("removed") {
        TestType owner(directory.path());
        const fs::path path = owner.path();
        owner.remove();
        CHECK_FALSE(fs::exists(path));
        CHECK(owner.path().empty());
        owner.remove();
        write_file(path, "somebody else's");
    }
    SECTION("removed by somebody else") {
        TestType owner(directory.path());
        fs::remove(owner.path());
        std::error_code error;
        owner.remove(error);
        CHECK_FALSE(error);
    }
}

TEMPLATE_TEST_CASE("temporary things are made where TMPDIR says", "", skyutil::temporary_file,
                   skyutil::temporary_directory) {
    const temporary_directory directory;
    fs::create_directory(directory / "tmp");
    const nlohmann::json answer = run_in_child([&] {
        nlohmann::json found;
        const auto parent = [] {
            const TestType made;
            return made.path().parent_path().string();
        };
        ::setenv("TMPDIR", (directory / "tmp").c_str(), 1);
        found["set"] = parent();
        std::error_code error = std::make_error_code(std::errc::bad_message);
        found["with error"] = TestType(error).native_handle() != -1 && !error;
        ::setenv("TMPDIR", "", 1);
        found["empty"] = parent();
        ::unsetenv("TMPDIR");
        found["unset"] = parent();
        ::setenv("TMPDIR", (directory / "missing").c_str(), 1);
        {
            const TestType failed(error);
            found["missing"] = error.value();
            found["no path"] = failed.path().empty() && failed.native_handle() == -1;
        }
        ::setenv("TMPDIR", "tmp", 1);
        fs::current_path(directory.path());
        {
            const TestType made;
            fs::current_path("/");  // it is found all the same
            found["relative"] = made.path().is_absolute() && fs::exists(made.path());
        }
        found["left"] = entries_of(directory / "tmp");
        return found;
    });
    CHECK(answer == nlohmann::json{{"set", (directory / "tmp").string()},
                                   {"with error", true},
                                   {"empty", "/tmp"},
                                   {"unset", "/tmp"},
                                   {"missing", ENOENT},
                                   {"no path", true},
                                   {"relative", true},
                                   {"left", 0}});
}

TEMPLATE_TEST_CASE("temporary things that cannot be made are errors", "", skyutil::temporary_file,
                   skyutil::temporary_directory) {
    const temporary_directory directory;
    write_file(directory / "file", "");
    struct row {
        fs::path path;
        std::errc expected;
    };
    for (const auto& [path, expected] :
         {row{directory / "missing", std::errc::no_such_file_or_directory},
          row{directory / "file", std::errc::not_a_directory},
          row{"", std::errc::no_such_file_or_directory},
          row{"/proc/self", std::errc::no_such_file_or_directory},
          row{directory.path().native() + std::string("\0x", 2), std::errc::invalid_argument}}) {
        INFO(path);
        std::error_code error;
        const TestType failed(path, error);
        CHECK(error);
        if (path != "/proc/self") {  // kernels differ
            CHECK(error == expected);
        }
        CHECK(failed.path().empty());
        try {
            const TestType made(path);
            FAIL_CHECK("no exception");
        } catch (const fs::filesystem_error& thrown) {
            CHECK(thrown.code() == error);
            CHECK(thrown.path1() == path);
            CHECK(std::string(thrown.what()).find("skyutil::temporary_") != std::string::npos);
        }
    }
    fs::permissions(directory.path(), fs::perms(0555));
    CHECK(run_in_child([&] {
              drop_privileges();
              std::error_code error;
              const TestType failed(directory.path(), error);
              return error.value();
          }) == EACCES);
    fs::permissions(directory.path(), fs::perms(0755));
    CHECK(entries_of(directory.path()) == 1);
}

TEST_CASE("no two temporary names are the same") {
    const temporary_directory directory;
    std::set<fs::path> names;
    for (int i = 0; i < 500; ++i) {
        skyutil::temporary_file file(directory.path());
        names.insert(file.release());
    }
    CHECK(names.size() == 500);
    std::set<std::string> first_digits;
    for (const fs::path& name : names) {
        CHECK(name.filename().native().size() == 8 + 16);
        first_digits.insert(name.filename().native().substr(8, 2));
    }
    CHECK(first_digits.size() > 200);
}

TEMPLATE_TEST_CASE("a forked child does not remove what its parent made", "",
                   skyutil::temporary_file, skyutil::temporary_directory) {
    const temporary_directory directory;
    auto owner = std::make_unique<TestType>(directory.path());
    const fs::path path = owner->path();
    CHECK(run_in_child([&] {
              owner.reset();
              bool own_is_removed = false;
              fs::path own;
              {
                  const TestType made(directory.path());
                  own = made.path();
                  own_is_removed = fs::exists(own);
              }
              return own_is_removed && !fs::exists(own);
          }) == true);
    CHECK(fs::exists(path));
    owner.reset();
    CHECK_FALSE(fs::exists(path));
}

TEST_CASE("a temporary_directory removes everything in it and nothing outside") {
    const temporary_directory directory;
    fs::create_directory(directory / "outside");
    write_file(directory / "outside/file", "precious");
    skyutil::temporary_directory own(directory.path());
    const fs::path path = own.path();
    fs::create_directory_symlink(directory / "outside", path / "link to a directory");
    fs::create_symlink(directory / "outside/file", path / "link to a file");
    fs::create_symlink("nothing", path / "dangling");
    fs::create_symlink(".", path / "circle");
    make_fifo(path / "fifo");
    fs::create_hard_link(directory / "outside/file", path / "hard link");
    write_file(path / "new\nline", "");
    write_file(path / "\xff\xfe", "");
    write_file(path / std::string(255, 'x'), "");
    fs::create_directories(path / "a/b/c/d");
    fs::create_directory_symlink(directory / "outside", path / "a/b/link");
    for (int i = 0; i < 1200; ++i) {  // more than one call of getdents64 returns
        write_file(path / "a" / ("file" + std::to_string(i)), "");
    }
    for (int i = 0; i < 50; ++i) {
        fs::create_directory(path / "a/b" / std::to_string(i));
        write_file(path / "a/b" / std::to_string(i) / "file", "");
    }
    const skyutil::unique_fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().append("/s").copy(address.sun_path, sizeof address.sun_path - 1);
    CHECK(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);

    std::error_code error;
    own.remove(error);
    CHECK_FALSE(error);
    CHECK_FALSE(fs::exists(path));
    CHECK(read_file(directory / "outside/file") == "precious");
    CHECK(entries_of(directory.path()) == 1);
}

TEST_CASE("a temporary_directory removes directories that forbid it") {
    const temporary_directory directory;
    fs::permissions(directory.path(), fs::perms(0777));
    const nlohmann::json answer = run_in_child([&] {
        drop_privileges();
        nlohmann::json errors;
        for (const int mode : {0500, 0400, 0300, 0200, 0100, 0000, 0555}) {
            skyutil::temporary_directory own(directory.path());
            for (const char* const name : {"full", "empty", "outer/inner"}) {
                fs::create_directories(own.path() / name);
            }
            write_file(own.path() / "full/file", "");
            write_file(own.path() / "outer/inner/file", "");
            for (const char* const name : {"full", "empty", "outer/inner", "outer", "."}) {
                fs::permissions(own.path() / name, fs::perms(mode));
            }
            std::error_code error;
            own.remove(error);
            errors.push_back(error.value());
        }
        return errors;
    });
    CHECK(answer == nlohmann::json(std::vector<int>(7, 0)));
    CHECK(entries_of(directory.path()) == 0);
}

TEST_CASE("a temporary_directory removes directories of any depth with few descriptors") {
    const temporary_directory directory;
    const nlohmann::json answer = run_in_child(
        [&] {
            constexpr int depth = 1000;
            const std::string name(100, 'x');  // a path of more than PATH_MAX bytes
            skyutil::temporary_directory own(directory.path());
            skyutil::unique_fd fd(::dup(own.native_handle()));
            for (int i = 0; i < depth && fd; ++i) {
                if (::mkdirat(fd.get(), name.c_str(), 0700) == -1 ||
                    (i % 100 == 0 && ::mkdirat(fd.get(), "beside", 0700) == -1)) {
                    throw_errno("mkdirat");
                }
                fd.reset(::openat(fd.get(), name.c_str(), O_DIRECTORY | O_CLOEXEC));
            }
            if (!fd) {
                throw_errno("openat");
            }
            fd.reset();
            meet_error_types();
            rlimit limit{};
            ::getrlimit(RLIMIT_NOFILE, &limit);
            limit.rlim_cur = static_cast<rlim_t>(own.native_handle()) + 20;
            ::setrlimit(RLIMIT_NOFILE, &limit);
            std::error_code error;
            own.remove(error);
            return error.value();
        },
        60s);
    CHECK(answer == 0);
    CHECK(entries_of(directory.path()) == 0);
}

TEST_CASE("a link put in a directory's place meanwhile does not lead the removal away") {
    const temporary_directory directory;
    fs::create_directory(directory / "precious");
    write_file(directory / "precious/file", "");
    const auto deadline = std::chrono::steady_clock::now() + 500ms;
    for (int round = 0; std::chrono::steady_clock::now() < deadline; ++round) {
        skyutil::temporary_directory own(directory.path());
        constexpr int count = 20;
        for (int i = 0; i < count; ++i) {
            fs::create_directory(own.path() / std::to_string(i));
            write_file(own.path() / std::to_string(i) / "file", "");
        }
        std::thread swapper([path = own.path(), &directory] {
            for (int i = count - 1; i >= 0; --i) {  // removed from the end as a rule
                const fs::path name = path / std::to_string(i);
                std::error_code ignored;
                fs::rename(name, directory / "aside", ignored);
                fs::create_directory_symlink(directory / "precious", name, ignored);
                fs::remove_all(directory / "aside", ignored);
            }
        });
        std::error_code error;
        own.remove(error);
        swapper.join();
        if (!fs::exists(directory / "precious/file")) {
            FAIL("followed the link in round " << round);
        }
    }
    SUCCEED();
}

TEST_CASE("a link that takes a directory's place right before it is opened is removed itself") {
    const temporary_directory directory;
    fs::create_directory(directory / "precious");
    write_file(directory / "precious/file", "");
    for (int before = 0; before < 4; ++before) {
        INFO(before);
        skyutil::temporary_directory own(directory.path());
        fs::create_directories(own.path() / "a/b");
        write_file(own.path() / "a/b/file", "");
        const fs::path path = own.path();
        std::error_code error;
        bool happened = false;
        {
            const fault fault("openat", before, [&] {
                std::error_code ignored;
                fs::rename(path / "a", directory / ("aside" + std::to_string(before)), ignored);
                fs::create_directory_symlink(directory / "precious", path / "a", ignored);
            });
            own.remove(error);
            happened = fault.happened();
        }
        CHECK(happened == (before < 3));
        CHECK(fs::exists(directory / "precious/file"));
        if (!error) {
            CHECK_FALSE(fs::exists(path));
        }
    }
}

TEST_CASE("a temporary_directory that was renamed is not removed, nor what took its place") {
    const temporary_directory directory;
    {
        skyutil::temporary_directory own(directory.path());
        const fs::path path = own.path();
        write_file(path / "file", "published");
        fs::permissions(path, fs::perms(0755));
        fs::rename(path, directory / "published");
        SECTION("nothing took its place") {}
        SECTION("another directory") {
            fs::create_directory(path);
            write_file(path / "other", "");
        }
        SECTION("a link") { fs::create_directory_symlink("published", path); }
        std::error_code error;
        own.remove(error);
        CHECK_FALSE(error);
        CHECK((!fs::exists(path) || !fs::is_empty(path)));
    }
    CHECK(read_file(directory / "published/file") == "published");
    CHECK(mode_of(directory / "published") == 0755);
}

TEST_CASE("a file system mounted inside a temporary_directory is left alone") {
    const temporary_directory directory;
    const nlohmann::json answer = run_in_child([&] {
        if (::unshare(CLONE_NEWNS) == -1 ||
            ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1) {
            throw cannot_run{"may not mount"};
        }
        skyutil::temporary_directory own(directory.path());
        const fs::path mounted = own.path() / "a/mounted";
        fs::create_directories(mounted);
        write_file(own.path() / "a/file", "");
        if (::mount("none", mounted.c_str(), "tmpfs", 0, "size=64k") == -1) {
            throw cannot_run{"may not mount"};
        }
        write_file(mounted / "file", "elsewhere");
        std::error_code error;
        own.remove(error);
        const nlohmann::json found{{"error", error.value()},
                                   {"kept", fs::exists(mounted / "file")},
                                   {"removed", !fs::exists(own.path() / "a/file")}};
        ::umount(mounted.c_str());
        return found;
    });
    CHECK(answer == nlohmann::json{{"error", EBUSY}, {"kept", true}, {"removed", true}});
    CHECK(entries_of(directory.path()) == 0);  // the destructor has tried again
}

// ------------------------------------------------------------------------------ write_file_atomic

namespace {

std::error_code try_write(const fs::path& path, std::string_view text) {
    std::error_code error = std::make_error_code(std::errc::bad_message);
    skyutil::write_file_atomic(path, text, error);
    return error;
}

}  // namespace

TEST_CASE("write_file_atomic makes a file or replaces what it has") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    using namespace std::string_view_literals;
    for (const std::string& text : {std::string("first\n"), std::string(), std::string("\0\xff"sv),
                                    std::string(10'000'000, 'x'), std::string("last")}) {
        skyutil::write_file_atomic(path, text);
        CHECK((read_file(path) == text));
        CHECK(entries_of(directory.path()) == 1);
    }
    CHECK_FALSE(try_write(directory / std::string(255, 'x'), "long name"));
    CHECK(read_file(directory / std::string(255, 'x')) == "long name");
    CHECK(run_in_child([&] {
              fs::current_path(directory.path());
              return try_write("relative", "a").value() == 0 &&
                     try_write("./relative", "b").value() == 0 && read_file("relative") == "b";
          }) == true);
}

TEST_CASE("write_file_atomic keeps permissions and owner, and gives a new file the usual ones") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    for (const unsigned mode : {0600U, 0640U, 0444U, 0777U, 0000U, 04755U, 02750U}) {
        INFO(mode);
        write_file(path, "old");
        fs::permissions(path, fs::perms(mode));
        CHECK_FALSE(try_write(path, "new"));
        CHECK(mode_of(path) == mode);
        fs::permissions(path, fs::perms(0600));
        CHECK(read_file(path) == "new");
    }
    CHECK(run_in_child([&] {
              ::umask(0027);
              return try_write(directory / "new", "").value();
          }) == 0);
    CHECK(mode_of(directory / "new") == 0640);

    if (::geteuid() != 0) {
        return;
    }
    REQUIRE(::chown(path.c_str(), 65534, 65533) == 0);
    fs::permissions(path, fs::perms(06755));
    CHECK_FALSE(try_write(path, "root's"));
    struct stat info{};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK(info.st_uid == 65534);
    CHECK(info.st_gid == 65533);
    CHECK(mode_of(path) == 06755);

    REQUIRE(::chown(path.c_str(), 0, 0) == 0);  // which takes the set-user-ID bit away
    fs::permissions(path, fs::perms(06755));
    fs::permissions(directory.path(), fs::perms(0777));
    CHECK(run_in_child([&] {
              drop_privileges();
              return try_write(path, "nobody's").value();
          }) == 0);
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK(info.st_uid == 65534);
    CHECK(mode_of(path) == 0755);  // not run as another than before
}

TEST_CASE("write_file_atomic replaces the file a link points to, not the link") {
    const temporary_directory directory;
    fs::create_directories(directory / "a/b");
    write_file(directory / "a/file", "old");
    fs::create_symlink("../file", directory / "a/b/first");
    fs::create_symlink("a/b/first", directory / "second");
    fs::create_symlink(directory / "second", directory / "third");
    fs::create_directory_symlink("a/b", directory / "directory link");
    for (const fs::path& path : {directory / "a/b/first", directory / "second", directory / "third",
                                 directory / "directory link/first"}) {
        INFO(path);
        CHECK_FALSE(try_write(path, path.native()));
        CHECK(fs::is_symlink(path));
        CHECK(read_file(directory / "a/file") == path.native());
    }
    CHECK(entries_of(directory / "a/b") == 1);

    fs::create_symlink("a/new", directory / "dangling");
    CHECK_FALSE(try_write(directory / "dangling", "made"));
    CHECK(read_file(directory / "a/new") == "made");
    CHECK(fs::is_symlink(directory / "dangling"));
    fs::create_symlink("missing/new", directory / "dangling in nothing");
    CHECK(try_write(directory / "dangling in nothing", "") == std::errc::no_such_file_or_directory);
    fs::create_symlink("loop", directory / "loop");
    CHECK(try_write(directory / "loop", "") == std::errc::too_many_symbolic_link_levels);
    CHECK(fs::is_symlink(directory / "loop"));
}

TEST_CASE("write_file_atomic does not follow a stranger's link in a directory like /tmp") {
    std::ifstream setting("/proc/sys/fs/protected_symlinks");
    if (::geteuid() != 0 || setting.get() != '1') {
        SKYUTIL_SKIP("needs root and the kernel's protection of links");
    }
    const temporary_directory directory;
    fs::permissions(directory.path(), fs::perms(01777));
    write_file(directory / "victim", "old");
    fs::create_symlink("victim", directory / "link");
    fs::create_symlink("missing", directory / "dangling");
    REQUIRE(::lchown((directory / "link").c_str(), 65534, 65534) == 0);
    REQUIRE(::lchown((directory / "dangling").c_str(), 65534, 65534) == 0);
    CHECK(try_write(directory / "link", "new") == std::errc::permission_denied);
    CHECK(try_write(directory / "dangling", "new") == std::errc::permission_denied);
    CHECK(read_file(directory / "victim") == "old");
    CHECK_FALSE(fs::exists(directory / "missing"));
}

TEST_CASE("write_file_atomic refuses what is no file and changes nothing") {
    const temporary_directory directory;
    make_fifo(directory / "fifo");
    write_file(directory / "file", "old");
    struct row {
        fs::path path;
        std::errc expected;
    };
    for (const auto& [path, expected] :
         {row{directory.path(), std::errc::is_a_directory},
          row{directory.path().native() + "/", std::errc::is_a_directory},
          row{directory / ".", std::errc::is_a_directory},
          row{directory / "new/", std::errc::is_a_directory},
          row{directory / "file/", std::errc::not_a_directory},
          row{directory / "file/x", std::errc::not_a_directory},
          row{directory / "missing/x", std::errc::no_such_file_or_directory},
          row{directory / "fifo", std::errc::operation_not_supported},
          row{"/dev/null", std::errc::operation_not_supported},
          row{"/dev/full", std::errc::operation_not_supported},
          row{"", std::errc::no_such_file_or_directory},
          row{directory / std::string(256, 'x'), std::errc::filename_too_long},
          row{directory.path().native() + std::string("/file\0x", 7),
              std::errc::invalid_argument}}) {
        INFO(path);
        CHECK(try_write(path, "text") == expected);
        try {
            skyutil::write_file_atomic(path, "text");
            FAIL_CHECK("no exception");
        } catch (const fs::filesystem_error& error) {
            CHECK(error.code() == expected);
            CHECK(error.path1() == path);
            CHECK(std::string(error.what()).find("skyutil::write_file_atomic") !=
                  std::string::npos);
        }
    }
    CHECK(read_file(directory / "file") == "old");
    CHECK(entries_of(directory.path()) == 2);
    CHECK(fs::is_character_file("/dev/null"));
}

namespace {

/// Writes a megabyte, for which there is no room: the error, what the file has and how many entries
/// the directory.
nlohmann::json try_write_large(const fs::path& path) {
    const int error = try_write(path, std::string(1'000'000, 'x')).value();
    return {error, read_file(path), entries_of(path.parent_path())};
}

/// For a child: a file system of 64 KiB, gone with the child.
void mount_small(const fs::path& place) {
    if (::unshare(CLONE_NEWNS) == -1 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1 ||
        ::mount("none", place.c_str(), "tmpfs", 0, "size=64k") == -1) {
        throw cannot_run{"may not mount"};
    }
}

}  // namespace

TEST_CASE("write_file_atomic leaves the old file in a directory that is closed") {
    const temporary_directory directory;
    write_file(directory / "file", "old");
    fs::permissions(directory / "file", fs::perms(0666));
    fs::permissions(directory.path(), fs::perms(0555));
    const nlohmann::json answer = run_in_child([&] {
        drop_privileges();
        return try_write_large(directory / "file");
    });
    fs::permissions(directory.path(), fs::perms(0755));
    CHECK(answer == nlohmann::json{EACCES, "old", 1});
}

TEST_CASE("write_file_atomic leaves the old file beyond the largest size a file may have") {
    const temporary_directory directory;
    write_file(directory / "file", "old");
    CHECK(run_in_child([&] {
              ::signal(SIGXFSZ, SIG_IGN);
              const rlimit limit{100'000, 100'000};
              ::setrlimit(RLIMIT_FSIZE, &limit);
              return try_write_large(directory / "file");
          }) == nlohmann::json{EFBIG, "old", 1});
}

TEST_CASE("write_file_atomic leaves the old file on a full file system") {
    const temporary_directory directory;
    const nlohmann::json answer = run_in_child([&] {
        mount_small(directory.path());
        write_file(directory / "file", "old");
        return try_write_large(directory / "file");
    });
    CHECK(answer == nlohmann::json{ENOSPC, "old", 1});
}

TEST_CASE("write_file_atomic leaves the old file on a file system that is read-only") {
    const temporary_directory directory;
    const nlohmann::json answer = run_in_child([&] {
        mount_small(directory.path());
        write_file(directory / "file", "old");
        if (::mount(nullptr, directory.path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) ==
            -1) {
            throw cannot_run{"may not mount"};
        }
        return try_write_large(directory / "file");
    });
    CHECK(answer == nlohmann::json{EROFS, "old", 1});
}

TEST_CASE("whoever reads while write_file_atomic writes finds one content or another, whole") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    const auto content = [](unsigned i) {
        return std::string(1000 + i * 7919 % 100'000, static_cast<char>('a' + i % 26));
    };
    skyutil::write_file_atomic(path, content(0));
    std::atomic<bool> stop = false;
    std::atomic<int> failures = 0;
    std::vector<std::thread> writers;
    for (unsigned t = 0; t < 2; ++t) {
        writers.emplace_back([&, t] {
            for (unsigned i = t; !stop; i += 2) {
                failures += try_write(path, content(i)) ? 1 : 0;
            }
        });
    }
    const auto deadline = std::chrono::steady_clock::now() + 400ms;
    int reads = 0;
    while (std::chrono::steady_clock::now() < deadline) {
        const std::string text = read_file(path);
        if (text.size() < 1000 || text.find_first_not_of(text.front()) != std::string::npos) {
            FAIL_CHECK("not whole");
            break;
        }
        ++reads;
    }
    stop = true;
    for (std::thread& writer : writers) {
        writer.join();
    }
    CHECK(reads > 0);
    CHECK(failures == 0);
    CHECK(entries_of(directory.path()) == 1);
}

TEST_CASE("a writer that is killed leaves the old content or the new") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    const std::string a(300'000, 'a');
    const std::string b(200'000, 'b');
    skyutil::write_file_atomic(path, a);
    for (int i = 0; i < 15; ++i) {
        const pid_t child = ::fork();
        REQUIRE(child != -1);
        if (child == 0) {
            for (;;) {
                std::error_code ignored;
                skyutil::write_file_atomic(path, b, ignored);
                skyutil::write_file_atomic(path, a, ignored);
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1 + i));
        ::kill(child, SIGKILL);
        int status = 0;
        while (::waitpid(child, &status, 0) == -1 && errno == EINTR) {
        }
        const std::string text = read_file(path);
        CHECK((text == a || text == b));
    }
}

// ----------------------------------------------------------- system calls that fail, one by one

namespace {

/// Something that makes system calls, and how to tell that it did no harm.
struct operation {
    std::string name;
    std::function<void()> prepare;
    std::function<std::error_code()> run;
    /// What is wrong afterwards, given what run() returned.
    std::function<std::string(const std::error_code&)> check;
};

std::vector<operation> operations(const fs::path& directory) {
    const fs::path file = directory / "file";
    const fs::path large = directory / "large";
    const std::string large_text = repeat("0123456789\n", 20'000);
    const auto nothing = [] {};
    const auto found = std::make_shared<lines>();
    const auto reading = [=](const char* name, const fs::path& path, std::size_t n, auto read,
                             const lines& expected) {
        return operation{name, nothing,
                         [=] {
                             const outcome result = read(path, n, skyutil::tail_options{});
                             *found = result.found;
                             return result.error;
                         },
                         [=](const std::error_code& error) -> std::string {
                             return *found == (error ? lines{} : expected) ? "" : "wrong lines";
                         }};
    };
    const auto state = std::make_shared<fs::path>();
    const auto no_file_but = [=](std::size_t count) -> std::string {
        const std::size_t entries = entries_of(directory);
        return entries == count ? "" : std::to_string(entries) + " entries";
    };
    return {
        reading("read_last_n_lines", file, 2, try_read, {"old", "text"}),
        reading("read_last_n_lines of a large file", large, 15'000, try_read,
                last_lines(large_text, 15'000)),
        reading("file_tail", large, 15'000, try_tail, last_lines(large_text, 15'000)),
        reading("read_last_n_lines of a file without a size", "/proc/self/comm", 1, try_read,
                last_lines(read_file("/proc/self/comm"), 1)),
        {"count_directory_entries", nothing,
         [=] {
             std::error_code error;
             const std::size_t count = skyutil::count_directory_entries(directory, error);
             *found = lines(count);
             return error;
         },
         [=](const std::error_code& error) -> std::string {
             return found->size() == (error ? 0U : 2U) ? "" : "wrong count";
         }},
        {"mapped_file", nothing,
         [=] {
             std::error_code error;
             const skyutil::mapped_file mapped(file, error);
             *found = {std::string(mapped.text())};
             return error;
         },
         [=](const std::error_code& error) -> std::string {
             return found->front() == (error ? "" : "old\ntext\n") ? "" : "wrong bytes";
         }},
        {"temporary_file", nothing,
         [=] {
             std::error_code error;
             const skyutil::temporary_file made(directory, error);
             return error || fs::exists(made.path()) ? error
                                                     : std::make_error_code(std::errc::bad_message);
         },
         [=](const std::error_code&) { return no_file_but(2); }},
        {"temporary_directory", nothing,
         [=] {
             std::error_code error;
             const skyutil::temporary_directory made(directory, error);
             return error;
         },
         [=](const std::error_code&) { return no_file_but(2); }},
        {"write_file_atomic", [=] { write_file(file, "old\ntext\n"); },
         [=] { return try_write(file, large_text); },
         [=](const std::error_code& error) -> std::string {
             const std::string text = read_file(file);
             write_file(file, "old\ntext\n");
             const std::string left = no_file_but(2);
             return !left.empty()                                  ? left
                    : text == (error ? "old\ntext\n" : large_text) ? ""
                    : error && text == large_text                  ? "replaced"
                                                                   : "damaged";
         }},
        {"write_file_atomic through a link to nothing",
         [=] {
             fs::remove(directory / "new");
             fs::create_symlink("new", directory / "link");
         },
         [=] { return try_write(directory / "link", "text"); },
         [=](const std::error_code& error) -> std::string {
             const bool there = fs::exists(directory / "new");
             const bool right = there && read_file(directory / "new") == "text";
             fs::remove(directory / "new");
             fs::remove(directory / "link");
             const std::string left = no_file_but(2);
             return !left.empty() ? left
                    : error       ? (there ? "replaced" : "")
                                  : (right ? "" : "not made");
         }},
    };
}

}  // namespace

TEST_CASE("every system call may fail: an error is reported, and nothing lost or left") {
    const temporary_directory directory;
    write_file(directory / "file", "old\ntext\n");
    write_file(directory / "large", repeat("0123456789\n", 20'000));
    meet_error_types();
    std::map<std::string, int> exercised;
    for (const operation& op : operations(directory.path())) {
        std::map<std::string, int> calls;
        op.prepare();
        {
            const fault counter;
            CHECK_FALSE(op.run());
            calls = counter.calls();
        }
        CHECK(op.check({}) == "");
        CHECK(calls["close"] > 0);
        for (const auto& [call, count] : calls) {
            for (int before = 0; before < count; ++before) {
                for (const int number : {EIO, ENOSPC, EMFILE, EDQUOT, EACCES, EINTR}) {
                    if (number == EINTR && call == "mmap") {
                        continue;
                    }
                    INFO(op.name << ": " << call << " " << before + 1 << " of " << count << ": "
                                 << std::generic_category().message(number));
                    op.prepare();
                    const std::size_t descriptors = count_open_descriptors();
                    std::error_code error;
                    bool happened = false;
                    {
                        const fault fault(call, before, number);
                        error = op.run();
                        happened = fault.happened();
                    }
                    CHECK(happened);
                    CHECK(count_open_descriptors() == descriptors);
                    std::string wrong = op.check(error);
                    // The directory is brought to the disk when the file has its new content.
                    const bool last_step = call == "fsync" && before == 1;
                    if (last_step && number != EINTR && error) {
                        CHECK(wrong == "replaced");
                        wrong = "";
                    }
                    // What was made cannot be removed when the removal itself fails.
                    if (op.name.starts_with("temporary") && !wrong.empty() && number != EINTR) {
                        wrong = "";
                        for (const auto& entry : fs::directory_iterator(directory.path())) {
                            if (entry.path().filename().string().starts_with("skyutil-")) {
                                fs::remove_all(entry.path());
                            }
                        }
                    }
                    CHECK(wrong == "");
                    const std::set<int> expected{0, number,
                                                 call == "mmap" && number == EIO ? EOPNOTSUPP : 0};
                    CHECK(expected.contains(error.value()));
                    if (number == EINTR) {
                        CHECK_FALSE(error);
                    } else if (call != "close" && call != "fchown" && error == std::error_code() &&
                               op.name.starts_with("write")) {
                        // Reading on from where it stopped is all that may go unnoticed.
                        FAIL_CHECK("no error");
                    }
                    ++exercised[call];
                }
            }
        }
    }
    for (const char* const call :
         {"open", "openat", "pread", "read", "write", "fsync", "fchmod", "renameat", "unlinkat",
          "mkdirat", "mmap", "readlink", "getrandom", "syscall", "close"}) {
        INFO(call);
        CHECK(exercised[call] > 0);
    }
}

TEST_CASE("write_file_atomic brings the content to the disk before the new name, and then that") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "old");
    int syncs_before = -1;
    std::string name_had;
    std::map<std::string, int> calls;
    {
        const fault* self = nullptr;
        const fault fault("renameat", 0, [&] {
            syncs_before = self->calls().at("fsync");
            name_had = read_file(path);
        });
        self = &fault;
        skyutil::write_file_atomic(path, "new");
        calls = fault.calls();
    }
    CHECK(syncs_before == 1);
    CHECK(name_had == "old");
    CHECK(calls["fsync"] == 2);
    CHECK(calls["renameat"] == 1);
    CHECK(read_file(path) == "new");
}

TEST_CASE("signals before every system call and bytes that come three at a time change nothing") {
    const temporary_directory directory;
    write_file(directory / "file", "old\ntext\n");
    write_file(directory / "large", repeat("0123456789\n", 20'000));
    for (const operation& op : operations(directory.path())) {
        for (const auto kind : {fault::disturbance::interrupted, fault::disturbance::trickling}) {
            INFO(op.name << (kind == fault::disturbance::interrupted ? ", interrupted"
                                                                     : ", trickling"));
            op.prepare();
            std::error_code error;
            bool happened = false;
            {
                const fault fault(kind);
                error = op.run();
                happened = fault.happened();
            }
            CHECK(happened);
            CHECK_FALSE(error);
            CHECK(op.check(error) == "");
        }
    }
}

TEST_CASE("a temporary_directory that could not be removed can be removed again") {
    const temporary_directory directory;
    meet_error_types();
    const auto fill = [](const fs::path& path) {
        fs::create_directories(path / "a/b/c");
        fs::create_directories(path / "d");
        write_file(path / "a/b/file", "");
        write_file(path / "file", "");
    };
    std::map<std::string, int> calls;
    {
        skyutil::temporary_directory own(directory.path());
        fill(own.path());
        const fault counter;
        own.remove();
        calls = counter.calls();
    }
    CHECK(calls["unlinkat"] >= 7);
    for (const auto& [call, count] : calls) {
        for (int before = 0; before < count; ++before) {
            for (const int number : {EIO, EMFILE, EACCES, EPERM, EINTR}) {
                INFO(call << " " << before + 1 << " of " << count << ": "
                          << std::generic_category().message(number));
                skyutil::temporary_directory own(directory.path());
                const fs::path path = own.path();
                fill(path);
                const std::size_t descriptors = count_open_descriptors();
                std::error_code error;
                {
                    const fault fault(call, before, number);
                    own.remove(error);
                }
                CHECK(count_open_descriptors() == descriptors - (error ? 0 : 1));
                CHECK(fs::exists(path) == static_cast<bool>(error));
                if (number == EINTR) {
                    CHECK_FALSE(error);
                } else if (error) {
                    CHECK(error.value() == number);
                    own.remove(error);
                    CHECK_FALSE(error);
                }
            }
        }
    }
    CHECK(entries_of(directory.path()) == 0);
}
