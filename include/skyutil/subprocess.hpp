// SPDX-License-Identifier: MIT
//
// skyutil/subprocess.hpp: programs run as children that leave nothing behind: no process, no
// descriptor, no thread.
//
//     auto done = skyutil::run({"git", "status"}, {.cwd = "/src", .timeout = 10s});
//     std::cout << done.exit_code << done.stdout_text;
//     skyutil::child_process server({"./server", "--port", "8000"});  // ended with the scope
//
// A command is a list of words, no shell in between; shell("a | b") is one. Children get the three
// standard descriptors and no other, the signal mask and dispositions of a fresh process, and a
// session of their own. Starting one costs the same whatever the size of this process: its memory
// is not copied (vfork(2)). Where the system copies it all the same, as valgrind and qemu-user do,
// all else holds. The program is looked for in the PATH of this process; a script without "#!" is
// no program. child_attributes has what can be otherwise.
//
// The throwing forms throw start_error, a std::system_error, for what cannot be started, the others
// set their std::error_code; functions given by the caller may throw in both. Everything is safe to
// call from several threads at once, but for changing the environment of this process meanwhile
// (setenv(3)).

#pragma once

#include <skyutil/detail/base/error.hpp>
#include <skyutil/detail/base/stoppable_wait.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/programs.hpp>
#include <skyutil/detail/process/orphans.hpp>
#include <skyutil/detail/subprocess/child_output.hpp>
#include <skyutil/detail/subprocess/spawn.hpp>
#include <skyutil/detail/subprocess/start_step.hpp>
#include <skyutil/detail/text/foreign_text.hpp>
#include <skyutil/process.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <limits>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// The owner of a file descriptor; see files.hpp.
using unique_fd = detail::unique_fd;

/// What a standard descriptor of a child is.
enum class stdio_mode {
    inherit,  ///< this process's
    null,     ///< /dev/null
    pipe,     ///< for run(): taken; for child_process: the other end is here
};

/// What became of a command.
struct completed_process {
    /// -1 when a signal ended it, and, with `signal` 0, when nothing tells: somebody else in this
    /// process has reaped the child, or SIGCHLD is ignored, on a kernel before Linux 6.15.
    int exit_code = -1;

    /// The number of the signal that ended it, 0 for none.
    int signal = 0;

    std::string stdout_text;  ///< as it was printed, binary too
    std::string stderr_text;
    bool timed_out = false;  ///< it was ended because of the timeout
    bool stopped = false;    ///< it was ended, or not started, because of the stop token
    bool truncated = false;  ///< there was more output than max_output

    /// Others still held an output open when run() returned: what they write later is missing.
    bool output_incomplete = false;

    /// Who of the tree could not be ended, and why: another user's, or stuck in the kernel.
    std::vector<kill_report::process_left> not_ended{};

    /// What the start failed at, for the forms with an error code.
    start_step failed_step = start_step::none;

    /// From the start to the end of the child.
    std::chrono::nanoseconds elapsed{};

    /// The most bytes of memory it or a child it waited for had resident. The kernel counts from
    /// the making of the process, when this process's memory is still its own (wait4(2)): a child
    /// that needs less than this process had at most is said to have needed that.
    std::uint64_t peak_memory = 0;

    /// Whether it ended itself, and with exit code 0.
    [[nodiscard]] bool ok() const noexcept { return exit_code == 0 && signal == 0; }
};

/// How a child ended; as in completed_process.
struct exit_status {
    int exit_code = -1;
    int signal = 0;
    std::uint64_t peak_memory = 0;

    [[nodiscard]] bool ok() const noexcept { return exit_code == 0 && signal == 0; }
};

/// What the throwing forms throw for a command that cannot be started.
class start_error : public std::system_error {
public:
    start_error(std::error_code reason, const std::string& what, start_step step,
                std::filesystem::path path)
        : std::system_error(reason, what), step_(step), path_(std::move(path)) {}

    /// Returns what it failed at: std::errc::no_such_file_or_directory may be said of the program
    /// and of the directory.
    [[nodiscard]] start_step step() const noexcept { return step_; }

    /// Returns the program as it was named, or the directory or log that could not be opened. Empty
    /// for a command without words.
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    start_step step_;
    std::filesystem::path path_;
};

/// What run_options::check throws.
class command_error : public std::runtime_error {
public:
    command_error(const std::string& what, completed_process result)
        : std::runtime_error(what), result_(std::move(result)) {}

    [[nodiscard]] const completed_process& result() const noexcept { return result_; }

private:
    completed_process result_;
};

struct run_options {
    /// Written to standard input, which is empty otherwise. A child that does not want it all is no
    /// error.
    std::string input{};

    /// The child's directory; a program named with a slash is looked for from there. Empty: the
    /// directory of this process.
    std::filesystem::path cwd{};

    environment_changes env{};

    /// From the start of the child to its end; then the whole tree is ended, and what was printed
    /// so far returned. None: for ever.
    std::optional<std::chrono::milliseconds> timeout{};

    /// From SIGTERM to SIGKILL for a tree that is ended: for the timeout, the stop token, output
    /// that overflows, and an exception from on_line.
    std::chrono::milliseconds grace = std::chrono::seconds(10);

    /// The first signal of the end, by number; std::errc::invalid_argument for one that is none.
    int end_signal = detail::os::terminate_signal;

    /// How many bytes of stdout, and how many of stderr, are kept. None: all, but with on_line
    /// none.
    std::optional<std::size_t> max_output{};
    output_overflow on_overflow = output_overflow::keep_head;

    /// stderr goes where stdout goes, in the order in which it was written.
    bool merge_stderr = false;

    /// The throwing forms throw command_error unless the command ends with exit code 0.
    bool check = false;

    /// Called in the calling thread while the command runs, in the order in which lines arrive.
    line_function on_line{};

    /// Ends the tree when a stop is requested.
    std::stop_token stop{};

    /// A process that the child has left behind can hold its output open. When the child has ended
    /// and nothing has come for so long, run() returns without what comes later, says so
    /// (completed_process::output_incomplete), and leaves that process alone. As long as something
    /// comes that there is room for, it is taken, until the timeout or a stop request.
    std::chrono::milliseconds drain = std::chrono::milliseconds(100);

    /// Not pipe: standard input is the child's /dev/null, or this process's. Ignored with `input`.
    stdio_mode stdin_from = stdio_mode::null;
    stdio_mode stdout_to = stdio_mode::pipe;
    stdio_mode stderr_to = stdio_mode::pipe;

    child_attributes attributes{};
};

namespace detail {

/// What the throwing forms say of what failed.
struct start_problem {
    start_step step = start_step::none;
    std::filesystem::path path;
    std::string what;

    /// A start that failed in the plan or in the new process, else (none) with its descriptors.
    void set(const command& which, const std::filesystem::path& directory, start_step where) {
        step = where == start_step::none ? start_step::descriptors : where;
        what = cannot_start(which, directory, step);
        path = step == start_step::directory ? directory
               : which.words().empty()       ? std::filesystem::path()
                                             : std::filesystem::path(which.words().front());
    }

    void throw_if(const std::error_code& error, const char* function) const {
        if (!error) {
            return;
        }
        const std::string message = std::string("skyutil::") + function + ": " +
                                    (what.empty() ? "cannot talk to the command" : what);
        if (step != start_step::none) {
            throw_exception(start_error(error, message, step, path));
        }
        throw_exception(std::system_error(error, message));
    }
};

struct child_process_access;

/// Opens what a child gets for a standard descriptor; `ours` gets the other end of a pipe.
inline unique_fd open_standard(stdio_mode what, int number, unique_fd& ours,
                               std::error_code& error) {
    if (error || what == stdio_mode::inherit) {
        return {};
    }
    if (what == stdio_mode::null) {
        return unique_fd(os::open_null(error));
    }
    const os::pipe_ends ends = os::open_pipe(error);
    ours.reset(number == 0 ? ends.write : ends.read);
    return unique_fd(number == 0 ? ends.read : ends.write);
}

/// stderr where stdout goes.
inline unique_fd same_as_stdout(const unique_fd& out, std::error_code& error) {
    // Inherited: this process's stdout, which may be closed.
    return unique_fd(error ? -1 : os::duplicate(out ? out.get() : 1, error));
}

/// Runs commands at the same time, each one's stdout the next one's stdin.
inline std::vector<completed_process> run_together(std::span<const command> commands,
                                                   const run_options& options,
                                                   start_problem& problem, std::error_code& error) {
    using std::chrono::steady_clock;
    error.clear();
    std::vector<completed_process> results(commands.size());
    if (!os::is_signal(options.end_signal)) {
        error = os::make_error(std::errc::invalid_argument);
        problem.what = "no signal has the number " + std::to_string(options.end_signal);
        return results;
    }
    if (options.stop.stop_requested()) {
        for (completed_process& each : results) {
            each.stopped = true;
        }
        return results;
    }
    const time_point start = steady_clock::now();
    pump_options pump_with{
        .deadline = options.timeout ? deadline_after(*options.timeout) : for_ever,
        .ending = {.grace = options.grace, .end_signal = options.end_signal},
        .drain = options.drain,
        .stop = options.stop};

    std::vector<started_child> children;
    std::vector<output_pipe> outputs;
    children.reserve(commands.size());
    outputs.reserve(commands.size() + 1);
    unique_fd input;
    unique_fd previous;  // the reading end of what the command before writes
    const auto keep = [&](unique_fd fd, std::size_t child, output_stream from) {
        if (fd) {
            const std::size_t all = (std::numeric_limits<std::size_t>::max)();
            output_pipe& added =
                outputs.emplace_back(std::move(fd), std::nullopt, std::nullopt, child, from);
            if (options.max_output || !options.on_line) {
                added.text.emplace(options.max_output.value_or(all), options.on_overflow);
            }
            if (options.on_line) {
                added.lines.emplace(options.on_line, from);
            }
        }
    };
    for (std::size_t i = 0; i != commands.size(); ++i) {
        const bool last = i + 1 == commands.size();
        start_plan plan(commands[i], options.cwd, options.env, options.attributes, error);
        unique_fd out;
        unique_fd err;
        standard_descriptors theirs;
        const stdio_mode in_from = !options.input.empty()                      ? stdio_mode::pipe
                                   : options.stdin_from == stdio_mode::inherit ? stdio_mode::inherit
                                                                               : stdio_mode::null;
        theirs[0] =
            i != 0 ? std::exchange(previous, unique_fd()) : open_standard(in_from, 0, input, error);
        theirs[1] = open_standard(last ? options.stdout_to : stdio_mode::pipe, 1, out, error);
        theirs[2] = options.merge_stderr ? same_as_stdout(theirs[1], error)
                                         : open_standard(options.stderr_to, 2, err, error);
        if (!error) {
            children.push_back(
                started_child::start(plan, std::move(theirs), options.grace, false, error));
        }
        if (error) {
            problem.set(commands[i], options.cwd, plan.start().failed);
            results[i].failed_step = problem.step;
            return results;
        }
        if (last) {
            keep(std::move(out), i, output_stream::out);
        } else {
            previous = std::move(out);
        }
        keep(std::move(err), i, output_stream::err);
    }

    pump_end end = pump_end::ended;
    time_point end_time;
    {
        pump loop(children, outputs, std::move(input), options.input, pump_with);
        end = loop.run(error);
        end_time = loop.end_time();
        for (std::size_t i = 0; i != children.size(); ++i) {
            results[i].not_ended = std::move(loop.report(i).left);
        }
    }
    const bool told = !error;
    for (std::size_t i = 0; i != children.size(); ++i) {
        completed_process& result = results[i];
        result.timed_out = end == pump_end::timed_out;
        result.stopped = end == pump_end::stopped;
        if (!children[i].known_end()) {
            if (told) {
                children[i].detach();  // it cannot be ended
                error = os::make_error(std::errc::timed_out);
                problem.what = "cannot end " + in_quotes(commands[i]);
            }
            continue;
        }
        const os::process_end how = children[i].reap();
        result.exit_code = how.exit_code;
        result.signal = how.signal;
        result.peak_memory = how.peak_memory;
        result.elapsed = end_time - start;
    }
    for (output_pipe& each : outputs) {
        completed_process& result = results[each.child];
        result.output_incomplete = result.output_incomplete || each.incomplete;
        if (each.text) {
            (each.from == output_stream::out ? result.stdout_text : result.stderr_text) =
                each.text->take();
            result.truncated = result.truncated || each.text->truncated();
        }
    }
    if (!error && end == pump_end::overflowed) {
        error = os::make_error(std::errc::no_buffer_space);
        problem.what = "more output than max_output";
    }
    return results;
}

/// What ended a command otherwise than with exit code 0, and the last line it said of it.
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

inline void check_result(const char* function, const command& which,
                         const completed_process& result) {
    if (!result.ok()) {
        throw_exception(command_error(
            std::string("skyutil::") + function + ": " + describe_failure(which, result), result));
    }
}

}  // namespace detail

/// Returns what became of a command that has run to its end, with all it printed, whatever the
/// amounts in both directions. On timeout, stop and overflow the command and all processes it
/// started are ended; what was printed until then is kept. A process that the command has left
/// behind when it ends itself is left alone.
///
/// Errors: those of execve(2) for a program that cannot be run
/// (std::errc::no_such_file_or_directory, permission_denied...), of fork(2),
/// std::errc::invalid_argument for NULs and impossible names of variables,
/// std::errc::too_many_files_open, std::errc::no_buffer_space for output_overflow::fail, and
/// std::errc::timed_out for a command that could not be ended, and is left alone: another user's,
/// or one that the freezer of a control group of version 1 holds (version 2 lets SIGKILL through).
/// What cannot be started is a start_error; nothing of it has run, or is left. A program that
/// another thread or process is writing is waited for, for a second; then it is
/// std::errc::text_file_busy.
///
/// Limits: the call waits for execve(2), which no signal of this process interrupts: where that is
/// slow (a network file system that does not answer), the timeout and the stop token are heard only
/// when it is over; the timeout counts from the call all the same. pthread_cancel(3) of a thread in
/// this call ends the whole process (std::terminate), as what is cancelled must not throw: use the
/// stop token or the timeout.
///
/// Without /proc for this pid namespace, and without a descriptor or memory left, what is ended is
/// the command and its process group; the rest of the group gets 100 ms after the command's end.
///
/// The child of a program that ignores SIGCHLD, or reaps all children (waitid(2) with P_ALL), has
/// an unknown exit code before Linux 6.15; all else holds.
inline completed_process run(const command& what, const run_options& options,
                             std::error_code& error) {
    detail::start_problem ignored;
    return std::move(detail::run_together({&what, 1}, options, ignored, error).front());
}

inline completed_process run(const command& what, std::error_code& error) {
    return run(what, run_options(), error);
}

inline completed_process run(const command& what, const run_options& options = {}) {
    std::error_code error;
    detail::start_problem problem;
    completed_process result =
        std::move(detail::run_together({&what, 1}, options, problem, error).front());
    problem.throw_if(error, "run");
    if (options.check) {
        detail::check_result("run", what, result);
    }
    return result;
}

/// Returns what became of each of several commands that run at the same time, each one's stdout
/// being the next one's stdin, as a shell's a | b | c. The input goes to the first, stdout comes
/// from the last, stderr from each. The timeout is for all together. Errors are those of run(), and
/// std::errc::invalid_argument for no command.
inline std::vector<completed_process> pipeline(const std::vector<command>& commands,
                                               const run_options& options, std::error_code& error) {
    if (commands.empty()) {
        error = detail::os::make_error(std::errc::invalid_argument);
        return {};
    }
    detail::start_problem ignored;
    return detail::run_together(commands, options, ignored, error);
}

inline std::vector<completed_process> pipeline(const std::vector<command>& commands,
                                               const run_options& options = {}) {
    if (commands.empty()) {
        detail::throw_exception(start_error(std::make_error_code(std::errc::invalid_argument),
                                            "skyutil::pipeline: no command", start_step::arguments,
                                            {}));
    }
    std::error_code error;
    detail::start_problem problem;
    std::vector<completed_process> results =
        detail::run_together(commands, options, problem, error);
    problem.throw_if(error, "pipeline");
    for (std::size_t i = 0; options.check && i != results.size(); ++i) {
        detail::check_result("pipeline", commands[i], results[i]);
    }
    return results;
}

// ----------------------------------------------------------------------------------------------
// retries

/// How long to wait before trying again: `first`, then `factor` times longer each time up to
/// `most`, and never more than a hundred years, less a random part of it.
struct backoff_options {
    std::chrono::milliseconds first = std::chrono::seconds(1);
    std::chrono::milliseconds most = std::chrono::seconds(30);
    double factor = 2;

    /// From 0 (none) to 1: the part of the time that is random, so that many do not try at once.
    double jitter = 0.5;

    /// Gives numbers from 0 up to 1; empty: a generator of its own.
    std::function<double()> random{};

    /// Waits; empty: the thread sleeps until the time is over or a stop is requested.
    std::function<void(std::chrono::milliseconds)> sleep{};
};

struct retry_options {
    /// Further runs after the first.
    int max_retries = 3;

    /// Which failures are worth another run: these exit codes, and texts on stderr. With neither,
    /// every one is.
    std::vector<int> retry_codes{};
    std::vector<std::string> retry_stderr{};

    backoff_options backoff{};
};

namespace detail {

/// The time before a retry, counted from 0. A `random` from 0 to 1.
inline std::chrono::milliseconds backoff_time(const backoff_options& options, int retry,
                                              double random) noexcept {
    constexpr std::chrono::milliseconds longest = std::chrono::years(100);
    double time = static_cast<double>(options.first.count());
    const auto most = static_cast<double>(
        (std::clamp)(options.most, std::chrono::milliseconds(0), longest).count());
    for (int i = 0; i != retry && time < most; ++i) {
        time *= options.factor;
    }
    time = (std::min)(time, most) *
           (1 - (std::clamp)(options.jitter, 0.0, 1.0) * (std::clamp)(random, 0.0, 1.0));
    return std::chrono::milliseconds(time > 0 ? static_cast<std::int64_t>(time) : 0);
}

inline bool is_worth_retrying(const retry_options& retries, const completed_process& result) {
    if (result.ok() || result.stopped) {
        return false;
    }
    const auto& codes = retries.retry_codes;
    const auto& texts = retries.retry_stderr;
    return (codes.empty() && texts.empty()) ||
           (result.signal == 0 &&
            std::find(codes.begin(), codes.end(), result.exit_code) != codes.end()) ||
           std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
               return result.stderr_text.find(text) != std::string::npos;
           });
}

SKYUTIL_OWN inline double random_number() {
    thread_local std::minstd_rand generator{std::random_device()()};
    return std::uniform_real_distribution<double>()(generator);
}

inline completed_process run_with_retries(const command& what, const retry_options& retries,
                                          const run_options& options, start_problem& problem,
                                          std::error_code& error) {
    for (int retry = 0;; ++retry) {
        completed_process result =
            std::move(run_together({&what, 1}, options, problem, error).front());
        if (error || retry >= retries.max_retries || !is_worth_retrying(retries, result)) {
            return result;
        }
        const backoff_options& backoff = retries.backoff;
        const std::chrono::milliseconds time =
            backoff_time(backoff, retry, backoff.random ? backoff.random() : random_number());
        if (backoff.sleep) {
            backoff.sleep(time);
        } else {
            wait_unless_stopped(time, options.stop);
        }
        if (options.stop.stop_requested()) {
            result.stopped = true;
            return result;
        }
    }
}

}  // namespace detail

/// Returns what became of the last run of a command that is run again while it fails (an exit code
/// but 0, a signal, the timeout, which is for each run), at most retry_options::max_retries times.
/// A command that cannot be started is not tried again. Errors are those of run(); for retry_stderr
/// stderr must be kept.
inline completed_process run_with_retries(const command& what, const retry_options& retries,
                                          const run_options& options, std::error_code& error) {
    detail::start_problem ignored;
    return detail::run_with_retries(what, retries, options, ignored, error);
}

inline completed_process run_with_retries(const command& what, const retry_options& retries = {},
                                          const run_options& options = {}) {
    std::error_code error;
    detail::start_problem problem;
    completed_process result = detail::run_with_retries(what, retries, options, problem, error);
    problem.throw_if(error, "run_with_retries");
    if (options.check) {
        detail::check_result("run_with_retries", what, result);
    }
    return result;
}

// ------------------------------------------------------------------------------------------------
// detached

struct detached_options {
    std::filesystem::path cwd{};
    environment_changes env{};

    /// Without die_with_parent and group.
    child_attributes attributes{};
};

/// Returns the id of a program that goes on when this process ends: no child of it (init is its
/// parent and reaps it), in a session of its own, standard input /dev/null, both outputs added to
/// the log, which is made if it is not there (and closed to others as umask(2) says). Errors as
/// run(), those of opening the log, and std::errc::not_supported after unshare(2) with
/// CLONE_NEWPID: nothing outlives the first process of the new namespace.
///
/// Where this process is init itself (process 1 of a container), or a subreaper (prctl(2),
/// PR_SET_CHILD_SUBREAPER), it becomes the parent: the program is a zombie when it has ended until
/// reap_orphans() is called, and kill_children_processes() ends it too.
[[nodiscard]] inline std::int64_t run_detached(const command& what,
                                               const std::filesystem::path& log_path,
                                               const detached_options& options,
                                               std::error_code& error);

namespace detail {

inline std::int64_t run_detached(const command& what, const std::filesystem::path& log_path,
                                 const detached_options& options, start_problem& problem,
                                 std::error_code& error) {
    error.clear();
    const unique_fd log(os::open_log(log_path.native(), error));
    if (error) {
        problem.step = start_step::descriptors;
        problem.path = log_path;
        problem.what = "cannot open the log " + visible_name(log_path.native());
        return 0;
    }
    const unique_fd null(os::open_null(error));
    start_plan plan(what, options.cwd, options.env, options.attributes, error);
    os::program_start& start = plan.start();
    start.standard[0] = null.get();
    start.standard[1] = log.get();
    start.standard[2] = log.get();
    start.detached = true;
    start.dies_with_thread = false;
    const pid_t pid = error ? 0 : os::start_program(start, error).pid;
    if (error) {
        problem.set(what, options.cwd, start.failed);
        return 0;
    }
    remember_detached(pid);
    return pid;
}

}  // namespace detail

inline std::int64_t run_detached(const command& what, const std::filesystem::path& log_path,
                                 const detached_options& options, std::error_code& error) {
    detail::start_problem ignored;
    return detail::run_detached(what, log_path, options, ignored, error);
}

/// The same, which also tells what the start failed at, start_step::none if it did not.
[[nodiscard]] inline std::int64_t run_detached(const command& what,
                                               const std::filesystem::path& log_path,
                                               const detached_options& options, start_step& failed,
                                               std::error_code& error) {
    detail::start_problem problem;
    const std::int64_t pid = detail::run_detached(what, log_path, options, problem, error);
    failed = problem.step;
    return pid;
}

[[nodiscard]] inline std::int64_t run_detached(const command& what,
                                               const std::filesystem::path& log_path,
                                               std::error_code& error) {
    return run_detached(what, log_path, detached_options(), error);
}

[[nodiscard]] inline std::int64_t run_detached(const command& what,
                                               const std::filesystem::path& log_path,
                                               const detached_options& options = {}) {
    std::error_code error;
    detail::start_problem problem;
    const std::int64_t pid = detail::run_detached(what, log_path, options, problem, error);
    problem.throw_if(error, "run_detached");
    return pid;
}

// ------------------------------------------------------------------------------------------------
// orphans

/// Which children reap_orphans() takes for orphans.
enum class orphan_scope {
    /// Those that are proven to be: programs of run_detached(), and processes in a session that
    /// neither they nor this process made. An orphan in this process's session, or that made one of
    /// its own, is left a zombie. A child that was forked before this process made its session is
    /// taken for an orphan.
    proven,

    /// All to which this process has no pidfd. For a process that starts children with this
    /// library,
    /// or with others that hold a pidfd (Boost.Process), only: fork(2) and system(3) do not.
    all,
};

/// A process that was reaped, and how it had ended.
struct reaped_orphan {
    std::int64_t pid;
    exit_status status;
};

/// Reaps the zombies that this process was given and that nothing in it started or waits for, and
/// returns how they had ended. For process 1 of a container and for subreapers (prctl(2),
/// PR_SET_CHILD_SUBREAPER), to be called now and then or at SIGCHLD; nobody else has any. It does
/// not wait, and takes no child of a child_process, of run() and the like, or of Boost.Process.
///
/// errc::function_not_supported where there is no /proc for this pid namespace, and for
/// orphan_scope::all on kernels without pidfd (before Linux 5.3); errc::too_many_files_open. Reads
/// one file for each process of the machine.
inline std::vector<reaped_orphan> reap_orphans(orphan_scope scope, std::error_code& error) {
    error.clear();
    std::vector<reaped_orphan> reaped;
    if (scope == orphan_scope::all && !detail::os::has_pidfd()) {
        error = detail::os::make_error(std::errc::function_not_supported);
        return reaped;
    }
    for (const auto& each : detail::find_orphans(scope == orphan_scope::all, error)) {
        detail::os::process_end end;
        std::error_code ignored;
        const auto pid = static_cast<pid_t>(each.pid);
        if (detail::os::wait_child(pid, -1, detail::os::waiting::look, end, ignored) &&
            detail::os::reap_child(pid, -1, end)) {
            detail::detached_programs::remove(each.pid, each.stat.start_time);
            reaped.push_back({each.pid, {end.exit_code, end.signal, end.peak_memory}});
        }
    }
    return reaped;
}

inline std::vector<reaped_orphan> reap_orphans(std::error_code& error) {
    return reap_orphans(orphan_scope::proven, error);
}

inline std::vector<reaped_orphan> reap_orphans(orphan_scope scope = orphan_scope::proven) {
    std::error_code error;
    std::vector<reaped_orphan> reaped = reap_orphans(scope, error);
    detail::throw_if(error, "skyutil::reap_orphans: cannot list the children of this process");
    return reaped;
}

// ------------------------------------------------------------------------------------------------
// child_process

struct child_options {
    std::filesystem::path cwd{};
    environment_changes env{};
    stdio_mode stdin_from = stdio_mode::null;
    stdio_mode stdout_to = stdio_mode::inherit;
    stdio_mode stderr_to = stdio_mode::inherit;
    bool merge_stderr = false;

    /// From SIGTERM to SIGKILL when the destructor ends the tree.
    std::chrono::milliseconds grace = std::chrono::seconds(10);

    child_attributes attributes{};
};

/// A running program. The destructor ends it and every process it started, also those it left
/// behind when it ended itself, and reaps it. Move-only; one thread at a time.
///
/// Its id stays its own until the object is gone: a child that has ended stays a zombie so long.
/// Where others reap it first (SIGCHLD is ignored, or somebody waits for all children) its id is
/// never used again: what it has left behind is ended if Linux 6.9 or its start time proves whose
/// it is. The destructor takes no longer than terminate(), and leaves a child that cannot be ended
/// to itself; it costs one look at all processes of the machine if any of the child's may be left,
/// else none.
///
/// With child_attributes::die_with_parent it has a thread of this process that waits for its end,
/// as the kernel takes the thread that started it for the parent.
class [[nodiscard]] child_process {
public:
    /// Starts a command. Errors are those of run().
    explicit child_process(const command& what, const child_options& options = {}) {
        std::error_code error;
        detail::start_problem problem;
        start(what, options, problem, error);
        problem.throw_if(error, "child_process");
    }

    child_process(const command& what, const child_options& options, std::error_code& error) {
        error.clear();
        detail::start_problem problem;
        start(what, options, problem, error);
        failed_step_ = problem.step;
    }

    child_process(child_process&&) noexcept = default;
    child_process& operator=(child_process&&) noexcept = default;
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    ~child_process() = default;

    /// 0 when there is no child: moved from, detached, not started.
    [[nodiscard]] std::int64_t pid() const noexcept { return child_.pid(); }

    /// Returns what the start failed at, start_step::none if it did not.
    [[nodiscard]] start_step failed_step() const noexcept { return failed_step_; }

    /// Returns a handle of the child, and of nobody who has its id after it. Errors are those of
    /// process_handle::open().
    process_handle handle(std::error_code& error) const {
        error.clear();
        if (child_.pidfd() == -1) {
            return process_handle::open(pid(), error);
        }
        unique_fd pidfd(detail::os::duplicate(child_.pidfd(), error));
        return detail::process_handle_access::make(error ? 0 : pid(), std::move(pidfd));
    }

    process_handle handle() const {
        std::error_code error;
        process_handle result = handle(error);
        detail::throw_if(error, "skyutil::child_process::handle: cannot open process ", pid());
        return result;
    }

    /// Returns whether the child has not ended.
    [[nodiscard]] bool running() { return child_.started() && !child_.look(); }

    /// Returns how the child ended, waiting for that. At once without a child.
    exit_status wait() { return status(child_.look(detail::os::waiting::block)); }

    /// The same, waiting at most as long as the timeout; std::nullopt when it still runs then.
    template <class Rep, class Period>
    [[nodiscard]] std::optional<exit_status> wait(
        const std::chrono::duration<Rep, Period>& timeout) {
        const auto end = child_.wait_until(detail::deadline_after(timeout));
        return end || !child_.started() ? std::optional(status(end)) : std::nullopt;
    }

    /// Ends the child and all it started, as kill_process_tree() does, and returns how it ended.
    /// What cannot be ended, another user's process for example, is left after the grace, or 10 s
    /// after SIGKILL: not_ended() tells, and if it is the child itself, running() stays true and
    /// the exit status is unknown.
    exit_status terminate(std::chrono::milliseconds grace = std::chrono::seconds(10)) {
        if (child_.started()) {
            not_ended_ = child_.end_tree({.grace = grace}).left;
        }
        return status(child_.look());
    }

    /// Who could not be ended by the last terminate(), and why.
    [[nodiscard]] const std::vector<kill_report::process_left>& not_ended() const noexcept {
        return not_ended_;
    }

    /// Leaves the child to itself and returns its id; this process has to reap it.
    std::int64_t detach() noexcept {
        const std::int64_t id = pid();
        child_.detach();
        return id;
    }

    /// The ends of pipes, empty where there is none: closing the first says that nothing more
    /// comes. Take them out for Asio: boost::asio::readable_pipe(executor,
    /// child.stdout_pipe().release()).
    [[nodiscard]] unique_fd& stdin_pipe() noexcept { return pipes_[0]; }
    [[nodiscard]] unique_fd& stdout_pipe() noexcept { return pipes_[1]; }
    [[nodiscard]] unique_fd& stderr_pipe() noexcept { return pipes_[2]; }

private:
    friend struct detail::child_process_access;

    void start(const command& what, const child_options& options, detail::start_problem& problem,
               std::error_code& error) {
        detail::start_plan plan(what, options.cwd, options.env, options.attributes, error);
        detail::standard_descriptors theirs;
        theirs[0] = detail::open_standard(options.stdin_from, 0, pipes_[0], error);
        theirs[1] = detail::open_standard(options.stdout_to, 1, pipes_[1], error);
        theirs[2] = options.merge_stderr
                        ? detail::same_as_stdout(theirs[1], error)
                        : detail::open_standard(options.stderr_to, 2, pipes_[2], error);
        if (!error) {
            child_ =
                detail::started_child::start(plan, std::move(theirs), options.grace, true, error);
        }
        if (error) {
            problem.set(what, options.cwd, plan.start().failed);
        }
    }

    static exit_status status(const std::optional<detail::os::process_end>& end) noexcept {
        return end ? exit_status{end->exit_code, end->signal, end->peak_memory} : exit_status();
    }

    start_step failed_step_ = start_step::none;
    detail::started_child child_;
    std::vector<kill_report::process_left> not_ended_;
    std::array<unique_fd, 3> pipes_;  // closed before the child is ended: it may wait for that
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
