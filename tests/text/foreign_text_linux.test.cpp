// SPDX-License-Identifier: MIT
//
// What messages quote of paths and variables, which may be any bytes on Linux.

#include <skyutil/detail/text/foreign_text.hpp>
#include <skyutil/files.hpp>
#include <skyutil/system.hpp>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "catch.hpp"

using Catch::Matchers::ContainsSubstring;
using skyutil::detail::visible;

namespace {

/// Whether it is UTF-8 without control characters.
bool is_plain(std::string_view text) { return visible(text) == text; }

}  // namespace

TEST_CASE("the message for a path has nothing that a terminal obeys, and the path is whole") {
    const std::filesystem::path path = "/nowhere/\x1b]0;title\a\u009b2J\xff\u65e5";
    try {
        static_cast<void>(skyutil::read_last_n_lines(path, 3));
        FAIL("no error");
    } catch (const std::filesystem::filesystem_error& error) {
        INFO(error.what());
        CHECK(error.path1() == path);
        CHECK(error.code() == std::errc::no_such_file_or_directory);
        CHECK(is_plain(error.what()));
        CHECK_THAT(error.what(),
                   ContainsSubstring("/nowhere/\\x1b]0;title\\x07\\xc2\\x9b2J\\xff\u65e5"));
        const std::filesystem::filesystem_error& copy = error;
        CHECK(copy.what() == std::string_view(error.what()));
    }
    CHECK_THROWS_WITH(skyutil::count_directory_entries("/nowhere/\x1b[0m"),
                      ContainsSubstring("\\x1b[0m"));
    CHECK_THROWS_WITH(skyutil::write_file_atomic("/nowhere/\x7f", ""), ContainsSubstring("\\x7f"));
}

TEST_CASE("the message for a variable has nothing that a terminal obeys") {
    ::setenv("SKYUTIL_CPU_COUNT", "\x1b[31m4\u009b", 1);
    std::string message;
    try {
        static_cast<void>(skyutil::get_cpu_count());
    } catch (const std::invalid_argument& error) {
        message = error.what();
    }
    ::unsetenv("SKYUTIL_CPU_COUNT");
    CHECK_THAT(message, ContainsSubstring("\\x1b[31m4"));
    CHECK(is_plain(message));
}
