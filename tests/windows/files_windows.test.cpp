// SPDX-License-Identifier: MIT
//
// What files of Windows have that others do not.

#include <windows.h>

#include <skyutil/detail/os/attributes.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/detail/os/machine.hpp>
#include <skyutil/files.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "windows/calls.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
namespace os = skyutil::detail::os;

namespace {

using lines = std::vector<std::string>;

bool is_open(HANDLE handle) {
    DWORD flags = 0;
    return ::GetHandleInformation(handle, &flags) != 0;
}

bool is_inherited(HANDLE handle) {
    DWORD flags = HANDLE_FLAG_INHERIT;
    ::GetHandleInformation(handle, &flags);
    return (flags & HANDLE_FLAG_INHERIT) != 0;
}

/// A symbolic link to a directory, if this system makes one.
bool make_link(const fs::path& link, const fs::path& target) {
    constexpr DWORD to_directory = 1;
    constexpr DWORD without_privilege = 2;
    return ::CreateSymbolicLinkW(link.c_str(), target.c_str(), to_directory | without_privilege) !=
               0 &&
           (::GetFileAttributesW(link.c_str()) & FILE_ATTRIBUTE_REPARSE_POINT) != 0 &&
           ::GetFileAttributesW(link.c_str()) != INVALID_FILE_ATTRIBUTES;
}

}  // namespace

TEST_CASE("unique_fd closes its handle once") {
    HANDLE const event = ::CreateEventW(nullptr, FALSE, FALSE, nullptr);
    {
        skyutil::unique_fd owner(event);
        CHECK(owner);
        CHECK(owner.get() == event);
        skyutil::unique_fd other(std::move(owner));
        CHECK_FALSE(owner);  // NOLINT(*-use-after-move)
        CHECK(is_open(event));
    }
    CHECK_FALSE(is_open(event));
    CHECK_FALSE(skyutil::unique_fd());
    CHECK(skyutil::unique_fd().get() == nullptr);
}

TEST_CASE("no handle is inherited") {
    const skyutil::temporary_file file;
    const skyutil::temporary_directory directory;
    CHECK_FALSE(is_inherited(file.native_handle()));
    CHECK_FALSE(is_inherited(directory.native_handle()));
    std::error_code error;
    const skyutil::unique_fd reading(os::open_file(file.path().native(), error));
    CHECK_FALSE(is_inherited(reading.get()));
}

TEST_CASE("devices are streams, and are not replaced") {
    CHECK(skyutil::read_last_n_lines("NUL", 3).empty());
    std::error_code error;
    skyutil::write_file_atomic("NUL", "text", error);
    CHECK(error == std::errc::operation_not_supported);
    const skyutil::mapped_file mapped("NUL", error);
    CHECK(error == std::errc::operation_not_supported);
}

TEST_CASE("the last lines of a named pipe are read when its writer is done") {
    const std::wstring name = LR"(\\.\pipe\skyutil-test-)" + std::to_wstring(os::process_id());
    const auto serve = [&](const std::string& text, std::chrono::milliseconds before) {
        HANDLE const pipe =
            ::CreateNamedPipeW(name.c_str(), PIPE_ACCESS_OUTBOUND | FILE_FLAG_FIRST_PIPE_INSTANCE,
                               PIPE_TYPE_BYTE | PIPE_WAIT, 1, 65536, 65536, 0, nullptr);
        REQUIRE(pipe != INVALID_HANDLE_VALUE);
        return std::thread([pipe, text, before] {
            const skyutil::unique_fd owner(pipe);
            ::ConnectNamedPipe(pipe, nullptr);
            std::this_thread::sleep_for(before);
            std::error_code ignored;
            os::write_all(pipe, text, ignored);
            ::FlushFileBuffers(pipe);
        });
    };
    std::string text;
    for (int i = 0; i < 30'000; ++i) {
        text += std::to_string(i) + "\n";
    }
    for (const std::chrono::milliseconds before : {0ms, 100ms}) {
        std::thread server = serve(text, before);
        std::error_code error;
        const lines found = skyutil::read_last_n_lines(name, 2, error);
        server.join();
        CHECK_FALSE(error);
        CHECK(found == lines{"29998", "29999"});
    }
}

TEST_CASE("a read at an offset leaves the position where it was") {
    const temporary_directory directory;
    write_file(directory / "file", "0123456789");
    std::error_code error;
    const skyutil::unique_fd file(os::open_file((directory / "file").native(), error));
    std::string text(3, '\0');
    bool would_block = false;
    CHECK(os::read_some(file.get(), text.data(), 3, would_block, error) == 3);
    CHECK(os::read_at(file.get(), text.data(), 3, 7, error) == 3);
    CHECK(text == "789");
    CHECK(os::read_some(file.get(), text.data(), 3, would_block, error) == 3);
    CHECK(text == "345");
    CHECK_FALSE(error);
}

TEST_CASE("write_file_atomic keeps hidden, read-only and system") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    for (const DWORD wanted : {FILE_ATTRIBUTE_HIDDEN, FILE_ATTRIBUTE_SYSTEM,
                               FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN}) {
        INFO(wanted);
        write_file(path, "old");
        REQUIRE(::SetFileAttributesW(path.c_str(), wanted) != 0);
        constexpr DWORD mask =
            FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM | FILE_ATTRIBUTE_READONLY;
        const DWORD before = ::GetFileAttributesW(path.c_str()) & mask;
        CHECK(before != 0);
        skyutil::write_file_atomic(path, "new");
        CHECK((::GetFileAttributesW(path.c_str()) & mask) == before);
        CHECK(skyutil::read_last_n_lines(path, 1) == lines{"new"});
        ::SetFileAttributesW(path.c_str(), FILE_ATTRIBUTE_NORMAL);
        fs::remove(path);
    }
}

TEST_CASE("a link inside a temporary_directory is removed itself") {
    const temporary_directory directory;
    fs::create_directory(directory / "precious");
    write_file(directory / "precious/file", "");
    skyutil::temporary_directory own(directory.path());
    fs::create_directory(own.path() / "d");
    if (!make_link(own.path() / "link", directory / "precious") ||
        !make_link(own.path() / "d/link", directory / "precious")) {
        SKYUTIL_SKIP("no symbolic link can be made here");
    }
    std::error_code error;
    own.remove(error);
    CHECK_FALSE(error);
    CHECK(fs::exists(directory / "precious/file"));
    CHECK(skyutil::count_directory_entries(directory.path()) == 1);
}

TEST_CASE("write_file_atomic replaces what a link leads to") {
    const temporary_directory directory;
    fs::create_directory(directory / "d");
    if (!make_link(directory / "link", directory / "d")) {
        SKYUTIL_SKIP("no symbolic link can be made here");
    }
    skyutil::write_file_atomic(directory / "link/file", "text");
    CHECK(skyutil::read_last_n_lines(directory / "d/file", 1) == lines{"text"});
    std::error_code error;
    CHECK(os::read_link((directory / "link").native(), error) == directory / "d");
}

TEST_CASE("a variable of the environment is UTF-8, whatever is in it") {
    ::SetEnvironmentVariableW(L"SKYUTIL_TEST_\u00e4", L"\u20ac\xd83d\xde00");
    CHECK(os::environment("SKYUTIL_TEST_\xc3\xa4") == "\xe2\x82\xac\xf0\x9f\x98\x80");
    const std::wstring half(1, wchar_t{0xd83d});
    ::SetEnvironmentVariableW(L"SKYUTIL_TEST_HALF", half.c_str());
    CHECK(os::environment("SKYUTIL_TEST_HALF") == "\xed\xa0\xbd");
    ::SetEnvironmentVariableW(L"SKYUTIL_TEST_LONG", std::wstring(10'000, L'x').c_str());
    CHECK(os::environment("SKYUTIL_TEST_LONG") == std::string(10'000, 'x'));
    ::SetEnvironmentVariableW(L"SKYUTIL_TEST_EMPTY", L"");
    CHECK(os::environment("SKYUTIL_TEST_EMPTY").value_or("").empty());
    CHECK_FALSE(os::environment("SKYUTIL_TEST_MISSING"));
    CHECK_FALSE(os::environment("\xff"));
}

TEST_CASE("an error of a path in every script names it in UTF-8") {
    const fs::path path = L"C:\\nowhere\\\u65e5\xd83d\xde00";
    try {
        static_cast<void>(skyutil::read_last_n_lines(path, 1));
        FAIL("no error");
    } catch (const fs::filesystem_error& error) {
        CHECK(error.path1() == path);
        CHECK(error.code() == std::errc::no_such_file_or_directory);
        CHECK(std::string(error.what()).find("\xe6\x97\xa5\xf0\x9f\x98\x80") != std::string::npos);
    }
}
