// SPDX-License-Identifier: MIT
//
// What is in messages. A failure here is a change that users notice.

#include <skyutil/skyutil.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "support_linux.hpp"

using namespace skyutil_tests;

namespace {

using std::string;
using path = std::filesystem::path;

}  // namespace

TEST_CASE("lines lose their line end and keep their bytes unless something else is asked for") {
    const skyutil::tail_options options;
    CHECK(options.line_end == skyutil::line_end::strip_lf);
    CHECK(options.invalid_utf8 == skyutil::invalid_utf8::keep);
    CHECK_FALSE(options.stop.stop_possible());
}

TEST_CASE("a failure with a path names the function, the path and the reason") {
    const temporary_directory directory;
    const path nothing = directory / "nothing here";
    const path file = directory / "file";
    write_file(file, "text\n");
    struct row {
        string function;
        path name;
        string reason;
        std::errc code;
        std::function<void()> call;
    };
    const string no_entry = "No such file or directory";
    const string is_directory = "Is a directory";
    const string no_directory = "Not a directory";
    const std::vector<row> rows{
        {"read_last_n_lines", nothing, no_entry, std::errc::no_such_file_or_directory,
         [&] { static_cast<void>(skyutil::read_last_n_lines(nothing, 1)); }},
        {"read_last_n_lines", directory.path(), is_directory, std::errc::is_a_directory,
         [&] { static_cast<void>(skyutil::read_last_n_lines(directory.path(), 1)); }},
        {"count_directory_entries", nothing, no_entry, std::errc::no_such_file_or_directory,
         [&] { static_cast<void>(skyutil::count_directory_entries(nothing)); }},
        {"count_directory_entries", file, no_directory, std::errc::not_a_directory,
         [&] { static_cast<void>(skyutil::count_directory_entries(file)); }},
        {"hash_file", nothing, no_entry, std::errc::no_such_file_or_directory,
         [&] { static_cast<void>(skyutil::hash_file(nothing)); }},
        {"hash_file", directory.path(), is_directory, std::errc::is_a_directory,
         [&] { static_cast<void>(skyutil::hash_file(directory.path(), "md5")); }},
        {"hash_file", nothing, no_entry, std::errc::no_such_file_or_directory,
         [&] { static_cast<void>(skyutil::hash_file<CryptoPP::SHA1>(nothing)); }},
        {"estimate_fd_for_directory", nothing, no_entry, std::errc::no_such_file_or_directory,
         [&] { static_cast<void>(skyutil::estimate_fd_for_directory(nothing)); }},
        {"estimate_fd_for_directory", file, no_directory, std::errc::not_a_directory,
         [&] { static_cast<void>(skyutil::estimate_fd_for_directory(file)); }},
    };
    for (const row& each : rows) {
        CAPTURE(each.function, each.name.string());
        try {
            each.call();
            FAIL_CHECK("no exception");
        } catch (const std::filesystem::filesystem_error& exception) {
            CHECK(exception.code() == each.code);
            CHECK(exception.path1() == each.name);
            CHECK_THAT(exception.what(),
                       Catch::Matchers::ContainsSubstring("skyutil::" + each.function + ": "));
            CHECK_THAT(exception.what(), Catch::Matchers::ContainsSubstring(each.name.string()));
            CHECK_THAT(exception.what(), Catch::Matchers::ContainsSubstring(each.reason));
        }
    }
}

TEST_CASE("a failure without a path names the function and what it was doing") {
    try {
        static_cast<void>(skyutil::find_free_port(2000, {.last = 1999}));
        FAIL_CHECK("no exception");
    } catch (const std::system_error& exception) {
        CHECK(exception.code() == std::errc::address_in_use);
        CHECK_THAT(exception.what(),
                   Catch::Matchers::ContainsSubstring("skyutil::find_free_port: "));
        CHECK_THAT(exception.what(), Catch::Matchers::ContainsSubstring("2000"));
        CHECK_THAT(exception.what(), Catch::Matchers::ContainsSubstring("1999"));
    }
    try {
        static_cast<void>(skyutil::is_port_available(0));
        FAIL_CHECK("no exception");
    } catch (const std::system_error& exception) {
        CHECK_THAT(exception.what(),
                   Catch::Matchers::ContainsSubstring("skyutil::is_port_available: "));
    }
}

TEST_CASE("malformed text is an invalid_argument that names the function") {
    const std::vector<std::pair<string, std::function<void()>>> rows{
        {"base36_encode", [] { static_cast<void>(skyutil::base36_encode("xyz")); }},
        {"base36_decode", [] { static_cast<void>(skyutil::base36_decode("!")); }},
        {"base36_decode", [] { static_cast<void>(skyutil::base36_decode<std::uint8_t>("!")); }},
        {"format_float", [] { static_cast<void>(skyutil::format_float(1.5, -1)); }},
        {"format_compact", [] { static_cast<void>(skyutil::format_compact(1.5, -1)); }},
        {"parse_hash_algorithm", [] { static_cast<void>(skyutil::parse_hash_algorithm("crc32")); }},
        {"digest::from_hex", [] { static_cast<void>(skyutil::digest::from_hex("0g")); }},
    };
    for (const auto& [function, call] : rows) {
        CAPTURE(function);
        try {
            call();
            FAIL_CHECK("no exception");
        } catch (const std::invalid_argument& exception) {
            CHECK_THAT(exception.what(), Catch::Matchers::StartsWith("skyutil::" + function));
        }
    }
}

TEST_CASE("the error_code forms clear an error that was there") {
    const temporary_directory directory;
    write_file(directory / "file", "text\n");
    const auto clears = [](auto call) {
        std::error_code error = std::make_error_code(std::errc::io_error);
        call(error);
        return !error;
    };
    CHECK(clears([&](auto& error) {
        static_cast<void>(skyutil::read_last_n_lines(directory / "file", 1, error));
    }));
    CHECK(clears([&](auto& error) {
        static_cast<void>(skyutil::count_directory_entries(directory.path(), error));
    }));
    CHECK(clears(
        [&](auto& error) { static_cast<void>(skyutil::hash_file(directory / "file", error)); }));
    CHECK(clears([](auto& error) { static_cast<void>(skyutil::find_free_port(0, error)); }));
    CHECK(clears([](auto& error) { const skyutil::reserved_port port(error); }));
    CHECK(clears([](auto& error) { static_cast<void>(skyutil::reserve_ports(1, error)); }));
    CHECK(clears([](auto& error) { static_cast<void>(skyutil::is_process_alive(1, error)); }));
    CHECK(clears([](auto& error) { static_cast<void>(skyutil::is_process_alive(0, error)); }));
    CHECK(clears([](auto& error) { static_cast<void>(skyutil::process_handle::open(1, error)); }));
    CHECK(clears(
        [](auto& error) { static_cast<void>(skyutil::process_handle::open(1).alive(error)); }));
    CHECK(clears([](auto& error) {
        static_cast<void>(skyutil::process_handle::open(1).wait(std::chrono::seconds(0), error));
    }));
    CHECK(clears([](auto& error) { static_cast<void>(skyutil::child_processes(1, error)); }));
    CHECK(clears([](auto& error) { static_cast<void>(skyutil::run({"true"}, error)); }));
    CHECK(clears([](auto& error) { static_cast<void>(skyutil::pipeline({{"true"}}, {}, error)); }));
    CHECK(clears([](auto& error) { const skyutil::child_process child({"true"}, {}, error); }));
    CHECK(clears([](auto& error) {
        static_cast<void>(skyutil::run_with_retries({"true"}, {}, {}, error));
    }));
    CHECK(clears([](auto& error) {
        static_cast<void>(skyutil::run_detached({"true"}, "/dev/null", error));
    }));
    CHECK(clears([](auto& error) { static_cast<void>(skyutil::process_tree(1, error)); }));
    CHECK(clears([](auto& error) { static_cast<void>(skyutil::kill_children_processes(error)); }));
    CHECK(clears([&](auto& error) {
        static_cast<void>(skyutil::estimate_fd_for_directory(directory.path(), error));
    }));
}
