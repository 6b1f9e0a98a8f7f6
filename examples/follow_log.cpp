// SPDX-License-Identifier: MIT
//
// What is written to a log from now on, and through its rotations? A second run goes on where the
// first one ended.
//
//     skyutil_example_follow_log /var/log/syslog position.txt

#include <skyutil/files.hpp>
#include <skyutil/follow.hpp>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: " << argv[0] << " LOG POSITION_FILE\n";
        return EXIT_FAILURE;
    }
    skyutil::follow_options options;
    if (std::ifstream kept(argv[2]); kept >> options.position.offset >> options.position.file) {
        options.start = skyutil::follow_start::position;
    }
    skyutil::file_follower log(argv[1], options);
    while (const auto event = log.next(std::chrono::seconds(10))) {
        if (event->kind == skyutil::follow_kind::line) {
            std::cout << event->text << '\n';
        } else if (event->kind == skyutil::follow_kind::truncated) {
            std::cout << "(lines may be missing here)\n";
        }
    }
    const skyutil::follow_position reached = log.position();
    skyutil::write_file_atomic(argv[2], std::to_string(reached.offset) + ' ' + reached.file + '\n');
    return EXIT_SUCCESS;
}
