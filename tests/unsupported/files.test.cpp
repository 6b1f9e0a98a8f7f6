// SPDX-License-Identifier: MIT

#include <skyutil/files.hpp>

#include <filesystem>
#include <system_error>

#include "unsupported/answers.hpp"

using namespace skyutil_tests;

namespace {

const std::filesystem::path file = "file";

}  // namespace

TEST_CASE("files says that no file can be opened, made or removed") {
    CHECK(set_by([](std::error_code& error) {
              CHECK(skyutil::read_last_n_lines(file, 3, error).empty());
          }) == not_supported);
    CHECK(thrown_by([] { static_cast<void>(skyutil::read_last_n_lines(file, 3)); }) ==
          not_supported);
    CHECK(set_by([](std::error_code& error) {
              CHECK(skyutil::count_directory_entries(file, error) == 0);
          }) == not_supported);
    CHECK(thrown_by([] { static_cast<void>(skyutil::count_directory_entries(file)); }) ==
          not_supported);
    CHECK(set_by([](std::error_code& error) { skyutil::write_file_atomic(file, "text", error); }) ==
          not_supported);
    CHECK(thrown_by([] { skyutil::write_file_atomic(file, "text"); }) == not_supported);
    CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("objects of files that could not be made are empty") {
    CHECK(set_by([](std::error_code& error) {
              const skyutil::file_tail tail(file, 3, error);
              CHECK(tail.lines().empty());
          }) == not_supported);
    CHECK(thrown_by([] { const skyutil::file_tail tail(file, 3); }) == not_supported);
    CHECK(set_by([](std::error_code& error) {
              const skyutil::mapped_file mapped(file, error);
              CHECK(mapped.text().empty());
          }) == not_supported);
    CHECK(thrown_by([] { const skyutil::mapped_file mapped(file); }) == not_supported);
    CHECK(set_by([](std::error_code& error) {
              const skyutil::temporary_file made(error);
              CHECK(made.path().empty());
          }) == not_supported);
    CHECK(thrown_by([] { const skyutil::temporary_file made; }) == not_supported);
    CHECK(set_by([](std::error_code& error) {
              const skyutil::temporary_directory made(error);
              CHECK(made.path().empty());
          }) == not_supported);
    CHECK(thrown_by([] { const skyutil::temporary_directory made; }) == not_supported);
}
