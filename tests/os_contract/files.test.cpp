// SPDX-License-Identifier: MIT

#include <skyutil/detail/os/attributes.hpp>
#include <skyutil/detail/os/files.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <system_error>

#include "os_contract/answers.hpp"

using namespace skyutil_tests;
namespace fs = std::filesystem;

namespace {

/// A directory that is open, and goes with what is in it.
class workplace {
public:
    workplace() {
        std::array<unsigned char, 8> bytes{};
        done([&](std::error_code& error) { os::random_bytes(bytes, error); });
        std::string name = "skyutil-contract-";
        for (const unsigned char byte : bytes) {
            name += static_cast<char>('a' + byte % 26);
        }
        path_ = done([](std::error_code& error) { return os::temporary_location(error); }) / name;
        fs::create_directory(path_);
        handle_.reset(done(
            [&](std::error_code& error) { return os::open_directory(path_.native(), error); }));
        CHECK(handle_);
    }
    workplace(const workplace&) = delete;
    workplace& operator=(const workplace&) = delete;
    ~workplace() {
        handle_.reset();
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }

    const fs::path& path() const { return path_; }
    os::native_handle get() const { return handle_.get(); }

    /// Makes a file with a text, still open.
    unique_fd make(const std::string& name, std::string_view text) const {
        const os::path_text native = name_of(name);
        unique_fd file(done([&](std::error_code& error) {
            return os::create_file(get(), native.c_str(), os::audience::everyone, error);
        }));
        done([&](std::error_code& error) { os::write_all(file.get(), text, error); });
        return file;
    }

private:
    fs::path path_;
    unique_fd handle_;
};

std::string read_from(os::native_handle file, std::uint64_t offset, std::size_t size) {
    std::string text(size, '\0');
    text.resize(done([&](std::error_code& error) {
        return os::read_at(file, text.data(), text.size(), offset, error);
    }));
    return text;
}

std::set<fs::path> entries_of(os::native_handle directory, os::entries state) {
    std::set<fs::path> names;
    done([&](std::error_code& error) {
        os::find_entry(
            directory, state,
            [&](const os::directory_entry& entry) {
                names.insert(entry.name);
                return false;
            },
            error);
    });
    return names;
}

}  // namespace

TEST_CASE("what is written to a file is read from it, at any place") {
    const workplace place;
    const unique_fd file = place.make("file", "0123456789");
    CHECK(read_from(file.get(), 0, 100) == "0123456789");
    CHECK(read_from(file.get(), 7, 2) == "78");
    CHECK(read_from(file.get(), 10, 5).empty());
    const os::file_status status =
        done([&](std::error_code& error) { return os::status(file.get(), error); });
    CHECK(status.kind == os::file_kind::regular);
    CHECK(status.size == 10);

    done([&](std::error_code& error) { os::resize(file.get(), 12, error); });
    CHECK(read_from(file.get(), 9, 5) == std::string("9\0\0", 3));
    done([&](std::error_code& error) { os::resize(file.get(), 4, error); });
    CHECK(read_from(file.get(), 0, 100) == "0123");
    done([&](std::error_code& error) { os::sync(file.get(), error); });
    done([&](std::error_code& error) { os::sync_directory(place.get(), error); });
}

TEST_CASE("a file is read on from where it was read to, and from the start again") {
    const workplace place;
    place.make("file", "abcdef").reset();
    const unique_fd file(done([&](std::error_code& error) {
        return os::open_file((place.path() / "file").native(), error);
    }));
    const auto read_on = [&](std::size_t size) {
        std::string text(size, '\0');
        bool would_block = false;
        text.resize(done([&](std::error_code& error) {
            return os::read_some(file.get(), text.data(), text.size(), would_block, error);
        }));
        CHECK_FALSE(would_block);
        return text;
    };
    CHECK(read_on(4) == "abcd");
    CHECK(read_on(4) == "ef");
    CHECK(read_on(4).empty());
    done([&](std::error_code& error) { os::rewind_file(file.get(), error); });
    CHECK(read_on(3) == "abc");
}

TEST_CASE("a file is mapped, also one without bytes; a directory is not") {
    const workplace place;
    const unique_fd file = place.make("file", "text");
    const std::string_view bytes =
        done([&](std::error_code& error) { return os::map(file.get(), 4, error); });
    CHECK(bytes == "text");
    os::unmap(bytes);
    const unique_fd none = place.make("none", "");
    CHECK(done([&](std::error_code& error) { return os::map(none.get(), 0, error); }).empty());
    CHECK(error_of([&](std::error_code& error) { return os::map(place.get(), 0, error); }) ==
          std::errc::operation_not_supported);
}

TEST_CASE("what is not there, is there already or is no name is said") {
    const workplace place;
    const os::path_text missing = (place.path() / "missing").native();
    const auto opens = [](auto function, const os::path_text& name) {
        std::error_code error;
        CHECK(function(name, error) == os::no_handle);
        return error;
    };
    CHECK(opens(os::open_at_once, missing) == std::errc::no_such_file_or_directory);
    CHECK(opens(os::open_file, missing) == std::errc::no_such_file_or_directory);
    CHECK(opens(os::open_directory, missing) == std::errc::no_such_file_or_directory);
    CHECK(opens(os::open_location, missing) == std::errc::no_such_file_or_directory);
    const os::path_text cut = missing + os::path_text(1, 0) + name_of("x");
    CHECK(opens(os::open_at_once, cut) == std::errc::invalid_argument);
    CHECK(opens(os::open_file, cut) == std::errc::invalid_argument);
    CHECK(opens(os::open_directory, cut) == std::errc::invalid_argument);
    CHECK(opens(os::open_location, cut) == std::errc::invalid_argument);

    place.make("file", "").reset();
    const os::path_text file = name_of("file");
    CHECK(error_of([&](std::error_code& error) {
              return os::create_file(place.get(), file.c_str(), os::audience::owner, error);
          }) == std::errc::file_exists);
    CHECK(opens(os::open_directory, (place.path() / "file").native()) ==
          std::errc::not_a_directory);
    CHECK(error_of([&](std::error_code& error) {
              return os::open_entry_directory(place.get(), file.c_str(), error);
          }) == std::errc::not_a_directory);
    CHECK_FALSE(os::is_directory(missing));
    CHECK_FALSE(os::is_directory((place.path() / "file").native()));
    CHECK(os::is_directory(place.path().native()));
    CHECK_FALSE(done([&](std::error_code& error) {
                    return os::read_link((place.path() / "file").native(), error);
                }).has_value());
}

TEST_CASE("the entries of a directory are found and counted, and made and removed in it") {
    const workplace place;
    place.make("a", "").reset();
    const os::path_text inner = name_of("inner");
    done([&](std::error_code& error) { os::create_directory(place.get(), inner.c_str(), error); });
    CHECK(entries_of(place.get(), os::entries::unread) == std::set<fs::path>{"a", "inner"});
    CHECK(entries_of(place.get(), os::entries::read_before) == std::set<fs::path>{"a", "inner"});
    {
        const unique_fd again(done([&](std::error_code& error) {
            return os::open_directory(place.path().native(), error);
        }));
        CHECK(done([&](std::error_code& error) { return os::count_entries(again.get(), error); }) ==
              2);
    }
    int seen = 0;
    done([&](std::error_code& error) {
        os::find_entry(
            place.get(), os::entries::read_before,
            [&](const os::directory_entry&) { return ++seen == 1; }, error);
    });
    CHECK(seen == 1);

    std::error_code error;
    os::remove_file(place.get(), inner.c_str(), error);
    CHECK(error == std::errc::is_a_directory);
    error.clear();
    os::remove_directory(place.get(), name_of("a").c_str(), error);
    CHECK(error == std::errc::not_a_directory);
    fs::create_directory(place.path() / "inner/most");
    error.clear();
    os::remove_directory(place.get(), inner.c_str(), error);
    CHECK((error == std::errc::directory_not_empty || error == std::errc::file_exists));
    fs::remove(place.path() / "inner/most");
    done([&](std::error_code& e) { os::remove_directory(place.get(), inner.c_str(), e); });
    done([&](std::error_code& e) { os::remove_file(place.get(), name_of("a").c_str(), e); });
    CHECK(entries_of(place.get(), os::entries::read_before).empty());
}

TEST_CASE("an open directory knows the one that it is in, and is removed from there") {
    const workplace place;
    fs::create_directory(place.path() / "inner");
    unique_fd inner(done([&](std::error_code& error) {
        return os::open_entry_directory(place.get(), name_of("inner").c_str(), error);
    }));
    const auto id_of = [](os::native_handle handle) {
        return done([&](std::error_code& error) { return os::identify(handle, error); });
    };
    {
        const unique_fd outer(
            done([&](std::error_code& error) { return os::open_parent(inner.get(), error); }));
        CHECK(id_of(outer.get()) == id_of(place.get()));
        CHECK_FALSE(id_of(inner.get()) == id_of(place.get()));
    }
    CHECK(id_of(inner.get()) == done([&](std::error_code& error) {
              return os::identify(place.get(), name_of("inner").c_str(), error);
          }));
    done([&](std::error_code& error) {
        os::remove_open_directory(inner.get(), (place.path() / "inner").native(), error);
    });
    inner.reset();  // some systems keep the name until then
    CHECK_FALSE(fs::exists(place.path() / "inner"));
}

TEST_CASE("a file takes the place of another in one step") {
    const workplace place;
    place.make("old", "old").reset();
    place.make("new", "new").reset();
    done([&](std::error_code& error) {
        os::rename(place.get(), name_of("new").c_str(), name_of("old").c_str(), error);
    });
    CHECK(entries_of(place.get(), os::entries::unread) == std::set<fs::path>{"old"});
    const unique_fd file(done([&](std::error_code& error) {
        return os::open_to_overwrite(place.get(), name_of("old").c_str(), error);
    }));
    done([&](std::error_code& error) { os::write_all(file.get(), "n", error); });
    const unique_fd read(done([&](std::error_code& error) {
        return os::open_at_once((place.path() / "old").native(), error);
    }));
    CHECK(read_from(read.get(), 0, 10) == "new");
}

TEST_CASE("a file that is written to is another version of itself") {
    const workplace place;
    const unique_fd file = place.make("file", "a");
    const auto status = [&] {
        return done([&](std::error_code& error) { return os::status(file.get(), error); });
    };
    const os::file_status before = status();
    CHECK(before.written <= before.changed);
    CHECK(status() == before);
    done([&](std::error_code& error) { os::write_all(file.get(), "b", error); });
    CHECK_FALSE(status() == before);
    CHECK_FALSE(os::is_past({.seconds = before.written.seconds + 100'000, .nanoseconds = 0}));
}

TEST_CASE("a new file gets what the one has whose place it takes") {
    const workplace place;
    const unique_fd old = place.make("old", "");
    fs::permissions(place.path() / "old", fs::perms::owner_write, fs::perm_options::remove);
    const unique_fd made = place.make("new", "");
    const os::path_text name = (place.path() / "old").native();
    const os::file_attributes attributes =
        done([&](std::error_code& error) { return os::attributes(name, error); });
    CHECK(attributes.exists);
    CHECK(attributes.regular);
    CHECK_FALSE(attributes.directory);
    CHECK(attributes.id ==
          done([&](std::error_code& error) { return os::identify(old.get(), error); }));
    done([&](std::error_code& error) { os::copy_attributes(made.get(), attributes, name, error); });
    CHECK(fs::status(place.path() / "new").permissions() ==
          fs::status(place.path() / "old").permissions());
    CHECK_FALSE(done([&](std::error_code& error) {
                    return os::attributes((place.path() / "missing").native(), error);
                }).exists);
    fs::permissions(place.path() / "old", fs::perms::owner_write, fs::perm_options::add);
    fs::permissions(place.path() / "new", fs::perms::owner_write, fs::perm_options::add);
}

TEST_CASE("random bytes are others each time") {
    std::array<unsigned char, 32> first{};
    std::array<unsigned char, 32> second{};
    done([&](std::error_code& error) { os::random_bytes(first, error); });
    done([&](std::error_code& error) { os::random_bytes(second, error); });
    CHECK(first != second);
}

TEST_CASE("the last of a character is found") {
    constexpr std::string_view text = "a/b/c";
    CHECK(os::find_last(text, '/') == text.data() + 3);
    CHECK(os::find_last(text, 'x') == nullptr);
    CHECK(os::find_last({}, 'x') == nullptr);
}
