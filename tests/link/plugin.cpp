// SPDX-License-Identifier: MIT
//
// A shared library that uses the library, to be loaded and unloaded by plugin_host.cpp.

#include <skyutil/parallel.hpp>
#include <skyutil/ports.hpp>
#include <skyutil/strings.hpp>
#include <skyutil/system.hpp>
#if defined(SKYUTIL_TEST_ALL_OF_CORE)
#include <skyutil/files.hpp>
#include <skyutil/follow.hpp>
#include <skyutil/process.hpp>
#include <skyutil/workers.hpp>
#endif

#include <system_error>
#include <vector>

extern "C" int use_skyutil();

/// 0 when all is well. Called in several threads.
extern "C" int use_skyutil() {
    std::error_code error;
    const std::vector<int> numbers(10, 1);
    if (skyutil::run_in_parallel([](int number) { return number; }, numbers, 3) != numbers) {
        return 1;
    }
    if (skyutil::get_cpu_count() < 1 || skyutil::get_mem_size_gb() <= 0 ||
        skyutil::describe_resources().empty() || skyutil::get_parallel_threads() < 4) {
        return 2;
    }
    if (skyutil::base36_encode("deadbeef") != "1ps9wxb" || skyutil::format_float(0.25) != "0.2" ||
        skyutil::find_free_port(1024, error) < 1024) {
        return 3;
    }
#if defined(SKYUTIL_TEST_ALL_OF_CORE)
    const skyutil::temporary_directory directory(error);
    skyutil::write_file_atomic(directory.path() / "file", "1\n2\n3\n", error);
    if (error || skyutil::read_last_n_lines(directory.path() / "file", 2, error).size() != 2 ||
        !skyutil::is_process_alive(1)) {
        return 4;
    }
    static_cast<void>(skyutil::child_processes(1, true, error));
#endif
    return 0;
}
