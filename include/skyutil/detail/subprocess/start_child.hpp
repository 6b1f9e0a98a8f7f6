// SPDX-License-Identifier: MIT
//
// detail/subprocess/start_child.hpp: the start of a child with its pipes, and what is said when it
// fails. Included at the end of skyutil/subprocess.hpp.

#pragma once

#include <skyutil/detail/base/throw.hpp>
#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/pipes.hpp>
#include <skyutil/detail/os/programs.hpp>
#include <skyutil/detail/subprocess/start_request.hpp>
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

/// Returns a path, as messages show it.
inline std::string in_quotes(const std::filesystem::path& path) {
    const std::u8string text = path.u8string();
    return visible_name(std::string(text.begin(), text.end()));
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
    return "cannot start " + name + " in the directory " + in_quotes(directory);
}

/// What the throwing forms say of a failure.
struct start_problem {
    start_step step = start_step::none;  ///< none: the command was started
    std::filesystem::path path;
    std::string what;

    void set(const start_request& request, start_step where) {
        const command& program = request.what;
        step = where;
        what = cannot_start(program, request.directory, step);
        if (step == start_step::directory) {
            path = request.directory;
        } else if (!program.words().empty()) {
            const std::string& name = program.words().front();
            path = std::u8string(name.begin(), name.end());
        }
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

/// Returns what `work(problem, error)` returns; throws the problem where it sets the error.
template <class Work>
auto start_or_throw(const char* function, Work work) {
    std::error_code error;
    start_problem problem;
    auto result = work(problem, error);
    problem.throw_if(error, function);
    return result;
}

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

/// The thread that starts a child with child_attributes::die_with_parent, where its life depends on
/// one.
enum class start_thread {
    calling,  ///< the child is killed when the calling thread ends
    own,      ///< one that lives as long as the child: it is killed when this process ends
};

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
    standard_descriptors theirs{std::move(input)};
    if (!theirs[0]) {
        theirs[0] = open_standard(request.modes[0], 0, request.uses[0], ours[0], error);
    }
    theirs[1] = open_standard(request.modes[1], 1, request.uses[1], ours[1], error);
    if (!request.merge_stderr) {
        theirs[2] = open_standard(request.modes[2], 2, request.uses[2], ours[2], error);
    }
    os::start_failure failed = os::start_failure::handles;
    os::started_program started;
    if (!error) {
        os::program_request program = to_program(request.program);
        program.standard = {theirs[0].get(), theirs[1].get(), theirs[2].get()};
        program.merges_errors = request.merge_stderr;
        program.lifetime = !request.program.attributes.die_with_parent ? os::start_lifetime::own
                           : request.thread == start_thread::own ? os::start_lifetime::of_process
                                                                 : os::start_lifetime::of_thread;
        started = os::start_program(program, failed, error);
    }
    if (error) {
        problem.set(request.program, step_of(failed));
        return {};
    }
    return {std::move(started), request.grace};
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
