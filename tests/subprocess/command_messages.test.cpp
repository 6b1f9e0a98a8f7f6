// SPDX-License-Identifier: MIT
//
// What is said of commands that fail quotes nothing that a terminal obeys, and cuts no character.

#include <skyutil/detail/text/foreign_text.hpp>
#include <skyutil/subprocess.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>

#include "catch.hpp"

using Catch::Matchers::ContainsSubstring;

namespace {

bool is_plain(std::string_view text) { return skyutil::detail::visible(text) == text; }

/// What run() with `check` says of a command that prints a text on stderr and fails.
std::string message_for(const std::string& text) {
    try {
        skyutil::run({"sh", "-c", "printf %s \"$1\" >&2; exit 3", "sh", text}, {.check = true});
    } catch (const skyutil::command_error& error) {
        CHECK(error.result().stderr_text == text);  // as it was
        return error.what();
    }
    return {};
}

}  // namespace

TEST_CASE("the message of a failed command spells out control characters of stderr") {
    const std::string message = message_for("one\n\x1b[31mbad \u009b\xff\x7f caf\u00e9\n");
    CHECK_THAT(message, ContainsSubstring("\\x1b[31mbad \\xc2\\x9b\\xff\\x7f caf\u00e9"));
    CHECK(is_plain(message));
}

TEST_CASE("the message of a failed command cuts stderr between characters") {
    for (std::size_t before = 190; before != 203; ++before) {
        std::string text(before, 'x');
        for (int i = 0; i != 20; ++i) {
            text += "\U0001f600\u65e5\u00e9";
        }
        const std::string message = message_for(text);
        INFO(message);
        CHECK_THAT(message, ContainsSubstring(std::string(190, 'x')));
        CHECK(is_plain(message));
        CHECK(message.size() < 300);
    }
}

TEST_CASE("the message of a command that cannot be started spells out its name and directory") {
    const auto message_of = [](const auto& call) {
        try {
            call();
        } catch (const std::system_error& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    const std::string program = message_of([] { skyutil::run({"./no\x1b[2Jprogram\u009b"}); });
    CHECK_THAT(program, ContainsSubstring("no\\x1b[2Jprogram\\xc2\\x9b"));
    CHECK(is_plain(program));
    const std::string directory =
        message_of([] { skyutil::run({"true"}, {.cwd = "/nowhere/\x1b[2J"}); });
    CHECK_THAT(directory, ContainsSubstring("/nowhere/\\x1b[2J"));
    CHECK(is_plain(directory));
    const std::string log =
        message_of([] { static_cast<void>(skyutil::run_detached({"true"}, "/nowhere/\a")); });
    CHECK_THAT(log, ContainsSubstring("/nowhere/\\x07"));
    CHECK(is_plain(log));
}
