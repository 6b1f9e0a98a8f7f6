// SPDX-License-Identifier: MIT
//
// Where reading ended.

#include <skyutil/files.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <string_view>

#include "files/log.hpp"
#include "files/outcomes.hpp"
#include "support.hpp"

using namespace skyutil_tests;

namespace {

namespace fs = std::filesystem;
using skyutil::line_end;

}  // namespace

TEST_CASE("a reader goes on at the end offset without a gap or a repeat") {
    const temporary_directory directory;
    const fs::path path = directory / "log";
    std::string text(log_text(1, 200'000));
    write_file(path, text);
    std::string seen;
    std::uint64_t from = 0;
    std::mt19937 random(7);  // NOLINT(*-msc51-cpp)
    for (int i = 0; i < 40; ++i) {
        const skyutil::file_tail tail(path, all, {.line_end = line_end::keep});
        std::string whole;
        for (const std::string_view line : tail.lines()) {
            whole += line;
        }
        REQUIRE(whole.size() == tail.end_offset());
        REQUIRE(from <= tail.end_offset());
        seen += whole.substr(static_cast<std::size_t>(from));
        from = tail.end_offset();
        const std::string more(log_text(2, random() % 500));
        std::ofstream(path, std::ios::app | std::ios::binary)
            << more;  // ends within a line as a rule
        text += more;
    }
    CHECK(text.starts_with(seen));
    CHECK(seen.size() == from);
}
