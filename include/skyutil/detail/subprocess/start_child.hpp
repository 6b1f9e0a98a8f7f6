// SPDX-License-Identifier: MIT
//
// detail/subprocess/start_child.hpp: the start of a child with its pipes, and what is said when it
// fails. Included at the end of skyutil/subprocess.hpp.

#pragma once

#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/pipes.hpp>
#include <skyutil/detail/os/programs.hpp>
#include <skyutil/detail/subprocess/start_plan.hpp>
#include <skyutil/detail/subprocess/started_child.hpp>
#include <skyutil/detail/text/foreign_text.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Returns the name of the program, as messages show it.
inline std::string in_quotes(const command& what) {
    return visible_name(what.words().empty() ? std::string() : what.words().front());
}

/// Returns "cannot start 'name'", or what else the start has failed at.
inline std::string cannot_start(const command& what, const std::filesystem::path& directory,
                                start_step step) {
    const std::string name = in_quotes(what);
    switch (step) {
        case start_step::none:
        case start_step::program:
            return "cannot start " + name;
        case start_step::arguments:
            return "cannot give " + name + " its words and variables";
        case start_step::process:
            return "cannot make a process for " + name;
        case start_step::session:
            return "cannot give " + name + " a session or group of its own";
        case start_step::death_signal:
            return "cannot have " + name + " end with its parent";
        case start_step::nice:
            return "cannot set the niceness of " + name;
        case start_step::cpus:
            return "cannot bind " + name + " to its CPUs";
        case start_step::limits:
            return "cannot set the limits of " + name;
        case start_step::descriptors:
            return "cannot give " + name + " its descriptors";
        case start_step::directory:
        default:
            break;
    }
    return "cannot start " + name + " in the directory " + visible_name(directory.native());
}

/// What the throwing forms say of a failure.
struct start_problem {
    start_step step = start_step::none;  ///< none: the command was started
    std::filesystem::path path;
    std::string what;

    /// Sets what a start has failed at. If that is neither the plan nor the new process, it is the
    /// descriptors.
    void set(const start_request& request, start_step where) {
        const command& program = request.what;
        step = where == start_step::none ? start_step::descriptors : where;
        what = cannot_start(program, request.directory, step);
        path = step == start_step::directory ? request.directory
               : program.words().empty()     ? std::filesystem::path()
                                             : std::filesystem::path(program.words().front());
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

/// Returns what a child gets as a standard descriptor; `ours` gets the other end of a pipe,
/// which is for `use`.
inline unique_fd open_standard(stdio_mode what, int number, os::pipe_use use, unique_fd& ours,
                               std::error_code& error) {
    if (error || what == stdio_mode::inherit) {
        return {};
    }
    if (what == stdio_mode::null) {
        return unique_fd(os::open_null(error));
    }
    const os::pipe_ends ends = number == 0 ? os::open_pipe(os::pipe_use::program, use, error)
                                           : os::open_pipe(use, os::pipe_use::program, error);
    ours.reset(number == 0 ? ends.write : ends.read);
    return unique_fd(number == 0 ? ends.read : ends.write);
}

/// Returns a standard error that goes where standard output goes.
inline unique_fd same_as_stdout(const unique_fd& out, std::error_code& error) {
    // Inherited: the standard output of this process, which may be closed.
    return unique_fd(error ? -1 : os::duplicate(out ? out.get() : 1, error));
}

struct child_request {
    start_request program;
    std::array<stdio_mode, 3> modes;  ///< of the standard descriptors
    bool merge_stderr;
    std::chrono::milliseconds grace;
    start_thread thread;
    std::array<os::pipe_use, 3> uses{};  ///< what the other ends of their pipes are for
};

/// Starts a child. `input` is its standard input, if there is one; `ours` gets this process's ends
/// of the pipes.
inline started_child start_child(const child_request& request, unique_fd input,
                                 standard_descriptors& ours, start_problem& problem,
                                 std::error_code& error) {
    start_plan plan(request.program, start_kind::child, error);
    standard_descriptors theirs{std::move(input)};
    if (!theirs[0]) {
        theirs[0] = open_standard(request.modes[0], 0, request.uses[0], ours[0], error);
    }
    theirs[1] = open_standard(request.modes[1], 1, request.uses[1], ours[1], error);
    theirs[2] = request.merge_stderr
                    ? same_as_stdout(theirs[1], error)
                    : open_standard(request.modes[2], 2, request.uses[2], ours[2], error);
    started_child child;
    if (!error) {
        plan.set_standard(theirs[0].get(), theirs[1].get(), theirs[2].get());
        child = started_child::start(plan.start(), request.grace, request.thread, error);
    }
    if (error) {
        problem.set(request.program, plan.failed_step());
    }
    return child;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
