// SPDX-License-Identifier: MIT
//
// Ctrl-C and Ctrl-Break come to every program on a console. A command in the group of this program
// has them from the system, and decides what they mean; one with captured output has a group of its
// own and is ended.

#include "common.hpp"
#include "console_events_windows.hpp"
#include "run.hpp"

#include <skyutil/stop_token.hpp>

#include <condition_variable>
#include <mutex>
#include <utility>

namespace program {

struct runner::state {
    attempt_options options;
    skyutil::stop_source stop{};

    std::mutex mutex{};
    std::condition_variable changed{};
    int attempts = 0;  ///< that have begun or ended: odd while a command runs
    bool interrupted = false;

    [[nodiscard]] bool is_running() const { return attempts % 2 != 0; }

    void take(DWORD event) {
        std::unique_lock lock(mutex);
        interrupted = true;
        changed.notify_all();
        if (!is_running()) {
            return;
        }
        bool ends = options.capture || is_last_event(event);
        if (!ends && event == CTRL_BREAK_EVENT) {
            const int attempt = attempts;
            ends = !changed.wait_for(lock, options.grace, [&] { return attempts != attempt; });
        }
        lock.unlock();
        if (ends) {
            stop.request_stop();
        }
    }

    void count() {
        const std::lock_guard lock(mutex);
        ++attempts;
        changed.notify_all();
    }
};

runner::runner(const attempt_options& options) : state_(new state{.options = options}) {
    take_console_events([state = state_.get()](DWORD event) { state->take(event); });
}

runner::~runner() { static_cast<void>(state_.release()); }  // an event may come until the very end

outcome runner::run_once(const std::vector<std::string>& words) {
    const attempt_options& options = state_->options;
    const auto mode = options.capture ? skyutil::stdio_mode::pipe : skyutil::stdio_mode::inherit;
    skyutil::run_options with{.timeout = options.timeout,
                              .grace = options.grace,
                              .end_signal = options.end_signal,
                              .max_output = options.max_output,
                              .stop = state_->stop.get_token(),
                              .stdin_from = skyutil::stdio_mode::inherit,
                              .stdout_to = mode,
                              .stderr_to = mode};
    with.attributes.die_with_parent = true;
    if (!options.capture) {  // what a console is for stays with the command
        with.attributes.group = skyutil::child_group::same;
        with.attributes.keep_descriptors = true;
    }
    state_->count();
    skyutil::completed_process done;
    try {
        done = skyutil::run(words, with);
    } catch (...) {
        state_->count();
        throw;
    }
    state_->count();
    for (const auto& [left, error] : done.not_ended) {
        report("cannot end process " + std::to_string(left) + ": " + error.message());
    }
    const std::lock_guard lock(state_->mutex);
    return {.status = {done.exit_code, done.signal, done.peak_memory},
            .timed_out = done.timed_out,
            .truncated = done.truncated,
            .output_incomplete = done.output_incomplete,
            .interrupted = state_->interrupted,
            .told = done.stopped ? ended_by_console : 0,
            .elapsed = done.elapsed,
            .out = std::move(done.stdout_text),
            .err = std::move(done.stderr_text)};
}

int runner::wait(std::chrono::milliseconds time) {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, time, [&] { return state_->interrupted; })
               ? ended_by_console
               : 0;
}

int exit_code_of(const outcome& result) {
    return result.timed_out ? timed_out : result.told != 0 ? result.told : result.status.exit_code;
}

std::string describe_run() {
    return "The command has the console and the handles that it would have without this program; "
           "with --json its output goes into the value instead. The exit code is the command's; "
           "124 after the timeout; 125 for a failure of this program, 126 for a command that "
           "cannot be executed, as a batch file without its shell, 127 for one that is not found. "
           "The timeout ends all that came of the command. It is asked first where it can be: its "
           "windows, and, with --json, by Ctrl-Break. Ctrl-C is the command's; of Ctrl-Break it "
           "has the "
           "grace to end, and with --json of both.";
}

}  // namespace program
