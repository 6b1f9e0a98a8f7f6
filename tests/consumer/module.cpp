// SPDX-License-Identifier: MIT

#include <string>
#include <system_error>
#include <vector>

import skyutil;

static_assert(skyutil::version.size() >= 5);

int main() {
    std::error_code error;
    const auto lines = skyutil::read_last_n_lines("/proc/self/limits", 2, error);
    const skyutil::temporary_directory directory;
    const skyutil::port_options options{.address = skyutil::port_address::loopback};
    const skyutil::reserved_port port(1024, options);
    const std::vector<int> numbers{1, 2, 3};
    const auto squares =
        skyutil::run_in_parallel([](int number) { return number * number; }, numbers);
    return skyutil::get_cpu_count() >= 1 && skyutil::get_memory_budget().usable() > 0 &&
                   lines.size() == 2 && !error && port.port() >= 1024 && skyutil::pid_exists(1) &&
                   skyutil::base36_encode("deadbeef") == "1ps9wxb" &&
                   squares == std::vector<int>{1, 4, 9}
               ? 0
               : 1;
}
