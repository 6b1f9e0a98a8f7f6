// SPDX-License-Identifier: MIT
//
// What <skyutil/files.hpp> must not let through.

#include <skyutil/files.hpp>

#include <string>
#include <utility>
#include <vector>

void misuse();
void take(skyutil::unique_fd fd);
skyutil::unique_fd make();

void misuse() {
    std::error_code error;
    skyutil::unique_fd owner(3);
    const std::vector<std::string> lines =
        skyutil::read_last_n_lines("file", 2, {.max_bytes = 10}, error);
    const std::size_t entries = skyutil::count_directory_entries("directory", error);
    take(std::move(owner));

#if defined(CASE_unique_fd_copied)
    // expect: deleted
    const skyutil::unique_fd copy = owner;
#elif defined(CASE_unique_fd_assigned)
    // expect: deleted
    skyutil::unique_fd other;
    other = owner;
#elif defined(CASE_descriptor_taken_by_accident)
    // expect: could not convert|no viable conversion|no matching function
    take(3);
#elif defined(CASE_unique_fd_as_number)
    // expect: cannot convert|no viable conversion
    const int fd = owner;
#elif defined(CASE_unique_fd_dropped)
    // expect: nodiscard
    make();
#elif defined(CASE_release_ignored)
    // expect: nodiscard
    owner.release();
#elif defined(CASE_lines_ignored)
    // expect: nodiscard
    skyutil::read_last_n_lines("file", 2);
#elif defined(CASE_lines_ignored_with_error)
    // expect: nodiscard
    skyutil::read_last_n_lines("file", 2, error);
#elif defined(CASE_entries_ignored)
    // expect: nodiscard
    skyutil::count_directory_entries("directory");
#elif defined(CASE_line_end_of_another_enum)
    // expect: cannot convert|cannot initialize|could not convert
    const skyutil::tail_options options{.line_end = skyutil::invalid_utf8::keep};
#endif
    (void)lines;
    (void)entries;
}
