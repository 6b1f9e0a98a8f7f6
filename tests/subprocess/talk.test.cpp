// SPDX-License-Identifier: MIT
//
// child_process: what is written to a child that runs, and read from it.

#include <skyutil/subprocess.hpp>

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <system_error>

#include <signal.h>

#include "subprocess/commands.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
using skyutil::child_options;
using skyutil::child_process;
using skyutil::completed_process;
using skyutil::shell;
using skyutil::stdio_mode;
using enum skyutil::output_stream;

namespace {

child_options all_pipes() {
    return {.stdin_from = stdio_mode::pipe,
            .stdout_to = stdio_mode::pipe,
            .stderr_to = stdio_mode::pipe,
            .grace = grace};
}

TEST_CASE("questions are answered line by line") {
    child_process child(shell("while read a; do echo \"got $a\"; done; printf last"), all_pipes());
    child.write("one\n", patience);
    CHECK(child.read_line(out, patience) == "got one");
    child.write("two\nthree\n", patience);
    CHECK(child.read_line(out, patience) == "got two");
    CHECK(child.read_line(out, patience) == "got three");
    child.close_stdin();
    CHECK(child.read_line(out, patience) == "last");
    CHECK_FALSE(child.read_line(out, patience));
    CHECK_FALSE(child.read_line(out, patience));
    CHECK(child.read_some(out, patience).empty());
    CHECK(child.wait().ok());
}

TEST_CASE("both streams can be read, in any order and amount") {
    child_process child(shell("echo a; echo b >&2; echo c; printf d >&2"), all_pipes());
    CHECK(child.read_line(err, patience) == "b");
    CHECK(child.read_some(out, patience).substr(0, 2) == "a\n");
    CHECK(child.read_line(err, patience) == "d");
    CHECK_FALSE(child.read_line(err, patience));
    CHECK(child.wait().ok());
}

TEST_CASE("a time limit is an error that loses nothing") {
    child_process child(shell("printf half; read a; echo ' line'"), all_pipes());
    std::error_code error;
    CHECK_FALSE(child.read_line(out, 50ms, error));
    CHECK(error == std::errc::timed_out);
    CHECK(child.read_some(err, 0ms, error).empty());
    CHECK(error == std::errc::timed_out);
    child.write("\n", patience, error);
    CHECK_FALSE(error);
    CHECK(child.read_line(out, patience) == "half line");
    child_process deaf({"sleep", "1000"}, all_pipes());
    deaf.write(std::string(1 << 20, 'x'), 50ms, error);
    CHECK(error == std::errc::timed_out);
    CHECK_THAT(message_of([&] { deaf.read_line(out, 1ms); }),
               ContainsSubstring("skyutil::child_process::read_line: cannot read from process " +
                                 std::to_string(deaf.pid())));
}

TEST_CASE("writing to a child that has ended is an error and no signal") {
    const json died = run_in_child([] {
        ::signal(SIGPIPE, SIG_DFL);
        child_process child({"true"}, all_pipes());
        child.wait();
        std::error_code error;
        child.write("text", patience, error);
        return json(error == std::errc::broken_pipe);
    });
    CHECK(died == json(true));
}

TEST_CASE("much in both directions at once is no deadlock") {
    constexpr std::size_t size = 8'000'000;
    child_process child({"cat"}, all_pipes());
    const std::string text(size, 'x');
    child.write(text, patience);
    std::size_t read = 0;
    while (read < size) {
        read += child.read_some(out, patience).size();
    }
    CHECK(read == size);
    child.write("y\n", patience);
    CHECK(child.read_line(out, patience) == "y");

    child_process noisy(shell("head -c 5000000 /dev/zero >&2; echo done"), all_pipes());
    CHECK(noisy.read_line(out, patience) == "done");
    CHECK(noisy.communicate().stderr_text.size() == 5'000'000);
}

TEST_CASE("what a child prints without end is bounded") {
    child_process child({"sh", "-c", "cat /dev/zero >&2"}, all_pipes());
    std::error_code error;
    CHECK_FALSE(child.read_line(out, 1h, error));
    CHECK(error == std::errc::no_buffer_space);
    CHECK(child.read_some(err, patience).size() >= std::size_t{64} << 20);
}

TEST_CASE("a long line comes in pieces") {
    child_process child(shell("head -c 1500000 /dev/zero; echo; echo end"), all_pipes());
    CHECK(child.read_line(out, patience)->size() == 1 << 20);
    CHECK(child.read_line(out, patience)->size() == 1'500'000 - (1 << 20));
    CHECK(child.read_line(out, patience) == "end");
}

TEST_CASE("a stream that is no pipe cannot be talked to") {
    child_process child({"cat"}, {.stdin_from = stdio_mode::pipe, .grace = grace});
    std::error_code error;
    CHECK(child.read_some(out, patience, error).empty());
    CHECK(error == std::errc::bad_file_descriptor);
    CHECK_FALSE(child.read_line(err, patience, error));
    CHECK(error == std::errc::bad_file_descriptor);
    child.close_stdin();
    child.write("text", patience, error);
    CHECK(error == std::errc::bad_file_descriptor);
    child.communicate("text", patience, error);
    CHECK(error == std::errc::bad_file_descriptor);
    CHECK(child.communicate({}, patience, error).ok());
    CHECK_FALSE(error);
    child_process none(std::move(child));
    child.communicate({}, patience, error);  // NOLINT(*-use-after-move)
    CHECK(error == std::errc::no_child_process);
}

TEST_CASE("a child is given all of its input and heard to the end") {
    child_process child(shell("read a; echo \"$a\"; wc -c; echo err >&2; exit 3"), all_pipes());
    child.write("first\n", patience);
    CHECK(child.read_line(out, patience) == "first");
    const completed_process done = child.communicate(std::string(3'000'000, 'x'), patience);
    CHECK(done.stdout_text == "3000000\n");
    CHECK(done.stderr_text == "err\n");
    CHECK(done.exit_code == 3);
    CHECK(done.elapsed > 0ns);
    CHECK(child.wait().exit_code == 3);
    child_process other({"cat"}, all_pipes());
    bool given = false;
    const auto next = [&](std::span<char> room) -> std::size_t {
        room[0] = 'z';
        return std::exchange(given, true) ? 0 : 1;
    };
    CHECK(other.communicate(next).stdout_text == "z");
}

TEST_CASE("a child whose end is known is heard all the same") {
    child_process child(shell("echo out; exit 4"), all_pipes());
    CHECK(child.wait().exit_code == 4);
    const completed_process done = child.communicate({}, patience);
    CHECK(done.stdout_text == "out\n");
    CHECK(done.exit_code == 4);
    CHECK_FALSE(done.timed_out);
    CHECK(child.communicate({}, patience).exit_code == 4);
}

TEST_CASE("a child that takes too long to be heard is ended with its tree") {
    child_process child(actor({"family", "2"}), all_pipes());
    std::string pids;
    for (int i = 0; i != 3; ++i) {
        pids += *child.read_line(out, patience) + " ";
    }
    const completed_process done = child.communicate({}, 50ms);
    CHECK(done.timed_out);
    CHECK(done.signal == SIGTERM);
    CHECK(are_gone(numbers(pids)));
    CHECK(child.wait().signal == SIGTERM);
}

#if defined(SKYUTIL_TEST_BC)
TEST_CASE("the example asks a calculator") {
    std::error_code error;
    skyutil::run({"bc", "--version"}, error);
    if (error) {
        SKYUTIL_SKIP("there is no bc");
    }
    CHECK(skyutil::run({SKYUTIL_TEST_BC, "6 * 7", "2 ^ 100"}).stdout_text ==
          "6 * 7 = 42\n2 ^ 100 = 1267650600228229401496703205376\n");
    const completed_process ended = skyutil::run({SKYUTIL_TEST_BC, "quit"});
    CHECK(ended.exit_code == 1);
    CHECK(ended.stderr_text == "bc has ended\n");
}
#endif

}  // namespace
