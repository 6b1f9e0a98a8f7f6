// SPDX-License-Identifier: MIT
//
// mapped_file beside links, descriptors and files of the kernel.

#include <skyutil/files.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "files/outcomes_linux.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;

namespace {

namespace fs = std::filesystem;
using lines = std::vector<std::string>;

}  // namespace

TEST_CASE("mapped_file follows a link") {
    const temporary_directory directory;
    write_file(directory / "file", "text");
    fs::create_symlink("file", directory / "link");
    CHECK(skyutil::mapped_file(directory / "link").size() == 4);
}

TEST_CASE("mapped_file keeps what it maps when the file is removed or replaced") {
    const temporary_directory directory;
    const fs::path path = directory / "file";
    write_file(path, "old");
    const skyutil::mapped_file old(path);
    skyutil::write_file_atomic(path, "the new one");
    const skyutil::mapped_file replaced(path);
    fs::remove(path);
    CHECK(old.text() == "old");
    CHECK(replaced.text() == "the new one");
}

TEST_CASE("a mapped_file can be moved and leaves no descriptor and no memory behind") {
    const temporary_directory directory;
    write_file(directory / "a", "a");
    write_file(directory / "b", std::string(100'000, 'b'));
    write_file(directory / "empty", "");
    const auto count_mappings = [] {
        return skyutil::read_last_n_lines("/proc/self/maps", all).size();
    };
    const nlohmann::json answer = run_in_child([&] {
        static_cast<void>(count_mappings());
        const std::size_t descriptors = count_open_descriptors();
        const std::size_t before = count_mappings();
        bool right = true;
        for (int i = 0; i < 100; ++i) {
            skyutil::mapped_file a(directory / "a");
            skyutil::mapped_file b(directory / "b");
            const skyutil::mapped_file empty(directory / "empty");
            right = right && count_open_descriptors() == descriptors;
            swap(a, b);
            skyutil::mapped_file c(std::move(a));
            right = right && a.empty() && a.text().empty();  // NOLINT(*-use-after-move)
            b = std::move(c);
            skyutil::mapped_file& same = b;
            b = std::move(same);
            right = right && b.size() == 100'000 && b.text().front() == 'b';
            right = right && error_of_mapping(directory.path()) == std::errc::is_a_directory;
        }
        return nlohmann::json{{"right", right}, {"mappings", count_mappings() < before + 20}};
    });
    CHECK(answer == nlohmann::json{{"right", true}, {"mappings", true}});
}

TEST_CASE("what cannot be mapped is an error of its kind, and nothing is read from it") {
    const temporary_directory directory;
    make_fifo(directory / "fifo");
    fs::create_symlink("loop", directory / "loop");
    struct row {
        fs::path path;
        std::errc expected;
    };
    text_pipe pipe("text");
    for (const auto& [path, expected] :
         {row{directory.path(), std::errc::is_a_directory},
          row{directory / "missing", std::errc::no_such_file_or_directory},
          row{directory / "loop", std::errc::too_many_symbolic_link_levels},
          row{directory / "fifo", std::errc::operation_not_supported},
          row{pipe.path(), std::errc::operation_not_supported},
          row{"/dev/null", std::errc::operation_not_supported},
          row{"/dev/zero", std::errc::operation_not_supported},
          row{"/proc/self/limits", std::errc::operation_not_supported},
          row{"/proc/filesystems", std::errc::operation_not_supported},
          row{"", std::errc::no_such_file_or_directory},
          row{std::string("a\0b", 3), std::errc::invalid_argument}}) {
        INFO(path);
        CHECK(error_of_mapping(path) == expected);
        try {
            const skyutil::mapped_file file(path);
            FAIL_CHECK("no exception");
        } catch (const fs::filesystem_error& error) {
            CHECK(error.code() == expected);
            CHECK(error.path1() == path);
            CHECK(std::string(error.what()).find("skyutil::mapped_file") != std::string::npos);
        }
    }
    if (fs::exists("/sys/devices/system/cpu/online")) {
        CHECK(error_of_mapping("/sys/devices/system/cpu/online") ==
              std::errc::operation_not_supported);
    }
    CHECK(try_read(pipe.path(), 1).found == lines{"text"});  // still all there
}
