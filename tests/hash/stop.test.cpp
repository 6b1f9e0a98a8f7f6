// SPDX-License-Identifier: MIT
//
// A stop of every form of hash_file, whatever it waits for.

#include <skyutil/hash.hpp>
#include <skyutil/stop_token.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cryptopp/sha.h>

#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;
using skyutil::hash_algorithm;

/// Every form of hash_file that takes a stop, and the digests, empty after an error.
using hash_call =
    std::function<skyutil::digest(const fs::path&, const skyutil::stop_token&, std::error_code&)>;

const std::vector<std::pair<std::string, hash_call>>& hash_calls() {
    static const std::vector<std::pair<std::string, hash_call>> calls{
        {"by algorithm",
         [](const fs::path& path, const skyutil::stop_token& stop, std::error_code& error) {
             return skyutil::hash_file(path, hash_algorithm::sha256, {.stop = stop}, error);
         }},
        {"by name",
         [](const fs::path& path, const skyutil::stop_token& stop, std::error_code& error) {
             return skyutil::hash_file(path, "SHA-256", {.stop = stop}, error);
         }},
        {"by class",
         [](const fs::path& path, const skyutil::stop_token& stop, std::error_code& error) {
             return skyutil::hash_file<CryptoPP::SHA256>(path, {.stop = stop}, error);
         }},
    };
    return calls;
}

}  // namespace

TEST_CASE("a stop ends the wait of hash_file for the writer of a FIFO, and for what it writes") {
    const temporary_directory directory;
    const fs::path fifo = directory / "fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    for (const bool with_writer : {false, true}) {
        const int writer = with_writer ? ::open(fifo.c_str(), O_RDWR | O_CLOEXEC) : -1;
        for (const auto& [name, call] : hash_calls()) {
            INFO(name);
            skyutil::stop_source source;
            std::chrono::steady_clock::time_point stopped;
            std::thread stopper([&] {
                std::this_thread::sleep_for(50ms);
                stopped = std::chrono::steady_clock::now();
                source.request_stop();
            });
            std::error_code error;
            const skyutil::digest digest = call(fifo, source.get_token(), error);
            const auto end = std::chrono::steady_clock::now();
            stopper.join();
            CHECK(error == std::errc::operation_canceled);
            CHECK(digest.bytes().empty());
            CHECK(end - stopped < 5s);
        }
        ::close(writer);
    }
}

TEST_CASE("a stop ends hash_file in the middle of a large file") {
    const temporary_directory directory;
    write_file(directory / "file", "");
    fs::resize_file(directory / "file", std::uintmax_t{1} << 40);  // hours of work
    for (const auto& [name, call] : hash_calls()) {
        INFO(name);
        skyutil::stop_source source;
        std::thread stopper([&] {
            std::this_thread::sleep_for(50ms);
            source.request_stop();
        });
        std::error_code error;
        (void)call(directory / "file", source.get_token(), error);
        stopper.join();
        CHECK(error == std::errc::operation_canceled);
    }
}

TEST_CASE("a stop before hash_file begins is an error, one that never comes changes nothing") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, std::string(1'000'000, 'x'));
    const skyutil::digest expected = skyutil::hash_file(path);
    for (const auto& [name, call] : hash_calls()) {
        INFO(name);
        skyutil::stop_source source;
        std::error_code error = std::make_error_code(std::errc::io_error);
        CHECK(call(path, source.get_token(), error) == expected);
        CHECK_FALSE(error);
        CHECK(call(path, {}, error) == expected);
        source.request_stop();
        CHECK(call(path, source.get_token(), error).bytes().empty());
        CHECK(error == std::errc::operation_canceled);
        CHECK_THROWS_AS(skyutil::hash_file(path, hash_algorithm::md5, {.stop = source.get_token()}),
                        fs::filesystem_error);
        CHECK_THROWS_AS(skyutil::hash_file(path, "md5", {.stop = source.get_token()}),
                        fs::filesystem_error);
        CHECK_THROWS_AS(skyutil::hash_file<CryptoPP::SHA256>(path, {.stop = source.get_token()}),
                        fs::filesystem_error);
    }
}
