// SPDX-License-Identifier: MIT
//
// run_posix.hpp: the signals that come while a command runs, and one attempt of it.

#pragma once

#include "run.hpp"

#include <skyutil/files.hpp>
#include <skyutil/subprocess.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <signal.h>
#include <sys/signalfd.h>

namespace program {

/// The signals that this process gets, taken one after the other instead of acting on it. Those
/// that it ignored when it was started stay ignored.
class taken_signals {
public:
    /// Those of job control (SIGTSTP...) are taken too, or stop this process as ever.
    enum class job_control { take, leave };

    explicit taken_signals(job_control stops);

    /// Waits until a signal or another of the descriptors is there, at the latest until a point in
    /// time; whether each is. -1 is no descriptor.
    [[nodiscard]] std::vector<bool> wait(const std::vector<int>& descriptors,
                                         std::chrono::steady_clock::time_point deadline) const;

    /// Takes a signal, if there is one.
    [[nodiscard]] std::optional<signalfd_siginfo> next();

    /// Those that were blocked when this process was started.
    [[nodiscard]] std::vector<int> blocked_before() const;

private:
    sigset_t taken_{};
    sigset_t before_{};
    skyutil::unique_fd descriptor_;
};

/// Whether it is one of job control that stops a process.
[[nodiscard]] bool is_stop_signal(int signal);

/// Has a signal act on this process by its default action.
void act_on_self(int signal);

/// Ends this process as a signal ended the command, without a second core dump. Returns where that
/// cannot be: the first process of a container does not end by its own signals.
void die_of(int signal);

/// Reaps the children that have ended, but for one. Those that the command lost come to this
/// process, which is a subreaper.
void reap_orphans(std::int64_t except);

/// What an attempt needs besides.
struct command_options {
    skyutil::child_options child{};

    /// Children from before this program, which were started by another in this process.
    std::vector<std::int64_t> strangers{};
};

/// Runs a command to its end. SIGTERM and the timeout end all children of this process but the
/// strangers, and what they started, orphans included; other signals are passed on to the command.
/// Ctrl-C on the terminal is the command's: it is ended when it goes on for longer than the grace
/// or is asked again, unless it reads key by key then, as a program does at its prompt.
///
/// What a command that ends itself leaves behind is left alone. A command that cannot be started is
/// a std::system_error.
[[nodiscard]] outcome run_once(const std::vector<std::string>& words,
                               const attempt_options& options, const command_options& command,
                               taken_signals& signals);

}  // namespace program
