// SPDX-License-Identifier: MIT

#include "run.hpp"

#include "commands.hpp"
#include "common.hpp"
#include "numbers.hpp"
#include "signal_names.hpp"

#include <skyutil/process.hpp>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <memory>
#include <random>
#include <system_error>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace program {

namespace {

struct run_arguments {
    std::vector<std::string> words;
    seconds timeout{0};  ///< none
    seconds grace{10};
    int end_signal = SIGTERM;
    int retries = 0;
    std::vector<int> retry_codes;
    std::optional<std::size_t> max_output;
};

/// As timeout(1) and shells have it.
enum command_exit_code {
    timed_out = 124,
    not_run = 125,  ///< because of this program
    not_executable = 126,
    not_found = 127,
    by_signal = 128,
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

attempt_options make_options(const run_arguments& arguments, const taken_signals& signals,
                             bool as_json) {
    attempt_options options{.grace = to_milliseconds(arguments.grace),
                            .end_signal = arguments.end_signal,
                            .max_output = arguments.max_output};
    if (arguments.timeout > seconds(0)) {
        options.timeout = to_milliseconds(arguments.timeout);
    }
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
        options.strangers = skyutil::child_processes(::getpid());
    }
    skyutil::child_options& child = options.child;
    child.stdin_from = skyutil::stdio_mode::inherit;
    child.attributes.die_with_parent = true;
    child.attributes.keep_ignored_signals = true;
    child.attributes.shell_fallback = true;
    child.attributes.blocked_signals = signals.blocked_before();
    if (as_json) {
        child.stdout_to = skyutil::stdio_mode::pipe;
        child.stderr_to = skyutil::stdio_mode::pipe;
    } else {  // what a terminal is for stays with the command
        child.attributes.group = skyutil::child_group::same;
        child.attributes.keep_descriptors = true;
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

/// Waits before a retry: 1 s, 2 s, 4 s... 30 s, up to half of it less, so that many do not try at
/// once. Returns the signal that this process was to end by meanwhile, 0 for none.
int pause(int retry, taken_signals& signals) {
    std::minstd_rand generator{std::random_device()()};
    const seconds time = (std::min)(seconds(std::exp2((std::min)(retry, 5))), seconds(30)) *
                         std::uniform_real_distribution<double>(0.5, 1)(generator);
    const auto end = std::chrono::steady_clock::now() + to_milliseconds(time);
    while (std::chrono::steady_clock::now() < end) {
        static_cast<void>(signals.wait({}, end));
        while (const std::optional<signalfd_siginfo> info = signals.next()) {
            const int signal = static_cast<int>(info->ssi_signo);
            if (is_stop_signal(signal)) {
                act_on_self(signal);
            } else if (signal != SIGCHLD && signal != SIGCONT && signal != SIGURG &&
                       signal != SIGWINCH) {
                return signal;
            }
        }
        reap_orphans(0);
    }
    return 0;
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

/// Closes what hold_standard_streams() has opened: the command finds closed what the caller closed.
void close_held_streams() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        const int flags = ::fcntl(fd, F_GETFD);
        if (flags != -1 && (flags & FD_CLOEXEC) != 0) {
            ::close(fd);
        }
    }
}

int run(const run_arguments& arguments, bool as_json) {
    // With --json the command is in a session of its own: nothing there is stopped by the terminal.
    close_held_streams();
    taken_signals signals(as_json ? taken_signals::job_control::leave
                                  : taken_signals::job_control::take);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // who loses its parent comes here
    const attempt_options options = make_options(arguments, signals, as_json);
    outcome result;
    int attempts = 1;
    int dies_of = 0;
    for (;; ++attempts) {
        try {
            result = run_once(arguments.words, options, signals);
        } catch (const skyutil::start_error& e) {
            report(explain(e));
            return code_of(e);
        }
        dies_of =
            result.status.signal != 0 && result.told != 0 ? result.told : result.status.signal;
        if (attempts > arguments.retries || !is_worth_retrying(arguments, result)) {
            break;
        }
        if (const int signal = pause(attempts - 1, signals); signal != 0) {
            result.told = signal;
            dies_of = signal;
            break;
        }
    }
    if (as_json) {
        print_outcome(result, attempts);
        if (!std::cout.flush()) {
            return not_run;  // which the caller reports
        }
    }
    if (result.timed_out) {
        return result.status.signal == SIGKILL ? by_signal + SIGKILL : timed_out;
    }
    if (dies_of != 0) {
        die_of(dies_of);
        return by_signal + dies_of;
    }
    return result.status.exit_code == -1 ? not_run : result.status.exit_code;
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
        .details =
            "The command has the terminal, the descriptors and the signals that it would have "
            "without this program; with --json its output goes into the value instead. The "
            "exit code is the command's; 124 after the timeout, 137 if it took SIGKILL; 125 "
            "for a failure of this program, 126 for a command that cannot be executed, 127 "
            "for one that is not found. A signal that ends the command ends this program "
            "too. The timeout and SIGTERM end all that came of the command, other signals "
            "are passed on to it; of Ctrl-C on a terminal it has the grace to end, or to "
            "be at a prompt again.",
        .failure = not_run};
}

}  // namespace program
