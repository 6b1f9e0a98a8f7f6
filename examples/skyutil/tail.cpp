// SPDX-License-Identifier: MIT

#include "tail.hpp"
#include "commands.hpp"
#include "common.hpp"
#include "numbers.hpp"
#include "system.hpp"

#include <skyutil/files.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace program {

namespace {

/// "5", or "+5" for all from the fifth on.
void set_count(tail_arguments& arguments, tail_arguments::unit unit, const argument& n) {
    const bool from_start = n.text.starts_with('+') && n.text.size() > 1 && n.text[1] != '-';
    arguments.count = to_number<std::uint64_t>({n.name, n.text.substr(from_start ? 1 : 0)});
    arguments.counted = unit;
    arguments.from_start = from_start;
}

/// Calls `use` with the bytes of a file from where it is, block by block, as long as they can be
/// printed.
template <class Use>
void for_each_block(const input& file, Use use, std::error_code& error) {
    std::vector<char> buffer(std::size_t{256} * 1024);
    while (std::cout) {
        const std::size_t size = file.read(buffer, error);
        if (size == 0) {
            return;
        }
        use(std::string_view(buffer.data(), size));
    }
}

/// Prints what comes after so many line ends.
void print_after_lines(const input& file, std::uint64_t line_ends, std::error_code& error) {
    for_each_block(
        file,
        [&](std::string_view text) {
            while (line_ends != 0 && !text.empty()) {
                const std::size_t found = text.find('\n');
                text.remove_prefix(found == text.npos ? text.size() : found + 1);
                line_ends -= found == text.npos ? 0 : 1;
            }
            std::cout << text;
        },
        error);
}

/// Prints the last bytes, or all but the first ones.
void print_bytes(const input& file, const tail_arguments& arguments, std::error_code& error) {
    const std::uint64_t size = file.size();
    std::uint64_t skipped = arguments.skipped();
    if (size > 0) {
        const std::uint64_t first = arguments.from_start ? (std::min)(skipped, size)
                                                         : size - (std::min)(arguments.count, size);
        skipped = 0;
        file.go_to(first, error);
        if (error) {
            return;
        }
    }
    std::string last;  // of a pipe
    for_each_block(
        file,
        [&](std::string_view text) {
            const auto cut =
                static_cast<std::size_t>((std::min)(skipped, std::uint64_t{text.size()}));
            skipped -= cut;
            text.remove_prefix(cut);
            if (arguments.from_start || size > 0) {
                std::cout << text;
                return;
            }
            last += text;
            if (last.size() > arguments.count) {
                last.erase(0, last.size() - static_cast<std::size_t>(arguments.count));
            }
        },
        error);
    std::cout << last;
}

/// Prints what is not made of lines that are held in memory.
void print_blocks(const std::string& file, const tail_arguments& arguments,
                  std::error_code& error) {
    const input opened(to_path(file), error);
    if (error) {
        return;
    }
    if (arguments.counted == tail_arguments::unit::bytes) {
        print_bytes(opened, arguments, error);
    } else {
        print_after_lines(opened, arguments.skipped(), error);
    }
}

/// Prints a file, or adds it to the pages.
void tail(const std::string& file, const tail_arguments& arguments, json* pages,
          std::error_code& error) {
    const bool bytes = arguments.counted == tail_arguments::unit::bytes;
    if (pages == nullptr && (bytes || (arguments.from_start && !arguments.replace_invalid))) {
        print_blocks(file, arguments, error);
        return;
    }
    skyutil::tail_options options;
    options.max_bytes = arguments.max_bytes;
    if (arguments.replace_invalid) {
        options.invalid_utf8 = skyutil::invalid_utf8::replace;
    }
    if (pages == nullptr) {
        options.line_end = skyutil::line_end::keep;
    }
    constexpr std::size_t all = (std::numeric_limits<std::size_t>::max)();
    const skyutil::file_tail found(
        to_path(file), arguments.from_start ? all : static_cast<std::size_t>(arguments.count),
        options, error);
    const auto lines = found.lines().subspan(static_cast<std::size_t>(
        (std::min)(arguments.skipped(), std::uint64_t{found.lines().size()})));
    if (error) {
        return;
    }
    if (pages != nullptr) {
        json page;
        set_text(page, "file", file);
        set_texts(page, "lines", lines);
        pages->push_back(std::move(page));
    } else {
        for (const std::string_view line : lines) {
            std::cout << line;
        }
    }
}

int tail(const tail_arguments& arguments, bool as_json) {
    using namespace std::string_literals;
    if (as_json && arguments.counted == tail_arguments::unit::bytes && !arguments.follow) {
        throw std::invalid_argument("--bytes has no lines for --json");
    }
    if (!arguments.follow && (arguments.retry || !arguments.pids.empty())) {
        throw std::invalid_argument((arguments.retry ? "--retry"s : "--pid"s) +
                                    " is for --follow or --follow-name");
    }
    if (arguments.follow) {
        return follow(arguments, as_json);
    }
    tail_headers headers(arguments.files.size() > 1 && !as_json);
    json pages = json::array();
    int exit_code = yes;
    for (const std::string& file : arguments.files) {
        std::error_code error;
        if (is_readable(to_path(file))) {
            headers.print_for(file);
        }
        tail(file, arguments, as_json ? &pages : nullptr, error);
        if (error) {
            std::cout.flush();
            report(file, error);
            exit_code = failure;
        }
    }
    if (as_json && arguments.files.size() > 1) {
        print(pages);
    } else if (as_json && !pages.empty()) {
        print(pages.front());
    }
    return exit_code;
}

}  // namespace

void tail_headers::print_for(const std::string& file) {
    if (wanted_ && (!printed_ || last_ != file)) {
        std::cout << (printed_ ? "\n==> " : "==> ") << printable(file) << " <==\n";
        printed_ = true;
        last_ = file;
    }
}

command tail_command() {
    const auto with = std::make_shared<tail_arguments>();
    return {
        .name = "tail",
        .summary = "Print the last lines of files, and what is appended",
        .options =
            {{.names = "-n,--lines",
              .help = "How many lines; +N for all from line N on",
              .value = "N",
              .by_default = "10",
              .set = [=](const argument& n) { set_count(*with, tail_arguments::unit::lines, n); }},
             {.names = "-c,--bytes",
              .help = "How many bytes instead; +N for all from byte N on",
              .value = "N",
              .set = [=](const argument& n) { set_count(*with, tail_arguments::unit::bytes, n); }},
             {.names = "-f,--follow",
              .help = "Print what is appended as well, wherever the file is moved",
              .set = call([=] { with->follow = true; })},
             {.names = "-F,--follow-name",
              .help = "The same, through rotations: whatever file has the name",
              .set = call([=] { with->follow = with->by_name = true; })},
             {.names = "--retry",
              .help = "With --follow, wait for files that are not there, by name",
              .set = call([=] { with->retry = true; })},
             {.names = "--pid",
              .help = "End when this process has; the last of several",
              .value = "PID",
              .kind = kind::process,
              .set =
                  [=](const argument& pid) { with->pids.push_back(to_number<std::int64_t>(pid)); }},
             {.names = "--sleep",
              .help = "How often files are looked at that make no events",
              .value = "SECONDS",
              .by_default = "1",
              .set = [=](const argument& time) { with->interval = to_time(time); }},
             {.names = "--max-bytes",
              .help = "Fail rather than hold more text in memory",
              .value = "BYTES",
              .by_default = std::to_string(with->max_bytes),
              .set = [=](const argument& n) { with->max_bytes = to_number<std::size_t>(n); }},
             {.names = "--replace-invalid",
              .help = "Replace what is not UTF-8 by U+FFFD",
              .set = call([=] { with->replace_invalid = true; })}},
        .operands = {.name = "file",
                     .help = "Any file, pipe or FIFO",
                     .least = 1,
                     .kind = kind::file,
                     .add = [=](const argument& file) { with->files.push_back(file.text); }},
        .run = [=](bool as_json) { return tail(*with, as_json); },
        .details =
            "With --json, file_bytes and lines_bytes have the bytes of what is not UTF-8, in "
            "base 64; with --follow each event is a line of JSON. Only whole lines are followed: "
            "Ctrl-C does not cut one."};
}

}  // namespace program
