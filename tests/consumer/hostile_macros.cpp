// SPDX-License-Identifier: MIT
//
// Names that <windows.h>, <sys/sysmacros.h> and compilers in GNU mode make macros, in the way of
// every header of core.

// clang-format off
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define major(device) ((device) >> 8)
#define minor(device) ((device) & 255)
#define interface struct
#undef unix
#define unix 1
#undef linux
#define linux 1

#include <skyutil/files.hpp>
#include <skyutil/parallel.hpp>
#include <skyutil/ports.hpp>
#include <skyutil/process.hpp>
#include <skyutil/strings.hpp>
#include <skyutil/system.hpp>
#include <skyutil/version.hpp>
// clang-format on

#include <vector>

int main() {
    const std::vector<int> numbers(4, 1);
    const auto results = skyutil::run_in_parallel([](int number) { return number; }, numbers);
    return results == numbers && skyutil::get_cpu_count() >= 1 &&
                   skyutil::format_float(0.25) == "0.2" &&
                   skyutil::get_max_workers_for_file_mounts(1) >= 1
               ? 0
               : 1;
}
