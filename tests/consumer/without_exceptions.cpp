// SPDX-License-Identifier: MIT
//
// Compiled without exceptions: every form of core with a std::error_code compiles and works. With
// an argument, the throwing form that it names must end the program with what it would have thrown.

#if defined(__cpp_exceptions)
#error "this is to be compiled with -fno-exceptions"
#endif

#include <skyutil/files.hpp>
#include <skyutil/follow.hpp>
#include <skyutil/parallel.hpp>
#include <skyutil/ports.hpp>
#include <skyutil/process.hpp>
#include <skyutil/strings.hpp>
#include <skyutil/system.hpp>
#include <skyutil/version.hpp>
#include <skyutil/workers.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace {

void check(bool holds, int line) {
    if (!holds) {
        std::fprintf(stderr, "line %d\n", line);
        std::exit(1);
    }
}

void check_what_fails() {
    std::error_code error;
    check(skyutil::read_last_n_lines("/nowhere", 3, error).empty(), __LINE__);
    check(error == std::errc::no_such_file_or_directory, __LINE__);
    check(skyutil::count_directory_entries("/proc/self/limits", error) == 0, __LINE__);
    check(error == std::errc::not_a_directory, __LINE__);
    skyutil::write_file_atomic("/nowhere/file", "text", error);
    check(error == std::errc::no_such_file_or_directory, __LINE__);
    const skyutil::mapped_file mapped("/nowhere", error);
    check(error == std::errc::no_such_file_or_directory, __LINE__);
    const auto none = skyutil::process_handle::open(INT64_MAX, error);
    check(error == std::errc::no_such_process && !none.alive(), __LINE__);
    check(skyutil::estimate_fd_for_directory("/nowhere", error) == 0 && error, __LINE__);
}

void check_what_works() {
    std::error_code error;
    check(skyutil::get_cpu_count() >= 1 && skyutil::get_mem_size_gb() > 0, __LINE__);
    check(!skyutil::describe_resources().empty(), __LINE__);
    check(skyutil::get_fd_limits().soft != 0U, __LINE__);
    check(skyutil::open_fd_count() >= 3, __LINE__);
    check(skyutil::pid_exists(1) && !skyutil::pid_exists(-1), __LINE__);
    check(skyutil::get_parallel_threads("kubernetes") >= 16, __LINE__);
    check(skyutil::get_max_workers_for_file_mounts(std::vector<std::string>{"/proc/self"}) >= 1,
          __LINE__);
    check(skyutil::base36_encode("deadbeef") == "1ps9wxb", __LINE__);
    check(skyutil::format_float(0.25) == "0.2", __LINE__);
    check(skyutil::truncate_long_string("one two three", 5) == "one t...", __LINE__);

    const std::uint16_t port = skyutil::find_free_port(1024, error);
    check(!error && port >= 1024, __LINE__);
    skyutil::reserved_port reserved(1024, {.address = skyutil::port_address::loopback}, error);
    check(!error && reserved.port() >= 1024, __LINE__);

    skyutil::temporary_directory directory(error);
    check(!error, __LINE__);
    const auto file = directory.path() / "file";
    skyutil::write_file_atomic(file, "1\n2\n3\n", error);
    check(!error, __LINE__);
    check(skyutil::read_last_n_lines(file, 2, error) == std::vector<std::string>{"2", "3"},
          __LINE__);
    check(!error, __LINE__);

    int lines = 0;
    skyutil::follow_file(
        file, [&](std::string_view) { return ++lines != 3; },
        {.start = skyutil::follow_start::beginning}, error);
    check(!error && lines == 3, __LINE__);
    const skyutil::file_follower nothing(directory.path(), {}, error);
    check(error == std::errc::is_a_directory, __LINE__);

    std::vector<int> numbers(100, 1);
    int sum = 0;
    for (const int each :
         skyutil::run_in_parallel([](int number) { return number + 1; }, numbers, 4)) {
        sum += each;
    }
    check(sum == 200, __LINE__);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view what = argc > 1 ? argv[1] : "";
    if (what == "path") {
        static_cast<void>(skyutil::read_last_n_lines("/nowhere", 3));
    } else if (what == "text") {
        static_cast<void>(skyutil::base36_encode("no number"));
    } else if (what == "process") {
        static_cast<void>(skyutil::process_handle::open(INT64_MAX));
    } else {
        check_what_fails();
        check_what_works();
        return 0;
    }
    return 1;
}
