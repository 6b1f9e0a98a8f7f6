// SPDX-License-Identifier: MIT
//
// How is a command run for ten seconds at most, with its output, and without leaving processes?
//
//     skyutil_example_run_with_timeout sh -c 'echo working; sleep 60 & sleep 60'

#include <skyutil/subprocess.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    using namespace std::chrono_literals;
    try {
        const skyutil::completed_process done =
            skyutil::run(std::vector<std::string>(argv + 1, argv + argc),
                         {.timeout = 10s, .grace = 2s, .max_output = 1'000'000});
        std::cout << done.stdout_text;
        std::cerr << done.stderr_text;
        if (done.timed_out) {
            std::cerr << "not done after 10 s: ended, with everything it had started\n";
        } else if (done.signal != 0) {
            std::cerr << "ended by signal " << done.signal << '\n';
        }
        return done.ok() ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const skyutil::start_error& e) {
        std::cerr << e.what() << '\n';  // no such program, no permission...
        return EXIT_FAILURE;
    }
}
