// SPDX-License-Identifier: MIT
//
// Reads the end of a file of 5 GiB, most of it a hole.

#include <skyutil/files.hpp>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

int main() {
    const skyutil::temporary_directory directory;
    const auto file = directory.path() / "large";
    std::ofstream(file) << "first\n";
    std::error_code error;
    std::filesystem::resize_file(file, std::uintmax_t{5} << 30, error);
    if (error) {
        std::puts("skipped: no file of 5 GiB can be made here");
        return 0;
    }
    std::ofstream(file, std::ios::app) << "\nbefore the last\nlast\n";
    const std::vector<std::string> lines = skyutil::read_last_n_lines(file, 2, error);
    if (error || lines != std::vector<std::string>{"before the last", "last"}) {
        std::printf("%zu lines, %s\n", lines.size(), error.message().c_str());
        return 1;
    }
    skyutil::write_file_atomic(file, "small\n", error);
    if (error || std::filesystem::file_size(file) != 6) {
        std::printf("cannot replace: %s\n", error.message().c_str());
        return 2;
    }
    return 0;
}
