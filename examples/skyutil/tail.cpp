// SPDX-License-Identifier: MIT

#include "commands.hpp"
#include "common.hpp"
#include "numbers.hpp"

#include <skyutil/files.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <iostream>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace program {

namespace {

struct tail_arguments {
    std::filesystem::path file;
    std::size_t lines = 10;
    bool from_start = false;  ///< all from that line on
    std::size_t max_bytes = skyutil::tail_options{}.max_bytes;
    bool replace_invalid = false;
};

/// "5", or "+5" for all from the fifth line on.
void set_lines(tail_arguments& arguments, const argument& n) {
    const bool from_start = n.text.starts_with('+') && n.text.size() > 1 && n.text[1] != '-';
    arguments.lines = to_number<std::size_t>({n.name, n.text.substr(from_start ? 1 : 0)});
    arguments.from_start = from_start;
}

/// Prints what comes after so many line ends, block by block.
void print_after(const std::filesystem::path& path, std::size_t line_ends, std::error_code& error) {
    const auto last_error = [] { return std::error_code(errno, std::generic_category()); };
    const skyutil::unique_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
        error = last_error();
        return;
    }
    std::vector<char> buffer(std::size_t{256} * 1024);
    while (std::cout) {
        const ssize_t size = ::read(fd.get(), buffer.data(), buffer.size());
        if (size == 0 || (size == -1 && errno != EINTR)) {
            error = size == 0 ? std::error_code() : last_error();
            return;
        }
        std::string_view text(buffer.data(),
                              static_cast<std::size_t>((std::max)(size, ssize_t{0})));
        for (; line_ends != 0 && !text.empty();) {
            const std::size_t found = text.find('\n');
            text.remove_prefix(found == text.npos ? text.size() : found + 1);
            line_ends -= found == text.npos ? 0 : 1;
        }
        std::cout << text;
    }
}

int tail(const tail_arguments& arguments, bool as_json) {
    const std::size_t skip =
        arguments.from_start ? (std::max)(arguments.lines, std::size_t{1}) - 1 : 0;
    std::error_code error;
    if (arguments.from_start && !as_json && !arguments.replace_invalid) {
        print_after(arguments.file, skip, error);
        if (error) {
            report(arguments.file, error);
            return failure;
        }
        return yes;
    }
    skyutil::tail_options options;
    options.max_bytes = arguments.max_bytes;
    if (arguments.replace_invalid) {
        options.invalid_utf8 = skyutil::invalid_utf8::replace;
    }
    if (!as_json) {
        options.line_end = skyutil::line_end::keep;
    }
    constexpr std::size_t all = (std::numeric_limits<std::size_t>::max)();
    const skyutil::file_tail found(arguments.file, arguments.from_start ? all : arguments.lines,
                                   options, error);
    if (error) {
        report(arguments.file, error);
        return failure;
    }
    const auto lines = found.lines().subspan((std::min)(skip, found.lines().size()));
    if (as_json) {
        json page;
        set_text(page, "file", arguments.file.native());
        set_texts(page, "lines", lines);
        print(page);
    } else {
        for (const std::string_view line : lines) {
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
                     .help = "How many lines; +N for all from line N on",
                     .value = "N",
                     .by_default = "10",
                     .set = [=](const argument& n) { set_lines(*with, n); }},
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
        .run = [=](bool as_json) { return tail(*with, as_json); },
        .details =
            "With --json, file_bytes and lines_bytes have the bytes of what is not UTF-8, in "
            "base 64."};
}

}  // namespace program
