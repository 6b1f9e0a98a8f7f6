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
skyutil::temporary_directory make_directory();

void misuse() {
    std::error_code error;
    skyutil::unique_fd owner(3);
    const std::vector<std::string> lines =
        skyutil::read_last_n_lines("file", 2, {.max_bytes = 10}, error);
    const std::size_t entries = skyutil::count_directory_entries("directory", error);
    take(std::move(owner));
    const skyutil::file_tail tail("file", 2);
    const skyutil::mapped_file mapped("file");
    skyutil::temporary_directory directory;
    directory.release();

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
#elif defined(CASE_lines_of_a_tail_that_is_gone)
    // expect: deleted
    for (const std::string_view line : skyutil::file_tail("file", 2).lines()) {
        (void)line;
    }
#elif defined(CASE_text_of_a_file_that_is_unmapped)
    // expect: deleted
    const std::string_view text = skyutil::mapped_file("file").text();
#elif defined(CASE_bytes_of_a_file_that_is_unmapped)
    // expect: deleted
    const auto bytes = skyutil::mapped_file("file").bytes();
#elif defined(CASE_path_of_a_directory_that_is_gone)
    // expect: deleted
    const std::filesystem::path path = skyutil::temporary_directory().path();
#elif defined(CASE_temporary_directory_dropped)
    // expect: nodiscard
    make_directory();
#elif defined(CASE_temporary_file_copied)
    // expect: deleted
    const skyutil::temporary_file file;
    const skyutil::temporary_file copy = file;
#elif defined(CASE_path_becomes_a_temporary_directory)
    // expect: conversion|could not convert|no viable
    const skyutil::temporary_directory own = std::filesystem::path("directory");
#elif defined(CASE_lines_changed)
    // expect: read-only|const-qualified|no viable overloaded|passing|discards qualifiers
    tail.lines()[0] = "other";
#endif
    (void)tail;
    (void)mapped;
    (void)lines;
    (void)entries;
}
