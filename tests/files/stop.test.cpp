// SPDX-License-Identifier: MIT
//
// Reading that is asked to stop.

#include <skyutil/files.hpp>
#include <skyutil/stop_token.hpp>

#include <cstddef>
#include <filesystem>
#include <system_error>

#include "files/log.hpp"
#include "files/outcomes.hpp"
#include "support.hpp"

using namespace skyutil_tests;

namespace {

namespace fs = std::filesystem;

}  // namespace

TEST_CASE("a stop that was requested before ends the reading of any file") {
    const temporary_directory directory;
    write_file(directory / "file", "one\ntwo\n");
    skyutil::stop_source source;
    source.request_stop();
    for (const std::size_t n : {std::size_t{0}, std::size_t{1}, all}) {
        const outcome result = try_tail(directory / "file", n, {.stop = source.get_token()});
        CHECK(result.error == std::errc::operation_canceled);
        CHECK(result.found.empty());
    }
}

TEST_CASE("a stop that is not requested changes nothing") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, log_text(1, 3'000'000));
    const skyutil::stop_source source;
    for (const std::size_t n : {std::size_t{1}, std::size_t{1000}, all}) {
        CHECK(try_tail(path, n, {.stop = source.get_token()}).found == try_read(path, n).found);
    }
}
