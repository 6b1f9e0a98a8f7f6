// SPDX-License-Identifier: MIT
//
// mapped_file.

#include <skyutil/files.hpp>

#include <cstddef>
#include <cstdint>
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
}

TEST_CASE("what cannot be mapped is an error that names it") {
    const temporary_directory directory;
    CHECK(error_of_mapping(directory.path()) == std::errc::is_a_directory);
    CHECK(error_of_mapping(directory / "missing") == std::errc::no_such_file_or_directory);
    CHECK(error_of_mapping("") == std::errc::no_such_file_or_directory);
    try {
        const skyutil::mapped_file file(directory / "missing");
        FAIL_CHECK("no exception");
    } catch (const fs::filesystem_error& error) {
        CHECK(error.path1() == directory / "missing");
        CHECK(std::string(error.what()).find("skyutil::mapped_file") != std::string::npos);
    }
}

TEST_CASE("mapping takes no memory for a huge file") {
    const temporary_directory directory;
    write_file(directory / "file", "start");
    std::error_code error;
    fs::resize_file(directory / "file", std::uint64_t{5} << 30, error);
    if (error) {
        SKYUTIL_SKIP("no files of 5 GiB");
    }
    const skyutil::mapped_file file(directory / "file", error);
    if (sizeof(std::size_t) < 8) {
        CHECK(error == std::errc::file_too_large);
        return;
    }
    if (error == std::errc::not_enough_memory) {
        SKYUTIL_SKIP("the address space is limited");
    }
    REQUIRE_FALSE(error);
    CHECK(file.size() == std::uint64_t{5} << 30);
    CHECK(file.text().starts_with("start"));
    CHECK(file.text().back() == '\0');
}
