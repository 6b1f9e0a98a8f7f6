// SPDX-License-Identifier: MIT
//
// What are the last lines of a log, however large it is?
//
//     skyutil_example_last_lines /var/log/dpkg.log 20

#include <skyutil/files.hpp>

#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: " << argv[0] << " FILE LINES\n";
        return EXIT_FAILURE;
    }
    // One buffer for all lines. An invalid byte sequence is shown as U+FFFD.
    const skyutil::file_tail tail(argv[1], std::stoul(argv[2]),
                                  {.line_end = skyutil::line_end::strip_crlf,
                                   .invalid_utf8 = skyutil::invalid_utf8::replace});
    for (const std::string_view line : tail.lines()) {
        std::cout << line << '\n';
    }
    std::cerr << "read up to byte " << tail.end_offset() << '\n';
    return EXIT_SUCCESS;
}
