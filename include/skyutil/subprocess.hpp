// SPDX-License-Identifier: MIT
//
// skyutil/subprocess.hpp: runs programs as children that leave nothing behind: no process, no
// descriptor, no thread.
//
//     auto done = skyutil::run({"git", "status"}, {.cwd = "/src", .timeout = 10s});
//     std::cout << done.exit_code << done.stdout_text;
//     skyutil::child_process server({"./server", "--port", "8000"});  // ended with the scope
//
// docs/subprocess.md is a guide by task.
//
// True of every function here:
//
// - A command is a list of words, and no shell looks at them; shell("a | b") is the exception.
// - The program is searched for in the PATH of this process. A script without "#!" is not a
//   program.
// - A child gets the three standard descriptors and no other ones, the signal mask and signal
//   dispositions of a fresh process, and a session of its own. child_attributes changes that.
// - A start costs the same whatever the size of this process, because its memory is not copied
//   (vfork(2)). valgrind and qemu-user copy it all the same; everything else holds there, too.
// - The throwing forms throw start_error, a std::system_error, for a command that cannot be
//   started. The other forms set their std::error_code and clear it on success. Functions that the
//   caller passes may throw in both forms.
// - Everything may be called from several threads at once, but not while another thread changes the
//   environment of this process (setenv(3)).

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/processes.hpp>
#include <skyutil/detail/os/programs.hpp>
#include <skyutil/detail/subprocess/started_child.hpp>
#include <skyutil/files.hpp>
#include <skyutil/process.hpp>
#include <skyutil/stop_token.hpp>
#include <skyutil/version.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

// ------------------------------------------------------------------------------------------------
// commands

/// A program and its arguments. There is no shell in between: no character in them is special.
class command {
public:
    command(std::initializer_list<std::string> words) : words_(words) {}
    command(std::vector<std::string> words) noexcept  // NOLINT(*-explicit-*) as a vector is passed
        : words_(std::move(words)) {}

    /// Returns the program, which is searched for in PATH if it has no slash, and its arguments.
    [[nodiscard]] const std::vector<std::string>& words() const noexcept { return words_; }

private:
    std::vector<std::string> words_;
};

/// Returns the command that has /bin/sh run a text.
///
///     skyutil::run(skyutil::shell("grep error *.log | sort"));
///
/// On Windows cmd.exe of the system runs it. Batch files run so alone: a command refuses them.
///
/// Never put text from outside into it: pass that as an argument of a command without a shell, or
/// in an environment variable.
[[nodiscard]] inline command shell(std::string text) {
    return detail::os::shell_words(std::move(text));
}

/// Changes to environment variables: a value sets a variable, std::nullopt removes it.
using environment_changes = std::map<std::string, std::optional<std::string>>;

// ------------------------------------------------------------------------------------------------
// attributes

/// The variables that the changes are made to.
enum class base_environment {
    inherited,  ///< those of this process
    empty,      ///< none
};

/// The session and process group of a child. When a tree is ended, all processes of its session are
/// found, even those that have lost their parent; of a process group most are found.
enum class child_group {
    new_session,  ///< setsid(2): without a terminal, not reached by Ctrl-C
    new_group,    ///< setpgid(2): in the background of the terminal
    same,         ///< those of this process, for programs that ask for passwords
};

/// A limit of setrlimit(2) that applies to the child only.
struct child_limit {
    int resource;  ///< RLIMIT_NOFILE and so on
    std::uint64_t soft;
    std::uint64_t hard;
};

/// A handle that a child gets beside its standard descriptors, and the number it has there.
struct passed_handle {
    unique_fd::handle handle;  ///< stays the caller's, and may be closed once the child was started
    int number;                ///< 3 or more
};

/// Who a child is: the ids of users and groups, for processes that may change them (setuid(2)).
/// getpwnam(3) and getgrouplist(3) tell those of a name.
///
///     skyutil::run({"id"}, {.attributes = {.who = {.user = 65534, .group = 65534}}});
///
/// With a user or a group, `groups` are all supplementary groups that the child has: none of this
/// process stays by accident. A user needs a group, else the start fails with
/// std::errc::invalid_argument.
struct child_identity {
    std::optional<std::uint32_t> user{};   ///< the real, effective and saved one
    std::optional<std::uint32_t> group{};  ///< the same
    std::vector<std::uint32_t> groups{};
};

/// How a child differs from this process, apart from its directory, variables and standard
/// descriptors. Unless something else is set here, no signal is blocked in it, and all signals have
/// their default action.
///
/// Later versions add members: name those that you set (designated initializers).
///
/// **Limits**
/// - Windows: new_session is new_group, which hears no Ctrl-C; nice is one of five classes; cpus
///   are 0 to 63; limits, pass, who, umask and no_new_privileges are
///   std::errc::function_not_supported; die_with_parent is for all that the
///   child has started, too; signals and shell_fallback have no effect.
struct child_attributes {
    base_environment environment = base_environment::inherited;
    child_group group = child_group::new_session;

    /// If true, the kernel kills the child (SIGKILL) when this process ends, whatever ends it
    /// (prctl(2), PR_SET_PDEATHSIG). It kills neither the processes that the child has started, nor
    /// a child that gains privileges when it starts (set-user-ID).
    bool die_with_parent = false;

    /// The niceness, from -20 (first) to 19 (last); see setpriority(2). Not set: unchanged.
    std::optional<int> nice{};

    /// The CPUs that the child may run on, by number. Empty: those of the calling thread.
    std::vector<unsigned> cpus{};

    /// Set after the child has got its descriptors: RLIMIT_NOFILE closes none of them.
    std::vector<child_limit> limits{};

    /// If true, the child keeps the descriptors above 2 that this process has open without
    /// FD_CLOEXEC, as after execve(2): for socket activation, the job server of make, the file
    /// names of a shell's <(command). If false, it has none of them.
    bool keep_descriptors = false;

    /// If true, the child ignores the signals that this process ignores, as after execve(2): SIGHUP
    /// under nohup(1), SIGINT in what a script runs with "&". If false, all signals have their
    /// default action.
    bool keep_ignored_signals = false;

    /// If true, /bin/sh runs a file that may be executed but has no format that the kernel knows,
    /// such as a script without "#!", as execvp(3) does. If false, the start of such a file fails
    /// with std::errc::executable_format_error.
    bool shell_fallback = false;

    /// The signals that are blocked in the child, by number, whatever this process blocks.
    /// std::errc::invalid_argument for a number that is not a signal's.
    std::vector<int> blocked_signals{};

    /// Further descriptors, each under the number that the child is told, such as the sockets of
    /// LISTEN_FDS or a pipe of make's job server.
    ///
    ///     skyutil::reserved_port port(8000);
    ///     port.listen();
    ///     skyutil::child_process server({"./server", "--fd", "3"},
    ///                                   {.attributes = {.pass = {{port.native_handle(), 3}}}});
    ///
    /// **Errors**, with start_step::descriptors
    /// - std::errc::invalid_argument: a number of 0 to 2, or two times the same one.
    /// - std::errc::bad_file_descriptor: a handle that is not open, or a number that is not below
    ///   the limit on descriptors.
    std::vector<passed_handle> pass{};

    /// Set last, after all that needs the rights of this process: no_new_privileges, the group, the
    /// groups, the user, as setpriv(1) does. The program has to be one that this user may run.
    /// Nothing runs, with start_step::identity, if one of them fails: std::errc::
    /// operation_not_permitted without the right to, invalid_argument for an id that there is not.
    child_identity who{};

    /// The permissions that files made by the child do not have (umask(2)). Not set: unchanged.
    std::optional<std::filesystem::perms> umask{};

    /// If true, neither the child nor what it starts gains privileges by execve(2), as with sudo(8)
    /// (prctl(2), PR_SET_NO_NEW_PRIVS).
    bool no_new_privileges = false;
};

// ------------------------------------------------------------------------------------------------
// streams

/// What a standard descriptor of a child is; stdio_target has what else it can be.
enum class stdio_mode {
    inherit,  ///< the one of this process
    null,     ///< /dev/null
    pipe,     ///< run() takes what is printed; child_process has the other end
};

/// How to_file() opens a file. Later versions add members: name those that you set (designated
/// initializers).
struct to_file_options {
    /// If true, each write adds to the file, whoever else writes to it. If false, the file is
    /// emptied first.
    bool append = false;

    /// The permissions of a file that is made, less those that umask(2) takes away.
    ///
    /// **Limits**
    /// - Windows: without effect; a new file has the permissions that its directory passes on.
    std::filesystem::perms mode = std::filesystem::perms(0666);
};

/// What a standard descriptor of a child is: a stdio_mode, a file, or a handle that is open.
///
///     skyutil::run({"make"}, {.merge_stderr = true, .stdout_to = skyutil::to_file("build.log")});
///     skyutil::run({"sort"}, {.stdin_from = skyutil::from_file("names.txt")});
///     skyutil::run({"make"}, {.stdout_to = skyutil::to_handle(log.get())});
///
/// The name of a file starts from the directory of this process, not of the child. Two outputs to
/// files of the same name are one file that is opened once, also in a pipeline: none overwrites
/// what the other has written.
///
/// **Errors**, of the functions that start a command, with start_step::descriptors
/// - Those of opening the file; start_error::path() is its name then.
/// - std::errc::bad_file_descriptor: the handle is not open.
/// - std::errc::invalid_argument: to_file() for an input, from_file() for an output, a NUL in a
///   name.
///
/// **Limits**
/// - Opening a FIFO waits for the process at its other end, whatever the timeout.
class stdio_target {
public:
    stdio_target(stdio_mode mode) noexcept : mode_(mode) {}  // NOLINT(*-explicit-*) as the mode

    friend bool operator==(const stdio_target& target, stdio_mode mode) noexcept {
        return target.kind_ == kind::mode && target.mode_ == mode;
    }

    friend stdio_target to_file(std::filesystem::path name, const to_file_options& options);
    friend stdio_target from_file(std::filesystem::path name);
    friend stdio_target to_handle(unique_fd::handle open) noexcept;

private:
    friend struct detail::stdio_target_access;

    enum class kind { mode, input_file, output_file, handle };

    explicit stdio_target(kind which) noexcept : kind_(which) {}

    kind kind_ = kind::mode;
    stdio_mode mode_ = stdio_mode::inherit;
    std::filesystem::path name_{};
    to_file_options options_{};
    unique_fd::handle handle_ = detail::os::no_handle;
};

/// Returns the target for output that goes to a file, which is made if it is not there.
[[nodiscard]] inline stdio_target to_file(std::filesystem::path name,
                                          const to_file_options& options = {}) {
    stdio_target target(stdio_target::kind::output_file);
    target.name_ = std::move(name);
    target.options_ = options;
    return target;
}

/// Returns the target for input that comes from a file.
[[nodiscard]] inline stdio_target from_file(std::filesystem::path name) {
    stdio_target target(stdio_target::kind::input_file);
    target.name_ = std::move(name);
    return target;
}

/// Returns the target for input or output through a file, socket, pipe or terminal that is open.
/// It stays the caller's, and may be closed once the command has been started.
[[nodiscard]] inline stdio_target to_handle(unique_fd::handle open) noexcept {
    stdio_target target(stdio_target::kind::handle);
    target.handle_ = open;
    return target;
}

/// Gives the next piece of an input: fills the start of the room, and returns how many bytes it has
/// filled; 0 ends the input.
using input_function = std::function<std::size_t(std::span<char>)>;

/// What a command gets to read: a text, or what a function gives piece by piece.
///
///     std::ifstream file("large.csv");
///     auto next = [&](std::span<char> room) {
///         file.read(room.data(), static_cast<std::streamsize>(room.size()));
///         return static_cast<std::size_t>(file.gcount());
///     };
///     skyutil::run({"sort"}, {.input = next, .stdout_to = skyutil::to_file("sorted.csv")});
///
/// The text is the std::string that this is; with a function it is not used.
class command_input : public std::string {
public:
    using std::string::string;
    command_input() = default;
    command_input(std::string text) noexcept  // NOLINT(*-explicit-*) as the text
        : std::string(std::move(text)) {}

    template <class Function>
        requires std::is_invocable_r_v<std::size_t, Function&, std::span<char>>
    command_input(Function function) : function_(std::move(function)) {}  // NOLINT(*-explicit-*)

    /// Returns the function, which is empty for a text.
    [[nodiscard]] const input_function& function() const noexcept { return function_; }

private:
    input_function function_;
};

/// The stream that a line came from.
enum class output_stream { out, err };

/// What happens to output beyond run_options::max_output.
enum class output_overflow {
    keep_head,  ///< the first bytes are kept
    keep_tail,  ///< the last bytes are kept
    fail,       ///< the tree is ended: std::errc::no_buffer_space
};

/// Called with each line as soon as it is complete, without its newline unless
/// run_options::line_end says else.
///
/// - Invalid UTF-8 and NULs are passed on as they are.
/// - Text after the last newline is a line, too.
/// - A line of more than 1 MiB comes in pieces of 1 MiB.
using line_function = std::function<void(output_stream, std::string_view)>;

/// Called with what a command prints, piece by piece as it comes. A piece can end anywhere.
using output_function = std::function<void(std::string_view, output_stream)>;

// ------------------------------------------------------------------------------------------------
// options of run()

/// How a command is run. Later versions add members: name those that you set (designated
/// initializers).
struct run_options {
    /// Written to standard input: a text or what a function gives. Empty: see stdin_from. A child
    /// that does not read it all is not an error.
    ///
    /// The function is called in the calling thread, each time that the child has been given the
    /// piece before. While it runs, no output is taken, and the timeout and the stop token wait. If
    /// it throws, the tree is ended.
    command_input input{};

    /// The directory of the child. A relative name of a program with a slash starts from it, too.
    /// Empty: the directory of this process.
    std::filesystem::path cwd{};

    environment_changes env{};

    /// The longest time from the start of the child to its end. Then the whole tree is ended, and
    /// what was printed so far is returned. Not set: no limit.
    std::optional<std::chrono::milliseconds> timeout{};

    /// The time between the first signal and SIGKILL for a tree that is ended: because of the
    /// timeout, the stop token, too much output, or an exception from a function that was passed.
    std::chrono::milliseconds grace = std::chrono::seconds(10);

    /// The first signal for a tree that is ended, by number. std::errc::invalid_argument for a
    /// number that is not a signal's.
    int end_signal = detail::os::terminate_signal;

    /// Several signals, each with a time of its own, for programs that want to be asked in turn;
    /// see kill_tree_options. Not empty: end_signal and grace have no effect.
    ///
    ///     skyutil::run({"terraform", "apply"}, {.end_steps = {{SIGINT, 60s}, {SIGTERM, 5s}}});
    std::vector<end_step> end_steps{};

    /// The most bytes that are kept of standard output, and of standard error. Not set: all are
    /// kept, but with on_line or on_output none.
    std::optional<std::size_t> max_output{};
    output_overflow on_overflow = output_overflow::keep_head;

    /// If true, standard error goes where standard output goes, in the order of writing.
    bool merge_stderr = false;

    /// If true, the throwing forms throw command_error unless the command ends with exit code 0.
    bool check = false;

    /// Called in the calling thread while the command runs, in the order in which lines arrive.
    line_function on_line{};

    /// What ends a line for on_line: with line_end::any a "\r" does too, as programs print that
    /// show their progress.
    skyutil::line_end line_end = skyutil::line_end::strip_lf;

    /// Called as on_line is, with what has come before it is cut into lines:
    ///
    ///     skyutil::run({"dd", "if=/dev/sda"}, {.on_output = [](std::string_view piece, auto) {
    ///                      std::cout << piece << std::flush;
    ///                  }});
    output_function on_output{};

    /// Ends the tree when a stop is requested.
    stop_token stop{};

    /// How long run() waits for more output after the child has ended. A process that the child has
    /// left behind can hold its output open: when nothing has come for this time, run() returns
    /// without what comes later, sets completed_process::output_incomplete, and leaves that process
    /// alone. As long as there is output that can be kept, it is taken, until the timeout or a stop
    /// request.
    std::chrono::milliseconds drain = std::chrono::milliseconds(100);

    /// Ignored if there is `input`. stdio_mode::pipe is the same as stdio_mode::null.
    stdio_target stdin_from = stdio_mode::null;
    stdio_target stdout_to = stdio_mode::pipe;
    stdio_target stderr_to = stdio_mode::pipe;

    child_attributes attributes{};
};

// ------------------------------------------------------------------------------------------------
// results

/// The step at which the start of a program has failed, in the order of the steps.
enum class start_step {
    none,          ///< it has not failed
    arguments,     ///< a word, variable or signal that no program can be given
    process,       ///< making a process, or a thread that starts it
    death_signal,  ///< child_attributes::die_with_parent
    session,       ///< making the session or process group
    nice,          ///< child_attributes::nice
    cpus,          ///< child_attributes::cpus
    directory,     ///< changing to the directory
    descriptors,   ///< pipes, files, and everything else that takes a descriptor
    limits,        ///< child_attributes::limits
    identity,      ///< child_attributes::who, no_new_privileges
    program,       ///< execve(2): the program is missing, not executable, or of an unknown format
};

/// What a command has used, with the children that it has waited for (getrusage(2)).
///
/// **Limits**
/// - Windows: of the command alone; the numbers of switches are 0.
struct resource_usage {
    std::chrono::microseconds user_time{};
    std::chrono::microseconds system_time{};
    std::uint64_t voluntary_switches = 0;    ///< it waited for something
    std::uint64_t involuntary_switches = 0;  ///< another thread was given the CPU
};

/// What a command has printed and how it has ended. Later versions add members.
struct completed_process {
    /// The exit code, or -1 if the command has none: a signal has ended it, or, if `signal` is 0,
    /// nothing tells how it has ended. That is so on kernels before Linux 6.15 when other code of
    /// this process has reaped the child, or SIGCHLD is ignored.
    int exit_code = -1;

    /// The number of the signal that has ended the command, 0 if it has ended by itself.
    int signal = 0;

    std::string stdout_text;  ///< as it was printed, also if it is binary
    std::string stderr_text;
    bool timed_out = false;  ///< the command was ended because of the timeout
    bool stopped = false;    ///< it was ended, or not even started, because of the stop token
    bool truncated = false;  ///< there was more output than max_output

    /// Another process still held an output open when run() returned. What it writes later is
    /// missing.
    bool output_incomplete = false;

    /// The processes of the tree that could not be ended, and why: they belong to another user, or
    /// are stuck in the kernel.
    std::vector<kill_report::process_left> not_ended{};

    /// What the start has failed at, for the forms with an error code.
    start_step failed_step = start_step::none;

    /// The time from the start of the child to its end.
    std::chrono::nanoseconds elapsed{};

    /// The most memory, in bytes, that was resident for the command or for a child that it has
    /// waited for (wait4(2)). The kernel counts from the making of the process, when that still has
    /// the memory of this process: a command that needs less than this process had at most is said
    /// to have needed that much.
    std::uint64_t peak_memory = 0;

    resource_usage usage{};

    /// Returns whether the command has ended by itself with exit code 0.
    [[nodiscard]] bool ok() const noexcept { return exit_code == 0 && signal == 0; }

    /// Returns the lines of stdout_text, or of stderr_text; text after the last newline is a line,
    /// too.
    ///
    ///     for (const std::string& file : skyutil::run({"git", "ls-files"}).stdout_lines()) { ... }
    [[nodiscard]] std::vector<std::string> stdout_lines(
        skyutil::line_end line_end = skyutil::line_end::strip_lf) const;
    [[nodiscard]] std::vector<std::string> stderr_lines(
        skyutil::line_end line_end = skyutil::line_end::strip_lf) const;
};

/// How a child has ended. The members mean what they mean in completed_process.
struct exit_status {
    int exit_code = -1;
    int signal = 0;
    std::uint64_t peak_memory = 0;
    resource_usage usage{};

    [[nodiscard]] bool ok() const noexcept { return exit_code == 0 && signal == 0; }
};

// ------------------------------------------------------------------------------------------------
// errors

/// Thrown for a command that cannot be started.
class start_error : public std::system_error {
public:
    start_error(std::error_code reason, const std::string& what, start_step step,
                std::filesystem::path path)
        : std::system_error(reason, what), step_(step), path_(std::move(path)) {}

    /// Returns what the start has failed at. This tells, for example, whether it is the program or
    /// the directory that std::errc::no_such_file_or_directory is about.
    [[nodiscard]] start_step step() const noexcept { return step_; }

    /// Returns the program as it was named, or the directory, log or file that could not be opened.
    /// Empty for a command without words.
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    start_step step_;
    std::filesystem::path path_;
};

/// Thrown for a command that has failed, if run_options::check is set.
class command_error : public std::runtime_error {
public:
    command_error(const std::string& what, completed_process result)
        : std::runtime_error(what), result_(std::move(result)) {}

    /// Returns what the command has printed and how it has ended.
    [[nodiscard]] const completed_process& result() const noexcept { return result_; }

private:
    completed_process result_;
};

// ------------------------------------------------------------------------------------------------
// run, pipeline

/// Runs a command to its end, and returns what it has printed and how it has ended.
///
///     auto done = skyutil::run({"sort", "-u"}, {.input = "b\na\nb\n", .check = true});
///     // done.stdout_text == "a\nb\n"
///
/// run_options::check has no effect in the error_code forms.
///
/// **Errors**
/// - Those of execve(2) for a program that cannot be run: std::errc::no_such_file_or_directory,
///   permission_denied and so on. text_file_busy comes after a wait of one second for another
///   thread or process that is writing the program.
/// - Those of fork(2).
/// - std::errc::invalid_argument: no words, a NUL in a word, variable or directory, a name that no
///   variable can have, a number that is not a signal's.
/// - std::errc::too_many_files_open.
/// - Those of stdio_target.
/// - std::errc::no_buffer_space: more output than max_output with output_overflow::fail.
/// - std::errc::result_out_of_range: an input function has filled more than the room it was given.
/// - std::errc::timed_out: the command could not be ended, and runs on. It belongs to another user,
///   or the freezer of a control group of version 1 holds it (in version 2 SIGKILL ends it).
///
/// The throwing form throws start_error for a command that cannot be started, std::system_error for
/// every other failure, and command_error if run_options::check is set and the command fails.
///
/// **Guarantees**
/// - There is no deadlock, whatever the amount of input and output.
/// - On timeout, on a stop request and on overflow, the command and all processes that it has
///   started are ended. What was printed until then is kept.
/// - Of a command that cannot be started nothing has run, and nothing is left.
/// - A process that the command leaves behind when it ends by itself is left alone.
///
/// **Limits**
/// - The call waits for execve(2), which no signal of this process interrupts. Where that is slow,
///   as on a network file system that does not answer, the timeout and the stop token take effect
///   only after it. The timeout counts from the call all the same.
/// - pthread_cancel(3) of a thread in this call ends the whole process (std::terminate), because
///   what it cancels must not throw. Use the stop token or the timeout.
/// - Without /proc for this pid namespace, and without a descriptor or memory left, only the
///   command and its process group are ended; the rest of the group gets 100 ms after the end of
///   the command.
/// - Windows: the program is searched for in the absolute directories of PATH alone, with .com or
///   .exe added; a batch file is std::errc::executable_format_error. All words together have at
///   most 32,766 units of UTF-16. SystemRoot is always set. The exit code has 32 bits, and `signal`
///   is 0. A tree that is ended hears Ctrl-Break if it has the console of this process, and its
///   windows are asked to close; else it is ended without the grace, with the exit code 1.
/// - If this process ignores SIGCHLD, or reaps all of its children (waitid(2) with P_ALL), the exit
///   code is unknown before Linux 6.15. Everything else holds.
completed_process run(const command& what, const run_options& options, std::error_code& error);

inline completed_process run(const command& what, std::error_code& error) {
    return run(what, run_options(), error);
}

completed_process run(const command& what, const run_options& options = {});

/// Runs several commands at the same time, each one's standard output being the next one's standard
/// input, as a shell does for a | b | c. Returns what became of each.
///
///     auto done = skyutil::pipeline({{"dmesg"}, {"grep", "usb"}, {"wc", "-l"}});
///     // done.back().stdout_text is the number of lines
///
/// The input goes to the first command, stdout_text comes from the last one, stderr_text from each;
/// stdin_from, stdout_to and stderr_to are for the same ones. The timeout is for all commands
/// together.
///
/// **Errors**
/// - Those of run().
/// - std::errc::invalid_argument: there is no command.
std::vector<completed_process> pipeline(const std::vector<command>& commands,
                                        const run_options& options, std::error_code& error);

std::vector<completed_process> pipeline(const std::vector<command>& commands,
                                        const run_options& options = {});

// ------------------------------------------------------------------------------------------------
// retries

/// How long to wait before another run: `first`, then `factor` times as long each time, up to
/// `most` and to a hundred years; less a random part of it.
struct backoff_options {
    std::chrono::milliseconds first = std::chrono::seconds(1);
    std::chrono::milliseconds most = std::chrono::seconds(30);
    double factor = 2;

    /// The part of the time that is random, from 0 (none) to 1 (all), so that many processes do not
    /// try again at once.
    double jitter = 0.5;

    /// Returns random numbers from 0 up to 1. Empty: a generator of the library is used.
    std::function<double()> random{};

    /// Waits. Empty: the thread sleeps until the time is over or a stop is requested.
    std::function<void(std::chrono::milliseconds)> sleep{};
};

/// When a command is run again. Later versions add members: name those that you set (designated
/// initializers).
struct retry_options {
    /// The most further runs after the first one.
    int max_retries = 3;

    /// The failures that are worth another run: those with one of these exit codes, and those with
    /// one of these texts on standard error. If both are empty, every failure is.
    std::vector<int> retry_codes{};
    std::vector<std::string> retry_stderr{};

    backoff_options backoff{};
};

/// Runs a command again while it fails, and returns what became of the last run.
///
///     auto done = skyutil::run_with_retries({"curl", "-fsS", url}, {.retry_codes = {6, 7, 28}});
///
/// A run fails with an exit code other than 0, by a signal, or by the timeout, which is for each
/// run. There are at most 1 + retry_options::max_retries runs. A command that cannot be started is
/// not tried again. For retry_stderr, standard error must be kept.
///
/// **Errors**
/// - Those of run().
completed_process run_with_retries(const command& what, const retry_options& retries,
                                   const run_options& options, std::error_code& error);

completed_process run_with_retries(const command& what, const retry_options& retries = {},
                                   const run_options& options = {});

// ------------------------------------------------------------------------------------------------
// detached programs

/// How a detached program is started. Later versions add members: name those that you set
/// (designated initializers).
struct detached_options {
    std::filesystem::path cwd{};
    environment_changes env{};

    /// die_with_parent and group have no effect.
    child_attributes attributes{};
};

/// Starts a program that goes on when this process ends, and returns its id. The error_code forms
/// return 0 on failure.
///
/// **Errors**
/// - Those of run().
/// - Those of opening the log.
/// - std::errc::not_supported: after unshare(2) with CLONE_NEWPID, since nothing outlives the first
///   process of the new namespace.
///
/// **Guarantees**
/// - The program is not a child of this process: init is its parent, and reaps it. It has a session
///   of its own.
/// - Its standard input is /dev/null. Its two outputs are appended to the log. A log that does not
///   exist is made, with the permissions that umask(2) leaves.
///
/// **Limits**
/// - Windows: the program has no console. It leaves the job of this process if that allows it.
/// - If this process is itself init (process 1 of a container) or a subreaper (prctl(2),
///   PR_SET_CHILD_SUBREAPER), it becomes the parent. Then the program remains a zombie after its
///   end until reap_orphans() is called, and kill_children_processes() ends it, too.
[[nodiscard]] std::int64_t run_detached(const command& what, const std::filesystem::path& log_path,
                                        const detached_options& options, std::error_code& error);

/// The same; `failed` tells what the start has failed at, start_step::none if it has not.
[[nodiscard]] std::int64_t run_detached(const command& what, const std::filesystem::path& log_path,
                                        const detached_options& options, start_step& failed,
                                        std::error_code& error);

[[nodiscard]] inline std::int64_t run_detached(const command& what,
                                               const std::filesystem::path& log_path,
                                               std::error_code& error) {
    return run_detached(what, log_path, detached_options(), error);
}

[[nodiscard]] std::int64_t run_detached(const command& what, const std::filesystem::path& log_path,
                                        const detached_options& options = {});

// ------------------------------------------------------------------------------------------------
// orphans

/// The children that reap_orphans() takes for orphans.
enum class orphan_scope {
    /// Those that are proven to be orphans: programs of run_detached(), and processes in a session
    /// that neither they nor this process have made. An orphan in the session of this process, and
    /// one that has made a session of its own, remain zombies. A child that was forked before this
    /// process made its session is taken for an orphan.
    proven,

    /// All to which this process has no pidfd. Only for a process that starts children with this
    /// library, or with others that hold a pidfd (Boost.Process): fork(2) and system(3) do not.
    all,
};

/// A process that was reaped, and how it had ended.
struct reaped_orphan {
    std::int64_t pid;
    exit_status status;
};

/// Reaps the orphans that this process was given and that have ended, and returns how they had
/// ended.
///
/// Call it now and then, or at SIGCHLD, in process 1 of a container and in a subreaper (prctl(2),
/// PR_SET_CHILD_SUBREAPER). No other process is given orphans.
///
/// **Errors**
/// - std::errc::function_not_supported: there is no /proc for this pid namespace, or the kernel has
///   no pidfd (before Linux 5.3) for orphan_scope::all.
/// - std::errc::too_many_files_open.
///
/// **Guarantees**
/// - It does not wait.
/// - On Windows there is nothing to reap, and that is no error.
/// - It takes no child that something in this process has started or waits for: none of a
///   child_process, of run() and the like, or of Boost.Process. orphan_scope has the exceptions.
///
/// **Cost**
/// - One file is read for each process of the machine.
std::vector<reaped_orphan> reap_orphans(orphan_scope scope, std::error_code& error);

inline std::vector<reaped_orphan> reap_orphans(std::error_code& error) {
    return reap_orphans(orphan_scope::proven, error);
}

std::vector<reaped_orphan> reap_orphans(orphan_scope scope = orphan_scope::proven);

// ------------------------------------------------------------------------------------------------
// child_process

/// How a child_process is started. Later versions add members: name those that you set (designated
/// initializers).
struct child_options {
    std::filesystem::path cwd{};
    environment_changes env{};
    stdio_target stdin_from = stdio_mode::null;
    stdio_target stdout_to = stdio_mode::inherit;
    stdio_target stderr_to = stdio_mode::inherit;

    /// If true, standard error goes where standard output goes, in the order of writing.
    bool merge_stderr = false;

    /// The time between the first signal and SIGKILL when the destructor ends the tree.
    std::chrono::milliseconds grace = std::chrono::seconds(10);

    /// As in run_options, for the destructor, terminate() and communicate().
    int end_signal = detail::os::terminate_signal;
    std::vector<end_step> end_steps{};

    child_attributes attributes{};
};

/// A running program that is ended and reaped with the object. Move-only; to be used by one thread
/// at a time.
///
/// **Guarantees**
/// - The destructor ends the program and every process that it has started, also those that it left
///   behind when it ended by itself, and reaps it.
/// - No other process gets the id of the child before the object is gone: a child that has ended
///   remains a zombie until then.
/// - The destructor takes no longer than terminate().
///
/// **Limits**
/// - The destructor leaves a child that cannot be ended alone.
/// - If other code of this process reaps the child first (SIGCHLD is ignored, or all children are
///   waited for), the library does not use the child's id any more. What the child has left behind
///   is then ended only if Linux 6.9 or its start time proves whose it is.
///
/// **Cost**
/// - The destructor looks at all processes of the machine once, but only if a process of the child
///   may be left.
/// - With child_attributes::die_with_parent, a thread of this process waits for the end of the
///   child, because the kernel takes the thread that started it for its parent.
class [[nodiscard]] child_process {
public:
    /// Starts a command. The errors are those of run().
    explicit child_process(const command& what, const child_options& options = {});
    child_process(const command& what, const child_options& options, std::error_code& error);

    child_process(child_process&&) noexcept = default;
    child_process& operator=(child_process&&) noexcept = default;
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;
    ~child_process() = default;

    /// Returns the id of the child; 0 if there is no child: not started, moved from, detached.
    [[nodiscard]] std::int64_t pid() const noexcept { return child_.pid(); }

    /// Returns what the start has failed at, start_step::none if it has not.
    [[nodiscard]] start_step failed_step() const noexcept { return failed_step_; }

    /// Returns a handle of the child, which never stands for a later process with the same id. The
    /// errors are those of process_handle::open().
    process_handle handle(std::error_code& error) const;
    process_handle handle() const;

    /// Returns whether there is a child that has not ended.
    [[nodiscard]] bool running() { return child_.started() && !child_.look(); }

    /// Waits for the end of the child and returns how it has ended. Returns at once if there is no
    /// child.
    exit_status wait();

    /// Waits at most as long as the timeout; returns std::nullopt if the child still runs then.
    template <class Rep, class Period>
    [[nodiscard]] std::optional<exit_status> wait(
        const std::chrono::duration<Rep, Period>& timeout);

    /// Ends the child and all processes that it has started, as kill_process_tree() does, and
    /// returns how the child has ended. With child_options::end_steps the grace has no effect.
    ///
    /// **Limits**
    /// - A process that cannot be ended, such as another user's, is left alone after the grace, or
    ///   10 s after SIGKILL; not_ended() has it. If it is the child itself, running() remains true,
    ///   and the exit status is unknown.
    exit_status terminate(std::chrono::milliseconds grace = std::chrono::seconds(10));

    /// Returns the processes that the last terminate() could not end, and why.
    [[nodiscard]] const std::vector<kill_report::process_left>& not_ended() const noexcept {
        return not_ended_;
    }

    /// Gives the child up and returns its id: it runs on, and the caller has to reap it.
    std::int64_t detach() noexcept;

    /// Writes a text to standard input.
    ///
    ///     skyutil::child_process bc({"bc"}, {.stdin_from = stdio_mode::pipe,
    ///                                        .stdout_to = stdio_mode::pipe});
    ///     bc.write("6 * 7\n", 10s);
    ///     bc.read_line(skyutil::output_stream::out, 10s);  // "42"
    ///
    /// **Errors** of this and the functions below
    /// - std::errc::timed_out: some of the text may have been written. What has come stays to be
    ///   read.
    /// - std::errc::broken_pipe: the child has ended, or has closed its input. There is no SIGPIPE.
    /// - std::errc::bad_file_descriptor: the stream is not stdio_mode::pipe, or its pipe was closed
    ///   or taken out.
    /// - std::errc::no_buffer_space: the child has printed 64 MiB that nobody has read.
    ///
    /// **Guarantees**
    /// - There is no deadlock: what the child prints meanwhile to any of its streams is kept to be
    ///   read later.
    ///
    /// **Limits**
    /// - From the first call on the pipes do not block: read(2) and write(2) of stdout_pipe() and
    ///   the like fail with EAGAIN, and find nothing of what is kept here.
    /// - Windows: std::errc::function_not_supported.
    void write(std::string_view text, std::chrono::milliseconds timeout, std::error_code& error);
    void write(std::string_view text,
               std::chrono::milliseconds timeout = (std::chrono::milliseconds::max)());

    /// Tells the child that no more input comes.
    void close_stdin() noexcept { pipes_[0].reset(); }

    /// Returns what the child has printed, as soon as there is something; nothing at the end of the
    /// output. A process that the child has left behind can put that end off.
    std::string read_some(output_stream stream, std::chrono::milliseconds timeout,
                          std::error_code& error);
    std::string read_some(output_stream stream,
                          std::chrono::milliseconds timeout = (std::chrono::milliseconds::max)());

    /// Returns the next line, without its newline; std::nullopt at the end of the output. Text
    /// after the last newline is a line, too. A line of more than 1 MiB comes in pieces of 1 MiB.
    std::optional<std::string> read_line(output_stream stream, std::chrono::milliseconds timeout,
                                         std::error_code& error);
    std::optional<std::string> read_line(
        output_stream stream,
        std::chrono::milliseconds timeout = (std::chrono::milliseconds::max)());

    /// Writes the input, closes standard input, takes all that the child prints, which is returned
    /// with what was not read before, and waits for the end of the child, all as run() does. On
    /// timeout the tree is ended with child_options::grace, and completed_process::timed_out is
    /// set.
    completed_process communicate(const command_input& input, std::chrono::milliseconds timeout,
                                  std::error_code& error);
    completed_process communicate(
        const command_input& input = {},
        std::chrono::milliseconds timeout = (std::chrono::milliseconds::max)());

    /// Returns this process's end of a pipe, which is empty if the stream is not stdio_mode::pipe.
    ///
    /// Closing stdin_pipe() tells the child that no more input comes. Take an end out for Asio:
    ///
    ///     boost::asio::readable_pipe out(executor, child.stdout_pipe().release());
    [[nodiscard]] unique_fd& stdin_pipe() noexcept { return pipes_[0]; }
    [[nodiscard]] unique_fd& stdout_pipe() noexcept { return pipes_[1]; }
    [[nodiscard]] unique_fd& stderr_pipe() noexcept { return pipes_[2]; }

private:
    friend struct detail::child_process_access;

    start_step failed_step_ = start_step::none;
    detail::started_child child_;
    std::vector<kill_report::process_left> not_ended_;
    std::array<detail::unread_text, 2> unread_;
    detail::standard_descriptors pipes_;  // closed before the child is ended: it may wait for that
};

/// Waits until the first of several children has ended, and returns its index; std::nullopt when
/// the time is over. A child_process without a child counts as one that has ended.
///
///     std::vector<skyutil::child_process*> workers = ...;
///     while (!workers.empty()) {
///         const auto i = *skyutil::wait_any(workers);
///         std::cout << workers[i]->wait().exit_code << '\n';
///         std::erase(workers, workers[i]);
///     }
///
/// **Errors**
/// - std::errc::invalid_argument: there are no children.
/// - std::errc::not_enough_memory.
///
/// **Guarantees**
/// - There is no limit on the number of children, and no thread is started.
///
/// **Cost**
/// - One system call for each child.
[[nodiscard]] std::optional<std::size_t> wait_any(std::span<child_process* const> children,
                                                  std::chrono::milliseconds timeout,
                                                  std::error_code& error);
[[nodiscard]] std::optional<std::size_t> wait_any(
    std::span<child_process* const> children,
    std::chrono::milliseconds timeout = (std::chrono::milliseconds::max)());

/// Waits until all of several children have ended; returns whether they have when the time is over.
[[nodiscard]] bool wait_all(std::span<child_process* const> children,
                            std::chrono::milliseconds timeout = (std::chrono::milliseconds::max)());

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE

#include <skyutil/detail/subprocess/impl.hpp>  // IWYU pragma: keep
