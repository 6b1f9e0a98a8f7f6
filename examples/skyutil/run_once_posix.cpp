// SPDX-License-Identifier: MIT
//
// One thread waits for the command, for signals and, with --json, for what the command prints; only
// the end of all processes, which takes its time, has a thread of its own.

#include "common.hpp"
#include "run_posix.hpp"

#include <skyutil/process.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <exception>
#include <future>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

namespace program {

namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;
using time_point = clock::time_point;
constexpr time_point never = (time_point::max)();

// -------------------------------------------------------------------------------------------------
// the terminal

skyutil::unique_fd open_terminal() {
    return skyutil::unique_fd(::open("/dev/tty", O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
}

/// Whether somebody reads key by key.
bool is_at_prompt() {
    const skyutil::unique_fd terminal = open_terminal();
    termios settings{};
    return terminal && ::tcgetattr(terminal.get(), &settings) == 0 &&
           (settings.c_lflag & ICANON) == 0;
}

bool is_in_foreground() {
    const skyutil::unique_fd terminal = open_terminal();
    return terminal && ::tcgetpgrp(terminal.get()) == ::getpgrp();
}

/// How a terminal was before a command had it.
class terminal_state {
public:
    terminal_state() {
        const skyutil::unique_fd terminal = open_terminal();
        known_ = terminal && ::tcgetpgrp(terminal.get()) == ::getpgrp() &&
                 ::tcgetattr(terminal.get(), &settings_) == 0;
    }

    /// Makes it so again after a command that had no time to, unless the terminal is another's now.
    void restore() const {
        const skyutil::unique_fd terminal = open_terminal();
        if (!known_ || !terminal) {
            return;
        }
        const pid_t group = ::tcgetpgrp(terminal.get());
        const bool free = group > 1 && ::kill(-group, 0) == -1 && errno == ESRCH;
        // SIGTTOU is blocked here: neither call stops this process.
        if (free) {
            ::tcsetpgrp(terminal.get(), ::getpgrp());
        }
        if (free || group == ::getpgrp()) {
            ::tcsetattr(terminal.get(), TCSADRAIN, &settings_);
        }
    }

private:
    termios settings_{};
    bool known_ = false;
};

// -------------------------------------------------------------------------------------------------
// the command

/// What a command prints to a pipe; so much of it is kept.
class output {
public:
    output(skyutil::unique_fd pipe, std::optional<std::size_t> most)
        : pipe_(std::move(pipe)), most_(most) {}

    /// -1 once nobody can write any more.
    [[nodiscard]] int descriptor() const { return pipe_.get(); }

    /// Reads once, which does not wait where something is there.
    void read() {
        std::array<char, 64 * 1024> buffer;
        const ssize_t size = ::read(pipe_.get(), buffer.data(), buffer.size());
        if (size > 0) {
            const auto count = static_cast<std::size_t>(size);
            const std::size_t room = most_ ? *most_ - text_.size() : count;
            truncated_ = truncated_ || count > room;
            text_.append(buffer.data(), (std::min)(count, room));
        } else if (size == 0 || errno != EINTR) {
            pipe_.reset();
        }
    }

    [[nodiscard]] bool truncated() const { return truncated_; }
    std::string take() { return std::move(text_); }

private:
    skyutil::unique_fd pipe_;
    std::optional<std::size_t> most_;
    std::string text_;
    bool truncated_ = false;
};

class attempt {
public:
    attempt(const std::vector<std::string>& words, const attempt_options& options,
            const command_options& command, taken_signals& signals)
        : options_(options),
          command_(command),
          signals_(signals),
          child_(words, command.child),
          start_(clock::now()),
          outputs_{output(std::move(child_.stdout_pipe()), options.max_output),
                   output(std::move(child_.stderr_pipe()), options.max_output)} {
        if (options.timeout) {
            timeout_ = start_ + *options.timeout;
        }
    }

    outcome wait() {
        while (!is_over()) {
            const std::vector<bool> ready = signals_.wait(
                {outputs_[0].descriptor(), outputs_[1].descriptor()}, next_deadline());
            for (std::size_t i = 0; i != outputs_.size(); ++i) {
                if (ready[i]) {
                    outputs_[i].read();
                }
            }
            while (const std::optional<signalfd_siginfo> info = signals_.next()) {
                take(*info);
            }
            look();
            if (has_ended() && (ready[0] || ready[1] || drained_ == never)) {
                drained_ = clock::now() + drain;
            }
            act_on_time();
            follow_stop();
        }
        return finish();
    }

private:
    /// So long without a word from those that the command has left behind are they listened to.
    static constexpr milliseconds drain{100};

    /// So long has a command after a second Ctrl-C: one that handles it gives the terminal its
    /// usual settings for a while before it is at its prompt again.
    static constexpr milliseconds moment{500};

    [[nodiscard]] bool has_ended() const { return ended_ != never; }
    [[nodiscard]] bool is_ending() const { return ending_.valid(); }
    [[nodiscard]] pid_t pid() const { return static_cast<pid_t>(child_.pid()); }

    [[nodiscard]] bool all_read() const {
        return outputs_[0].descriptor() == -1 && outputs_[1].descriptor() == -1;
    }

    [[nodiscard]] bool is_over() const {
        if (is_ending() && !all_ended_) {
            return false;
        }
        // One that could not be ended is over as well.
        return has_ended() ? all_read() || drained_ <= clock::now() : is_ending();
    }

    [[nodiscard]] time_point next_deadline() const {
        if (is_ending()) {
            return all_ended_ ? drained_ : never;
        }
        return (std::min)(timeout_, has_ended() ? drained_ : interrupt_end_);
    }

    /// Looks what became of the children.
    void look() {
        siginfo_t info{};
        const auto id = static_cast<id_t>(pid());
        while (::waitid(P_PID, id, &info, WSTOPPED | WCONTINUED | WNOHANG) == 0 &&
               info.si_pid != 0) {
            stopped_by_ = info.si_code == CLD_STOPPED ? info.si_status : 0;
            info = {};
        }
        if (!has_ended() && !child_.running()) {
            ended_ = clock::now();
        }
        reap_orphans(child_.pid());
    }

    void act_on_time() {
        const time_point now = clock::now();
        if (is_ending()) {
            return;
        }
        if (timeout_ <= now && has_ended()) {
            drained_ = now;
        } else if (timeout_ <= now) {
            timed_out_ = true;
            end_all(0);
        } else if (interrupt_end_ <= now && !has_ended()) {
            interrupt_end_ = never;
            if (!is_at_prompt()) {
                end_all(SIGINT);
            }
        }
    }

    void take(const signalfd_siginfo& info) {
        const int signal = static_cast<int>(info.ssi_signo);
        if (signal == SIGCHLD || info.ssi_pid == static_cast<std::uint32_t>(::getpid())) {
            return;
        }
        if (has_ended()) {
            if (!is_ending() && (signal == SIGTERM || signal == SIGINT || signal == SIGHUP)) {
                told_ = signal;
                drained_ = clock::now();
            }
            return;
        }
        if (signal == SIGTERM) {
            end_all(SIGTERM);
            return;
        }
        const bool from_terminal = info.ssi_code == SI_KERNEL;
        const bool had_it = from_terminal && command_had(signal);
        if (signal == SIGINT && from_terminal) {
            interrupt(had_it);
        }
        asked_to_stop_ = signal != SIGCONT && (asked_to_stop_ || is_stop_signal(signal));
        const bool goes_on =
            signal == SIGCONT && std::exchange(was_stopped_, false) && was_continued();
        if (!had_it && !goes_on) {
            forward(info);
        }
    }

    /// Whether the command was continued since this process was stopped with it: a shell continues
    /// the whole group, and a second SIGCONT would undo the next Ctrl-Z if that comes before it.
    [[nodiscard]] bool was_continued() const {
        siginfo_t info{};
        return ::waitid(P_PID, static_cast<id_t>(pid()), &info,
                        WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT) == 0 &&
               info.si_pid != 0;
    }

    /// Whether the kernel, when it sent a signal here, sent it to the command as well: what is
    /// typed on a terminal goes to all of its foreground group, but that the terminal is gone to
    /// the leader of the session alone.
    [[nodiscard]] bool command_had(int signal) const {
        constexpr std::array terminal_signals{SIGINT,  SIGQUIT, SIGTSTP, SIGTTIN,
                                              SIGTTOU, SIGHUP,  SIGCONT, SIGWINCH};
        const bool to_leader = (signal == SIGHUP || signal == SIGCONT) && ::getsid(0) == ::getpid();
        return std::find(terminal_signals.begin(), terminal_signals.end(), signal) !=
                   terminal_signals.end() &&
               !to_leader && ::getpgid(pid()) == ::getpgrp();
    }

    /// The command is reaped at the very end: until then its id is its own.
    void forward(const signalfd_siginfo& info) const {
        const int signal = static_cast<int>(info.ssi_signo);
        if (info.ssi_code == SI_QUEUE) {
            sigval value{};
            // NOLINTNEXTLINE(performance-no-int-to-ptr): signalfd(2) has it as a number
            value.sival_ptr = reinterpret_cast<void*>(static_cast<std::uintptr_t>(info.ssi_ptr));
            ::sigqueue(pid(), signal, value);
            return;
        }
        // As the terminal does, which does not reach the group of a command with --json.
        const bool to_group = info.ssi_code == SI_KERNEL && ::getpgid(pid()) == pid();
        ::kill(to_group ? -pid() : pid(), signal);
    }

    void interrupt(bool command_had_it) {
        interrupted_ = true;
        if (command_had_it && is_at_prompt()) {
            interrupt_end_ = never;
        } else if (interrupt_end_ != never) {
            interrupt_end_ = (std::min)(interrupt_end_, clock::now() + moment);
        } else {
            interrupt_end_ = clock::now() + options_.grace;
        }
    }

    /// Ends the command and all that came of it. `told` is the signal that wants it, 0 for none.
    void end_all(int told) {
        if (is_ending()) {
            return;
        }
        told_ = told;
        ending_ = std::async(std::launch::async, [this] {
            try {
                std::error_code error;
                left_ = skyutil::kill_children_processes({.grace = options_.grace,
                                                          .end_signal = options_.end_signal,
                                                          .spare = command_.strangers},
                                                         error)
                            .left;
                if (error) {  // without /proc the command is the only one that is known
                    left_ = skyutil::terminate_process(pid(), options_.grace, error).left;
                }
            } catch (const std::exception&) {  // no memory
                ::kill(pid(), SIGKILL);
            }
            all_ended_ = true;
            ::kill(::getpid(), SIGCHLD);  // wakes the other thread
        });
    }

    /// Stops with a command that was stopped from the terminal, or together with this process, so
    /// that the shell that waits for this process sees it.
    void follow_stop() {
        if (stopped_by_ == 0 || is_ending() || !(asked_to_stop_ || is_in_foreground())) {
            return;
        }
        asked_to_stop_ = false;
        const int by = std::exchange(stopped_by_, 0);
        was_stopped_ = true;
        // Those of job control do nothing where no shell is there that could continue this process.
        act_on_self(by == SIGSTOP ? SIGTSTP : by);
    }

    outcome finish() {
        if (is_ending()) {
            ending_.wait();
            terminal_.restore();
        }
        for (const auto& [left, error] : left_) {
            report("cannot end process " + std::to_string(left) + ": " + error.message());
        }
        outcome result{.timed_out = timed_out_,
                       .truncated = outputs_[0].truncated() || outputs_[1].truncated(),
                       .output_incomplete = !all_read(),
                       .interrupted = interrupted_,
                       .told = told_,
                       .elapsed = (has_ended() ? ended_ : clock::now()) - start_,
                       .out = outputs_[0].take(),
                       .err = outputs_[1].take()};
        if (has_ended()) {
            result.status = child_.wait();
        }
        child_.detach();  // its destructor would end what the command has left behind
        reap_orphans(0);
        return result;
    }

    const attempt_options& options_;
    const command_options& command_;
    taken_signals& signals_;
    terminal_state terminal_;
    skyutil::child_process child_;
    time_point start_;
    std::array<output, 2> outputs_;
    time_point timeout_ = never;
    time_point interrupt_end_ = never;  ///< until then a command may go on after Ctrl-C
    time_point ended_ = never;
    time_point drained_ = never;
    bool timed_out_ = false;
    bool interrupted_ = false;
    bool asked_to_stop_ = false;
    bool was_stopped_ = false;  ///< this process, and it has not been continued since
    int stopped_by_ = 0;
    int told_ = 0;
    std::vector<skyutil::kill_report::process_left> left_;
    std::atomic<bool> all_ended_ = false;
    std::future<void> ending_;  // waits at its end
};

}  // namespace

taken_signals::taken_signals(job_control stops) {
    ::signal(SIGCHLD, SIG_DFL);  // ignored, it takes the command's exit code along
    ::sigfillset(&taken_);
    for (int signal = 1; signal <= SIGRTMAX; ++signal) {
        struct sigaction action{};
        const bool ignored =
            ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
        if (ignored || (stops == job_control::leave && is_stop_signal(signal))) {
            ::sigdelset(&taken_, signal);
        }
    }
    ::sigprocmask(SIG_BLOCK, &taken_, &before_);
    descriptor_.reset(::signalfd(-1, &taken_, SFD_CLOEXEC | SFD_NONBLOCK));
    if (descriptor_ && descriptor_.get() <= STDERR_FILENO) {  // closed: the command inherits that
        descriptor_.reset(::fcntl(descriptor_.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    }
    if (!descriptor_) {
        throw std::system_error(errno, std::generic_category(), "cannot wait for signals");
    }
}

std::vector<bool> taken_signals::wait(const std::vector<int>& descriptors,
                                      time_point deadline) const {
    std::vector<pollfd> entries;
    for (const int descriptor : descriptors) {
        entries.push_back({descriptor, POLLIN, 0});
    }
    entries.push_back({descriptor_.get(), POLLIN, 0});
    timespec time{};
    if (deadline != never) {
        using std::chrono::seconds, std::chrono::nanoseconds;
        const auto left = (std::max)(deadline - clock::now(), clock::duration::zero());
        const auto whole = std::chrono::floor<seconds>(left);
        time.tv_sec = static_cast<std::time_t>(whole.count());
        time.tv_nsec = static_cast<long>(nanoseconds(left - whole).count());
    }
    const int count =
        ::ppoll(entries.data(), entries.size(), deadline == never ? nullptr : &time, nullptr);
    std::vector<bool> ready;
    for (std::size_t i = 0; i != descriptors.size(); ++i) {
        ready.push_back(count > 0 && entries[i].revents != 0);
    }
    return ready;
}

std::optional<signalfd_siginfo> taken_signals::next() {
    signalfd_siginfo info{};
    const ssize_t size = ::read(descriptor_.get(), &info, sizeof info);
    return size == sizeof info ? std::optional(info) : std::nullopt;
}

std::vector<int> taken_signals::blocked_before() const {
    std::vector<int> blocked;
    for (int signal = 1; signal <= SIGRTMAX; ++signal) {
        if (::sigismember(&before_, signal) == 1) {
            blocked.push_back(signal);
        }
    }
    return blocked;
}

bool is_stop_signal(int signal) {
    return signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

void act_on_self(int signal) {
    sigset_t one;
    sigset_t before;
    ::sigemptyset(&one);
    ::sigaddset(&one, signal);
    ::raise(signal);  // comes when it is unblocked
    ::sigprocmask(SIG_UNBLOCK, &one, &before);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
}

void die_of(int signal) {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::prctl(PR_SET_DUMPABLE, 0);
    ::signal(signal, SIG_DFL);
    act_on_self(signal);
}

void reap_orphans(std::int64_t except) {
    for (;;) {
        siginfo_t info{};
        if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == -1 || info.si_pid == 0 ||
            info.si_pid == except) {
            return;
        }
        ::waitid(P_PID, static_cast<id_t>(info.si_pid), &info, WEXITED | WNOHANG);
    }
}

outcome run_once(const std::vector<std::string>& words, const attempt_options& options,
                 const command_options& command, taken_signals& signals) {
    return attempt(words, options, command, signals).wait();
}

}  // namespace program
