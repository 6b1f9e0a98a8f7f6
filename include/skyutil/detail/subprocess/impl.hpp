// SPDX-License-Identifier: MIT
//
// detail/subprocess/impl.hpp: the bodies of what subprocess.hpp declares. Included at the end of
// skyutil/subprocess.hpp.

#pragma once

#include <skyutil/detail/base/error.hpp>
#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/children.hpp>
#include <skyutil/detail/os/output_loop.hpp>
#include <skyutil/detail/os/pipes.hpp>
#include <skyutil/detail/os/programs.hpp>
#include <skyutil/detail/process/orphans.hpp>
#include <skyutil/detail/subprocess/detached.hpp>
#include <skyutil/detail/subprocess/retries.hpp>
#include <skyutil/detail/subprocess/run_together.hpp>
#include <skyutil/detail/subprocess/start_child.hpp>
#include <skyutil/detail/subprocess/started_child.hpp>
#include <skyutil/detail/subprocess/talk.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

// ------------------------------------------------------------------------------------------------
// results

namespace detail {
inline std::vector<std::string> lines_of(std::string_view text, line_end wanted) {
    std::vector<std::string> lines;
    for_each_line(text, wanted, [&](std::string_view line) {
        lines.emplace_back();
        if (wanted == line_end::terminal) {
            append_shown(lines.back(), line);
        } else {
            lines.back() = line;
        }
    });
    return lines;
}
}  // namespace detail

inline std::vector<std::string> completed_process::stdout_lines(skyutil::line_end line_end) const {
    return detail::lines_of(stdout_text, line_end);
}

inline std::vector<std::string> completed_process::stderr_lines(skyutil::line_end line_end) const {
    return detail::lines_of(stderr_text, line_end);
}

// ------------------------------------------------------------------------------------------------
// run, pipeline

inline completed_process run(const command& what, const run_options& options,
                             std::error_code& error) {
    detail::start_problem ignored;
    return std::move(detail::run_together({&what, 1}, options, ignored, error).front());
}

inline completed_process run(const command& what, const run_options& options) {
    completed_process result =
        detail::start_or_throw("run", [&](detail::start_problem& problem, std::error_code& error) {
            return std::move(detail::run_together({&what, 1}, options, problem, error).front());
        });
    if (options.check) {
        detail::check_result("run", what, result);
    }
    return result;
}

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
                                               const run_options& options) {
    if (commands.empty()) {
        detail::throw_exception(start_error(std::make_error_code(std::errc::invalid_argument),
                                            "skyutil::pipeline: no command", start_step::arguments,
                                            {}));
    }
    std::vector<completed_process> results = detail::start_or_throw(
        "pipeline", [&](detail::start_problem& problem, std::error_code& error) {
            return detail::run_together(commands, options, problem, error);
        });
    for (std::size_t i = 0; options.check && i != results.size(); ++i) {
        detail::check_result("pipeline", commands[i], results[i]);
    }
    return results;
}

// ------------------------------------------------------------------------------------------------
// retries

inline completed_process run_with_retries(const command& what, const retry_options& retries,
                                          const run_options& options, std::error_code& error) {
    detail::start_problem ignored;
    return detail::run_with_retries(what, retries, options, ignored, error);
}

inline completed_process run_with_retries(const command& what, const retry_options& retries,
                                          const run_options& options) {
    completed_process result = detail::start_or_throw(
        "run_with_retries", [&](detail::start_problem& problem, std::error_code& error) {
            return detail::run_with_retries(what, retries, options, problem, error);
        });
    if (options.check) {
        detail::check_result("run_with_retries", what, result);
    }
    return result;
}

// ------------------------------------------------------------------------------------------------
// detached programs

inline std::int64_t run_detached(const command& what, const std::filesystem::path& log_path,
                                 const detached_options& options, std::error_code& error) {
    detail::start_problem ignored;
    return detail::run_detached(what, log_path, options, ignored, error);
}

inline std::int64_t run_detached(const command& what, const std::filesystem::path& log_path,
                                 const detached_options& options, start_step& failed,
                                 std::error_code& error) {
    detail::start_problem problem;
    const std::int64_t pid = detail::run_detached(what, log_path, options, problem, error);
    failed = problem.step;
    return pid;
}

inline std::int64_t run_detached(const command& what, const std::filesystem::path& log_path,
                                 const detached_options& options) {
    return detail::start_or_throw(
        "run_detached", [&](detail::start_problem& problem, std::error_code& error) {
            return detail::run_detached(what, log_path, options, problem, error);
        });
}

// ------------------------------------------------------------------------------------------------
// orphans

namespace detail {
inline exit_status to_exit_status(const std::optional<os::process_end>& end) noexcept {
    return end ? exit_status{end->exit_code, end->signal, end->peak_memory, to_usage(*end)}
               : exit_status();
}
}  // namespace detail

inline std::vector<reaped_orphan> reap_orphans(orphan_scope scope, std::error_code& error) {
    error.clear();
    std::vector<reaped_orphan> reaped;
    if (scope == orphan_scope::all && !detail::os::has_process_handles()) {
        error = detail::os::make_error(std::errc::function_not_supported);
        return reaped;
    }
    for (const auto& each : detail::find_orphans(scope == orphan_scope::all, error)) {
        detail::os::process_end end;
        if (detail::os::reap_adopted(each.pid, end)) {
            detail::detached_programs::remove(each.pid, each.start);
            reaped.push_back({each.pid, detail::to_exit_status(end)});
        }
    }
    return reaped;
}

inline std::vector<reaped_orphan> reap_orphans(orphan_scope scope) {
    return detail::or_throw([&](std::error_code& error) { return reap_orphans(scope, error); },
                            "skyutil::reap_orphans: cannot list the children of this process");
}

// ------------------------------------------------------------------------------------------------
// child_process

namespace detail {

struct child_process_access {
    static const started_child& child(const child_process& process) noexcept {
        return process.child_;
    }
    static started_child& child(child_process& process) noexcept { return process.child_; }
};

/// Starts a child that lives as long as its object, whichever thread makes that.
inline started_child start_child(const command& what, const child_options& options,
                                 standard_descriptors& ours, start_problem& problem,
                                 std::error_code& error) {
    output_files files;
    kill_tree_options ending = ending_of(options);
    check_signals(ending, problem, error);
    if (error) {
        problem.step = start_step::arguments;
        return {};
    }
    return start_child({{what, options.cwd, options.env, options.attributes},
                        {&options.stdin_from, &options.stdout_to, &options.stderr_to},
                        options.merge_stderr,
                        std::move(ending),
                        start_thread::own},
                       unique_fd(), files, ours, problem, error);
}

}  // namespace detail

inline child_process::child_process(const command& what, const child_options& options) {
    std::error_code error;
    detail::start_problem problem;
    child_ = detail::start_child(what, options, pipes_, problem, error);
    problem.throw_if(error, "child_process");
}

inline child_process::child_process(const command& what, const child_options& options,
                                    std::error_code& error) {
    error.clear();
    detail::start_problem problem;
    child_ = detail::start_child(what, options, pipes_, problem, error);
    failed_step_ = problem.step;
}

inline process_handle child_process::handle(std::error_code& error) const {
    error.clear();
    if (child_.handle() == detail::os::no_handle) {
        return process_handle::open(pid(), error);
    }
    unique_fd copy(detail::os::duplicate(child_.handle(), error));
    return detail::process_handle_access::make(
        detail::os::process_ref(error ? 0 : pid(), std::move(copy)));
}

inline process_handle child_process::handle() const {
    return detail::or_throw([&](std::error_code& error) { return handle(error); },
                            "skyutil::child_process::handle: cannot open process ", pid());
}

inline exit_status child_process::wait() {
    return detail::to_exit_status(child_.wait_until(detail::for_ever));
}

template <class Rep, class Period>
std::optional<exit_status> child_process::wait(const std::chrono::duration<Rep, Period>& timeout) {
    const auto end = child_.wait_until(detail::deadline_after(timeout));
    return end || !child_.started() ? std::optional(detail::to_exit_status(end)) : std::nullopt;
}

inline exit_status child_process::terminate(std::chrono::milliseconds grace) {
    if (child_.started()) {
        kill_tree_options ending = child_.ending();
        ending.grace = grace;
        not_ended_ = child_.end_tree(ending).left;
    }
    return detail::to_exit_status(child_.look());
}

inline void child_process::write(std::string_view text, std::chrono::milliseconds timeout,
                                 std::error_code& error) {
    detail::conversation(pipes_, unread_).write(text, detail::deadline_after(timeout), error);
}

inline void child_process::write(std::string_view text, std::chrono::milliseconds timeout) {
    std::error_code error;
    write(text, timeout, error);
    detail::throw_if(error, "skyutil::child_process::write: cannot write to process ", pid());
}

inline std::string child_process::read_some(output_stream stream, std::chrono::milliseconds timeout,
                                            std::error_code& error) {
    return detail::conversation(pipes_, unread_)
        .read_some(stream, detail::deadline_after(timeout), error);
}

inline std::string child_process::read_some(output_stream stream,
                                            std::chrono::milliseconds timeout) {
    return detail::or_throw(
        [&](std::error_code& error) { return read_some(stream, timeout, error); },
        "skyutil::child_process::read_some: cannot read from process ", pid());
}

inline std::optional<std::string> child_process::read_line(output_stream stream,
                                                           std::chrono::milliseconds timeout,
                                                           std::error_code& error) {
    return detail::conversation(pipes_, unread_)
        .read_line(stream, detail::deadline_after(timeout), error);
}

inline std::optional<std::string> child_process::read_line(output_stream stream,
                                                           std::chrono::milliseconds timeout) {
    return detail::or_throw(
        [&](std::error_code& error) { return read_line(stream, timeout, error); },
        "skyutil::child_process::read_line: cannot read from process ", pid());
}

inline completed_process child_process::communicate(const command_input& input,
                                                    std::chrono::milliseconds timeout,
                                                    std::error_code& error) {
    const detail::pump_options options{.deadline = detail::deadline_after(timeout),
                                       .ending = child_.ending(),
                                       .drain = run_options().drain,
                                       .stop = {}};
    return detail::communicate(child_, pipes_, unread_, input, options, error);
}

inline completed_process child_process::communicate(const command_input& input,
                                                    std::chrono::milliseconds timeout) {
    return detail::or_throw(
        [&](std::error_code& error) { return communicate(input, timeout, error); },
        "skyutil::child_process::communicate: cannot talk to process ", pid());
}

inline std::int64_t child_process::detach() noexcept {
    const std::int64_t id = pid();
    child_.detach();
    return id;
}

inline std::optional<std::size_t> wait_any(std::span<child_process* const> children,
                                           std::chrono::milliseconds timeout,
                                           std::error_code& error) {
    error =
        children.empty() ? detail::os::make_error(std::errc::invalid_argument) : std::error_code();
    const detail::time_point deadline = detail::deadline_after(timeout);
    detail::os::output_loop loop(children.size());
    for (std::size_t i = 0; i != children.size(); ++i) {
        if (!children[i]->running()) {
            return i;
        }
        loop.add_process(detail::child_process_access::child(*children[i]).handle());
    }
    while (!error) {
        const detail::os::output_loop::completion what = loop.next(deadline);
        error = what.error;
        if (what.from == detail::os::loop_source::process && !children[what.index]->running()) {
            return what.index;
        }
        if (std::chrono::steady_clock::now() >= deadline) {
            break;
        }
    }
    return std::nullopt;
}

inline std::optional<std::size_t> wait_any(std::span<child_process* const> children,
                                           std::chrono::milliseconds timeout) {
    return detail::or_throw(
        [&](std::error_code& error) { return wait_any(children, timeout, error); },
        "skyutil::wait_any: cannot wait for the children");
}

inline bool wait_all(std::span<child_process* const> children, std::chrono::milliseconds timeout) {
    const detail::time_point deadline = detail::deadline_after(timeout);
    return std::all_of(children.begin(), children.end(), [&](child_process* each) {
        return !each->running() ||
               detail::child_process_access::child(*each).wait_until(deadline).has_value();
    });
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
