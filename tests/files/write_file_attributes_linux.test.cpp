// SPDX-License-Identifier: MIT
//
// What write_file_atomic keeps of a file, which files it refuses, and how it writes where no file
// can take another one's place.

#include <skyutil/files.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "support_linux.hpp"

using namespace skyutil_tests;
using nlohmann::json;

namespace {

namespace fs = std::filesystem;

// Users and groups that need no entry in any list.
constexpr unsigned alice = 20'001;
constexpr unsigned bob = 20'002;
constexpr unsigned staff = 20'100;
constexpr unsigned private_group = 20'200;

std::error_code try_write(const fs::path& path, std::string_view text) {
    std::error_code error = std::make_error_code(std::errc::bad_message);
    skyutil::write_file_atomic(path, text, error);
    return error;
}

json owner_and_mode(const fs::path& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) == -1) {
        throw_errno("stat");
    }
    return {info.st_uid, info.st_gid, info.st_mode & 07777U};
}

std::size_t entries_of(const fs::path& directory) {
    return skyutil::count_directory_entries(directory);
}

/// Names of a directory, to see whether there is a new one.
std::vector<std::string> names_of(const fs::path& directory) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory)) {
        names.push_back(entry.path().filename());
    }
    std::sort(names.begin(), names.end());
    return names;
}

/// Makes the calling process, a child of run_in_child, one of a user in some groups.
void become(unsigned user, unsigned group, const std::vector<gid_t>& groups) {
    if (::geteuid() != 0 || ::setgroups(groups.size(), groups.data()) == -1 ||
        ::setresgid(group, group, group) == -1 || ::setresuid(user, user, user) == -1) {
        throw cannot_run{"may not become another user"};
    }
}

/// For a child: mounts that end with it.
void enter_mount_namespace() {
    if (::unshare(CLONE_NEWNS) == -1 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == -1) {
        throw cannot_run{"may not mount"};
    }
}

void bind(const fs::path& from, const fs::path& to) {
    if (::mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr) == -1) {
        throw cannot_run{"may not mount"};
    }
}

// ---------------------------------------------------------------------- extended attributes

constexpr const char* access_list = "system.posix_acl_access";
constexpr const char* default_list = "system.posix_acl_default";

void set_attribute(const fs::path& path, const char* name, std::string_view value) {
    if (::setxattr(path.c_str(), name, value.data(), value.size(), 0) == -1) {
        throw cannot_run{"the file system of " + path.string() + " takes no " + name};
    }
}

/// "none" where there is no such attribute.
std::string attribute_of(const fs::path& path, const char* name) {
    std::array<char, 65536> value{};
    const ssize_t size = ::getxattr(path.c_str(), name, value.data(), value.size());
    return size == -1 ? "none" : std::string(value.data(), static_cast<std::size_t>(size));
}

struct list_entry {
    std::uint16_t tag;
    std::uint16_t permissions;
    std::uint32_t id = 0xffff'ffff;
};

/// An access control list as the kernel takes it.
std::string make_list(const std::vector<list_entry>& entries) {
    std::string bytes("\2\0\0\0", 4);
    const auto append = [&](std::uint32_t number, int size) {
        for (int i = 0; i < size; ++i) {
            bytes += static_cast<char>(static_cast<unsigned char>(number >> (8 * i)));
        }
    };
    for (const list_entry& entry : entries) {
        append(entry.tag, 2);
        append(entry.permissions, 2);
        append(entry.id, 4);
    }
    return bytes;
}

// Tags of acl(5).
constexpr std::uint16_t user_object = 1;
constexpr std::uint16_t user = 2;
constexpr std::uint16_t group_object = 4;
constexpr std::uint16_t mask = 16;
constexpr std::uint16_t other = 32;

}  // namespace

// ------------------------------------------------------------------------ owner, group and mode

TEST_CASE("a writer who is in the file's group keeps the group when it cannot keep the owner") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    const json answer = run_in_child([&] {
        fs::permissions(directory.path(), fs::perms(0777));
        write_file(path, "old");
        json results;
        for (const unsigned mode : {0660U, 0664U, 0640U, 06770U}) {
            if (::chown(path.c_str(), alice, staff) == -1) {
                throw cannot_run{"may not give files away"};
            }
            fs::permissions(path, fs::perms(mode));
            results.push_back(run_in_child([&] {
                become(bob, bob, {staff});
                return json{try_write(path, "new").value()};
            }));
            results.push_back(owner_and_mode(path));
        }
        return results;
    });
    CHECK(answer == json{{0},
                         {bob, staff, 0660},
                         {0},
                         {bob, staff, 0664},
                         {0},
                         {bob, staff, 0640},
                         {0},
                         {bob, staff, 0770}});
    CHECK(read_file(path) == "new");
}

TEST_CASE("a group that cannot be kept leaves nobody but the writer more than before") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    struct row {
        unsigned mode;
        unsigned expected;
    };
    for (const auto& [mode, expected] :
         {row{0660, 0600}, row{0640, 0600}, row{0644, 0644}, row{0664, 0644}, row{0604, 0600},
          row{0606, 0600}, row{0666, 0666}, row{0750, 0700}, row{0755, 0755}, row{0653, 0611},
          row{06775, 0755}, row{0000, 0000}}) {
        INFO(std::oct << mode);
        const json answer = run_in_child([&] {
            fs::permissions(directory.path(), fs::perms(0777));
            write_file(path, "old");
            if (::chown(path.c_str(), alice, staff) == -1) {
                throw cannot_run{"may not give files away"};
            }
            fs::permissions(path, fs::perms(mode));
            const json result = run_in_child([&] {
                become(bob, private_group, {});
                return json{try_write(path, "new").value()};
            });
            return json{result, owner_and_mode(path)};
        });
        CHECK(answer == json{{0}, {bob, private_group, expected}});
    }
}

TEST_CASE("an owner who is no longer in the file's group gives the file to no other group") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    const json answer = run_in_child([&] {
        fs::permissions(directory.path(), fs::perms(0777));
        write_file(path, "old");
        if (::chown(path.c_str(), alice, staff) == -1) {
            throw cannot_run{"may not give files away"};
        }
        fs::permissions(path, fs::perms(0664));
        const json result = run_in_child([&] {
            become(alice, private_group, {});
            return json{try_write(path, "new").value()};
        });
        return json{result, owner_and_mode(path)};
    });
    CHECK(answer == json{{0}, {alice, private_group, 0644}});
}

TEST_CASE("in a directory that passes on its group the file keeps its own") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    const json answer = run_in_child([&] {
        write_file(path, "old");
        if (::chown(directory.path().c_str(), 0, private_group) == -1 ||
            ::chown(path.c_str(), alice, staff) == -1) {
            throw cannot_run{"may not give files away"};
        }
        fs::permissions(directory.path(), fs::perms(02777));
        fs::permissions(path, fs::perms(0660));
        const json result = run_in_child([&] {
            become(bob, bob, {staff});
            return json{try_write(path, "new").value()};
        });
        return json{result, owner_and_mode(path)};
    });
    CHECK(answer == json{{0}, {bob, staff, 0660}});
}

// ---------------------------------------------------------------- lists and extended attributes

TEST_CASE("write_file_atomic keeps extended attributes") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    const json answer = run_in_child([&] {
        write_file(path, "old");
        const std::string large(3000, 'x');
        set_attribute(path, "user.skyutil.small", "value");
        set_attribute(path, "user.skyutil.empty", "");
        set_attribute(path, "user.skyutil.large", large);
        const int error = try_write(path, "new").value();
        return json{error, read_file(path), attribute_of(path, "user.skyutil.small"),
                    attribute_of(path, "user.skyutil.empty"),
                    attribute_of(path, "user.skyutil.large") == large};
    });
    CHECK(answer == json{0, "new", "value", "", true});
}

TEST_CASE("write_file_atomic keeps what the administrator alone may set, but no right to more") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    const std::string right("\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                            20);  // CAP_NET_BIND_SERVICE
    const json answer = run_in_child([&] {
        write_file(path, "old");
        set_attribute(path, "trusted.skyutil", "value");
        set_attribute(path, "security.capability", right);
        json results{try_write(path, "new").value(), attribute_of(path, "trusted.skyutil"),
                     attribute_of(path, "security.capability") == right};
        fs::permissions(directory.path(), fs::perms(0777));
        results.push_back(run_in_child([&] {
            become(bob, bob, {});
            return json{try_write(path, "newer").value()};
        }));
        results.push_back(attribute_of(path, "security.capability"));
        return results;
    });
    CHECK(answer == json{0, "value", true, {0}, "none"});
}

TEST_CASE(
    "write_file_atomic keeps an access control list and gives the group no more than it says") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    const std::string list =
        make_list({{user_object, 6}, {user, 6, bob}, {group_object, 0}, {mask, 6}, {other, 0}});
    const json answer = run_in_child([&] {
        write_file(path, "old");
        set_attribute(path, access_list, list);
        const int error = try_write(path, "new").value();
        return json{error, attribute_of(path, access_list) == list, owner_and_mode(path)[2],
                    read_file(path)};
    });
    CHECK(answer == json{0, true, 0660, "new"});
}

TEST_CASE("an access control list whose group cannot be kept leaves its members what others have") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    const json answer = run_in_child([&] {
        fs::permissions(directory.path(), fs::perms(0777));
        write_file(path, "old");
        if (::chown(path.c_str(), alice, staff) == -1) {
            throw cannot_run{"may not give files away"};
        }
        set_attribute(
            path, access_list,
            make_list(
                {{user_object, 6}, {user, 4, alice}, {group_object, 6}, {mask, 6}, {other, 4}}));
        const json result = run_in_child([&] {
            become(bob, private_group, {});
            return json{try_write(path, "new").value()};
        });
        return json{
            result,
            attribute_of(path, access_list) ==
                make_list(
                    {{user_object, 6}, {user, 4, alice}, {group_object, 4}, {mask, 6}, {other, 4}}),
            owner_and_mode(path)};
    });
    CHECK(answer == json{{0}, true, {bob, private_group, 0664}});
}

TEST_CASE("a file without an access control list does not get that of its directory") {
    const temporary_directory directory;
    const json answer = run_in_child([&] {
        write_file(directory / "old", "old");
        fs::permissions(directory / "old", fs::perms(0660));
        set_attribute(
            directory.path(), default_list,
            make_list(
                {{user_object, 7}, {user, 6, bob}, {group_object, 5}, {mask, 7}, {other, 0}}));
        const json errors{try_write(directory / "old", "new").value(),
                          try_write(directory / "new", "new").value()};
        return json{errors, attribute_of(directory / "old", access_list),
                    owner_and_mode(directory / "old")[2],
                    attribute_of(directory / "new", access_list) != "none"};
    });
    CHECK(answer == json{{0, 0}, "none", 0660, true});
}

// -------------------------------------------------------------------------- paths that name
// nothing

TEST_CASE("a path that leads to an open file instead of a name is an error and changes nothing") {
    const temporary_directory directory;
    const auto root_before = names_of("/");
    write_file(directory / "file", "old");
    write_file(directory / "gone", "old");
    write_file(directory / "gone (deleted)", "another");
    const skyutil::unique_fd open(::open((directory / "file").c_str(), O_RDWR | O_CLOEXEC));
    const skyutil::unique_fd gone(::open((directory / "gone").c_str(), O_RDWR | O_CLOEXEC));
    const skyutil::unique_fd memory(::memfd_create("skyutil", MFD_CLOEXEC));
    const skyutil::unique_fd nameless(
        ::open(directory.path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    REQUIRE(open);
    REQUIRE(gone);
    REQUIRE(memory);
    REQUIRE(::write(memory.get(), "old", 3) == 3);
    fs::remove(directory / "gone");
    std::vector<fs::path> paths;
    for (const skyutil::unique_fd* const fd : {&open, &gone, &memory, &nameless}) {
        if (*fd) {
            const std::string number = std::to_string(fd->get());
            paths.emplace_back("/proc/self/fd/" + number);
            paths.emplace_back("/proc/" + std::to_string(::getpid()) + "/fd/" + number);
            paths.emplace_back("/proc/thread-self/fd/" + number);
            paths.emplace_back("/dev/fd/" + number);
            fs::create_symlink("/proc/self/fd/" + number, directory / ("link to " + number));
            paths.push_back(directory / ("link to " + number));
        }
    }
    paths.emplace_back("/proc/self/exe");
    const auto before = names_of(directory.path());
    for (const fs::path& path : paths) {
        INFO(path);
        if (!fs::exists(path)) {
            continue;  // /dev/fd
        }
        CHECK(try_write(path, "new") == std::errc::operation_not_supported);
        std::error_code error;
        skyutil::write_file_atomic(path, "new", {.in_place_if_needed = true}, error);
        CHECK(error == std::errc::operation_not_supported);
        CHECK_THROWS_AS(skyutil::write_file_atomic(path, "new"), fs::filesystem_error);
    }
    CHECK(names_of(directory.path()) == before);
    CHECK(names_of("/") == root_before);
    CHECK(read_file(directory / "file") == "old");
    CHECK(read_file(directory / "gone (deleted)") == "another");
    char text[4] = {};
    CHECK(::pread(memory.get(), text, 3, 0) == 3);
    CHECK(std::string_view(text) == "old");
}

TEST_CASE("standard output is no name, wherever it leads") {
    const temporary_directory directory;
    write_file(directory / "log", "old");
    const json answer = run_in_child([&] {
        const int fd = ::open((directory / "log").c_str(), O_WRONLY | O_APPEND);
        if (fd == -1 || ::dup2(fd, STDOUT_FILENO) == -1) {
            throw_errno("dup2");
        }
        if (!fs::exists("/dev/stdout")) {
            throw cannot_run{"there is no /dev/stdout"};
        }
        return json{try_write("/dev/stdout", "new").value()};
    });
    CHECK(answer == json{EOPNOTSUPP});
    CHECK(read_file(directory / "log") == "old");
    CHECK(entries_of(directory.path()) == 1);
}

TEST_CASE("a directory that is held open names the files in it") {
    const temporary_directory directory;
    fs::create_directory(directory / "held");
    write_file(directory / "held/file", "old");
    const skyutil::unique_fd held(::open((directory / "held").c_str(), O_RDONLY | O_CLOEXEC));
    const fs::path through = "/proc/self/fd/" + std::to_string(held.get());
    fs::rename(directory / "held", directory / "moved");
    CHECK_FALSE(try_write(through / "file", "new"));
    CHECK_FALSE(try_write(through / "made", "new"));
    CHECK(read_file(directory / "moved/file") == "new");
    CHECK(read_file(directory / "moved/made") == "new");
    CHECK(entries_of(directory / "moved") == 2);
}

TEST_CASE("files of /proc and /sys are not replaced") {
    for (const char* const path :
         {"/proc/self/comm", "/proc/self/oom_score_adj", "/proc/version", "/proc/mounts",
          "/proc/self/none", "/proc/none", "/sys/kernel/none"}) {
        INFO(path);
        CHECK(try_write(path, "0"));
    }
}

// ------------------------------------------------------------------------------------- in place

TEST_CASE("a file that is mounted on its name is an error, or is written in place when asked for") {
    const temporary_directory directory;
    const json answer = run_in_child([&] {
        enter_mount_namespace();
        write_file(directory / "host", "a longer text than the new one");
        fs::create_directory(directory / "container");
        write_file(directory / "container/config", "");
        const fs::path mounted = directory / "container/config";
        bind(directory / "host", mounted);
        json results{try_write(mounted, "new").value(),
                     read_file(mounted) == "a longer text than the new one",
                     entries_of(directory / "container")};

        std::error_code error = std::make_error_code(std::errc::io_error);
        const skyutil::write_method method =
            skyutil::write_file_atomic(mounted, "new", {.in_place_if_needed = true}, error);
        results.push_back(error.value());
        results.push_back(method == skyutil::write_method::in_place);
        results.push_back(read_file(directory / "host"));
        results.push_back(entries_of(directory / "container"));

        const std::string large(100'000, 'x');
        results.push_back(
            skyutil::write_file_atomic(mounted, large, {.in_place_if_needed = true}) ==
            skyutil::write_method::in_place);
        results.push_back(read_file(directory / "host") == large);
        fs::create_symlink("container/config", directory / "link");
        results.push_back(skyutil::write_file_atomic(directory / "link", "through a link",
                                                     {.in_place_if_needed = true}) ==
                          skyutil::write_method::in_place);
        results.push_back(read_file(directory / "host"));
        ::umount(mounted.c_str());
        return results;
    });
    CHECK(answer == json{EBUSY, true, 1, 0, true, "new", 1, true, true, true, "through a link"});
}

TEST_CASE("a file in a directory that is closed or read-only is written in place when asked for") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "old");
    fs::permissions(path, fs::perms(0666));
    for (const unsigned mode : {0555U, 0111U}) {
        INFO(std::oct << mode);
        fs::permissions(directory.path(), fs::perms(mode));
        const json answer = run_in_child([&] {
            drop_privileges();
            std::error_code error;
            const bool in_place =
                skyutil::write_file_atomic(path, "new", {.in_place_if_needed = true}, error) ==
                skyutil::write_method::in_place;
            return json{try_write(path, "other").value(), error.value(), in_place};
        });
        fs::permissions(directory.path(), fs::perms(0755));
        CHECK(answer == json{EACCES, 0, true});
        CHECK(read_file(path) == "new");
        CHECK(entries_of(directory.path()) == 1);
    }

    const json read_only = run_in_child([&] {
        enter_mount_namespace();
        bind(directory.path(), directory.path());
        if (::mount(nullptr, directory.path().c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY,
                    nullptr) == -1) {
            throw cannot_run{"may not mount"};
        }
        std::error_code error;
        skyutil::write_file_atomic(path, "newer", {.in_place_if_needed = true}, error);
        return json{error.value(), read_file(path)};
    });
    CHECK(read_only == json{EROFS, "new"});
}

TEST_CASE("where a rename will do a file is not written in place, whatever is asked for") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "old");
    const skyutil::unique_fd old(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    CHECK(skyutil::write_file_atomic(path, "new", {.in_place_if_needed = true}) ==
          skyutil::write_method::renamed);
    CHECK(skyutil::write_file_atomic(path, "newer", skyutil::write_options{}) ==
          skyutil::write_method::renamed);
    CHECK(skyutil::write_file_atomic(directory / "made", "new", {.in_place_if_needed = true}) ==
          skyutil::write_method::renamed);
    char text[4] = {};
    CHECK(::pread(old.get(), text, 3, 0) == 3);
    CHECK(std::string_view(text) == "old");
    CHECK(read_file(path) == "newer");

    std::error_code error;
    skyutil::write_file_atomic(directory / "missing/x", "", {.in_place_if_needed = true}, error);
    CHECK(error == std::errc::no_such_file_or_directory);
    skyutil::write_file_atomic(directory.path(), "", {.in_place_if_needed = true}, error);
    CHECK(error == std::errc::is_a_directory);
}
