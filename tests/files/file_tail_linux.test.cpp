// SPDX-License-Identifier: MIT
//
// file_tail: beside GNU tail.

#include <skyutil/files.hpp>

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "files/outcomes_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;

namespace {

namespace fs = std::filesystem;

}  // namespace

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
        for (const std::size_t n :
             {std::size_t{0}, std::size_t{1}, static_cast<std::size_t>(random() % 100),
              static_cast<std::size_t>(random() % 10'000)}) {
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

TEST_CASE("file_tail reads no device that never ends") {
    CHECK(try_tail("/dev/zero", 1).error == std::errc::file_too_large);
}
