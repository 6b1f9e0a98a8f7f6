// SPDX-License-Identifier: MIT
//
// write_file_atomic beside modes, links, other users and full disks, and whole for all who read.

#include <skyutil/files.hpp>

#include <atomic>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "files/outcomes_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

}  // namespace

TEST_CASE("write_file_atomic takes relative paths") {
    const temporary_directory directory;
    const nlohmann::json answer = run_in_child([&] {
        fs::current_path(directory.path());
        return try_write("relative", "a").value() == 0 &&
               try_write("./relative", "b").value() == 0 && read_file("relative") == "b";
    });
    CHECK(answer == true);
}

TEST_CASE("write_file_atomic keeps permissions and owner, and gives a new file the usual ones") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    for (const unsigned mode : {0600U, 0640U, 0444U, 0777U, 0000U, 04755U, 02750U}) {
        INFO(mode);
        write_file(path, "old");
        fs::permissions(path, fs::perms(mode));
        CHECK_FALSE(try_write(path, "new"));
        CHECK(mode_of(path) == mode);
        fs::permissions(path, fs::perms(0600));
        CHECK(read_file(path) == "new");
    }
    const nlohmann::json told = run_in_child([&] {
        ::umask(0027);
        return try_write(directory / "new", "").value();
    });
    CHECK(told == 0);
    CHECK(mode_of(directory / "new") == 0640);

    if (::geteuid() != 0) {
        return;
    }
    REQUIRE(::chown(path.c_str(), 65534, 65533) == 0);
    fs::permissions(path, fs::perms(06755));
    CHECK_FALSE(try_write(path, "root's"));
    struct stat info{};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK(info.st_uid == 65534);
    CHECK(info.st_gid == 65533);
    CHECK(mode_of(path) == 06755);

    REQUIRE(::chown(path.c_str(), 0, 0) == 0);  // which takes the set-user-ID bit away
    fs::permissions(path, fs::perms(06755));
    fs::permissions(directory.path(), fs::perms(0777));
    {
        const nlohmann::json answer = run_in_child([&] {
            drop_privileges();
            return try_write(path, "nobody's").value();
        });
        CHECK(answer == 0);
    }
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK(info.st_uid == 65534);
    CHECK(mode_of(path) == 0755);  // not run as another than before
}

TEST_CASE("write_file_atomic replaces the file a link points to, not the link") {
    const temporary_directory directory;
    fs::create_directories(directory / "a/b");
    write_file(directory / "a/file", "old");
    fs::create_symlink("../file", directory / "a/b/first");
    fs::create_symlink("a/b/first", directory / "second");
    fs::create_symlink(directory / "second", directory / "third");
    fs::create_directory_symlink("a/b", directory / "directory link");
    for (const fs::path& path : {directory / "a/b/first", directory / "second", directory / "third",
                                 directory / "directory link/first"}) {
        INFO(path);
        CHECK_FALSE(try_write(path, path.native()));
        CHECK(fs::is_symlink(path));
        CHECK(read_file(directory / "a/file") == path.native());
    }
    CHECK(entries_of(directory / "a/b") == 1);

    fs::create_symlink("a/new", directory / "dangling");
    CHECK_FALSE(try_write(directory / "dangling", "made"));
    CHECK(read_file(directory / "a/new") == "made");
    CHECK(fs::is_symlink(directory / "dangling"));
    fs::create_symlink("missing/new", directory / "dangling in nothing");
    CHECK(try_write(directory / "dangling in nothing", "") == std::errc::no_such_file_or_directory);
    fs::create_symlink("loop", directory / "loop");
    CHECK(try_write(directory / "loop", "") == std::errc::too_many_symbolic_link_levels);
    CHECK(fs::is_symlink(directory / "loop"));
}

TEST_CASE("write_file_atomic does not follow a stranger's link in a directory like /tmp") {
    std::ifstream setting("/proc/sys/fs/protected_symlinks");
    if (::geteuid() != 0 || setting.get() != '1') {
        SKYUTIL_SKIP("needs root and the kernel's protection of links");
    }
    const temporary_directory directory;
    fs::permissions(directory.path(), fs::perms(01777));
    write_file(directory / "victim", "old");
    fs::create_symlink("victim", directory / "link");
    fs::create_symlink("missing", directory / "dangling");
    REQUIRE(::lchown((directory / "link").c_str(), 65534, 65534) == 0);
    REQUIRE(::lchown((directory / "dangling").c_str(), 65534, 65534) == 0);
    CHECK(try_write(directory / "link", "new") == std::errc::permission_denied);
    CHECK(try_write(directory / "dangling", "new") == std::errc::permission_denied);
    CHECK(read_file(directory / "victim") == "old");
    CHECK_FALSE(fs::exists(directory / "missing"));
}

TEST_CASE("write_file_atomic refuses what is no file and changes nothing") {
    const temporary_directory directory;
    make_fifo(directory / "fifo");
    write_file(directory / "file", "old");
    struct row {
        fs::path path;
        std::errc expected;
    };
    for (const auto& [path, expected] :
         {row{directory.path(), std::errc::is_a_directory},
          row{directory.path().native() + "/", std::errc::is_a_directory},
          row{directory / ".", std::errc::is_a_directory},
          row{directory / "new/", std::errc::is_a_directory},
          row{directory / "file/", std::errc::not_a_directory},
          row{directory / "file/x", std::errc::not_a_directory},
          row{directory / "missing/x", std::errc::no_such_file_or_directory},
          row{directory / "fifo", std::errc::operation_not_supported},
          row{"/dev/null", std::errc::operation_not_supported},
          row{"/dev/full", std::errc::operation_not_supported},
          row{"", std::errc::no_such_file_or_directory},
          row{directory / std::string(256, 'x'), std::errc::filename_too_long},
          row{directory.path().native() + std::string("/file\0x", 7),
              std::errc::invalid_argument}}) {
        INFO(path);
        CHECK(try_write(path, "text") == expected);
        try {
            skyutil::write_file_atomic(path, "text");
            FAIL_CHECK("no exception");
        } catch (const fs::filesystem_error& error) {
            CHECK(error.code() == expected);
            CHECK(error.path1() == path);
            CHECK(std::string(error.what()).find("skyutil::write_file_atomic") !=
                  std::string::npos);
        }
    }
    CHECK(read_file(directory / "file") == "old");
    CHECK(entries_of(directory.path()) == 2);
    CHECK(fs::is_character_file("/dev/null"));
}

namespace {

/// Writes a megabyte, for which there is no room: the error, what the file has and how many entries
/// the directory.
nlohmann::json try_write_large(const fs::path& path) {
    const int error = try_write(path, std::string(1'000'000, 'x')).value();
    return {error, read_file(path), entries_of(path.parent_path())};
}

/// For a child: a file system of 64 KiB, gone with the child.
void mount_small(const fs::path& place) {
    if (::unshare(CLONE_NEWNS) == -1 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1 ||
        ::mount("none", place.c_str(), "tmpfs", 0, "size=64k") == -1) {
        throw cannot_run{"may not mount"};
    }
}

}  // namespace

TEST_CASE("write_file_atomic leaves the old file in a directory that is closed") {
    const temporary_directory directory;
    write_file(directory / "file", "old");
    fs::permissions(directory / "file", fs::perms(0666));
    fs::permissions(directory.path(), fs::perms(0555));
    const nlohmann::json answer = run_in_child([&] {
        drop_privileges();
        return try_write_large(directory / "file");
    });
    fs::permissions(directory.path(), fs::perms(0755));
    CHECK(answer == nlohmann::json{EACCES, "old", 1});
}

TEST_CASE("write_file_atomic leaves the old file beyond the largest size a file may have") {
    const temporary_directory directory;
    write_file(directory / "file", "old");
    const nlohmann::json answer = run_in_child([&] {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{100'000, 100'000};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        return try_write_large(directory / "file");
    });
    CHECK(answer == nlohmann::json{EFBIG, "old", 1});
}

TEST_CASE("write_file_atomic leaves the old file on a full file system") {
    const temporary_directory directory;
    const nlohmann::json answer = run_in_child([&] {
        mount_small(directory.path());
        write_file(directory / "file", "old");
        return try_write_large(directory / "file");
    });
    CHECK(answer == nlohmann::json{ENOSPC, "old", 1});
}

TEST_CASE("write_file_atomic leaves the old file on a file system that is read-only") {
    const temporary_directory directory;
    const nlohmann::json answer = run_in_child([&] {
        mount_small(directory.path());
        write_file(directory / "file", "old");
        if (::mount(nullptr, directory.path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) ==
            -1) {
            throw cannot_run{"may not mount"};
        }
        return try_write_large(directory / "file");
    });
    CHECK(answer == nlohmann::json{EROFS, "old", 1});
}

TEST_CASE("whoever reads while write_file_atomic writes finds one content or another, whole") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    const auto content = [](unsigned i) {
        return std::string(1000 + i * 7919 % 100'000, static_cast<char>('a' + i % 26));
    };
    skyutil::write_file_atomic(path, content(0));
    std::atomic<bool> stop = false;
    std::atomic<int> failures = 0;
    std::vector<std::thread> writers;
    for (unsigned t = 0; t < 2; ++t) {
        writers.emplace_back([&, t] {
            for (unsigned i = t; !stop; i += 2) {
                failures += try_write(path, content(i)) ? 1 : 0;
            }
        });
    }
    const auto deadline = std::chrono::steady_clock::now() + 400ms;
    int reads = 0;
    while (std::chrono::steady_clock::now() < deadline) {
        const std::string text = read_file(path);
        if (text.size() < 1000 || text.find_first_not_of(text.front()) != std::string::npos) {
            FAIL_CHECK("not whole");
            break;
        }
        ++reads;
    }
    stop = true;
    for (std::thread& writer : writers) {
        writer.join();
    }
    CHECK(reads > 0);
    CHECK(failures == 0);
    CHECK(entries_of(directory.path()) == 1);
}

TEST_CASE("a writer that is killed leaves the old content or the new") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    const std::string a(300'000, 'a');
    const std::string b(200'000, 'b');
    skyutil::write_file_atomic(path, a);
    for (int i = 0; i < 15; ++i) {
        const pid_t child = ::fork();
        REQUIRE(child != -1);
        if (child == 0) {
            for (;;) {
                std::error_code ignored;
                skyutil::write_file_atomic(path, b, ignored);
                skyutil::write_file_atomic(path, a, ignored);
            }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1 + i));
        ::kill(child, SIGKILL);
        int status = 0;
        while (::waitpid(child, &status, 0) == -1 && errno == EINTR) {
        }
        const std::string text = read_file(path);
        CHECK((text == a || text == b));
    }
}
