// SPDX-License-Identifier: MIT

#include "commands.hpp"
#include "common.hpp"
#include "numbers.hpp"

#include <skyutil/subprocess.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace program {

namespace {

struct run_arguments {
    std::vector<std::string> words;
    std::optional<seconds> timeout;
    seconds grace{10};
    int retries = 0;
    std::vector<int> retry_codes;
    std::optional<std::size_t> max_output;
};

/// As timeout(1) and shells have it.
enum command_exit_code { timed_out = 124, by_signal = 128 };

/// Requests a stop at SIGINT, SIGTERM and SIGHUP: whoever started this program gets rid of the
/// command through it.
class stop_at_signals {
public:
    stop_at_signals() {
        ::sigemptyset(&signals_);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
            ::sigaddset(&signals_, signal);
        }
        ::sigprocmask(SIG_BLOCK, &signals_, nullptr);
        waiter_ = std::jthread([this](const std::stop_token& ended) {
            const timespec pause{0, 50'000'000};
            while (!ended.stop_requested()) {
                if (const int signal = ::sigtimedwait(&signals_, nullptr, &pause); signal > 0) {
                    signal_ = signal;
                    source_.request_stop();
                }
            }
        });
    }

    [[nodiscard]] std::stop_token token() const { return source_.get_token(); }
    [[nodiscard]] int signal() const { return signal_; }

private:
    sigset_t signals_{};
    std::atomic<int> signal_ = 0;
    std::stop_source source_;
    std::jthread waiter_;
};

/// "1,2,3"
void add_codes(std::vector<int>& codes, const argument& list) {
    for (std::size_t begin = 0; begin <= list.text.size();) {
        const std::size_t end = (std::min)(list.text.find(',', begin), list.text.size());
        codes.push_back(to_number<int>({list.name, list.text.substr(begin, end - begin)}));
        begin = end + 1;
    }
}

int run(const run_arguments& arguments, bool as_json) {
    const auto milliseconds = [](seconds time) {
        return std::chrono::ceil<std::chrono::milliseconds>(time);
    };
    const stop_at_signals stopper;
    skyutil::run_options options{.grace = milliseconds(arguments.grace),
                                 .max_output = arguments.max_output,
                                 .stop = stopper.token(),
                                 .stdin_from = skyutil::stdio::inherit};
    if (arguments.timeout) {
        options.timeout = milliseconds(*arguments.timeout);
    }
    options.attributes.die_with_parent = true;
    if (!as_json) {  // what a terminal is for stays with the command
        options.stdout_to = skyutil::stdio::inherit;
        options.stderr_to = skyutil::stdio::inherit;
        options.attributes.group = skyutil::child_group::same;
    }
    int attempts = 1;
    std::minstd_rand generator{std::random_device()()};
    skyutil::retry_options retries{.max_retries = arguments.retries,
                                   .retry_codes = arguments.retry_codes};
    retries.backoff.random = [&] {
        ++attempts;
        return std::uniform_real_distribution<double>()(generator);
    };
    const skyutil::completed_process result =
        skyutil::run_with_retries(arguments.words, retries, options);
    if (as_json) {
        print({{"exit_code", result.exit_code},
               {"signal", result.signal},
               {"timed_out", result.timed_out},
               {"stopped", result.stopped},
               {"truncated", result.truncated},
               {"attempts", attempts},
               {"elapsed_seconds", seconds(result.elapsed).count()},
               {"peak_memory_bytes", result.peak_memory},
               {"stdout", result.stdout_text},
               {"stderr", result.stderr_text}});
    }
    return result.timed_out         ? timed_out
           : stopper.signal() != 0  ? by_signal + stopper.signal()
           : result.signal != 0     ? by_signal + result.signal
           : result.exit_code == -1 ? failure
                                    : result.exit_code;
}

}  // namespace

command run_command() {
    const auto with = std::make_shared<run_arguments>();
    return {
        .name = "run",
        .summary = "Run a command; its exit code, 124 after the timeout, 128 + signal",
        .options = {{.names = "-t,--timeout",
                     .help = "End it, with all it started, after so long",
                     .value = "TIME",
                     .set = [=](const argument& time) { with->timeout = to_time(time); }},
                    {.names = "--grace",
                     .help = "From SIGTERM to SIGKILL",
                     .value = "TIME",
                     .by_default = "10",
                     .set = [=](const argument& time) { with->grace = to_time(time); }},
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
                     .set =
                         [=](const argument& n) { with->max_output = to_number<std::size_t>(n); }}},
        .operands = {.name = "command",
                     .help = "The program and its arguments",
                     .least = 1,
                     .kind = kind::program,
                     .add = [=](const argument& word) { with->words.push_back(word.text); },
                     .end_options = true},
        .run = [=](bool as_json) { return run(*with, as_json); }};
}

}  // namespace program
