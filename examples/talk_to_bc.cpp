// SPDX-License-Identifier: MIT
//
// How does a program ask another one that answers line by line, and go on if that one dies?
//
//     skyutil_example_talk_to_bc '6 * 7' '2 ^ 100'    # needs the calculator bc(1)

#include <skyutil/subprocess.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>

int main(int argc, char** argv) {
    using namespace std::chrono_literals;
    using skyutil::output_stream;
    using skyutil::stdio_mode;
    try {
        skyutil::child_process bc({"bc", "-q"}, {.env = {{"BC_LINE_LENGTH", "0"}},
                                                 .stdin_from = stdio_mode::pipe,
                                                 .stdout_to = stdio_mode::pipe,
                                                 .merge_stderr = true,
                                                 .grace = 1s});
        for (int i = 1; i < argc; ++i) {
            bc.write(std::string(argv[i]) + "\n", 10s);
            const std::optional<std::string> answer = bc.read_line(output_stream::out, 10s);
            if (!answer) {
                std::cerr << "bc has ended\n";
                return EXIT_FAILURE;
            }
            std::cout << argv[i] << " = " << *answer << '\n';
        }
        bc.close_stdin();
        return bc.wait().ok() ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const std::system_error& e) {
        std::cerr << e.what() << '\n';  // no bc, no answer in time
        return EXIT_FAILURE;
    }
}
