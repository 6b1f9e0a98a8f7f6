// SPDX-License-Identifier: MIT
//
// temporary_file and temporary_directory: how they are made, kept, moved and removed.

#include <skyutil/files.hpp>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include "files/outcomes.hpp"
#include "support.hpp"

using namespace skyutil_tests;

namespace {

namespace fs = std::filesystem;

}  // namespace

TEST_CASE("a temporary_file is there until its owner goes, for others to open too") {
    const temporary_directory directory;
    fs::path path;
    {
        const skyutil::temporary_file file(directory.path());
        path = file.path();
        CHECK(path.parent_path() == directory.path());
        CHECK(path.is_absolute());
        CHECK(path.filename().string().starts_with("skyutil-"));
        CHECK(fs::is_regular_file(path));
        CHECK(fs::file_size(path) == 0);
        CHECK(file.native_handle() != skyutil::unique_fd().get());
        CHECK(skyutil::read_last_n_lines(path, 1).empty());
    }
    CHECK_FALSE(fs::exists(path));
    {
        const skyutil::temporary_file here;
        path = here.path();
        CHECK(fs::exists(path));
    }
    CHECK_FALSE(fs::exists(path));
    CHECK(entries_of(directory.path()) == 0);
}

TEST_CASE("a temporary_directory goes with all that is in it") {
    const temporary_directory directory;
    fs::path path;
    {
        const skyutil::temporary_directory own(directory.path());
        path = own.path();
        CHECK(path.parent_path() == directory.path());
        CHECK(fs::is_directory(path));
        CHECK(fs::is_empty(path));
        write_file(path / "file", "x");
        write_file(path / "read-only", "x");
        fs::permissions(path / "read-only", fs::perms::owner_write | fs::perms::group_write,
                        fs::perm_options::remove);
        fs::create_directories(path / "a/b/c");
        for (int i = 0; i < 300; ++i) {  // more than are listed at once
            fs::create_directories(path / "many" / std::to_string(i) / "d");
            write_file(path / "many" / std::to_string(i) / "d/file", "");
        }
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
    const auto none = skyutil::unique_fd().get();
    SECTION("released") {
        fs::path kept;
        {
            TestType owner(directory.path());
            kept = owner.release();
            CHECK(owner.path() == kept);
            CHECK(owner.native_handle() == none);
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
            CHECK(a.native_handle() == none);
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

TEMPLATE_TEST_CASE("temporary things are not made in what is no directory", "",
                   skyutil::temporary_file, skyutil::temporary_directory) {
    const temporary_directory directory;
    write_file(directory / "file", "");
    struct row {
        fs::path path;
        std::errc expected;
    };
    for (const auto& [path, expected] :
         {row{directory / "missing", std::errc::no_such_file_or_directory},
          row{directory / "file", std::errc::not_a_directory},
          row{"", std::errc::no_such_file_or_directory}}) {
        INFO(path);
        std::error_code error;
        const TestType failed(path, error);
        CHECK(error == expected);
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
    std::set<fs::path::string_type> first_digits;
    for (const fs::path& name : names) {
        CHECK(name.filename().native().size() == 8 + 16);
        first_digits.insert(name.filename().native().substr(8, 2));
    }
    CHECK(first_digits.size() > 200);
}
