// SPDX-License-Identifier: MIT

#include "run_posix.hpp"

#include <skyutil/process.hpp>

#include <chrono>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace program {

namespace {

/// Closes what set_up_streams() has opened: the command finds closed what the caller closed.
void close_held_streams() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        const int flags = ::fcntl(fd, F_GETFD);
        if (flags != -1 && (flags & FD_CLOEXEC) != 0) {
            ::close(fd);
        }
    }
}

command_options make_command(const attempt_options& options, const taken_signals& signals) {
    command_options command;
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
        command.strangers = skyutil::child_processes(::getpid());
    }
    skyutil::child_options& child = command.child;
    child.stdin_from = skyutil::stdio_mode::inherit;
    child.attributes.die_with_parent = true;
    child.attributes.keep_ignored_signals = true;
    child.attributes.shell_fallback = true;
    child.attributes.blocked_signals = signals.blocked_before();
    if (options.capture) {
        child.stdout_to = skyutil::stdio_mode::pipe;
        child.stderr_to = skyutil::stdio_mode::pipe;
    } else {  // what a terminal is for stays with the command
        child.attributes.group = skyutil::child_group::same;
        child.attributes.keep_descriptors = true;
    }
    return command;
}

}  // namespace

struct runner::state {
    explicit state(const attempt_options& with)
        : options(with),
          // With captured output the command is in a session of its own: nothing there is stopped
          // by the terminal.
          signals(options.capture ? taken_signals::job_control::leave
                                  : taken_signals::job_control::take) {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // who loses its parent comes here
        command = make_command(options, signals);
    }

    attempt_options options;
    taken_signals signals;
    command_options command;
};

runner::runner(const attempt_options& options) {
    close_held_streams();
    state_ = std::make_unique<state>(options);
}

runner::~runner() = default;

outcome runner::run_once(const std::vector<std::string>& words) {
    return program::run_once(words, state_->options, state_->command, state_->signals);
}

int runner::wait(std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
        static_cast<void>(state_->signals.wait({}, end));
        while (const std::optional<signalfd_siginfo> info = state_->signals.next()) {
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

int exit_code_of(const outcome& result) {
    const skyutil::exit_status& status = result.status;
    if (result.timed_out) {
        return status.signal == SIGKILL ? by_signal + SIGKILL : timed_out;
    }
    const int dies_of = result.told_while_waiting || (status.signal != 0 && result.told != 0)
                            ? result.told
                            : status.signal;
    if (dies_of != 0) {
        die_of(dies_of);
        return by_signal + dies_of;
    }
    return status.exit_code == -1 ? not_run : status.exit_code;
}

std::string describe_run() {
    return "The command has the terminal, the descriptors and the signals that it would have "
           "without this program; with --json its output goes into the value instead. The "
           "exit code is the command's; 124 after the timeout, 137 if it took SIGKILL; 125 "
           "for a failure of this program, 126 for a command that cannot be executed, 127 "
           "for one that is not found. A signal that ends the command ends this program "
           "too. The timeout and SIGTERM end all that came of the command, other signals "
           "are passed on to it; of Ctrl-C on a terminal it has the grace to end, or to "
           "be at a prompt again.";
}

}  // namespace program
