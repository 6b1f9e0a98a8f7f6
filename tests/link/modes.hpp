// SPDX-License-Identifier: MIT
//
// What units compiled with different settings each do with the same inline functions.

#pragma once

#include <skyutil/files.hpp>
#include <skyutil/parallel.hpp>
#include <skyutil/strings.hpp>

#include <numeric>
#include <string>
#include <system_error>
#include <vector>

/// 0, or the number of what does not hold.
inline namespace SKYUTIL_TEST_UNIT {
inline int check_calls(bool with_throwing_forms) {
    std::error_code error;
#if defined(SKYUTIL_OS_UNSUPPORTED)
    if (skyutil::count_directory_entries("/", error) != 0 ||
        error != std::errc::function_not_supported) {
        return 6;
    }
#else
    if (!skyutil::read_last_n_lines("/nowhere", 3, error).empty() ||
        error != std::errc::no_such_file_or_directory) {
        return 1;
    }
    if (skyutil::read_last_n_lines("/proc/self/status", 1000, error).size() < 10 || error) {
        return 2;
    }
    if (skyutil::count_directory_entries("/proc/self", error) < 10 || error) {
        return 3;
    }
#endif
    std::vector<int> numbers(100);
    std::iota(numbers.begin(), numbers.end(), 0);
    const std::vector<int> results =
        skyutil::run_in_parallel([](int number) { return number + 1; }, numbers, 3);
    if (std::accumulate(results.begin(), results.end(), 0) != 5050) {
        return 4;
    }
    if (skyutil::base36_encode("deadbeef") != "1ps9wxb" || skyutil::format_float(0.25) != "0.2") {
        return 5;
    }
    if (with_throwing_forms) {  // never: they are there to be linked
        static_cast<void>(skyutil::read_last_n_lines("/nowhere", 3));
        static_cast<void>(skyutil::base36_encode("no number"));
        static_cast<void>(skyutil::run_in_parallel([](int) { return 1; }, numbers, 3));
    }
    return 0;
}
}  // namespace SKYUTIL_TEST_UNIT
