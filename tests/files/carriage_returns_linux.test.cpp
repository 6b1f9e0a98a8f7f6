// SPDX-License-Identifier: MIT
//
// Lines with carriage returns in them, in files and in FIFOs.

#include <skyutil/files.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>

#include "files/outcomes_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;

namespace {

namespace fs = std::filesystem;
using lines = std::vector<std::string>;
using skyutil::line_end;

/// The lines of a text, found the slow way.
lines split_at_any(std::string_view text, std::size_t n) {
    lines found;
    std::string line;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\n' && text[i] != '\r') {
            line += text[i];
            continue;
        }
        i += text.substr(i).starts_with("\r\n") ? 1 : 0;
        found.push_back(line);
        line.clear();
    }
    if (!line.empty()) {
        found.push_back(line);
    }
    found.erase(found.begin(),
                found.end() - static_cast<std::ptrdiff_t>((std::min)(n, found.size())));
    return found;
}

}  // namespace

TEST_CASE("with line_end::any the lines are those that a slow search finds, in pipes too") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    std::mt19937 random(3);  // NOLINT(*-msc51-cpp)
    for (int i = 0; i < 60; ++i) {
        const std::size_t size = i % 10 == 0 ? 8191 + random() % 3 : random() % 70'000;
        const unsigned rarity = 1U << (random() % 12);
        std::string text(size, 'x');
        for (char& c : text) {
            c = random() % rarity == 0 ? (random() % 2 == 0 ? '\r' : '\n') : 'x';
        }
        for (int k = 0; k < 20 && size > 9000; ++k) {  // where blocks meet
            const std::size_t at = size - 8192 - random() % 3;
            text[at] = random() % 2 == 0 ? '\r' : '\n';
        }
        write_file(path, text);
        for (const std::size_t n :
             {std::size_t{1}, std::size_t{2}, static_cast<std::size_t>(random() % 3000)}) {
            const lines expected = split_at_any(text, n);
            const bool same = try_tail(path, n, {.line_end = line_end::any}).found == expected &&
                              try_read(path, n, {.line_end = line_end::any}).found == expected;
            if (!same) {
                FAIL_CHECK("text " << i << ", " << n << " lines");
            }
        }
        if (i % 10 == 0) {
            const fs::path fifo = directory / "fifo";
            make_fifo(fifo);
            std::thread writer([&] {
                const skyutil::unique_fd fd(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
                write_all(fd.get(), text);
            });
            const bool same =
                try_tail(fifo, 20, {.line_end = line_end::any}).found == split_at_any(text, 20);
            writer.join();
            fs::remove(fifo);
            CHECK(same);
        }
    }
}
