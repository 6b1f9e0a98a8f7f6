// SPDX-License-Identifier: MIT

#include "run.hpp"

#include "commands.hpp"
#include "common.hpp"
#include "numbers.hpp"
#include "signal_names.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <system_error>
#include <vector>

namespace program {

namespace {

struct run_arguments {
    std::vector<std::string> words;
    seconds timeout{0};  ///< none
    seconds grace{10};
    int end_signal = attempt_options().end_signal;
    int retries = 0;
    std::vector<int> retry_codes;
    std::optional<std::size_t> max_output;
};

/// "1,2,3"
void add_codes(std::vector<int>& codes, const argument& list) {
    for (std::size_t begin = 0; begin <= list.text.size();) {
        const std::size_t end = (std::min)(list.text.find(',', begin), list.text.size());
        codes.push_back(to_number<int>({list.name, list.text.substr(begin, end - begin)}));
        begin = end + 1;
    }
}

std::chrono::milliseconds to_milliseconds(seconds time) {
    return std::chrono::ceil<std::chrono::milliseconds>(time);
}

attempt_options make_options(const run_arguments& arguments, bool as_json) {
    attempt_options options{.grace = to_milliseconds(arguments.grace),
                            .end_signal = arguments.end_signal,
                            .capture = as_json,
                            .max_output = arguments.max_output};
    if (arguments.timeout > seconds(0)) {
        options.timeout = to_milliseconds(arguments.timeout);
    }
    return options;
}

bool is_worth_retrying(const run_arguments& arguments, const outcome& result) {
    const std::vector<int>& codes = arguments.retry_codes;
    const skyutil::exit_status& status = result.status;
    return !status.ok() && result.told == 0 && !result.interrupted &&
           (codes.empty() || (status.signal == 0 && std::find(codes.begin(), codes.end(),
                                                              status.exit_code) != codes.end()));
}

/// Returns how long to wait before a retry: 1 s, 2 s, 4 s... 30 s, up to half of it less, so that
/// many do not try at once.
std::chrono::milliseconds pause_before(int retry) {
    std::minstd_rand generator{std::random_device()()};
    return to_milliseconds((std::min)(seconds(std::exp2((std::min)(retry, 5))), seconds(30)) *
                           std::uniform_real_distribution<double>(0.5, 1)(generator));
}

void print_outcome(const outcome& result, int attempts) {
    json page{{"exit_code", result.status.exit_code},
              {"signal", result.status.signal},
              {"timed_out", result.timed_out},
              {"stopped", result.told != 0},
              {"truncated", result.truncated},
              {"output_incomplete", result.output_incomplete},
              {"attempts", attempts},
              {"elapsed_seconds", seconds(result.elapsed).count()},
              {"peak_memory_bytes", result.status.peak_memory}};
    set_text(page, "stdout", result.out);
    set_text(page, "stderr", result.err);
    print(page);
}

/// The exit code for a command that cannot be started.
int code_of(const skyutil::start_error& error) {
    return error.step() != skyutil::start_step::program           ? not_run
           : error.code() == std::errc::no_such_file_or_directory ? not_found
                                                                  : not_executable;
}

int run(const run_arguments& arguments, bool as_json) {
    runner attempts(make_options(arguments, as_json));
    outcome result;
    int count = 1;
    for (;; ++count) {
        try {
            result = attempts.run_once(arguments.words);
        } catch (const skyutil::start_error& e) {
            report(explain(e));
            return code_of(e);
        }
        if (count > arguments.retries || !is_worth_retrying(arguments, result)) {
            break;
        }
        if (const int told = attempts.wait(pause_before(count - 1)); told != 0) {
            result.told = told;
            result.told_while_waiting = true;
            break;
        }
    }
    if (as_json) {
        print_outcome(result, count);
        if (!std::cout.flush()) {
            return not_run;  // which the caller reports
        }
    }
    return exit_code_of(result);
}

}  // namespace

command run_command() {
    const auto with = std::make_shared<run_arguments>();
    const auto set_grace = [=](const argument& time) { with->grace = to_time(time); };
    return {
        .name = "run",
        .summary = "Run a command; its exit code, 124 after the timeout, as timeout(1)",
        .options =
            {{.names = "-t,--timeout",
              .help = "End it, with all it started, after so long: 10, 1.5m, 2h, 1d; 0 for never",
              .value = "TIME",
              .set = [=](const argument& time) { with->timeout = to_time(time); }},
             {.names = "-s,--signal",
              .help = "The first signal of an end, by name or number",
              .value = "SIGNAL",
              .by_default = "TERM",
              .set = [=](const argument& signal) { with->end_signal = to_signal(signal); }},
             {.names = "--grace",
              .help = "From the first signal of an end to SIGKILL",
              .value = "TIME",
              .by_default = "10",
              .set = set_grace},
             {.names = "-k,--kill-after",
              .help = "The same as --grace",
              .value = "TIME",
              .set = set_grace},
             {.names = "-r,--retries",
              .help = "Run it again so often while it fails",
              .value = "N",
              .by_default = "0",
              .set = [=](const argument& n) { with->retries = to_number<int>(n, 0); }},
             {.names = "--retry-code",
              .help = "Exit codes that are worth another run, all by default",
              .value = "CODE,...",
              .set = [=](const argument& codes) { add_codes(with->retry_codes, codes); }},
             {.names = "--max-output",
              .help = "With --json: bytes to keep of each output",
              .value = "BYTES",
              .set = [=](const argument& n) { with->max_output = to_number<std::size_t>(n); }}},
        .operands = {.name = "command",
                     .help = "The program and its arguments",
                     .least = 1,
                     .kind = kind::program,
                     .add = [=](const argument& word) { with->words.push_back(word.text); },
                     .end_options = true},
        .run = [=](bool as_json) { return run(*with, as_json); },
        .details = describe_run(),
        .failure = not_run};
}

}  // namespace program
