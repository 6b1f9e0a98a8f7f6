// SPDX-License-Identifier: MIT
//
// Every system call of files.hpp may fail, be interrupted or do less than asked.

#include <skyutil/files.hpp>

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "files/faults_linux.hpp"
#include "files/outcomes_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;

namespace {

namespace fs = std::filesystem;
using lines = std::vector<std::string>;

/// Something that makes system calls, and how to tell that it did no harm.
struct operation {
    std::string name;
    std::function<void()> prepare;
    std::function<std::error_code()> run;
    /// What is wrong afterwards, given what run() returned.
    std::function<std::string(const std::error_code&)> check;
};

std::vector<operation> operations(const fs::path& directory) {
    const fs::path file = directory / "file";
    const fs::path large = directory / "large";
    const std::string large_text = repeat("0123456789\n", 20'000);
    const auto nothing = [] {};
    const auto found = std::make_shared<lines>();
    const auto reading = [=](const char* name, const fs::path& path, std::size_t n, auto read,
                             const lines& expected) {
        return operation{name, nothing,
                         [=] {
                             const outcome result = read(path, n, skyutil::tail_options{});
                             *found = result.found;
                             return result.error;
                         },
                         [=](const std::error_code& error) -> std::string {
                             return *found == (error ? lines{} : expected) ? "" : "wrong lines";
                         }};
    };
    const auto state = std::make_shared<fs::path>();
    const auto no_file_but = [=](std::size_t count) -> std::string {
        const std::size_t entries = entries_of(directory);
        return entries == count ? "" : std::to_string(entries) + " entries";
    };
    return {
        reading("read_last_n_lines", file, 2, try_read, {"old", "text"}),
        reading("read_last_n_lines of a large file", large, 15'000, try_read,
                last_lines(large_text, 15'000)),
        reading("file_tail", large, 15'000, try_tail, last_lines(large_text, 15'000)),
        reading("read_last_n_lines of a file without a size", "/proc/self/comm", 1, try_read,
                last_lines(read_file("/proc/self/comm"), 1)),
        {"count_directory_entries", nothing,
         [=] {
             std::error_code error;
             const std::size_t count = skyutil::count_directory_entries(directory, error);
             *found = lines(count);
             return error;
         },
         [=](const std::error_code& error) -> std::string {
             return found->size() == (error ? 0U : 2U) ? "" : "wrong count";
         }},
        {"mapped_file", nothing,
         [=] {
             std::error_code error;
             const skyutil::mapped_file mapped(file, error);
             *found = {std::string(mapped.text())};
             return error;
         },
         [=](const std::error_code& error) -> std::string {
             return found->front() == (error ? "" : "old\ntext\n") ? "" : "wrong bytes";
         }},
        {"temporary_file", nothing,
         [=] {
             std::error_code error;
             const skyutil::temporary_file made(directory, error);
             return error || fs::exists(made.path()) ? error
                                                     : std::make_error_code(std::errc::bad_message);
         },
         [=](const std::error_code&) { return no_file_but(2); }},
        {"temporary_directory", nothing,
         [=] {
             std::error_code error;
             const skyutil::temporary_directory made(directory, error);
             return error;
         },
         [=](const std::error_code&) { return no_file_but(2); }},
        {"write_file_atomic", [=] { write_file(file, "old\ntext\n"); },
         [=] { return try_write(file, large_text); },
         [=](const std::error_code& error) -> std::string {
             const std::string text = read_file(file);
             write_file(file, "old\ntext\n");
             const std::string left = no_file_but(2);
             return !left.empty()                                  ? left
                    : text == (error ? "old\ntext\n" : large_text) ? ""
                    : error && text == large_text                  ? "replaced"
                                                                   : "damaged";
         }},
        {"write_file_atomic through a link to nothing",
         [=] {
             fs::remove(directory / "new");
             fs::create_symlink("new", directory / "link");
         },
         [=] { return try_write(directory / "link", "text"); },
         [=](const std::error_code& error) -> std::string {
             const bool there = fs::exists(directory / "new");
             const bool right = there && read_file(directory / "new") == "text";
             fs::remove(directory / "new");
             fs::remove(directory / "link");
             const std::string left = no_file_but(2);
             return !left.empty() ? left
                    : error       ? (there ? "replaced" : "")
                                  : (right ? "" : "not made");
         }},
    };
}

/// The calls whose failure may go unnoticed when a file is written: the file is as it should be, or
/// what they ask for is not known of every file.
const std::set<std::string> unnoticed{"close", "fchown", "fremovexattr", "llistxattr", "statfs"};

}  // namespace

TEST_CASE("every system call may fail: an error is reported, and nothing lost or left") {
    const temporary_directory directory;
    write_file(directory / "file", "old\ntext\n");
    write_file(directory / "large", repeat("0123456789\n", 20'000));
    meet_error_types();
    std::map<std::string, int> exercised;
    for (const operation& op : operations(directory.path())) {
        std::map<std::string, int> calls;
        op.prepare();
        {
            const fault counter;
            CHECK_FALSE(op.run());
            calls = counter.calls();
        }
        CHECK(op.check({}) == "");
        CHECK(calls["close"] > 0);
        for (const auto& [call, count] : calls) {
            for (int before = 0; before < count; ++before) {
                for (const int number : {EIO, ENOSPC, EMFILE, EDQUOT, EACCES, EINTR}) {
                    if (number == EINTR && call == "mmap") {
                        continue;
                    }
                    INFO(op.name << ": " << call << " " << before + 1 << " of " << count << ": "
                                 << std::generic_category().message(number));
                    op.prepare();
                    const std::size_t descriptors = count_open_descriptors();
                    std::error_code error;
                    bool happened = false;
                    {
                        const fault fault(call, before, number);
                        error = op.run();
                        happened = fault.happened();
                    }
                    CHECK(happened);
                    CHECK(count_open_descriptors() == descriptors);
                    std::string wrong = op.check(error);
                    // The directory is brought to the disk when the file has its new content.
                    const bool last_step = call == "fsync" && before == 1;
                    if (last_step && number != EINTR && error) {
                        CHECK(wrong == "replaced");
                        wrong = "";
                    }
                    // What was made cannot be removed when the removal itself fails.
                    if (op.name.starts_with("temporary") && !wrong.empty() && number != EINTR) {
                        wrong = "";
                        for (const auto& entry : fs::directory_iterator(directory.path())) {
                            if (entry.path().filename().string().starts_with("skyutil-")) {
                                fs::remove_all(entry.path());
                            }
                        }
                    }
                    CHECK(wrong == "");
                    const std::set<int> expected{0, number,
                                                 call == "mmap" && number == EIO ? EOPNOTSUPP : 0};
                    CHECK(expected.contains(error.value()));
                    // A file whose lists nobody may read is taken for one that has none.
                    const bool is_refused = call == "lgetxattr" && number == EACCES;
                    if (number == EINTR) {
                        CHECK_FALSE(error);
                    } else if (!unnoticed.contains(call) && !is_refused &&
                               error == std::error_code() && op.name.starts_with("write")) {
                        FAIL_CHECK("no error");
                    }
                    ++exercised[call];
                }
            }
        }
    }
    for (const char* const call :
         {"open", "openat", "pread", "read", "write", "fsync", "fchmod", "renameat", "unlinkat",
          "mkdirat", "mmap", "readlink", "getrandom", "syscall", "close"}) {
        INFO(call);
        CHECK(exercised[call] > 0);
    }
}

TEST_CASE("write_file_atomic brings the content to the disk before the new name, and then that") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "old");
    int syncs_before = -1;
    std::string name_had;
    std::map<std::string, int> calls;
    {
        const fault* self = nullptr;
        const fault fault("renameat", 0, [&] {
            syncs_before = self->calls().at("fsync");
            name_had = read_file(path);
        });
        self = &fault;
        skyutil::write_file_atomic(path, "new");
        calls = fault.calls();
    }
    CHECK(syncs_before == 1);
    CHECK(name_had == "old");
    CHECK(calls["fsync"] == 2);
    CHECK(calls["renameat"] == 1);
    CHECK(read_file(path) == "new");
}

TEST_CASE("signals before every system call and bytes that come three at a time change nothing") {
    const temporary_directory directory;
    write_file(directory / "file", "old\ntext\n");
    write_file(directory / "large", repeat("0123456789\n", 20'000));
    for (const operation& op : operations(directory.path())) {
        for (const auto kind : {fault::disturbance::interrupted, fault::disturbance::trickling}) {
            INFO(op.name << (kind == fault::disturbance::interrupted ? ", interrupted"
                                                                     : ", trickling"));
            op.prepare();
            std::error_code error;
            bool happened = false;
            {
                const fault fault(kind);
                error = op.run();
                happened = fault.happened();
            }
            CHECK(happened);
            CHECK_FALSE(error);
            CHECK(op.check(error) == "");
        }
    }
}

TEST_CASE("a temporary_directory that could not be removed can be removed again") {
    const temporary_directory directory;
    meet_error_types();
    const auto fill = [](const fs::path& path) {
        fs::create_directories(path / "a/b/c");
        fs::create_directories(path / "d");
        write_file(path / "a/b/file", "");
        write_file(path / "file", "");
    };
    std::map<std::string, int> calls;
    {
        skyutil::temporary_directory own(directory.path());
        fill(own.path());
        const fault counter;
        own.remove();
        calls = counter.calls();
    }
    CHECK(calls["unlinkat"] >= 7);
    for (const auto& [call, count] : calls) {
        for (int before = 0; before < count; ++before) {
            for (const int number : {EIO, EMFILE, EACCES, EPERM, EINTR}) {
                INFO(call << " " << before + 1 << " of " << count << ": "
                          << std::generic_category().message(number));
                skyutil::temporary_directory own(directory.path());
                const fs::path path = own.path();
                fill(path);
                const std::size_t descriptors = count_open_descriptors();
                std::error_code error;
                {
                    const fault fault(call, before, number);
                    own.remove(error);
                }
                CHECK(count_open_descriptors() == descriptors - (error ? 0 : 1));
                CHECK(fs::exists(path) == static_cast<bool>(error));
                if (number == EINTR) {
                    CHECK_FALSE(error);
                } else if (error) {
                    CHECK(error.value() == number);
                    own.remove(error);
                    CHECK_FALSE(error);
                }
            }
        }
    }
    CHECK(entries_of(directory.path()) == 0);
}
