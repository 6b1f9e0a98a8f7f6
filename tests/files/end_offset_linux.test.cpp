// SPDX-License-Identifier: MIT
//
// Where reading ended, of files that grow and of those without a size.

#include <skyutil/files.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include <fcntl.h>

#include "files/faults_linux.hpp"
#include "files/log.hpp"
#include "files/outcomes_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;

namespace {

namespace fs = std::filesystem;
using skyutil::line_end;

}  // namespace

TEST_CASE("the end offset is the size at first, whatever is asked for and however the file grows") {
    const temporary_directory directory;
    const fs::path path = directory / "log";
    for (const std::size_t size :
         {std::size_t{1}, std::size_t{100}, std::size_t{8192}, std::size_t{300'000}}) {
        write_file(path, log_text(1, size));
        for (const std::size_t n : {std::size_t{0}, std::size_t{1}, std::size_t{500}, all}) {
            for (const auto invalid :
                 {skyutil::invalid_utf8::keep, skyutil::invalid_utf8::replace}) {
                for (const auto end :
                     {line_end::strip_lf, line_end::keep, line_end::any, line_end::terminal}) {
                    CHECK(try_tail(path, n, {.line_end = end, .invalid_utf8 = invalid}).end ==
                          size);
                }
            }
        }
        const fault fault("pread", 0, [&] { std::ofstream(path, std::ios::app) << "more\n"; });
        CHECK(try_tail(path, 3).end == size);
    }
    CHECK(skyutil::file_tail().end_offset() == 0);
    CHECK(try_tail(directory / "missing", 1).end == 0);
    write_file(path, "");
    CHECK(try_tail(path, 1).end == 0);
}

TEST_CASE("the end offset of what has no size is the number of bytes read") {
    const temporary_directory directory;
    const fs::path fifo = directory / "fifo";
    make_fifo(fifo);
    const std::string text(log_text(1, 300'000));
    std::thread writer([&] {
        const skyutil::unique_fd fd(::open(fifo.c_str(), O_WRONLY | O_CLOEXEC));
        write_all(fd.get(), text);
    });
    const outcome result = try_tail(fifo, 2);
    writer.join();
    CHECK(result.found.size() == 2);
    CHECK(result.end == text.size());
    CHECK(try_tail("/proc/self/comm", 1).end == read_file("/proc/self/comm").size());
}
