// SPDX-License-Identifier: MIT
//
// run.hpp: the runs of a command by "run", which is a wrapper as timeout(1), env(1) and nohup(1)
// are: who waits for this process, or signals it, is to find what the command alone would be.

#pragma once

#include <skyutil/subprocess.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace program {

/// As timeout(1) and shells have it.
enum command_exit_code {
    timed_out = 124,
    not_run = 125,  ///< because of this program
    not_executable = 126,
    not_found = 127,
    by_signal = 128,
};

struct attempt_options {
    std::optional<std::chrono::milliseconds> timeout{};
    std::chrono::milliseconds grace{};
    int end_signal = skyutil::run_options().end_signal;

    /// What the command prints is returned, instead of going where the output of this program goes.
    bool capture = false;

    /// Bytes to keep of each output that is returned.
    std::optional<std::size_t> max_output{};
};

/// What became of a command.
struct outcome {
    skyutil::exit_status status{};
    bool timed_out = false;
    bool truncated = false;
    bool output_incomplete = false;   ///< somebody whom the command left behind still had it
    bool interrupted = false;         ///< from the terminal
    int told = 0;                     ///< the signal at which the command was ended; 0 for none
    bool told_while_waiting = false;  ///< it came between two attempts
    std::chrono::nanoseconds elapsed{};
    std::string out;
    std::string err;
};

/// Runs a command, again and again if need be, and waits in between: as a process that waits for
/// another has to on this system. There is one at a time.
class runner {
public:
    explicit runner(const attempt_options& options);
    runner(const runner&) = delete;
    runner& operator=(const runner&) = delete;
    ~runner();

    /// Runs a command to its end. One that cannot be started is a skyutil::start_error.
    [[nodiscard]] outcome run_once(const std::vector<std::string>& words);

    /// Waits. Returns what this process was to end by meanwhile, 0 for nothing.
    [[nodiscard]] int wait(std::chrono::milliseconds time);

private:
    struct state;
    std::unique_ptr<state> state_;
};

/// Returns the exit code that says what became of the last attempt; or ends this process as the
/// command ended.
[[nodiscard]] int exit_code_of(const outcome& result);

/// How the command stands to this program, for the help.
[[nodiscard]] std::string describe_run();

}  // namespace program
