// SPDX-License-Identifier: MIT
//
// detail/subprocess/run_together.hpp: commands that run at the same time, from their start to their
// results. Included at the end of skyutil/subprocess.hpp.

#pragma once

#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/programs.hpp>
#include <skyutil/detail/subprocess/output_pipe.hpp>
#include <skyutil/detail/subprocess/pump.hpp>
#include <skyutil/detail/subprocess/start_child.hpp>
#include <skyutil/detail/subprocess/started_child.hpp>
#include <skyutil/detail/text/foreign_text.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Whether a command gets something to read.
inline bool has_input(const command_input& input) noexcept {
    return !input.empty() || input.function();
}

/// How run_options and child_options want a tree to be ended.
template <class Options>
kill_tree_options ending_of(const Options& options) {
    return {
        .grace = options.grace, .end_signal = options.end_signal, .end_steps = options.end_steps};
}

inline resource_usage to_usage(const os::process_end& end) noexcept {
    return {end.user_time, end.system_time, end.voluntary_switches, end.involuntary_switches};
}

inline void set_end(completed_process& result, const os::process_end& how) noexcept {
    result.exit_code = how.exit_code;
    result.signal = how.signal;
    result.peak_memory = how.peak_memory;
    result.usage = to_usage(how);
}

/// Gives the results of children what was kept of their output.
inline void take_outputs(std::span<output_pipe> outputs, std::span<completed_process> results) {
    for (output_pipe& each : outputs) {
        completed_process& result = results[each.child];
        result.output_incomplete = result.output_incomplete || each.incomplete;
        if (each.text) {
            (each.from == output_stream::out ? result.stdout_text : result.stderr_text) =
                each.text->take();
            result.truncated = result.truncated || each.text->truncated();
        }
    }
}

/// Commands that run at the same time, the standard output of each one being the standard input of
/// the next. To be used once: start(), finish(), take_results().
class joint_run {
public:
    /// The timeout counts from here.
    joint_run(std::span<const command> commands, const run_options& options)
        : commands_(commands),
          options_(options),
          start_time_(std::chrono::steady_clock::now()),
          deadline_(options.timeout ? deadline_after(*options.timeout) : for_ever),
          results_(commands.size()) {
        children_.reserve(commands.size());
        outputs_.reserve(commands.size() + 1);
    }

    /// Starts all commands. After a failure those that were started are ended by the destructor.
    void start(start_problem& problem, std::error_code& error) {
        output_files files;
        unique_fd previous;  // the end to read from of what the command before writes to
        for (std::size_t i = 0; i != commands_.size(); ++i) {
            const bool last = i + 1 == commands_.size();
            standard_descriptors ours;
            started_child child = start_child(request(i), std::exchange(previous, unique_fd()),
                                              files, ours, problem, error);
            if (error) {
                results_[i].failed_step = problem.step;
                return;
            }
            children_.push_back(std::move(child));
            if (i == 0) {
                input_ = {std::move(ours[0]), options_.input};
            }
            if (last) {
                keep_output(std::move(ours[1]), i, output_stream::out);
            } else {
                previous = std::move(ours[1]);
            }
            keep_output(std::move(ours[2]), i, output_stream::err);
        }
    }

    /// Runs all commands to their ends.
    void finish(start_problem& problem, std::error_code& error) {
        const pump_options options{.deadline = deadline_,
                                   .ending = ending_of(options_),
                                   .drain = options_.drain,
                                   .stop = options_.stop};
        pump loop(children_, outputs_, std::move(input_), options);
        const pump_end end = loop.run(error);
        for (std::size_t i = 0; i != children_.size(); ++i) {
            results_[i].timed_out = end == pump_end::timed_out;
            results_[i].stopped = end == pump_end::stopped;
            results_[i].not_ended = std::move(loop.report(i).left);
        }
        take_ends(loop.end_time(), problem, error);
        take_outputs(outputs_, results_);
        if (error == std::errc::result_out_of_range) {
            problem.what = "the input function has filled more than its room";
        }
        if (!error && end == pump_end::overflowed) {
            error = os::make_error(std::errc::no_buffer_space);
            problem.what = "more output than max_output";
        }
    }

    std::vector<completed_process> take_results() { return std::move(results_); }

private:
    [[nodiscard]] child_request request(std::size_t i) const {
        const stdio_target& in = has_input(options_.input)                 ? pipe_
                                 : options_.stdin_from == stdio_mode::pipe ? null_
                                                                           : options_.stdin_from;
        const bool last = i + 1 == commands_.size();
        const stdio_target& out = last ? options_.stdout_to : pipe_;
        using enum os::pipe_use;
        return {{commands_[i], options_.cwd, options_.env, options_.attributes},
                {&in, &out, &options_.stderr_to},
                options_.merge_stderr,
                ending_of(options_),
                start_thread::calling,
                {loop, last ? loop : program, loop}};
    }

    void keep_output(unique_fd fd, std::size_t child, output_stream from) {
        if (!fd) {
            return;
        }
        constexpr std::size_t all = (std::numeric_limits<std::size_t>::max)();
        output_pipe& added =
            outputs_.emplace_back(std::move(fd), std::nullopt, std::nullopt,
                                  options_.on_output ? &options_.on_output : nullptr, child, from);
        if (options_.max_output || (!options_.on_line && !options_.on_output)) {
            added.text.emplace(options_.max_output.value_or(all), options_.on_overflow);
        }
        if (options_.on_line) {
            added.lines.emplace(options_.on_line, options_.line_end, from);
        }
    }

    /// Reaps the children. One that could not be ended is given up.
    void take_ends(time_point end_time, start_problem& problem, std::error_code& error) {
        const bool loop_failed = static_cast<bool>(error);
        for (std::size_t i = 0; i != children_.size(); ++i) {
            completed_process& result = results_[i];
            if (children_[i].known_end()) {
                const os::process_end how = children_[i].reap();
                set_end(result, how);
                result.elapsed = end_time - start_time_;
            } else if (!loop_failed) {
                children_[i].detach();
                error = os::make_error(std::errc::timed_out);
                problem.what = "cannot end " + in_quotes(commands_[i]);
            }
        }
    }

    std::span<const command> commands_;
    const run_options& options_;
    const stdio_target pipe_ = stdio_mode::pipe;
    const stdio_target null_ = stdio_mode::null;
    time_point start_time_;
    time_point deadline_;
    std::vector<completed_process> results_;
    std::vector<started_child> children_;
    std::vector<output_pipe> outputs_;  // closed before the children are ended
    input_pipe input_;                  // and so is this
};

/// Runs commands at the same time and returns what became of each.
inline std::vector<completed_process> run_together(std::span<const command> commands,
                                                   const run_options& options,
                                                   start_problem& problem, std::error_code& error) {
    error.clear();
    std::vector<completed_process> results(commands.size());
    check_signals(ending_of(options), problem, error);
    if (error) {
        return results;
    }
    if (options.stop.stop_requested()) {
        for (completed_process& each : results) {
            each.stopped = true;
        }
        return results;
    }
    joint_run joint(commands, options);
    joint.start(problem, error);
    if (!error) {
        joint.finish(problem, error);
    }
    return joint.take_results();
}

/// Returns what ended a command, unless it ended by itself with exit code 0, and the last line that
/// it printed to standard error.
inline std::string describe_failure(const command& which, const completed_process& result) {
    std::string what = in_quotes(which) + " ";
    if (result.timed_out) {
        what += "did not end in time";
    } else if (result.stopped) {
        what += "was stopped";
    } else if (result.signal != 0) {
        what += "was ended by signal " + std::to_string(result.signal);
    } else {
        what += "ended with exit code " + std::to_string(result.exit_code);
    }
    std::string_view text = result.stderr_text;
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
        text.remove_suffix(1);
    }
    if (const std::size_t line_end = text.rfind('\n'); line_end != std::string_view::npos) {
        text.remove_prefix(line_end + 1);
    }
    constexpr std::size_t longest = 200;
    return text.empty() ? what : what + ": " + visible(text, longest);
}

/// Throws what run_options::check asks for.
inline void check_result(const char* function, const command& which,
                         const completed_process& result) {
    if (!result.ok()) {
        throw_exception(command_error(
            std::string("skyutil::") + function + ": " + describe_failure(which, result), result));
    }
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
