// SPDX-License-Identifier: MIT
//
// Where standard streams go and come from: files, handles, functions; pieces and lines of output.

#include <skyutil/files.hpp>
#include <skyutil/ports.hpp>
#include <skyutil/subprocess.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "subprocess/commands.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
using skyutil::child_process;
using skyutil::from_file;
using skyutil::output_stream;
using skyutil::run;
using skyutil::shell;
using skyutil::start_step;
using skyutil::stdio_mode;
using skyutil::to_file;
using skyutil::to_handle;
using path = std::filesystem::path;

namespace {

std::string text_of(const path& name) {
    std::ifstream file(name);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

TEST_CASE("output goes to a file, which is made, emptied or added to") {
    const skyutil::temporary_directory directory;
    const path log = directory.path() / "log";
    CHECK(run({"echo", "first"}, {.stdout_to = to_file(log)}).stdout_text.empty());
    CHECK(text_of(log) == "first\n");
    CHECK(run({"echo", "more"}, {.stdout_to = to_file(log, {.append = true})}).ok());
    CHECK(text_of(log) == "first\nmore\n");
    CHECK(run(shell("echo err >&2"), {.stderr_to = to_file(log)}).stderr_text.empty());
    CHECK(text_of(log) == "err\n");
}

TEST_CASE("a file that is made has the permissions that were asked for") {
    const json permissions = run_in_child([] {
        ::umask(022);
        const skyutil::temporary_directory directory;
        const auto made = [&](const char* name, const skyutil::to_file_options& options) {
            static_cast<void>(
                run({"true"}, {.stdout_to = to_file(directory.path() / name, options)}));
            struct stat status{};
            ::stat((directory.path() / name).c_str(), &status);
            return status.st_mode & 0777;
        };
        return json{made("a", {}), made("b", {.mode = std::filesystem::perms(0600)}),
                    made("c", {.append = true, .mode = std::filesystem::perms(0777)})};
    });
    CHECK(permissions == json{0644, 0600, 0755});
}

TEST_CASE("both outputs share one file, in a pipeline with those of the other commands") {
    const skyutil::temporary_directory directory;
    const path log = directory.path() / "log";
    CHECK(run(shell("echo a; echo b >&2; echo c"),
              {.stdout_to = to_file(log), .stderr_to = to_file(log)})
              .ok());
    CHECK(text_of(log) == "a\nb\nc\n");
    CHECK(run(shell("echo d; echo e >&2"), {.merge_stderr = true, .stdout_to = to_file(log)}).ok());
    CHECK(text_of(log) == "d\ne\n");
    skyutil::pipeline({shell("echo 1 >&2; echo in"), shell("cat >/dev/null; echo 2 >&2; echo 3")},
                      {.stdout_to = to_file(log), .stderr_to = to_file(log)});
    CHECK(text_of(log) == "1\n2\n3\n");
}

TEST_CASE("input comes from a file, for a pipeline too") {
    const skyutil::temporary_directory directory;
    const path names = directory.path() / "names";
    std::ofstream(names) << "b\na\n";
    CHECK(run({"sort"}, {.stdin_from = from_file(names)}).stdout_text == "a\nb\n");
    const auto done = skyutil::pipeline({{"cat"}, {"sort"}}, {.stdin_from = from_file(names)});
    CHECK(done.back().stdout_text == "a\nb\n");
    CHECK(run({"cat"}, {.input = "text", .stdin_from = from_file(names)}).stdout_text == "text");
    // From and to one name are two openings.
    CHECK(run({"cat"}, {.stdin_from = from_file(names), .stdout_to = to_file(names)}).ok());
    CHECK(text_of(names).empty());
}

TEST_CASE("a child_process takes files and handles, too") {
    const skyutil::temporary_directory directory;
    const path names = directory.path() / "names";
    const path sorted = directory.path() / "sorted";
    std::ofstream(names) << "b\na\n";
    child_process child({"sort"}, {.stdin_from = from_file(names), .stdout_to = to_file(sorted)});
    CHECK(child.wait().ok());
    CHECK_FALSE(child.stdin_pipe());
    CHECK_FALSE(child.stdout_pipe());
    CHECK(text_of(sorted) == "a\nb\n");
}

TEST_CASE("a stream can be any handle, which stays the caller's") {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    const skyutil::unique_fd ours(ends[0]);
    skyutil::unique_fd theirs(ends[1]);
    child_process child(
        {"cat"}, {.stdin_from = to_handle(theirs.get()), .stdout_to = to_handle(theirs.get())});
    theirs.reset();
    REQUIRE(::write(ours.get(), "hello", 5) == 5);
    char buffer[10];
    CHECK(::read(ours.get(), buffer, sizeof buffer) == 5);
    ::shutdown(ours.get(), SHUT_WR);
    CHECK(child.wait().ok());
}

TEST_CASE("a standard descriptor of this process can be another one of the child") {
    const json texts = run_in_child([] {
        const skyutil::temporary_directory directory;
        const path name = directory.path() / "log";
        const skyutil::unique_fd log(::open(name.c_str(), O_CREAT | O_WRONLY, 0600));
        ::dup2(log.get(), 2);
        const bool done = run(shell("echo out; echo err >&2"),
                              {.stdout_to = to_handle(2), .stderr_to = to_handle(1)})
                              .ok();
        return json{done, text_of(name)};
    });
    CHECK(texts == json{true, "out\n"});
}

TEST_CASE("a file or handle that cannot be used is an error of the descriptors with its name") {
    const skyutil::temporary_directory directory;
    const path missing = directory.path() / "missing" / "log";
    std::error_code error;
    CHECK(run({"true"}, {.stdout_to = to_file(missing)}, error).failed_step ==
          start_step::descriptors);
    CHECK(error == std::errc::no_such_file_or_directory);
    run({"true"}, {.stdin_from = from_file(missing)}, error);
    CHECK(error == std::errc::no_such_file_or_directory);
    run({"true"}, {.stdout_to = to_file(directory.path())}, error);
    CHECK(error == std::errc::is_a_directory);
    run({"true"}, {.stderr_to = to_file(std::string("a\0b", 3))}, error);
    CHECK(error == std::errc::invalid_argument);
    run({"true"}, {.stdin_from = to_file(directory.path() / "log")}, error);
    CHECK(error == std::errc::invalid_argument);
    run({"true"}, {.stdout_to = from_file("/dev/null")}, error);
    CHECK(error == std::errc::invalid_argument);
    CHECK_FALSE(std::filesystem::exists(directory.path() / "log"));
    run({"true"}, {.stdout_to = to_handle(4000)}, error);
    CHECK(error == std::errc::bad_file_descriptor);
    run({"true"}, {.stdout_to = to_handle(-1)}, error);
    CHECK(error == std::errc::bad_file_descriptor);
    const child_process child({"true"}, {.stderr_to = to_file(missing)}, error);
    CHECK(error == std::errc::no_such_file_or_directory);
    CHECK(child.failed_step() == start_step::descriptors);
    try {
        run({"true"}, {.stdout_to = to_file(missing)});
        FAIL("it was started");
    } catch (const skyutil::start_error& failure) {
        CHECK(failure.path() == missing);
        CHECK_THAT(failure.what(),
                   ContainsSubstring("cannot open '" + missing.string() + "' for 'true'"));
    }
}

TEST_CASE("a target tells whether it is a mode") {
    const skyutil::run_options options;
    CHECK(options.stdout_to == stdio_mode::pipe);
    CHECK(options.stdin_from != stdio_mode::pipe);
    CHECK_FALSE(to_file("log") == stdio_mode::inherit);
}

TEST_CASE("a function gives the input piece by piece, until it gives nothing") {
    int pieces = 0;
    const auto next = [&](std::span<char> room) -> std::size_t {
        if (++pieces > 3) {
            return 0;
        }
        std::fill_n(room.begin(), 2, static_cast<char>('a' + pieces));
        return 2;
    };
    CHECK(run({"cat"}, {.input = next}).stdout_text == "bbccdd");
    CHECK(pieces == 4);
    CHECK(run({"cat"}, {.input = [](std::span<char>) { return std::size_t{0}; }})
              .stdout_text.empty());
    pieces = 0;
    CHECK(skyutil::pipeline({{"cat"}, {"rev"}}, {.input = next}).back().stdout_text == "ddccbb");
}

TEST_CASE("much input from a function takes constant memory") {
    const json measured = run_in_child([] {
        constexpr std::uint64_t size = std::uint64_t{1} << 28;
        std::uint64_t left = size;
        const auto next = [&](std::span<char> room) {
            const std::size_t piece = (std::min)(room.size(), static_cast<std::size_t>(left));
            left -= piece;
            return piece;
        };
        rusage before{};
        ::getrusage(RUSAGE_SELF, &before);
        const std::string text = run({"wc", "-c"}, {.input = next}).stdout_text;
        rusage after{};
        ::getrusage(RUSAGE_SELF, &after);
        return json{std::stoull(text) == size, after.ru_maxrss - before.ru_maxrss < 10'000};
    });
    CHECK(measured == json{true, true});
}

TEST_CASE("a child that wants no more input is not an error, and the function is left alone") {
    int calls = 0;
    const auto endless = [&](std::span<char> room) {
        ++calls;
        return room.size();
    };
    CHECK(run({"head", "-c", "3"}, {.input = endless}).stdout_text.size() == 3);
    CHECK(calls < 100);
    CHECK(run({"sleep", "100"}, {.input = endless, .timeout = 50ms, .grace = grace}).timed_out);
}

TEST_CASE("an input function that throws ends the tree, one that lies is an error") {
    const auto throws = [](std::span<char>) -> std::size_t { throw std::domain_error("no more"); };
    CHECK_THROWS_AS(run({"sleep", "1000"}, {.input = throws, .grace = grace}), std::domain_error);
    CHECK_FALSE(has_children());
    const auto lies = [](std::span<char> room) { return room.size() + 1; };
    std::error_code error;
    run({"sleep", "1000"}, {.input = lies, .grace = grace}, error);
    CHECK(error == std::errc::result_out_of_range);
    CHECK_FALSE(has_children());
    CHECK_THAT(message_of([&] { run({"cat"}, {.input = lies}); }),
               ContainsSubstring("skyutil::run: the input function has filled more than its room"));
}

TEST_CASE("input is a string for those who use it so") {
    skyutil::run_options options;
    options.input = "ab";
    options.input += "c";
    CHECK(options.input.size() == 3);
    CHECK(run({"cat"}, options).stdout_text == "abc");
    options.input = std::string("d");
    CHECK(run({"cat"}, options).stdout_text == "d");
}

TEST_CASE("pieces of output come as they are, with their stream") {
    std::string out;
    std::string err;
    const auto take = [&](std::string_view piece, output_stream from) {
        (from == output_stream::out ? out : err) += piece;
    };
    const auto done = run(shell("printf 'a\\rb'; printf 'e\\n' >&2"), {.on_output = take});
    CHECK(out == "a\rb");
    CHECK(err == "e\n");
    CHECK(done.stdout_text.empty());
    out.clear();
    std::vector<std::string> lines;
    const auto both =
        run({"printf", "x\ny"},
            {.max_output = 2,
             .on_line = [&](output_stream, std::string_view line) { lines.emplace_back(line); },
             .on_output = take});
    CHECK(out == "x\ny");
    CHECK(lines == std::vector<std::string>{"x", "y"});
    CHECK(both.stdout_text == "x\n");
    CHECK_THROWS_AS(run(actor({"family", "2"}),
                        {.grace = grace,
                         .on_output = [](std::string_view,
                                         output_stream) { throw std::domain_error("enough"); }}),
                    std::domain_error);
    CHECK_FALSE(has_children());
}

std::vector<std::string> lines_of(std::string_view pieces, skyutil::line_end line_end) {
    // Each piece comes alone: the child waits until the one before was taken.
    std::vector<std::string> lines;
    const auto take = [&](output_stream, std::string_view line) { lines.emplace_back(line); };
    std::string script;
    for (std::size_t start = 0; start <= pieces.size();) {
        const std::size_t end = (std::min)(pieces.find('|', start), pieces.size());
        script += "printf '" + std::string(pieces.substr(start, end - start)) + "'; sleep 0.02;";
        start = end + 1;
    }
    static_cast<void>(run(shell(script), {.on_line = take, .line_end = line_end}));
    return lines;
}

TEST_CASE("lines end as is wanted, wherever the pieces end") {
    using skyutil::line_end;
    using strings = std::vector<std::string>;
    CHECK(lines_of("10%%\\r|20%%\\r|done\\n|x", line_end::any) ==
          strings{"10%", "20%", "done", "x"});
    CHECK(lines_of("a\\r|\\nb\\r\\n|\\n\\r\\r", line_end::any) == strings{"a", "b", "", "", ""});
    CHECK(lines_of("a\\r|\\nb\\rc\\n|d\\r", line_end::strip_crlf) == strings{"a", "b\rc", "d\r"});
    CHECK(lines_of("a|b\\n|\\nc", line_end::keep) == strings{"ab\n", "\n", "c"});
    CHECK(lines_of("a\\r\\n|b", line_end::strip_lf) == strings{"a\r", "b"});
    CHECK(lines_of("1%%\\r2%%\\n", line_end::terminal) == strings{"2%"});
}

TEST_CASE("a result gives its text as lines") {
    using strings = std::vector<std::string>;
    const auto done = run(shell("printf 'a\\n\\nb\\r\\n'; printf 'e' >&2"));
    CHECK(done.stdout_lines() == strings{"a", "", "b\r"});
    CHECK(done.stdout_lines(skyutil::line_end::strip_crlf) == strings{"a", "", "b"});
    CHECK(done.stderr_lines() == strings{"e"});
    CHECK(skyutil::completed_process().stdout_lines().empty());
}

}  // namespace
