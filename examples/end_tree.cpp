// SPDX-License-Identifier: MIT
//
// How is a process ended with everything it has started?
//
//     sh -c 'sleep 600 & sleep 600' & skyutil_example_end_tree $!

#include <skyutil/process.hpp>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
    using namespace std::chrono_literals;
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " PROCESS_ID\n";
        return EXIT_FAILURE;
    }
    const std::int64_t pid = std::stoll(argv[1]);
    for (const skyutil::process_info& each : skyutil::process_tree(pid)) {
        std::cout << each.pid << '\t' << each.name << (each.alive ? "\n" : " (a zombie)\n");
    }
    // SIGTERM to all of them, five seconds for the whole tree, SIGKILL to those that are left.
    const skyutil::kill_report report = skyutil::kill_process_tree(pid, {.grace = 5s});
    std::cout << report.signalled.size() << " signalled, " << report.killed.size() << " killed\n";
    for (const auto& [left, error] : report.left) {
        std::cerr << "process " << left << " is left: " << error.message() << '\n';
    }
    return report.left.empty() ? EXIT_SUCCESS : EXIT_FAILURE;
}
