// SPDX-License-Identifier: MIT
//
// Reading that waits for another process and is asked to stop.

#include <skyutil/files.hpp>
#include <skyutil/stop_token.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <signal.h>

#include "files/faults_linux.hpp"
#include "files/outcomes_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;
using lines = std::vector<std::string>;

/// Calls with a stop that comes after a time; how long it took from the stop on.
template <class Call>
std::chrono::milliseconds time_after_stop(std::chrono::milliseconds before, Call call) {
    skyutil::stop_source source;
    std::chrono::steady_clock::time_point stopped;
    std::thread stopper([&] {
        std::this_thread::sleep_for(before);
        stopped = std::chrono::steady_clock::now();
        source.request_stop();
    });
    call(source.get_token());
    const auto end = std::chrono::steady_clock::now();
    stopper.join();
    return std::chrono::duration_cast<std::chrono::milliseconds>(end - stopped);
}

constexpr auto soon = 5s;  // below the 10 seconds that a FIFO without a writer is waited for

}  // namespace

TEST_CASE("a stop ends the wait for the writer of a FIFO") {
    const temporary_directory directory;
    const fs::path fifo = directory / "fifo";
    make_fifo(fifo);
    for (const bool views : {false, true}) {
        outcome result;
        const auto time = time_after_stop(50ms, [&](const skyutil::stop_token& stop) {
            result = views ? try_tail(fifo, 1, {.stop = stop}) : try_read(fifo, 1, {.stop = stop});
        });
        CHECK(result.error == std::errc::operation_canceled);
        CHECK(result.found.empty());
        CHECK(result.end == 0);
        CHECK(time < soon);
    }
}

TEST_CASE("a stop ends the wait for a writer that writes no more") {
    const temporary_directory directory;
    const fs::path fifo = directory / "fifo";
    make_fifo(fifo);
    const skyutil::unique_fd both(::open(fifo.c_str(), O_RDWR | O_CLOEXEC));
    write_all(both.get(), "one\ntwo\n");
    outcome result;
    const auto time = time_after_stop(
        50ms, [&](const skyutil::stop_token& stop) { result = try_tail(fifo, 1, {.stop = stop}); });
    CHECK(result.error == std::errc::operation_canceled);
    CHECK(result.found.empty());
    CHECK(time < soon);
    try {
        skyutil::stop_source source;
        source.request_stop();
        (void)skyutil::read_last_n_lines(fifo, 1, {.stop = source.get_token()});
        FAIL_CHECK("no exception");
    } catch (const fs::filesystem_error& error) {
        CHECK(error.code() == std::errc::operation_canceled);
    }
}

TEST_CASE("a stop ends the reading of a large file between two blocks") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "");
    fs::resize_file(path, 100'000'000);
    for (const int before : {1, 3, 200}) {
        skyutil::stop_source source;
        const fault fault("pread", before, [&] { source.request_stop(); });
        const outcome result = try_tail(path, 10, {.stop = source.get_token()});
        CHECK(result.error == std::errc::operation_canceled);
        CHECK(fault.calls().at("pread") == before + 1);
    }
}

TEST_CASE("a stop ends the wait for a lease that another process has on the file") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "one\n");
    const skyutil::unique_fd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    struct sigaction ignore{};
    struct sigaction before{};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGIO, &ignore, &before);
    if (::fcntl(fd.get(), F_SETLEASE, F_WRLCK) == -1) {
        SKYUTIL_SKIP("the file system has no leases");
    }
    outcome result;
    const auto time = time_after_stop(
        50ms, [&](const skyutil::stop_token& stop) { result = try_tail(path, 1, {.stop = stop}); });
    CHECK(result.error == std::errc::operation_canceled);
    CHECK(time < soon);
    std::thread holder([&] {
        std::this_thread::sleep_for(50ms);
        ::fcntl(fd.get(), F_SETLEASE, F_UNLCK);
    });
    const skyutil::stop_source source;
    result = try_tail(path, 1, {.stop = source.get_token()});
    holder.join();
    ::sigaction(SIGIO, &before, nullptr);
    CHECK_FALSE(result.error);
    CHECK(result.found == lines{"one"});
}

TEST_CASE("a stop that was requested before ends the reading of a file without a size") {
    skyutil::stop_source source;
    source.request_stop();
    for (const std::size_t n : {std::size_t{0}, std::size_t{1}, all}) {
        const outcome result = try_tail("/proc/self/stat", n, {.stop = source.get_token()});
        CHECK(result.error == std::errc::operation_canceled);
        CHECK(result.found.empty());
    }
}
