// SPDX-License-Identifier: MIT
//
// temporary_file and temporary_directory beside modes, links, mounts and other users.

#include <skyutil/files.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "files/faults_linux.hpp"
#include "files/outcomes_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

}  // namespace

TEST_CASE("a temporary_file is an empty file of one's own until its owner goes") {
    const temporary_directory directory;
    fs::path path;
    {
        const skyutil::temporary_file file(directory.path());
        path = file.path();
        CHECK(path.parent_path() == directory.path());
        CHECK(path.filename().string().starts_with("skyutil-"));
        CHECK(fs::is_regular_file(path));
        CHECK(fs::file_size(path) == 0);
        CHECK(mode_of(path) == 0600);
        CHECK((::fcntl(file.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
        write_all(file.native_handle(), "text");
        CHECK(read_file(path) == "text");
        char c = 0;
        CHECK(::pread(file.native_handle(), &c, 1, 1) == 1);
        CHECK(c == 'e');
    }
    CHECK_FALSE(fs::exists(path));
    CHECK(entries_of(directory.path()) == 0);
}

TEST_CASE("a temporary_directory is an empty directory of one's own until its owner goes") {
    const temporary_directory directory;
    fs::path path;
    {
        const skyutil::temporary_directory own(directory.path());
        path = own.path();
        CHECK(path.parent_path() == directory.path());
        CHECK(fs::is_directory(path));
        CHECK(mode_of(path) == 0700);
        CHECK(fs::is_empty(path));
        CHECK((::fcntl(own.native_handle(), F_GETFD) & FD_CLOEXEC) != 0);
        write_file(path / "file", "x");
        fs::create_directories(path / "a/b/c");
    }
    CHECK_FALSE(fs::exists(path));
    CHECK(entries_of(directory.path()) == 0);
}

TEMPLATE_TEST_CASE("what is released has no open descriptor", "", skyutil::temporary_file,
                   skyutil::temporary_directory) {
    const temporary_directory directory;
    TestType owner(directory.path());
    const int fd = owner.native_handle();
    CHECK(is_open(fd));
    owner.release();
    CHECK(owner.native_handle() == -1);
    CHECK_FALSE(is_open(fd));
}

TEMPLATE_TEST_CASE("temporary things are made where TMPDIR says", "", skyutil::temporary_file,
                   skyutil::temporary_directory) {
    const temporary_directory directory;
    fs::create_directory(directory / "tmp");
    const nlohmann::json answer = run_in_child([&] {
        nlohmann::json found;
        const auto parent = [] {
            const TestType made;
            return made.path().parent_path().string();
        };
        ::setenv("TMPDIR", (directory / "tmp").c_str(), 1);
        found["set"] = parent();
        std::error_code error = std::make_error_code(std::errc::bad_message);
        found["with error"] = TestType(error).native_handle() != -1 && !error;
        ::setenv("TMPDIR", "", 1);
        found["empty"] = parent();
        ::unsetenv("TMPDIR");
        found["unset"] = parent();
        ::setenv("TMPDIR", (directory / "missing").c_str(), 1);
        {
            const TestType failed(error);
            found["missing"] = error.value();
            found["no path"] = failed.path().empty() && failed.native_handle() == -1;
        }
        ::setenv("TMPDIR", "tmp", 1);
        fs::current_path(directory.path());
        {
            const TestType made;
            fs::current_path("/");  // it is found all the same
            found["relative"] = made.path().is_absolute() && fs::exists(made.path());
        }
        found["left"] = entries_of(directory / "tmp");
        return found;
    });
    CHECK(answer == nlohmann::json{{"set", (directory / "tmp").string()},
                                   {"with error", true},
                                   {"empty", "/tmp"},
                                   {"unset", "/tmp"},
                                   {"missing", ENOENT},
                                   {"no path", true},
                                   {"relative", true},
                                   {"left", 0}});
}

TEMPLATE_TEST_CASE("temporary things that cannot be made are errors", "", skyutil::temporary_file,
                   skyutil::temporary_directory) {
    const temporary_directory directory;
    write_file(directory / "file", "");
    struct row {
        fs::path path;
        std::errc expected;
    };
    for (const auto& [path, expected] :
         {row{directory / "missing", std::errc::no_such_file_or_directory},
          row{directory / "file", std::errc::not_a_directory},
          row{"", std::errc::no_such_file_or_directory},
          row{"/proc/self", std::errc::no_such_file_or_directory},
          row{directory.path().native() + std::string("\0x", 2), std::errc::invalid_argument}}) {
        INFO(path);
        std::error_code error;
        const TestType failed(path, error);
        CHECK(error);
        if (path != "/proc/self") {  // kernels differ
            CHECK(error == expected);
        }
        CHECK(failed.path().empty());
        try {
            const TestType made(path);
            FAIL_CHECK("no exception");
        } catch (const fs::filesystem_error& thrown) {
            CHECK(thrown.code() == error);
            CHECK(thrown.path1() == path);
            CHECK(std::string(thrown.what()).find("skyutil::temporary_") != std::string::npos);
        }
    }
    fs::permissions(directory.path(), fs::perms(0555));
    const nlohmann::json answer = run_in_child([&] {
        drop_privileges();
        std::error_code error;
        const TestType failed(directory.path(), error);
        return error.value();
    });
    CHECK(answer == EACCES);
    fs::permissions(directory.path(), fs::perms(0755));
    CHECK(entries_of(directory.path()) == 1);
}

TEMPLATE_TEST_CASE("a forked child does not remove what its parent made", "",
                   skyutil::temporary_file, skyutil::temporary_directory) {
    const temporary_directory directory;
    auto owner = std::make_unique<TestType>(directory.path());
    const fs::path path = owner->path();
    const nlohmann::json answer = run_in_child([&] {
        owner.reset();
        bool own_is_removed = false;
        fs::path own;
        {
            const TestType made(directory.path());
            own = made.path();
            own_is_removed = fs::exists(own);
        }
        return own_is_removed && !fs::exists(own);
    });
    CHECK(answer == true);
    CHECK(fs::exists(path));
    owner.reset();
    CHECK_FALSE(fs::exists(path));
}

TEST_CASE("a temporary_directory removes everything in it and nothing outside") {
    const temporary_directory directory;
    fs::create_directory(directory / "outside");
    write_file(directory / "outside/file", "precious");
    skyutil::temporary_directory own(directory.path());
    const fs::path path = own.path();
    fs::create_directory_symlink(directory / "outside", path / "link to a directory");
    fs::create_symlink(directory / "outside/file", path / "link to a file");
    fs::create_symlink("nothing", path / "dangling");
    fs::create_symlink(".", path / "circle");
    make_fifo(path / "fifo");
    fs::create_hard_link(directory / "outside/file", path / "hard link");
    write_file(path / "new\nline", "");
    write_file(path / "\xff\xfe", "");
    write_file(path / std::string(255, 'x'), "");
    fs::create_directories(path / "a/b/c/d");
    fs::create_directory_symlink(directory / "outside", path / "a/b/link");
    for (int i = 0; i < 1200; ++i) {  // more than one call of getdents64 returns
        write_file(path / "a" / ("file" + std::to_string(i)), "");
    }
    for (int i = 0; i < 50; ++i) {
        fs::create_directory(path / "a/b" / std::to_string(i));
        write_file(path / "a/b" / std::to_string(i) / "file", "");
    }
    const skyutil::unique_fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().append("/s").copy(address.sun_path, sizeof address.sun_path - 1);
    CHECK(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);

    std::error_code error;
    own.remove(error);
    CHECK_FALSE(error);
    CHECK_FALSE(fs::exists(path));
    CHECK(read_file(directory / "outside/file") == "precious");
    CHECK(entries_of(directory.path()) == 1);
}

TEST_CASE("a temporary_directory removes directories that forbid it") {
    const temporary_directory directory;
    fs::permissions(directory.path(), fs::perms(0777));
    const nlohmann::json answer = run_in_child([&] {
        drop_privileges();
        nlohmann::json errors;
        for (const int mode : {0500, 0400, 0300, 0200, 0100, 0000, 0555}) {
            skyutil::temporary_directory own(directory.path());
            for (const char* const name : {"full", "empty", "outer/inner"}) {
                fs::create_directories(own.path() / name);
            }
            write_file(own.path() / "full/file", "");
            write_file(own.path() / "outer/inner/file", "");
            for (const char* const name : {"full", "empty", "outer/inner", "outer", "."}) {
                fs::permissions(own.path() / name, fs::perms(mode));
            }
            std::error_code error;
            own.remove(error);
            errors.push_back(error.value());
        }
        return errors;
    });
    CHECK(answer == nlohmann::json(std::vector<int>(7, 0)));
    CHECK(entries_of(directory.path()) == 0);
}

TEST_CASE("a temporary_directory removes directories of any depth with few descriptors") {
    const temporary_directory directory;
    const nlohmann::json answer = run_in_child(
        [&] {
            constexpr int depth = 1000;
            const std::string name(100, 'x');  // a path of more than PATH_MAX bytes
            skyutil::temporary_directory own(directory.path());
            skyutil::unique_fd fd(::dup(own.native_handle()));
            for (int i = 0; i < depth && fd; ++i) {
                if (::mkdirat(fd.get(), name.c_str(), 0700) == -1 ||
                    (i % 100 == 0 && ::mkdirat(fd.get(), "beside", 0700) == -1)) {
                    throw_errno("mkdirat");
                }
                fd.reset(::openat(fd.get(), name.c_str(), O_DIRECTORY | O_CLOEXEC));
            }
            if (!fd) {
                throw_errno("openat");
            }
            fd.reset();
            meet_error_types();
            rlimit limit{};
            ::getrlimit(RLIMIT_NOFILE, &limit);
            limit.rlim_cur = static_cast<rlim_t>(own.native_handle()) + 20;
            ::setrlimit(RLIMIT_NOFILE, &limit);
            std::error_code error;
            own.remove(error);
            return error.value();
        },
        60s);
    CHECK(answer == 0);
    CHECK(entries_of(directory.path()) == 0);
}

TEST_CASE("a link put in a directory's place meanwhile does not lead the removal away") {
    const temporary_directory directory;
    fs::create_directory(directory / "precious");
    write_file(directory / "precious/file", "");
    const auto deadline = std::chrono::steady_clock::now() + 500ms;
    for (int round = 0; std::chrono::steady_clock::now() < deadline; ++round) {
        skyutil::temporary_directory own(directory.path());
        constexpr int count = 20;
        for (int i = 0; i < count; ++i) {
            fs::create_directory(own.path() / std::to_string(i));
            write_file(own.path() / std::to_string(i) / "file", "");
        }
        std::thread swapper([path = own.path(), &directory] {
            for (int i = count - 1; i >= 0; --i) {  // removed from the end as a rule
                const fs::path name = path / std::to_string(i);
                std::error_code ignored;
                fs::rename(name, directory / "aside", ignored);
                fs::create_directory_symlink(directory / "precious", name, ignored);
                fs::remove_all(directory / "aside", ignored);
            }
        });
        std::error_code error;
        own.remove(error);
        swapper.join();
        if (!fs::exists(directory / "precious/file")) {
            FAIL("followed the link in round " << round);
        }
    }
    SUCCEED();
}

TEST_CASE("a link that takes a directory's place right before it is opened is removed itself") {
    const temporary_directory directory;
    fs::create_directory(directory / "precious");
    write_file(directory / "precious/file", "");
    for (int before = 0; before < 4; ++before) {
        INFO(before);
        skyutil::temporary_directory own(directory.path());
        fs::create_directories(own.path() / "a/b");
        write_file(own.path() / "a/b/file", "");
        const fs::path path = own.path();
        std::error_code error;
        bool happened = false;
        {
            const fault fault("openat", before, [&] {
                std::error_code ignored;
                fs::rename(path / "a", directory / ("aside" + std::to_string(before)), ignored);
                fs::create_directory_symlink(directory / "precious", path / "a", ignored);
            });
            own.remove(error);
            happened = fault.happened();
        }
        CHECK(happened == (before < 3));
        CHECK(fs::exists(directory / "precious/file"));
        if (!error) {
            CHECK_FALSE(fs::exists(path));
        }
    }
}

TEST_CASE("a temporary_directory that was renamed is not removed, nor what took its place") {
    const temporary_directory directory;
    {
        skyutil::temporary_directory own(directory.path());
        const fs::path path = own.path();
        write_file(path / "file", "published");
        fs::permissions(path, fs::perms(0755));
        fs::rename(path, directory / "published");
        SECTION("nothing took its place") {}
        SECTION("another directory") {
            fs::create_directory(path);
            write_file(path / "other", "");
        }
        SECTION("a link") { fs::create_directory_symlink("published", path); }
        std::error_code error;
        own.remove(error);
        CHECK_FALSE(error);
        CHECK((!fs::exists(path) || !fs::is_empty(path)));
    }
    CHECK(read_file(directory / "published/file") == "published");
    CHECK(mode_of(directory / "published") == 0755);
}

TEST_CASE("a file system mounted inside a temporary_directory is left alone") {
    const temporary_directory directory;
    const nlohmann::json answer = run_in_child([&] {
        if (::unshare(CLONE_NEWNS) == -1 ||
            ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1) {
            throw cannot_run{"may not mount"};
        }
        skyutil::temporary_directory own(directory.path());
        const fs::path mounted = own.path() / "a/mounted";
        fs::create_directories(mounted);
        write_file(own.path() / "a/file", "");
        if (::mount("none", mounted.c_str(), "tmpfs", 0, "size=64k") == -1) {
            throw cannot_run{"may not mount"};
        }
        write_file(mounted / "file", "elsewhere");
        std::error_code error;
        own.remove(error);
        const nlohmann::json found{{"error", error.value()},
                                   {"kept", fs::exists(mounted / "file")},
                                   {"removed", !fs::exists(own.path() / "a/file")}};
        ::umount(mounted.c_str());
        return found;
    });
    CHECK(answer == nlohmann::json{{"error", EBUSY}, {"kept", true}, {"removed", true}});
    CHECK(entries_of(directory.path()) == 0);  // the destructor has tried again
}
