// SPDX-License-Identifier: MIT
//
// "skyutil run" as people use wrappers: on a terminal, in scripts, under nohup(1), as the first
// process of a container; timeout(1), env(1), nice(1) and nohup(1) are the measure.

#include "catch.hpp"
#include "support.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
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
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace skyutil_tests;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using words = std::vector<std::string>;

/// However busy the machine is, nothing takes so long.
constexpr std::chrono::seconds patience(60);

words operator+(words first, const words& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

words wrapped(const words& command, const words& options = {}) {
    return words{SKYUTIL_TEST_PROGRAM, "run"} + options + words{"--"} + command;
}

words sh(const std::string& script) { return {"sh", "-c", script}; }

bool is_installed(const std::string& program) {
    std::istringstream path(std::getenv("PATH"));
    for (std::string directory; std::getline(path, directory, ':');) {
        if (::access((directory + "/" + program).c_str(), X_OK) == 0) {
            return true;
        }
    }
    return false;
}

/// A directory of PATH that may not be searched makes a difference for what is not there.
void readable_path() { ::setenv("PATH", "/usr/local/bin:/usr/bin:/bin", 1); }

bool is_alive(pid_t pid) {
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

constexpr std::string_view ctrl_c = "\x03";
constexpr std::string_view ctrl_backslash = "\x1c";
constexpr std::string_view ctrl_z = "\x1a";

/// A script that says something whenever a signal comes, and ends with the input.
words listener(const words& signals) {
    std::string script;
    for (const std::string& each : signals) {
        script += "trap 'echo got " + each + ".' " + each + "; ";
    }
    return sh(script + "echo ready; while :; do read line && break; done; exit 5");
}

/// The lines "Sig..." and others of /proc/self/status of a command.
std::string status_of(const words& command, const std::string& name,
                      const std::function<void()>& prepare) {
    running child(command + words{"cat", "/proc/self/status"}, prepare);
    child.expect("\n" + name + ":\t");
    return child.expect("\n");
}

// -------------------------------------------------------------------------------------------------
// Ctrl-C

TEST_CASE("at Ctrl-C a clean-up runs to its end, and its exit code is kept") {
    shell_on_terminal shell;
    shell.run(
        "sh -c 'trap \"echo cle\"\"aning; sleep 0.3; echo cle\"\"aned; exit 3\" INT; "
        "echo rea\"\"dy; while :; do sleep 0.05; done'");
    shell.expect("ready");
    shell.type(ctrl_c);
    shell.expect("cleaning");
    shell.expect("cleaned");
    CHECK(shell.last_code() == "3");
}

TEST_CASE("the command gets one signal for one Ctrl-C") {
    shell_on_terminal shell;
    shell.run(
        "sh -c 'n=0; trap \"n=\\$((n+1)); echo count=\\$n.\" INT; echo rea\"\"dy; "
        "while :; do read line && break; done; echo total=$n.; exit 6'");
    shell.expect("ready");
    shell.type(ctrl_c);
    shell.expect("count=1.");
    std::this_thread::sleep_for(200ms);
    shell.type("end\n");
    const std::string between = shell.expect("total=1.");
    CHECK(between.find("count=2") == between.npos);
    CHECK(shell.last_code() == "6");
}

TEST_CASE("Python at its prompt survives Ctrl-C, again and again and longer than the grace") {
    if (std::system("python3 -c 'import readline' >/dev/null 2>&1") != 0) {
        SKYUTIL_SKIP("there is no Python with readline");
    }
    on_terminal python(wrapped({"python3", "-q"}, {"--grace", "3"}));
    python.expect(">>> ");
    for (int round = 0; round != 3; ++round) {
        // Python shows one that comes between its prompt and its wait for keys at the next key.
        for (int i = 0; i != 10; ++i) {
            python.type(ctrl_c);
            if (python.comes("KeyboardInterrupt", 2s)) {
                break;
            }
        }
        python.expect("KeyboardInterrupt");
        python.expect(">>> ");
    }
    std::this_thread::sleep_for(3500ms);
    python.type("print(6*7)\r");
    python.expect("\n42");
    python.type("exit(5)\r");
    CHECK(python.exit_code() == 5);
}

TEST_CASE("a second Ctrl-C ends a command that goes on, and so does the end of the grace") {
    for (const bool again : {true, false}) {
        CAPTURE(again);
        shell_on_terminal shell;
        shell.run(std::string(again ? "--grace 1h" : "--grace 0.3") +
                  " -- sh -c 'trap \"\" INT; echo rea\"\"dy; while :; do sleep 0.05; done'");
        shell.expect("ready");
        shell.type(ctrl_c);
        if (again) {
            std::this_thread::sleep_for(100ms);
            shell.type(ctrl_c);
        }
        CHECK(shell.last_code() == "130");
    }
}

TEST_CASE("with --json the command, which is not on the terminal, gets Ctrl-C all the same") {
    shell_on_terminal shell;
    const temporary_directory directory;
    const std::string file = directory / "ready";
    shell.run("--json --grace 1h -- sh -c 'trap \"echo cleaned; exit 3\" INT; echo > " + file +
              "; while :; do sleep 0.05; done'");
    REQUIRE(becomes([&] { return std::filesystem::exists(file); }));
    shell.type(ctrl_c);
    shell.expect("\"exit_code\": 3");
    shell.expect("\"stdout\": \"cleaned");
    CHECK(shell.last_code() == "3");
}

TEST_CASE("a command that handles Ctrl-backslash goes on, and one that does not ends by it") {
    shell_on_terminal shell;
    shell.run(
        "--grace 0.1 -- sh -c 'trap \"echo qu\"\"it.\" QUIT; echo rea\"\"dy; "
        "while :; do read line && break; done; exit 6'");
    shell.expect("ready");
    shell.type(ctrl_backslash);
    shell.expect("quit.");
    std::this_thread::sleep_for(300ms);
    shell.type("end\n");
    CHECK(shell.last_code() == "6");

    shell.run("-- sh -c 'ulimit -c 0; echo rea\"\"dy; exec sleep 1000'");
    shell.expect("ready");
    shell.type(ctrl_backslash);
    CHECK(shell.last_code() == "131");
}

TEST_CASE("an interrupt that is sent to the program alone is passed on once, and ends nothing") {
    running child(wrapped(listener({"INT"}), {"--grace", "0.1"}));
    child.expect("ready");
    for (int round = 0; round != 2; ++round) {
        child.signal(SIGINT);
        child.expect("got INT.");
    }
    std::this_thread::sleep_for(300ms);
    child.type("end\n");
    CHECK(child.rest() == "\n");
    CHECK(child.exit_code() == 5);
}

// -------------------------------------------------------------------------------------------------
// the end by a signal

TEST_CASE("Ctrl-C ends a loop of a shell around the program") {
    shell_on_terminal shell;
    shell.type("for i in 1 2 3; do echo rou''nd $i; \"" SKYUTIL_TEST_PROGRAM
               "\" run -- sleep 1000; done\n");
    shell.expect("round 1");
    // The command is there when its name is.
    std::this_thread::sleep_for(500ms);
    shell.type(ctrl_c);
    CHECK(shell.last_code() == "130");
    shell.type("echo last=$i.\n");
    shell.expect("last=$i.");
    shell.expect("last=");
    CHECK(shell.expect(".") == "1");
}

TEST_CASE("the program ends by the signal that ended the command, without a core of its own") {
    for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGKILL, SIGSEGV, SIGTERM, SIGUSR1, 40}) {
        CAPTURE(signal);
        const temporary_directory directory;
        running child(wrapped(sh("ulimit -c 0; kill -" + std::to_string(signal) + " $$")), [&] {
            const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
            ::setrlimit(RLIMIT_CORE, &all);
            static_cast<void>(::chdir(directory.path().c_str()));
        });
        const int status = child.wait();
        CHECK(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == signal);
        CHECK_FALSE(WCOREDUMP(status));
        CHECK(std::filesystem::is_empty(directory.path()));
    }
}

TEST_CASE("SIGTERM ends the command and what it started; then the program ends by it") {
    const temporary_directory directory;
    const std::string pid_file = directory / "pid";
    running child(wrapped(sh("trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ > " + pid_file +
                             ".new; mv " + pid_file + ".new " + pid_file +
                             "; while :; do sleep 0.1; done' & echo ready; wait; "
                             "while :; do sleep 0.1; done"),
                          {"--grace", "0.3"}));
    child.expect("ready");
    REQUIRE(becomes([&] { return std::filesystem::exists(pid_file); }));
    child.signal(SIGTERM);
    const int status = child.wait();
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGTERM);
    CHECK_FALSE(is_alive(std::stoi(read_file(pid_file))));
}

TEST_CASE("a command that handles SIGTERM has its exit code kept") {
    running child(wrapped(sh("trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done")));
    child.expect("ready");
    child.signal(SIGTERM);
    const int status = child.wait();
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 7);
}

TEST_CASE("with --json the value is printed before the program ends by the signal") {
    running child(wrapped(sh("echo out; kill -TERM $$"), {"--json"}));
    const auto page = nlohmann::json::parse(child.rest());
    CHECK(page["signal"] == SIGTERM);
    CHECK(page["stdout"] == "out\n");
    const int status = child.wait();
    CHECK(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGTERM);
}

// -------------------------------------------------------------------------------------------------
// what the command gets from the caller

TEST_CASE("the command keeps the descriptors of the caller") {
    if (is_installed("bash")) {
        running child({"bash", "-c", "\"" SKYUTIL_TEST_PROGRAM "\" run -- cat <(echo hi)"});
        CHECK(child.rest() == "hi\n");
        CHECK(child.exit_code() == 0);
    }
    const std::string list = "cd /proc/self/fd && echo *";
    const auto open_seven = [] { ::dup2(2, 7); };
    running bare(sh(list), open_seven);
    running child(wrapped(sh(list)), open_seven);
    CHECK(child.rest() == bare.rest());
}

TEST_CASE("what the caller ignores and blocks is ignored and blocked in the command, and no more") {
    const auto change_signals = [] {
        ::signal(SIGHUP, SIG_IGN);
        ::signal(SIGUSR2, SIG_IGN);
        sigset_t blocked;
        ::sigemptyset(&blocked);
        ::sigaddset(&blocked, SIGUSR1);
        ::sigaddset(&blocked, SIGRTMIN);
        ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
    };
    for (const std::string name : {"SigIgn", "SigBlk"}) {
        CAPTURE(name);
        for (const auto& prepare : {std::function<void()>(change_signals), {[] {}}}) {
            CHECK(status_of(wrapped({}), name, prepare) == status_of({"env"}, name, prepare));
            CHECK(status_of(wrapped({}, {"--timeout", "1h"}), name, prepare) ==
                  status_of({"env"}, name, prepare));
        }
    }
}

TEST_CASE("under nohup the program and the command go on after SIGHUP") {
    running child(wrapped(sh("echo ready; read line; exit 5")), [] { ::signal(SIGHUP, SIG_IGN); });
    child.expect("ready");
    child.signal(SIGHUP);
    std::this_thread::sleep_for(100ms);
    child.type("end\n");
    CHECK(child.exit_code() == 5);
}

TEST_CASE("in the background of a script the program and the command go on after SIGINT") {
    running child({"sh", "-c", "\"$0\" run -- sh -c 'echo $PPID.; sleep 0.5; exit 5' & wait $!",
                   SKYUTIL_TEST_PROGRAM});
    const pid_t program = std::stoi(child.expect("."));
    ::kill(program, SIGINT);
    CHECK(child.exit_code() == 5);
}

// -------------------------------------------------------------------------------------------------
// the timeout

TEST_CASE("no process is left after the timeout, orphans in sessions of their own included") {
    for (const words& options : {words{}, words{"--json"}}) {
        CAPTURE(options);
        const temporary_directory directory;
        const std::string pids = directory / "pids";
        // Each writes its id: a child, one in a session, one in a session whose parent has ended.
        const std::string sleeper = "sh -c \"echo \\$\\$ >> " + pids + "; exec sleep 1000\"";
        running child(wrapped(sh(sleeper + " & setsid " + sleeper + " & (setsid sh -c '" + sleeper +
                                 " & exec sleep 0.01' &); wait; sleep 1000"),
                              options + words{"--timeout", "3", "--grace", "60"}));
        CHECK(child.exit_code() == 124);
        std::istringstream lines(read_file(pids));
        int count = 0;
        for (int pid = 0; lines >> pid; ++count) {
            CHECK_FALSE(is_alive(pid));
        }
        CHECK(count == 3);
    }
}

TEST_CASE("what the command leaves behind when it ends by itself is left alone") {
    const temporary_directory directory;
    running child(wrapped(sh("sleep 1000 >/dev/null 2>&1 & echo $!.; exit 3"),
                          {"--timeout", "1h", "--grace", "0"}));
    const pid_t left = std::stoi(child.expect("."));
    CHECK(child.exit_code() == 3);
    CHECK(is_alive(left));
    ::kill(left, SIGKILL);
}

TEST_CASE("processes from before the program are no concern of the timeout") {
    running child(
        {"sh", "-c",
         "sleep 1000 >/dev/null 2>&1 & echo $!.; exec \"$0\" run --timeout 0.2 -- sleep 1000",
         SKYUTIL_TEST_PROGRAM});
    const pid_t stranger = std::stoi(child.expect("."));
    CHECK(child.exit_code() == 124);
    CHECK(is_alive(stranger));
    ::kill(stranger, SIGKILL);
}

TEST_CASE("Ctrl-Z stops the program with the command, and fg continues both") {
    shell_on_terminal shell;
    shell.run(
        "--timeout 1h -- sh -c 'trap \"echo contin\"\"ued\" CONT; echo rea\"\"dy; "
        "while :; do read line && break; done; echo li\"\"ne $line; exit 4'");
    shell.expect("ready");
    for (int round = 0; round != 2; ++round) {
        shell.type(ctrl_z);
        shell.expect("Stopped");
        shell.expect("prompt>");
        shell.type("fg\n");
        shell.expect("continued");
    }
    shell.type("hello\n");
    shell.expect("line hello");
    CHECK(shell.last_code() == "4");
}

TEST_CASE("a command that stops itself on a terminal gives the shell its prompt back") {
    shell_on_terminal shell;
    shell.run("-- sh -c 'kill -STOP $$; exit 4'");
    shell.expect("Stopped");
    shell.expect("prompt>");
    shell.type("fg\n");
    shell.expect("fg");
    CHECK(shell.last_code() == "4");
}

TEST_CASE("a terminal is as it was after a command that was ended with it") {
    shell_on_terminal shell;
    shell.type("\"" SKYUTIL_TEST_PROGRAM
               "\" run --timeout 1 -- sh -c 'stty raw -echo; exec sleep 1000'; echo co''de=$?.; "
               "stty -a | tr ' ' '\\n' | grep -x -- 'icanon\\|echo'; echo e''nd\n");
    shell.expect("code=124.");
    const std::string modes = shell.expect("end");
    CHECK(modes.find("icanon") != modes.npos);
    CHECK(modes.find("echo") != modes.npos);
}

TEST_CASE("a standard descriptor that the caller closed is closed in the command") {
    const std::string list = "cd /proc/self/fd && echo *";
    running bare(sh(list), [] { ::close(0); });
    running child(wrapped(sh(list)), [] { ::close(0); });
    CHECK(child.rest() == bare.rest());
}

TEST_CASE("Ctrl-Z does nothing to the program when the command ignores it") {
    shell_on_terminal shell;
    shell.run("-- sh -c 'trap \"\" TSTP; echo rea\"\"dy; read line; echo li\"\"ne $line; exit 4'");
    shell.expect("ready");
    shell.type(ctrl_z);
    shell.type("hello\n");
    shell.expect("line hello");
    CHECK(shell.last_code() == "4");
}

TEST_CASE("the timeout ends a command that is stopped") {
    running child(
        wrapped(sh("echo ready; kill -STOP $$; exit 4"), {"--timeout", "0.5", "--grace", "1h"}));
    child.expect("ready");
    CHECK(child.exit_code() == 124);
}

TEST_CASE("the command ends with a program that is killed") {
    running child(wrapped(sh("echo $$.; exec sleep 1000")));
    const pid_t command = std::stoi(child.expect("."));
    child.signal(SIGKILL);
    CHECK(child.exit_code() == 128 + SIGKILL);
    CHECK(becomes([&] { return !is_alive(command); }));
}

// -------------------------------------------------------------------------------------------------
// exit codes

TEST_CASE("exit codes are those of timeout") {
    const temporary_directory directory;
    const std::string file = directory / "no program";
    write_file(file, "text");
    struct exit_case {
        words options;
        std::string time;
        words command;
        int code;
    };
    const std::vector<exit_case> cases{
        {{}, "5", {"true"}, 0},
        {{}, "5", sh("exit 7"), 7},
        {{}, "5", sh("exit 124"), 124},
        {{}, "5", sh("exit 255"), 255},
        {{}, "0", sh("exit 6"), 6},
        {{}, "0.1", {"sleep", "1000"}, 124},
        {{}, "0.5", sh("trap 'exit 3' TERM; while :; do sleep 0.05; done"), 124},
        {{"-k", "0.1"}, "2", sh("trap '' TERM; while :; do sleep 0.05; done"), 137},
        {{"-s", "KILL"}, "0.1", {"sleep", "1000"}, 137},
        {{"-s", "9"}, "0.1", {"sleep", "1000"}, 137},
        {{"-s", "usr1"}, "0.1", {"sleep", "1000"}, 124},
        {{}, "5", {"skyutil-no-such-program"}, 127},
        {{}, "5", {directory / "missing"}, 127},
        {{}, "5", {file}, 126},
        {{}, "5", {directory.path()}, 126},
        {{}, "5", {file + "/below"}, 126},
        {{}, "5", {""}, 127},
        {{}, "x", {"true"}, 125},
        {{}, "5", {}, 125},
        {{"--no-such-option"}, "5", {"true"}, 125},
        {{"-s", "NOSIGNAL"}, "5", {"true"}, 125},
    };
    for (const auto& [options, time, command, code] : cases) {
        CAPTURE(options, time, command);
        const words ours = wrapped(command, options + words{"--timeout", time});
        const words theirs = words{"timeout"} + options + words{time} + command;
        CHECK(running(ours, readable_path).exit_code() == code);
        if (is_installed("timeout")) {
            CHECK(running(theirs, readable_path).exit_code() == code);
        }
    }
    CHECK(running({SKYUTIL_TEST_PROGRAM, "run"}).exit_code() == 125);
    CHECK(running(wrapped({"true"}, {"--timeout", "-1"})).exit_code() == 125);
    CHECK(running({SKYUTIL_TEST_PROGRAM, "run", "--help"}).exit_code() == 0);
}

TEST_CASE("times have units, as sleep takes them") {
    for (const std::string time :
         {"0.1", "0.1s", "0.002m", "0.00003h", "0.000001d", ".1", "1e-1"}) {
        CAPTURE(time);
        CHECK(running(wrapped({"sleep", "1000"}, {"--timeout", time})).exit_code() == 124);
    }
    for (const std::string time : {"", "s", "1x", "1ms", "1 s", "--", "nan"}) {
        CAPTURE(time);
        CHECK(running(wrapped({"true"}, {"--timeout=" + time})).exit_code() == 125);
    }
}

TEST_CASE("the first signal of an end can be chosen by name and number") {
    const std::vector<std::pair<std::string, int>> names{{"TERM", SIGTERM},
                                                         {"USR2", SIGUSR2},
                                                         {"sigusr2", SIGUSR2},
                                                         {"SIGHup", SIGHUP},
                                                         {"12", 12},
                                                         {"RTMIN", SIGRTMIN},
                                                         {"RTMIN+2", SIGRTMIN + 2},
                                                         {"rtmax-1", SIGRTMAX - 1},
                                                         {"64", 64},
                                                         {"KILL", SIGKILL}};
    for (const auto& [name, number] : names) {
        CAPTURE(name);
        running child(wrapped({"sleep", "1000"}, {"--json", "--timeout", "0.1", "-s", name}));
        CHECK(nlohmann::json::parse(child.rest())["signal"] == number);
        CHECK(child.exit_code() == (number == SIGKILL ? 137 : 124));
    }
    for (const std::string name :
         {"0", "65", "-1", "TERMS", "", "SIG", "RTMIN+99", "RTMAX+1", "RTMIN-1", "RTMIN+"}) {
        CAPTURE(name);
        CHECK(running(wrapped({"true"}, {"--signal=" + name})).exit_code() == 125);
    }
}

// -------------------------------------------------------------------------------------------------
// other signals

TEST_CASE("signals are passed on to the command") {
    const words names{"HUP",  "INT", "QUIT", "USR1", "USR2", "PIPE", "ALRM",
                      "CONT", "URG", "XCPU", "IO",   "PWR",  "SYS",  "WINCH"};
    const words numbers{"34", "40", "64"};
    for (const words& options : {words{}, words{"--timeout", "1h"}}) {
        running child(wrapped(listener(names + numbers), options));
        child.expect("ready");
        for (const std::string& name : names + numbers) {
            CAPTURE(name);
            running({"kill", "-s", name, std::to_string(child.pid())}).wait();
            child.expect("got " + name + ".");
        }
        child.type("end\n");
        CHECK(child.exit_code() == 5);
    }
}

TEST_CASE("signals are passed on with --json too") {
    running child(
        wrapped(sh("trap 'echo got USR1' USR1; kill -USR1 $PPID; sleep 0.3; exit 5"), {"--json"}));
    CHECK(nlohmann::json::parse(child.rest())["stdout"] == "got USR1\n");
    CHECK(child.exit_code() == 5);
}

TEST_CASE("a value that is sent with a signal arrives with it") {
    if (std::system("python3 -c 0 >/dev/null 2>&1") != 0) {
        SKYUTIL_SKIP("there is no Python");
    }
    running child(wrapped({"python3", "-uc",
                           "import signal\n"
                           "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])\n"
                           "print('ready')\n"
                           "for i in range(3):\n"
                           "    print(signal.sigwaitinfo([signal.SIGRTMIN]).si_code)"}));
    child.expect("ready\n");
    for (int i = 0; i != 3; ++i) {
        ::sigqueue(child.pid(), SIGRTMIN, sigval{.sival_int = i});
    }
    CHECK(child.rest() == "-1\n-1\n-1\n");  // SI_QUEUE, each of them
}

TEST_CASE("the change of a terminal's size reaches the command once") {
    on_terminal child(wrapped(listener({"WINCH"})));
    child.expect("ready");
    child.resize(33, 77);
    child.expect("got WINCH.");
    std::this_thread::sleep_for(200ms);
    child.type("end\n");
    const std::string rest = child.rest();
    CHECK(rest.find("got WINCH.") == rest.npos);
    CHECK(child.exit_code() == 5);
}

TEST_CASE("a terminal that is closed hangs up the command of the session's leader") {
    const temporary_directory directory;
    const std::string file = directory / "hung up";
    on_terminal child(wrapped(sh("trap 'echo > \"" + file +
                                 "\"; exit 5' HUP; echo ready; while :; do sleep 0.05; done")));
    child.expect("ready");
    child.hang_up();
    CHECK(child.exit_code() == 5);
    CHECK(std::filesystem::exists(file));
}

// -------------------------------------------------------------------------------------------------
// the first process of a container

words in_container(const words& options = {"--mount-proc"}) {
    words command = words{"unshare", "--pid", "--fork", "--kill-child"} + options;
    if (::geteuid() != 0) {
        command.push_back("--map-root-user");
    }
    if (!is_installed("unshare") || running(command + words{"true"}).exit_code() != 0) {
        SKYUTIL_SKIP("cannot make a pid namespace");
    }
    return command;
}

pid_t only_child_of(pid_t pid) {
    const std::string id = std::to_string(pid);
    return std::stoi(read_file("/proc/" + id + "/task/" + id + "/children"));
}

TEST_CASE("as the first process of a container it passes signals on") {
    running child(in_container() + wrapped(listener({"HUP", "INT", "USR1", "WINCH", "40"})));
    child.expect("ready");
    const pid_t first = only_child_of(child.pid());
    for (const int signal : {SIGHUP, SIGINT, SIGUSR1, SIGWINCH, 40}) {
        ::kill(first, signal);
        child.expect("got ");
    }
    child.type("end\n");
    CHECK(child.exit_code() == 5);
}

TEST_CASE("as the first process of a container it ends at SIGTERM, and by no signal") {
    running child(in_container() + wrapped(sh("echo ready; exec sleep 1000")));
    child.expect("ready");
    ::kill(only_child_of(child.pid()), SIGTERM);
    const int status = child.wait();
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 128 + SIGTERM);
    CHECK(running(in_container() + wrapped(sh("kill -KILL $$"))).exit_code() == 128 + SIGKILL);
    CHECK(running(in_container() + wrapped({"sleep", "1000"}, {"--timeout", "0.2"})).exit_code() ==
          124);
}

TEST_CASE("as the first process of a container it leaves no zombies") {
    running child(in_container() +
                  wrapped(sh("for i in 1 2 3; do (sleep 0.05 &); done; "
                             "for i in $(seq 200); do sleep 0.05; "
                             "n=$(grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l); "
                             "m=$(grep -l '^Name:.sleep' /proc/[0-9]*/status 2>/dev/null | wc -l); "
                             "[ $n.$m = 0.0 ] && break; done; echo zombies=$n.")));
    CHECK(child.rest() == "zombies=0.\n");
}

TEST_CASE("the timeout ends the command where there is no /proc") {
    const auto start = clock::now();
    running child(in_container({}) +
                  wrapped({"sleep", "1000"}, {"--timeout", "0.2", "--grace", "1h"}));
    CHECK(child.exit_code() == 124);
    CHECK(clock::now() - start < patience);
}

// -------------------------------------------------------------------------------------------------
// the command line and messages

TEST_CASE("a script without an interpreter is run by the shell") {
    const temporary_directory directory;
    const std::string script = directory / "script";
    write_file(script, "echo $1 $2\nexit 6\n");
    std::filesystem::permissions(script, std::filesystem::perms(0755));
    running child(wrapped({script, "a", "--json"}));
    CHECK(child.rest() == "a --json\n");
    CHECK(child.exit_code() == 6);
}

TEST_CASE("what follows the command is the command's, without a -- too") {
    const words program{SKYUTIL_TEST_PROGRAM, "run"};
    CHECK(
        running(program + words{"echo", "-x", "--json", "--timeout", "0", "--help", "--"}).rest() ==
        "-x --json --timeout 0 --help --\n");
    CHECK(running(program + words{"--", "echo", "-x", "--", "y"}).rest() == "-x -- y\n");
    CHECK(running(program + words{"sh", "-c", "echo $#", "sh", "", "a b", "[c,d]"}).rest() ==
          "3\n");
}

TEST_CASE("a message names the program once, and no function of the library") {
    const temporary_directory directory;
    CHECK(running(wrapped({"skyutil-no-such-program"}), readable_path).rest() ==
          "skyutil: cannot start 'skyutil-no-such-program': No such file or directory\n");
    CHECK(running(wrapped({directory.path()})).rest() ==
          "skyutil: cannot start '" + directory.path().string() + "': Permission denied\n");
    for (const words& arguments : {words{"run"},
                                   {"run", "--timeout", "x", "true"},
                                   {"run", "--bad"},
                                   {"ps", "0"},
                                   {"base36", "x"},
                                   {"tail", "/"},
                                   {"kill-tree", "--", "-1"},
                                   {"port", "1", "--last", "0"}}) {
        CAPTURE(arguments);
        const std::string line = running(words{SKYUTIL_TEST_PROGRAM} + arguments).rest();
        CHECK(line.starts_with("skyutil: "));
        CHECK(std::count(line.begin(), line.end(), '\n') == 1);
        CHECK(line.find("skyutil::") == line.npos);
        CHECK(line.find("skyutil: ", 1) == line.npos);
    }
}

TEST_CASE("a retry is not begun after the program was told to end") {
    const temporary_directory directory;
    const std::string file = directory / "runs";
    running child(wrapped(sh("echo >> " + file + "; echo $$.; exit 3"), {"--retries", "1000"}));
    child.expect(".");
    const pid_t command = std::stoi(child.expect("."));
    REQUIRE(becomes([&] { return !std::filesystem::exists("/proc/" + std::to_string(command)); }));
    child.signal(SIGTERM);  // reaped: it is between two runs
    CHECK(child.exit_code() == 128 + SIGTERM);
    const std::size_t runs = read_file(file).size();
    CHECK(runs >= 2);
    std::this_thread::sleep_for(100ms);
    CHECK(read_file(file).size() == runs);
}

}  // namespace
