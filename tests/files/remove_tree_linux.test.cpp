// SPDX-License-Identifier: MIT
//
// Temporary files and directories are removed when there is no memory left, whatever is in them,
// and nothing outside is.

#include <skyutil/files.hpp>

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/faults_linux.hpp"
#include "support_linux.hpp"

namespace {

thread_local bool no_memory = false;
thread_local std::size_t refused = 0;

/// Until the end of the scope the thread gets no memory.
struct memory_shortage {
    memory_shortage() {
        refused = 0;
        no_memory = true;
    }
    memory_shortage(const memory_shortage&) = delete;
    memory_shortage& operator=(const memory_shortage&) = delete;
    ~memory_shortage() { no_memory = false; }
};

void* allocate(std::size_t size) noexcept {
    if (no_memory) {
        ++refused;
        return nullptr;
    }
    return std::malloc(size == 0 ? 1 : size);
}

}  // namespace

void* operator new(std::size_t size) {
    if (void* const memory = allocate(size)) {
        return memory;
    }
    throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

using namespace skyutil_tests;

namespace {

namespace fs = std::filesystem;

std::size_t entries_of(const fs::path& directory) {
    return skyutil::count_directory_entries(directory);
}

/// Directories in directories, made without long paths.
void make_deep(int top, int depth, bool with_files) {
    skyutil::unique_fd fd(::dup(top));
    for (int i = 0; i < depth; ++i) {
        if (with_files && i % 100 == 0) {
            ::close(::openat(fd.get(), "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
            ::mkdirat(fd.get(), "beside", 0700);
        }
        if (::mkdirat(fd.get(), "d", 0700) == -1) {
            throw_errno("mkdirat");
        }
        fd.reset(::openat(fd.get(), "d", O_DIRECTORY | O_RDONLY | O_CLOEXEC));
    }
}

/// A tree of all kinds of things.
void fill(const fs::path& path) {
    for (int i = 0; i < 50; ++i) {
        const fs::path one = path / std::to_string(i);
        fs::create_directories(one / "a/b/c");
        fs::create_directories(one / "empty");
        write_file(one / "file", "");
        write_file(one / "a/file", "");
        write_file(one / "a/b/c/file", "");
        fs::create_directory_symlink("/", one / "link");
        if (i % 10 == 0) {
            fs::permissions(one / "a/b/c", fs::perms::none);
            fs::permissions(one / "a", fs::perms::owner_read);
        }
    }
    write_file(path / std::string(255, 'x'), "");
    fs::create_directory(path / std::string(255, 'y'));
}

}  // namespace

TEST_CASE("a temporary_directory is removed when there is no memory") {
    const temporary_directory directory;
    SECTION("an empty one") {
        std::optional<skyutil::temporary_directory> own(directory.path());
        const memory_shortage scope;
        own.reset();
    }
    SECTION("a full one") {
        std::optional<skyutil::temporary_directory> own(directory.path());
        fill(own->path());
        const memory_shortage scope;
        own.reset();
    }
    SECTION("a full one, by hand") {
        skyutil::temporary_directory own(directory.path());
        fill(own.path());
        std::error_code error;
        {
            const memory_shortage scope;
            own.remove(error);
        }
        CHECK_FALSE(error);
    }
    SECTION("a full one, when another takes its place") {
        skyutil::temporary_directory own(directory.path());
        fill(own.path());
        skyutil::temporary_directory none = std::move(own);
        const memory_shortage scope;
        none = std::move(own);
    }
    SECTION("a deep one") {
        std::optional<skyutil::temporary_directory> own(directory.path());
        make_deep(own->native_handle(), 1100, true);
        const memory_shortage scope;
        own.reset();
    }
    SECTION("a file") {
        std::optional<skyutil::temporary_file> own(directory.path());
        const memory_shortage scope;
        own.reset();
    }
    CHECK(refused == 0);
    CHECK(entries_of(directory.path()) == 0);
}

TEST_CASE("a user without privileges removes what forbids it, without memory") {
    const temporary_directory directory;
    fs::permissions(directory.path(), fs::perms(0777));
    const nlohmann::json answer = run_in_child([&] {
        drop_privileges();
        std::optional<skyutil::temporary_directory> own(directory.path());
        fill(own->path());
        {
            const memory_shortage scope;
            own.reset();
        }
        return nlohmann::json{refused};
    });
    CHECK(answer == nlohmann::json{0});
    CHECK(entries_of(directory.path()) == 0);
}

TEST_CASE("many directories that are not empty are removed in one go") {
    const temporary_directory directory;
    std::error_code error;
    skyutil::temporary_directory own(directory.path());
    for (int i = 0; i < 300; ++i) {
        fs::create_directories(own.path() / std::to_string(i) / "d");
        write_file(own.path() / std::to_string(i) / "d/file", "");
    }
    own.remove(error);
    CHECK_FALSE(error);
    CHECK(entries_of(directory.path()) == 0);
}

TEST_CASE("what cannot be removed keeps nothing else from being removed") {
    const temporary_directory directory;
    const nlohmann::json answer = run_in_child([&] {
        if (::unshare(CLONE_NEWNS) == -1 ||
            ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1) {
            throw cannot_run{"may not mount"};
        }
        skyutil::temporary_directory own(directory.path());
        fill(own.path());
        std::vector<fs::path> places;
        for (const char* const name : {"3/a/b", "17/a", "17/empty", "49/a/b/c/deeper"}) {
            places.push_back(own.path() / name);
            fs::create_directories(places.back());
            if (::mount("none", places.back().c_str(), "tmpfs", 0, "size=64k") == -1) {
                throw cannot_run{"may not mount"};
            }
            write_file(places.back() / "kept", "");
        }
        std::error_code error;
        own.remove(error);
        nlohmann::json result{error.value()};
        std::size_t left = 0;
        for (const auto& entry : fs::recursive_directory_iterator(own.path())) {
            left += entry.exists() ? 1 : 0;
        }
        result.push_back(left);  // 3 a b kept, 17 a kept empty kept, 49 a b c deeper kept
        for (const fs::path& place : places) {
            ::umount(place.c_str());
        }
        own.remove(error);
        result.push_back(error.value());
        return result;
    });
    CHECK(answer == nlohmann::json{EBUSY, 4 + 5 + 6, 0});
    CHECK(entries_of(directory.path()) == 0);
}

TEST_CASE("a directory that is moved away while it is cleared leads to nothing else") {
    const temporary_directory directory;
    int moved_within = 0;
    for (int before = 0; before < 12; ++before) {
        INFO(before);
        const fs::path elsewhere = directory / ("elsewhere" + std::to_string(before));
        fs::create_directories(elsewhere / "precious");
        write_file(elsewhere / "precious/file", "");
        write_file(elsewhere / "file", "");
        skyutil::temporary_directory own(directory.path());
        fs::create_directories(own.path() / "a/b/c/d");
        write_file(own.path() / "a/b/c/d/file", "");
        write_file(own.path() / "a/b/file", "");
        write_file(own.path() / "a/file", "");
        std::error_code error;
        {
            const fault fault("openat", before, [&] {
                std::error_code ignored;
                fs::rename(own.path() / "a/b", elsewhere / "b", ignored);
            });
            own.remove(error);
            moved_within += fault.happened() ? 1 : 0;
        }
        CHECK(fs::exists(elsewhere / "precious/file"));
        CHECK(fs::exists(elsewhere / "file"));
        own.remove(error);
        CHECK_FALSE(error);
        CHECK_FALSE(fs::exists(own.path()));
    }
    CHECK(moved_within >= 4);
}
