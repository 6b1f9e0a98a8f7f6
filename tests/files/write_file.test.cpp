// SPDX-License-Identifier: MIT
//
// write_file_atomic: what it replaces, what it refuses, and that a file is never half written.

#include <skyutil/files.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

#include "files/outcomes.hpp"
#include "support.hpp"

using namespace skyutil_tests;

namespace {

namespace fs = std::filesystem;

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
}

TEST_CASE("write_file_atomic names what it cannot replace") {
    const temporary_directory directory;
    write_file(directory / "file", "old");
    struct row {
        fs::path path;
        std::errc expected;
    };
    fs::path cut = directory / "file";
    cut += std::string("\0x", 2);
    for (const auto& [path, expected] :
         {row{directory.path(), std::errc::is_a_directory},
          row{directory / "new/", std::errc::is_a_directory},
          row{directory / "missing/x", std::errc::no_such_file_or_directory},
          row{"", std::errc::no_such_file_or_directory}, row{cut, std::errc::invalid_argument}}) {
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
    CHECK(entries_of(directory.path()) == 1);
}

TEST_CASE("write_file_atomic replaces a file that may not be written to, which stays so") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    constexpr fs::perms writable =
        fs::perms::owner_write | fs::perms::group_write | fs::perms::others_write;
    write_file(path, "old");
    fs::permissions(path, writable, fs::perm_options::remove);
    const fs::perms before = fs::status(path).permissions();
    CHECK_FALSE(try_write(path, "new"));
    CHECK(read_file(path) == "new");
    CHECK(fs::status(path).permissions() == before);
    CHECK(entries_of(directory.path()) == 1);
}
