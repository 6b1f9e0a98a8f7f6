// SPDX-License-Identifier: MIT
//
// Names in every script and of any length.

#include <skyutil/detail/os/files.hpp>
#include <skyutil/files.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include <windows.h>

#include "support.hpp"

using namespace skyutil_tests;
namespace fs = std::filesystem;
namespace os = skyutil::detail::os;

namespace {

using lines = std::vector<std::string>;

/// A name with the first and the last character of each plane of Unicode that a name may have.
std::wstring name_of_plane(char32_t plane) {
    std::wstring name = L"x";
    for (const char32_t point : {plane * 0x10000 + 0x20ac, plane * 0x10000 + 0xfffd}) {
        if (point < 0x10000) {
            name += static_cast<wchar_t>(point);
        } else {
            name += static_cast<wchar_t>(0xd7c0 + (point >> 10));
            name += static_cast<wchar_t>(0xdc00 + (point & 0x3ff));
        }
    }
    return name;
}

std::vector<std::wstring> names_in(const fs::path& directory) {
    std::vector<std::wstring> names;
    std::error_code error;
    const skyutil::unique_fd open(os::open_directory(directory.native(), error));
    if (open) {
        os::find_entry(
            open.get(), os::entries::unread,
            [&](const os::directory_entry& entry) {
                names.emplace_back(entry.name);
                return false;
            },
            error);
    }
    CHECK_FALSE(error);
    std::sort(names.begin(), names.end());
    return names;
}

/// Writes, replaces, reads, maps and counts a file of that name.
void use(const fs::path& directory, const std::wstring& name) {
    const fs::path path = directory / name;
    skyutil::write_file_atomic(path, "old\n");
    skyutil::write_file_atomic(path, "one\ntwo\n");
    CHECK(skyutil::read_last_n_lines(path, 1) == lines{"two"});
    const skyutil::mapped_file mapped(path);
    CHECK(mapped.text() == "one\ntwo\n");
    CHECK(names_in(directory) == std::vector<std::wstring>{name});
    CHECK(skyutil::count_directory_entries(directory) == 1);
}

}  // namespace

TEST_CASE("a name has characters of every plane of Unicode") {
    for (char32_t plane = 0; plane <= 16; ++plane) {
        INFO(static_cast<unsigned>(plane));
        const skyutil::temporary_directory directory;
        use(directory.path(), name_of_plane(plane));
        const skyutil::temporary_directory inner(directory.path());
        const fs::path deep = inner.path() / name_of_plane(plane);
        fs::create_directory(deep);
        use(deep, name_of_plane(plane) + L".txt");
    }
}

TEST_CASE("a name has half of a character") {
    const skyutil::temporary_directory directory;
    const std::wstring name{L'x', wchar_t{0xd800}, L'y'};
    std::error_code error;
    skyutil::write_file_atomic(directory.path() / name, "", error);
    if (error) {
        SKYUTIL_SKIP("the file system has no such names: " + error.message());
    }
    use(directory.path(), name);
}

TEST_CASE("what is no name for programs to open is refused") {
    const skyutil::temporary_directory directory;
    for (const wchar_t* const name : {L"a:b", L"a?", L"a*", L"a|b", L"a<b", L"a>b", L"a\"b"}) {
        std::error_code error;
        skyutil::write_file_atomic(directory.path() / name, "", error);
        CHECK((error == std::errc::invalid_argument ||
               error == std::errc::no_such_file_or_directory));
    }
    for (const wchar_t* const name : {L"a.", L"a "}) {  // Win32 takes them for "a"
        std::error_code error;
        skyutil::write_file_atomic(directory.path() / name, "", error);
        CHECK(error == std::errc::invalid_argument);
    }
    CHECK(skyutil::count_directory_entries(directory.path()) == 0);
}

namespace {

/// Whether the system itself opens a path.
bool can_open(const std::wstring& path) {
    HANDLE const opened =
        ::CreateFileW((L"\\\\?\\" + path).c_str(), FILE_READ_ATTRIBUTES, 7, nullptr, OPEN_EXISTING,
                      FILE_FLAG_BACKUP_SEMANTICS, nullptr);
    if (opened != INVALID_HANDLE_VALUE) {
        ::CloseHandle(opened);
    }
    return opened != INVALID_HANDLE_VALUE;
}

/// Makes directories in directories until the path is so long, and does everything in the last.
void use_long_path(std::size_t length) {
    skyutil::temporary_directory directory;
    fs::path path = directory.path();
    std::error_code error;
    std::vector<skyutil::unique_fd> open(1);
    std::vector<std::wstring> names;
    open[0].reset(os::open_directory(path.native(), error));
    while (path.native().size() < length) {
        names.push_back(std::to_wstring(names.size()) + std::wstring(200, L'd'));
        os::create_directory(open.back().get(), names.back().c_str(), error);
        REQUIRE_FALSE(error);
        open.emplace_back(os::open_entry_directory(open.back().get(), names.back().c_str(), error));
        REQUIRE_FALSE(error);
        path /= names.back();
    }
    const auto remove_by_hand = [&] {
        os::remove_file(open.back().get(), L"file", error);
        for (; !names.empty(); names.pop_back()) {
            open.pop_back();
            os::remove_directory(open.back().get(), names.back().c_str(), error);
        }
        open.clear();
    };
    if (!can_open(path.native())) {
        remove_by_hand();
        SKYUTIL_SKIP("the system opens no path of " + std::to_string(length) + " characters");
    }

    CHECK(os::is_directory(path.native()));
    use(path, L"file");
    {
        const skyutil::temporary_file file(path);
        CHECK(file.path().parent_path() == path);
        CHECK(skyutil::count_directory_entries(path) == 2);
    }
    {
        const skyutil::temporary_directory inner(path);
        skyutil::write_file_atomic(inner.path() / "file", "");
        CHECK(skyutil::count_directory_entries(path) == 2);
    }
    CHECK(skyutil::count_directory_entries(path) == 1);

    std::wstring other = (path / L"." / L".." / path.filename() / L"file").native();
    CHECK(skyutil::read_last_n_lines(other, 1) == lines{"two"});
    std::replace(other.begin(), other.end(), L'\\', L'/');
    CHECK(skyutil::read_last_n_lines(other, 1) == lines{"two"});
    skyutil::write_file_atomic(path / "missing/file", "", error);
    CHECK(error == std::errc::no_such_file_or_directory);

    std::wstring name(32768, L'\0');
    if (::GetFinalPathNameByHandleW(open.back().get(), name.data(), 32768, 0) == 0) {
        remove_by_hand();
        SKYUTIL_SKIP("the system tells no name of " + std::to_string(length) +
                     " characters, by which a directory is left; all else was done");
    }
    open.clear();
    const fs::path top = directory.path();
    directory.remove(error);
    CHECK_FALSE(error);
    CHECK_FALSE(fs::exists(top));
}

}  // namespace

TEST_CASE("a path has 2,500 characters") { use_long_path(2500); }

TEST_CASE("a path has 5,000 characters") { use_long_path(5000); }
