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
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

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
        case start_step::identity:
            return "cannot give " + name + " its user, groups or privileges";
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

/// Opens what a stdio_target names.
struct stdio_target_access {
    /// Returns what a child gets as a standard descriptor; `ours` gets the other end of a pipe,
    /// which is for `use`.
    static unique_fd open(const stdio_target& target, std::size_t number, os::pipe_use use,
                          unique_fd& ours, std::error_code& error) {
        switch (target.kind_) {
            case stdio_target::kind::input_file:
            case stdio_target::kind::output_file:
                return open_file(target, number, error);
            case stdio_target::kind::handle:
                return unique_fd(os::duplicate(target.handle_, error));
            case stdio_target::kind::mode:
            default:
                return open_mode(target.mode_, number, use, ours, error);
        }
    }

    /// Returns the name of the file; nullptr if the target is none.
    static const std::filesystem::path* file(const stdio_target& target) noexcept {
        using enum stdio_target::kind;
        return target.kind_ == input_file || target.kind_ == output_file ? &target.name_ : nullptr;
    }

private:
    static unique_fd open_file(const stdio_target& target, std::size_t number,
                               std::error_code& error) {
        const auto& name = target.name_.native();
        const bool is_input = target.kind_ == stdio_target::kind::input_file;
        if (is_input != (number == 0)) {
            error = os::make_error(std::errc::invalid_argument);
            return {};
        }
        return unique_fd(is_input
                             ? os::open_input(name, error)
                             : os::open_output(name,
                                               target.options_.append ? os::output_start::append
                                                                      : os::output_start::truncate,
                                               static_cast<unsigned>(target.options_.mode), error));
    }

    static unique_fd open_mode(stdio_mode what, std::size_t number, os::pipe_use use,
                               unique_fd& ours, std::error_code& error) {
        if (what == stdio_mode::inherit) {
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
};

/// The files that commands which are started together write to. Each is opened once, as each
/// opening would have a position of its own.
class output_files {
public:
    /// Returns the file that a target names.
    os::native_handle open(const stdio_target& target, std::size_t number, std::error_code& error) {
        const std::filesystem::path& name = *stdio_target_access::file(target);
        for (const entry& each : opened_) {
            if (each.name == name) {
                return each.fd.get();
            }
        }
        unique_fd none;
        unique_fd fd =
            stdio_target_access::open(target, number, os::pipe_use::program, none, error);
        return error ? os::no_handle : opened_.emplace_back(name, std::move(fd)).fd.get();
    }

private:
    struct entry {
        std::filesystem::path name;
        unique_fd fd;
    };

    std::vector<entry> opened_;
};

/// The thread that starts a child with child_attributes::die_with_parent, where its life depends on
/// one.
enum class start_thread {
    calling,  ///< the child is killed when the calling thread ends
    own,      ///< one that lives as long as the child: it is killed when this process ends
};

struct child_request {
    start_request program;
    std::array<const stdio_target*, 3> targets;  ///< of the standard descriptors
    bool merge_stderr;
    kill_tree_options ending;
    start_thread thread;
    std::array<os::pipe_use, 3> uses{};  ///< what the other ends of their pipes are for
};

/// Says which number is not a signal's.
inline void check_signals(const kill_tree_options& ending, start_problem& problem,
                          std::error_code& error) {
    if (const std::optional<int> number = wrong_signal(ending)) {
        error = os::make_error(std::errc::invalid_argument);
        problem.what = "no signal has the number " + std::to_string(*number);
    }
}

/// Starts a child. `input` is its standard input, if there is one; `files` has those that others
/// write to, too; `ours` gets this process's ends of the pipes.
inline started_child start_child(const child_request& request, unique_fd input, output_files& files,
                                 standard_descriptors& ours, start_problem& problem,
                                 std::error_code& error) {
    standard_descriptors theirs{std::move(input)};
    std::array<os::native_handle, 3> given{theirs[0].get(), os::no_handle, os::no_handle};
    for (std::size_t i = theirs[0] ? 1 : 0; i != (request.merge_stderr ? 2 : 3); ++i) {
        const stdio_target& target = *request.targets[i];
        const std::filesystem::path* const file = stdio_target_access::file(target);
        if (file != nullptr && i != 0) {
            given[i] = files.open(target, i, error);
        } else {
            theirs[i] = stdio_target_access::open(target, i, request.uses[i], ours[i], error);
            given[i] = theirs[i].get();
        }
        if (error) {
            problem.set(request.program, start_step::descriptors);
            if (file != nullptr) {
                problem.path = *file;
                problem.what =
                    "cannot open " + in_quotes(*file) + " for " + in_quotes(request.program.what);
            }
            return {};
        }
    }
    kill_tree_options ending = request.ending;  // now, as nothing may fail once it runs
    const time_point start_time = std::chrono::steady_clock::now();
    os::start_failure failed = os::start_failure::handles;
    os::program_request program = to_program(request.program);
    program.standard = given;
    program.merges_errors = request.merge_stderr;
    program.lifetime = !request.program.attributes.die_with_parent ? os::start_lifetime::own
                       : request.thread == start_thread::own       ? os::start_lifetime::of_process
                                                                   : os::start_lifetime::of_thread;
    os::started_program started = os::start_program(program, failed, error);
    if (error) {
        problem.set(request.program, step_of(failed));
        return {};
    }
    return {std::move(started), std::move(ending), start_time};
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
