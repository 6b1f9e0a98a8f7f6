// SPDX-License-Identifier: MIT
//
// Files that other programs have open, and that the library has open.

#include <skyutil/detail/os/files.hpp>
#include <skyutil/files.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "windows/calls.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
namespace os = skyutil::detail::os;

namespace {

std::error_code try_write(const fs::path& path, std::string_view text) {
    std::error_code error = std::make_error_code(std::errc::bad_message);
    skyutil::write_file_atomic(path, text, error);
    return error;
}

/// Whether a file can take the place of another that is open.
bool has_posix_rename() {
    const skyutil::temporary_directory directory;
    const skyutil::temporary_file file(directory.path());
    os::sys::new_name name{};
    std::wstring_view(L"renamed").copy(name.text.data(), 7);
    name.directory = directory.native_handle();
    name.size = 14;
    name.how = 2;
    std::error_code error;
    const skyutil::unique_fd open = os::sys::open_to_remove(
        directory.native_handle(), file.path().filename().c_str(), 0, error);
    return os::sys::tell(open.get(), os::sys::info::rename_ex, name) >= 0;
}

/// Whether the name of a file that is removed, but still open, cannot be opened any more.
bool tells_what_is_removed() {
    const temporary_directory directory;
    write_file(directory / "file", "");
    const skyutil::unique_fd reader = open_shared(directory / "file", GENERIC_READ, share_all);
    ::DeleteFileW((directory / "file").c_str());
    try {
        const skyutil::unique_fd again = open_shared(directory / "file", GENERIC_READ, share_all);
        return false;
    } catch (const std::system_error&) {
        return true;
    }
}

}  // namespace

TEST_CASE("a file that a reader has open and shares is replaced under it") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "old");
    const skyutil::unique_fd reader = open_shared(path, GENERIC_READ, share_all);
    const std::error_code error = try_write(path, "new");
    CHECK(skyutil::count_directory_entries(directory.path()) == 1);
    CHECK(read_rest(reader.get()) == "old");
    if (error) {
        CHECK(skyutil::read_last_n_lines(path, 1).front() == "old");
        if (!has_posix_rename()) {
            SKYUTIL_SKIP("the file system has no POSIX rename: the old file stays, " +
                         error.message());
        }
    }
    CHECK_FALSE(error);
    CHECK(skyutil::read_last_n_lines(path, 1).front() == "new");
}

TEST_CASE("a file that a reader has open and does not share stays, whole") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "old");
    {
        const skyutil::unique_fd reader =
            open_shared(path, GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_WRITE);
        const auto start = std::chrono::steady_clock::now();
        const std::error_code error = try_write(path, "new");
        const auto time = std::chrono::steady_clock::now() - start;
        CHECK(
            (error == std::errc::permission_denied || error == std::errc::device_or_resource_busy));
        CHECK(time >= 900ms);  // it may have been a virus scanner
        CHECK(time < 20s);
        CHECK(read_rest(reader.get()) == "old");
        CHECK(skyutil::count_directory_entries(directory.path()) == 1);

        std::error_code ignored;
        CHECK(skyutil::write_file_atomic(path, "in place", {.in_place_if_needed = true}, ignored) ==
              skyutil::write_method::in_place);
        CHECK_FALSE(ignored);
    }
    CHECK(skyutil::read_last_n_lines(path, 1).front() == "in place");
    CHECK_FALSE(try_write(path, "new"));
    CHECK(skyutil::read_last_n_lines(path, 1).front() == "new");
}

TEST_CASE("a file that somebody has open for a moment is replaced when that is over") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "old");
    skyutil::unique_fd scanner = open_shared(path, GENERIC_READ, FILE_SHARE_READ);
    std::thread closes([&] {
        std::this_thread::sleep_for(200ms);
        scanner.reset();
    });
    const std::error_code error = try_write(path, "new");
    closes.join();
    CHECK_FALSE(error);
    CHECK(skyutil::read_last_n_lines(path, 1).front() == "new");
}

TEST_CASE("a file that the library reads can be written to, renamed and deleted meanwhile") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "one\ntwo\n");
    std::error_code error;
    const skyutil::unique_fd reading(os::open_file(path.native(), error));
    REQUIRE_FALSE(error);
    CHECK(::MoveFileW(path.c_str(), (directory / "renamed").c_str()) != 0);
    {
        const skyutil::unique_fd writer =
            open_shared(directory / "renamed", FILE_APPEND_DATA, share_all);
        DWORD count = 0;
        CHECK(::WriteFile(writer.get(), "three\n", 6, &count, nullptr) != 0);
    }
    CHECK(::DeleteFileW((directory / "renamed").c_str()) != 0);
    CHECK(read_rest(reading.get()) == "one\ntwo\nthree\n");
}

TEST_CASE("a file that somebody has open for himself alone is an error of its kind") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "one\n");
    const skyutil::unique_fd alone = open_shared(path, GENERIC_READ | GENERIC_WRITE, 0);
    std::error_code error;
    CHECK(skyutil::read_last_n_lines(path, 1, error).empty());
    CHECK(error == std::errc::device_or_resource_busy);
    const skyutil::mapped_file mapped(path, error);
    CHECK(error == std::errc::device_or_resource_busy);
    try {
        static_cast<void>(skyutil::read_last_n_lines(path, 1));
        FAIL_CHECK("no exception");
    } catch (const fs::filesystem_error& thrown) {
        CHECK(thrown.code() == std::errc::device_or_resource_busy);
        CHECK(thrown.path1() == path);
    }
}

TEST_CASE("what is still open in a temporary_directory is waited for, and goes when it is closed") {
    const temporary_directory directory;
    bool waited = false;
    for (int round = 0; round < 5 && !waited; ++round) {  // on a busy machine it may be too late
        skyutil::temporary_directory own(directory.path());
        write_file(own.path() / "file", "text");
        fs::create_directory(own.path() / "d");
        write_file(own.path() / "d/file", "text");
        skyutil::unique_fd reader = open_shared(own.path() / "file", GENERIC_READ, share_all);
        skyutil::unique_fd other = open_shared(own.path() / "d/file", GENERIC_READ, share_all);
        std::thread closes([&] {
            std::this_thread::sleep_for(150ms);
            other.reset();
            reader.reset();
        });
        std::error_code error;
        own.remove(error);
        closes.join();
        waited = !error;
        own.remove(error);
        CHECK_FALSE(error);
    }
    CHECK(skyutil::count_directory_entries(directory.path()) == 0);
    if (!waited && !tells_what_is_removed()) {
        SKYUTIL_SKIP("the system opens what is removed and still open: it goes when tried again");
    }
    CHECK(waited);
}

TEST_CASE("a mapped_file keeps what it maps when the file is replaced") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "old");
    const skyutil::mapped_file old(path);
    const std::error_code error = try_write(path, "new");
    CHECK(old.text() == "old");
    if (error && !has_posix_rename()) {
        SKYUTIL_SKIP("the file system has no POSIX rename: the old file stays, " + error.message());
    }
    CHECK_FALSE(error);
    CHECK(skyutil::read_last_n_lines(path, 1).front() == "new");
}

namespace {

constexpr int generations = 12;
constexpr int lines_of_each = 400;

std::string log_line(int generation, int number) {
    return std::to_string(generation) + ":" + std::to_string(number) + ":" +
           std::string(static_cast<std::size_t>(number % 90), 'x') + ";\n";
}

bool is_log_line(std::string_view line) {
    int generation = 0;
    int number = 0;
    return std::sscanf(std::string(line).c_str(), "%d:%d:", &generation, &number) == 2 &&
           log_line(generation, number) == std::string(line) + "\n";
}

}  // namespace

// The other process.
TEST_CASE("appends to a log and renames and deletes it", "[.]") {
    const fs::path path = other_process::argument();
    fs::path old = path;
    old += ".1";
    for (int generation = 0; generation < generations; ++generation) {
        skyutil::unique_fd log;
        for (int attempt = 0; !log; ++attempt) {  // the last one may be open yet, and so its name
            const HANDLE file = ::CreateFileW(path.c_str(), FILE_APPEND_DATA, share_all, nullptr,
                                              OPEN_ALWAYS, FILE_ATTRIBUTE_NORMAL, nullptr);
            if (file != INVALID_HANDLE_VALUE) {
                log.reset(file);
            } else if (attempt == 1000) {
                throw_last_error("make the log");
            } else {
                ::Sleep(5);
            }
        }
        for (int number = 0; number < lines_of_each; ++number) {
            const std::string line = log_line(generation, number);
            DWORD count = 0;
            if (::WriteFile(log.get(), line.data(), static_cast<DWORD>(line.size()), &count,
                            nullptr) == 0 ||
                count != line.size()) {
                throw_last_error("append");
            }
            if (number % 100 == 0) {
                ::Sleep(1);
            }
        }
        log.reset();
        for (int attempt = 0; ::MoveFileW(path.c_str(), old.c_str()) == 0; ++attempt) {
            if (attempt == 1000) {
                throw_last_error("rename");
            }
            ::Sleep(5);
        }
        if (::DeleteFileW(old.c_str()) == 0) {
            throw_last_error("delete");
        }
    }
    SUCCEED();
}

TEST_CASE("a log that another process appends to, renames and deletes gives whole lines") {
    const temporary_directory directory;
    const fs::path path = directory / "log";
    const other_process writer(L"appends to a log and renames and deletes it", path);
    int reads = 0;
    int found = 0;
    while (writer.running()) {
        std::error_code error;
        const skyutil::file_tail tail(path, 1 + static_cast<std::size_t>(reads) % 300, error);
        ++reads;
        if (error) {
            CHECK((error == std::errc::no_such_file_or_directory ||
                   error == std::errc::permission_denied));  // deleted, but still open
            continue;
        }
        for (const std::string_view line : tail.lines()) {
            ++found;
            const bool last = line.data() == tail.lines().back().data();
            if (!is_log_line(line) && !last) {
                FAIL("not whole: " << line);
            }
        }
    }
    CHECK(writer.exit_code() == 0);
    CHECK(found > 0);
}
