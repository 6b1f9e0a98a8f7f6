// SPDX-License-Identifier: MIT
//
// tests/program/terminal.hpp: "skyutil run" on a terminal or not, under a shell or not, and how it
// ended.

#pragma once

#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support_linux.hpp"

namespace skyutil_tests {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using words = std::vector<std::string>;

/// However busy the machine is, nothing takes so long.
inline constexpr std::chrono::seconds patience(60);

inline words operator+(words first, const words& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

inline words wrapped(const words& command, const words& options = {}) {
    return words{SKYUTIL_TEST_PROGRAM, "run"} + options + words{"--"} + command;
}

inline words sh(const std::string& script) { return {"sh", "-c", script}; }

inline bool is_installed(const std::string& program) {
    std::istringstream path(std::getenv("PATH"));
    for (std::string directory; std::getline(path, directory, ':');) {
        if (::access((directory + "/" + program).c_str(), X_OK) == 0) {
            return true;
        }
    }
    return false;
}

inline bool is_alive(pid_t pid) {
    std::error_code error;
    if (!std::filesystem::exists("/proc/" + std::to_string(pid), error)) {
        return false;
    }
    std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
    const std::string stat{std::istreambuf_iterator<char>(in), {}};
    const std::size_t end = stat.rfind(") ");
    return end != stat.npos && stat[end + 2] != 'Z' && stat[end + 2] != 'X';
}

/// Waits until something is so; whether it is.
template <class Condition>
bool becomes(Condition condition) {
    for (const auto end = clock::now() + patience; clock::now() < end;
         std::this_thread::sleep_for(5ms)) {
        if (condition()) {
            return true;
        }
    }
    return false;
}

/// A program with what it prints in a pipe, or on a terminal, killed at the end of the scope.
class running {
public:
    /// `prepare` is called in the new process.
    explicit running(const words& command, const std::function<void()>& prepare = [] {}) {
        std::array<int, 2> in{};
        std::array<int, 2> out{};
        if (::pipe2(in.data(), O_CLOEXEC) == -1 || ::pipe2(out.data(), O_CLOEXEC) == -1) {
            throw_errno("pipe2");
        }
        start(command, [&] {
            ::dup2(in[0], 0);
            ::dup2(out[1], 1);
            ::dup2(out[1], 2);
            prepare();
        });
        ::close(in[0]);
        ::close(out[1]);
        in_ = in[1];
        out_ = out[0];
    }
    running(const running&) = delete;
    running& operator=(const running&) = delete;
    ~running() {
        if (!ended_) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ::close(in_);
        ::close(out_);
    }

    pid_t pid() const { return pid_; }

    void type(std::string_view text) const {
        if (::write(in_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
            throw_errno("write");
        }
    }

    void close_input() { ::close(std::exchange(in_, -1)); }

    /// Reads on until a text has come, and returns what came before it.
    std::string expect(const std::string& text) {
        const auto end = clock::now() + patience;
        for (;;) {
            if (const std::size_t at = unread_.find(text); at != unread_.npos) {
                std::string before = unread_.substr(0, at);
                unread_.erase(0, at + text.size());
                return before;
            }
            if (!read_until(end)) {
                FAIL("no \"" << text << "\" but: " << unread_);
            }
        }
    }

    /// Whether a text comes within a time.
    bool comes(const std::string& text, std::chrono::milliseconds time) {
        const auto end = clock::now() + time;
        while (unread_.find(text) == unread_.npos) {
            if (!read_until(end)) {
                return false;
            }
        }
        return true;
    }

    /// Everything until the end.
    std::string rest() {
        const auto end = clock::now() + patience;
        while (read_until(end)) {
        }
        return std::exchange(unread_, {});
    }

    void signal(int number) const { ::kill(pid_, number); }

    /// The wait status.
    int wait() {
        int status = 0;
        const bool in_time =
            becomes([&] { return ended_ = ::waitpid(pid_, &status, WNOHANG) == pid_; });
        if (!in_time) {
            FAIL("it has not ended; it printed: " << unread_);
        }
        return status;
    }

    /// As shells have it.
    int exit_code() {
        const int status = wait();
        return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    }

protected:
    running() = default;

    void start(const words& command, const std::function<void()>& prepare) {
        std::vector<char*> pointers;
        for (const std::string& word : command) {
            pointers.push_back(const_cast<char*>(word.c_str()));
        }
        pointers.push_back(nullptr);
        const pid_t parent = ::getpid();
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != parent) {
                ::_exit(126);
            }
            prepare();
            ::execvp(pointers.front(), pointers.data());
            ::_exit(127);
        }
    }

    bool read_until(clock::time_point end) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - clock::now());
        pollfd entry{out_, POLLIN, 0};
        if (left.count() <= 0 || ::poll(&entry, 1, static_cast<int>(left.count())) <= 0) {
            return false;
        }
        std::array<char, 4096> buffer{};
        const ssize_t size = ::read(out_, buffer.data(), buffer.size());
        if (size <= 0) {  // EIO on a terminal that nobody has open any more
            return false;
        }
        unread_.append(buffer.data(), static_cast<std::size_t>(size));
        return true;
    }

    pid_t pid_ = -1;
    int in_ = -1;
    int out_ = -1;
    bool ended_ = false;
    std::string unread_;
};

/// A program that leads a session on a pseudo-terminal of its own.
class on_terminal : public running {
public:
    explicit on_terminal(const words& command) {
        out_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (out_ == -1 || ::grantpt(out_) == -1 || ::unlockpt(out_) == -1) {
            throw_errno("posix_openpt");
        }
        in_ = ::fcntl(out_, F_DUPFD_CLOEXEC, 0);
        const std::string name = ::ptsname(out_);
        start(command, [&] {
            ::setsid();
            const int terminal = ::open(name.c_str(), O_RDWR);  // which makes it the session's
            for (const int fd : {0, 1, 2}) {
                ::dup2(terminal, fd);
            }
            ::close(terminal);
            ::setenv("TERM", "xterm", 1);
        });
    }

    void resize(unsigned short rows, unsigned short columns) const {
        const winsize size{rows, columns, 0, 0};
        if (::ioctl(out_, TIOCSWINSZ, &size) == -1) {
            throw_errno("TIOCSWINSZ");
        }
    }

    /// Closes the other side of the terminal, as a window that is closed does.
    void hang_up() {
        ::close(std::exchange(in_, -1));
        ::close(std::exchange(out_, -1));
    }
};

/// A shell with job control, at its prompt.
class shell_on_terminal : public on_terminal {
public:
    shell_on_terminal() : on_terminal(command()) {
        type("PS1='pro''mpt>'; HISTFILE=\n");
        expect("prompt>");
    }

    /// Types a line that runs the program.
    void run(const std::string& rest) { type("\"" SKYUTIL_TEST_PROGRAM "\" run " + rest + "\n"); }

    /// The exit code of what has run.
    std::string last_code() {
        expect("prompt>");
        type("echo code=$?.\n");
        expect("code=$?.");
        expect("code=");
        return expect(".");
    }

private:
    static words command() {
        if (!is_installed("bash")) {
            SKYUTIL_SKIP("there is no bash");
        }
        return {"bash", "--norc", "--noprofile", "--noediting", "-i"};
    }
};

inline constexpr std::string_view ctrl_c = "\x03";
inline constexpr std::string_view ctrl_backslash = "\x1c";
inline constexpr std::string_view ctrl_z = "\x1a";

/// A script that says something whenever a signal comes, and ends with the input.
inline words listener(const words& signals) {
    std::string script;
    for (const std::string& each : signals) {
        script += "trap 'echo got " + each + ".' " + each + "; ";
    }
    return sh(script + "echo ready; while :; do read line && break; done; exit 5");
}

}  // namespace skyutil_tests
