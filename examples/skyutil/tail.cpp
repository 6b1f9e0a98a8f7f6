// SPDX-License-Identifier: MIT

#include "commands.hpp"
#include "common.hpp"
#include "numbers.hpp"

#include <skyutil/files.hpp>

#include <cstddef>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string_view>
#include <system_error>

namespace program {

namespace {

struct tail_arguments {
    std::filesystem::path file;
    std::size_t lines = 10;
    std::size_t max_bytes = skyutil::tail_options{}.max_bytes;
    bool replace_invalid = false;
};

int tail(const tail_arguments& arguments, bool as_json) {
    skyutil::tail_options options;
    options.max_bytes = arguments.max_bytes;
    if (arguments.replace_invalid) {
        options.invalid_utf8 = skyutil::invalid_utf8::replace;
    }
    if (!as_json) {
        options.line_end = skyutil::line_end::keep;
    }
    std::error_code error;
    const skyutil::file_tail found(arguments.file, arguments.lines, options, error);
    if (error) {
        report(arguments.file, error);
        return failure;
    }
    if (as_json) {
        print({{"file", arguments.file.string()}, {"lines", found.lines()}});
    } else {
        for (const std::string_view line : found.lines()) {
            std::cout << line;
        }
    }
    return yes;
}

}  // namespace

command tail_command() {
    const auto with = std::make_shared<tail_arguments>();
    return {
        .name = "tail",
        .summary = "Print the last lines of a file",
        .options = {{.names = "-n,--lines",
                     .help = "How many lines",
                     .value = "N",
                     .by_default = "10",
                     .set = [=](const argument& n) { with->lines = to_number<std::size_t>(n); }},
                    {.names = "--max-bytes",
                     .help = "Fail rather than hold more text in memory",
                     .value = "BYTES",
                     .by_default = std::to_string(with->max_bytes),
                     .set =
                         [=](const argument& n) { with->max_bytes = to_number<std::size_t>(n); }},
                    {.names = "--replace-invalid",
                     .help = "Replace what is not UTF-8 by U+FFFD",
                     .set = call([=] { with->replace_invalid = true; })}},
        .operands = {.name = "file",
                     .help = "Any file, pipe or FIFO",
                     .least = 1,
                     .most = 1,
                     .kind = kind::file,
                     .add = [=](const argument& file) { with->file = file.text; }},
        .run = [=](bool as_json) { return tail(*with, as_json); }};
}

}  // namespace program
