// SPDX-License-Identifier: MIT

#include "common.hpp"

#include <iostream>

namespace program {

void report(std::string_view what) {
    std::string line = "skyutil: ";
    for (const char c : what) {
        line += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
    }
    std::cerr << line + '\n';
}

void report(const std::filesystem::path& path, const std::error_code& error) {
    report("cannot read " + path.string() + ": " + error.message());
}

void print(const json& value) {
    std::cout << value.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

}  // namespace program
