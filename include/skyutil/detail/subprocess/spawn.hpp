// SPDX-License-Identifier: MIT
//
// detail/subprocess/spawn.hpp: starting a program, and the child that must not be lost; what to
// start and how is public through subprocess.hpp.

#pragma once

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/programs.hpp>
#include <skyutil/detail/subprocess/start_step.hpp>
#include <skyutil/detail/text/foreign_text.hpp>
#include <skyutil/process.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// A program and its arguments, no shell in between: nothing in them is special.
class command {
public:
    command(std::initializer_list<std::string> words) : words_(words) {}
    command(std::vector<std::string> words) noexcept  // NOLINT(*-explicit-*) as a vector is passed
        : words_(std::move(words)) {}

    /// The program, looked for in PATH if it has no slash, and its arguments.
    [[nodiscard]] const std::vector<std::string>& words() const noexcept { return words_; }

private:
    std::vector<std::string> words_;
};

/// Returns the command that has /bin/sh run a text. Never put a text from outside into it; pass
/// that as an argument of a command without shell, or in a variable.
[[nodiscard]] inline command shell(std::string text) {
    return command{"/bin/sh", "-c", std::move(text)};
}

/// Changes of environment variables: a value, or std::nullopt to remove one.
using environment_changes = std::map<std::string, std::optional<std::string>>;

/// Which variables the changes are made to.
enum class base_environment {
    inherited,  ///< those of this process
    empty,
};

/// What a child belongs to. All processes of its session are found when the tree is ended, even
/// those that lost their parent; of a group most are.
enum class child_group {
    new_session,  ///< setsid(2): without a terminal, not reached by Ctrl-C
    new_group,    ///< setpgid(2): in the background of the terminal
    same,         ///< that of this process: for programs that ask for passwords
};

/// A limit of setrlimit(2), for the child only.
struct child_limit {
    int resource;  ///< RLIMIT_NOFILE and so on
    std::uint64_t soft;
    std::uint64_t hard;
};

/// How a child differs from this process, beside its directory, variables and descriptors. No
/// signal is blocked in it, and all have their default action, unless told otherwise here.
struct child_attributes {
    base_environment environment = base_environment::inherited;
    child_group group = child_group::new_session;

    /// The kernel kills the child (SIGKILL) when this process ends, however that comes about
    /// (PR_SET_PDEATHSIG). Not the processes that the child starts, nor a child that gains
    /// privileges when it starts (set-user-ID).
    bool die_with_parent = false;

    /// -20 (first) to 19 (last), see setpriority(2).
    std::optional<int> nice{};

    /// The CPUs it may run on, by number; empty: those of the calling thread.
    std::vector<unsigned> cpus{};

    /// Set when the child has its descriptors: RLIMIT_NOFILE closes none of them.
    std::vector<child_limit> limits{};

    /// The child keeps the descriptors above 2 that this process has open without FD_CLOEXEC, as
    /// after execve(2): for socket activation, the job server of make, the file names of a shell's
    /// <(command). Else it has none of them.
    bool keep_descriptors = false;

    /// The child ignores the signals that this process ignores, as after execve(2): SIGHUP under
    /// nohup(1), SIGINT in what a script runs with "&". Else it ignores none.
    bool keep_ignored_signals = false;

    /// A file that may be executed but is in no format that the kernel knows, such as a script
    /// without "#!", is run by /bin/sh, as execvp(3) does. Else it is no program
    /// (std::errc::executable_format_error).
    bool shell_fallback = false;

    /// The signals that are blocked in the child, by number; the mask of this process plays no
    /// part. std::errc::invalid_argument for a number that is no signal.
    std::vector<int> blocked_signals{};
};

namespace detail {

/// The name of the program, as messages show it.
inline std::string in_quotes(const command& what) {
    return visible_name(what.words().empty() ? std::string() : what.words().front());
}

/// "cannot start 'name'" and what it failed at.
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

/// Where a program of that name can be, in the order of PATH.
inline std::vector<std::string> program_paths(const std::string& name) {
    if (name.find('/') != std::string::npos || name.empty()) {
        return {name};
    }
    const char* const variable = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
    std::string_view path = variable == nullptr ? os::default_path : variable;
    std::vector<std::string> result;
    for (;;) {
        const std::size_t colon = path.find(':');
        std::string directory(path.substr(0, colon));
        result.push_back((directory.empty() ? "." : std::move(directory)) + "/" + name);
        if (colon == std::string_view::npos) {
            return result;
        }
        path.remove_prefix(colon + 1);
    }
}

/// What execve(2) takes: pointers to strings, the last one null. Moved, it still points to them.
class string_block {
public:
    string_block() = default;
    explicit string_block(std::vector<std::string> strings) : strings_(std::move(strings)) {
        pointers_.reserve(strings_.size() + 1);
        for (const std::string& each : strings_) {
            pointers_.push_back(each.c_str());
        }
        pointers_.push_back(nullptr);
    }
    string_block(string_block&&) noexcept = default;
    string_block& operator=(string_block&&) noexcept = default;
    string_block(const string_block&) = delete;
    string_block& operator=(const string_block&) = delete;
    ~string_block() = default;

    [[nodiscard]] const char* const* data() const noexcept { return pointers_.data(); }

private:
    std::vector<std::string> strings_;  // std::vector keeps its elements' addresses when moved
    std::vector<const char*> pointers_;
};

/// The variables of a child; std::errc::invalid_argument for a name that none can have.
inline string_block make_environment(base_environment base, const environment_changes& changes,
                                     std::error_code& error) {
    std::vector<std::string> result;
    if (base == base_environment::inherited) {
        for (const char* const* at = os::environment_block(); at != nullptr && *at != nullptr;
             ++at) {
            const std::string_view variable = *at;
            if (!changes.contains(std::string(variable.substr(0, variable.find('='))))) {
                result.emplace_back(variable);
            }
        }
    }
    for (const auto& [name, value] : changes) {
        const bool valid = !name.empty() && name.find('=') == std::string::npos &&
                           name.find('\0') == std::string::npos &&
                           (!value || value->find('\0') == std::string::npos);
        if (!valid) {
            error = os::make_error(std::errc::invalid_argument);
        } else if (value) {
            result.push_back(name + "=" + *value);
        }
    }
    return string_block(std::move(result));
}

/// Everything of a start but the descriptors, ready to be used once.
class start_plan {
public:
    start_plan(const command& what, const std::filesystem::path& directory,
               const environment_changes& changes, const child_attributes& attributes,
               std::error_code& error)
        : arguments_(what.words()), directory_(directory.native()), limits_() {
        const auto has_nul = [](const std::string& text) {
            return text.find('\0') != std::string::npos;
        };
        const auto refuse = [&](start_step step) {
            start_.failed = step;
            error = os::make_error(std::errc::invalid_argument);
        };
        if (what.words().empty() ||
            std::any_of(what.words().begin(), what.words().end(), has_nul)) {
            refuse(start_step::arguments);
            return;
        }
        if (has_nul(directory_)) {
            refuse(start_step::directory);
            return;
        }
        paths_ = string_block(program_paths(what.words().front()));
        start_.paths = paths_.data();
        start_.arguments = arguments_.data();
        start_.variables = os::environment_block();
        if (!changes.empty() || attributes.environment != base_environment::inherited) {
            std::error_code bad_name;
            variables_ = make_environment(attributes.environment, changes, bad_name);
            if (bad_name) {
                refuse(start_step::arguments);
                return;
            }
            start_.variables = variables_.data();
        }
        start_.directory = directory_.empty() ? nullptr : directory_.c_str();
        start_.group = attributes.group == child_group::new_session ? os::start_group::session
                       : attributes.group == child_group::new_group ? os::start_group::group
                                                                    : os::start_group::same;
        start_.dies_with_thread = attributes.die_with_parent;
        nice_ = attributes.nice.value_or(0);
        start_.nice = attributes.nice ? &nice_ : nullptr;
        for (const unsigned cpu : attributes.cpus) {
            constexpr unsigned most = 1U << 19;
            if (cpu >= most) {
                refuse(start_step::cpus);
                return;
            }
            cpus_.resize((std::max)(cpus_.size(), cpu / os::bits_of_word + 1));
            cpus_[cpu / os::bits_of_word] |= 1UL << cpu % os::bits_of_word;
        }
        start_.cpus = cpus_.empty() ? nullptr : cpus_.data();
        start_.cpus_size = cpus_.size() * sizeof(unsigned long);
        for (const child_limit& each : attributes.limits) {
            limits_.push_back({each.resource, each.soft, each.hard});
        }
        start_.limits = limits_.data();
        start_.limits_size = limits_.size();
        for (const int signal : attributes.blocked_signals) {
            if (!os::add_signal(start_.blocked, signal)) {
                refuse(start_step::arguments);
                return;
            }
        }
        start_.keeps_descriptors = attributes.keep_descriptors;
        start_.keeps_ignored_signals = attributes.keep_ignored_signals;
        if (attributes.shell_fallback) {
            shell_arguments_ = {"/bin/sh", nullptr};
            for (const char* const* each = arguments_.data() + 1; *each != nullptr; ++each) {
                shell_arguments_.push_back(*each);
            }
            shell_arguments_.push_back(nullptr);
            start_.shell_arguments = shell_arguments_.data();
        }
    }
    start_plan(const start_plan&) = delete;
    start_plan& operator=(const start_plan&) = delete;
    ~start_plan() = default;

    [[nodiscard]] os::program_start& start() noexcept { return start_; }

private:
    string_block paths_;
    string_block arguments_;
    string_block variables_;
    std::vector<const char*> shell_arguments_;
    std::string directory_;
    std::vector<unsigned long> cpus_;
    std::vector<os::start_limit> limits_;
    int nice_ = 0;
    os::program_start start_;
};

/// The descriptors a child gets as its standard ones; an empty one is inherited.
using standard_descriptors = std::array<unique_fd, 3>;

/// What can be done for the end of a tree without /proc or without descriptors: signals to the
/// child, and to the group that it leads, which its own unreaped id keeps from being anybody
/// else's. The rest of a group whose leader has ended is given a moment more, as nothing tells when
/// it is gone. Returns why the child has not ended, nothing if it has.
inline std::error_code end_group(const child_identity& child, const kill_tree_options& options,
                                 time_point deadline) noexcept {
    const auto pid = static_cast<pid_t>(child.pid);
    std::error_code error;
    const auto send = [&](int signal) {
        error.clear();
        if (child.leads_group) {
            os::signal_group_of_pidfd(child.pidfd, signal, error);
            if (error && child.has_its_id()) {  // before Linux 6.9, or none is left
                os::signal_group(pid, signal, error);
            }
        }
        error.clear();
        if (child.pidfd != -1) {
            os::send_signal_to_pidfd(child.pidfd, signal, error);
        }
        if ((child.pidfd == -1 || (error && error != std::errc::no_such_process)) &&
            child.has_its_id()) {
            error.clear();
            os::send_signal(pid, signal, error);
        }
        return !error;
    };
    const auto wait = [&](time_point until) {
        using std::chrono::milliseconds, std::chrono::steady_clock;
        for (;;) {
            std::error_code unknown;
            if (child.pidfd != -1 && os::wait_until_ended(child.pidfd, until, unknown)) {
                return true;
            }
            os::process_end end;
            unknown.clear();
            if (os::wait_child(pid, child.pidfd, os::waiting::look, end, unknown) ||
                unknown == std::errc::no_child_process) {
                return true;
            }
            if (steady_clock::now() >= until) {
                return false;
            }
            std::this_thread::sleep_until((std::min)(until, steady_clock::now() + milliseconds(5)));
        }
    };
    if (!options.force && options.end_signal != os::kill_signal) {
        const bool sent = send(options.end_signal);
        send(os::continue_signal);
        if (!sent || wait(deadline)) {
            constexpr std::chrono::milliseconds moment(100);
            std::this_thread::sleep_until((std::min)(deadline, deadline_after(moment)));
        }
    }
    const bool sent = send(os::kill_signal);
    if (wait(sent ? deadline_after(kill_patience) : std::chrono::steady_clock::now())) {
        return {};
    }
    return error ? error : os::make_error(std::errc::timed_out);
}

/// Ends a child and all it started, also when it has ended itself, and waits until they are gone.
/// Safe in a thread of its own as long as the child is not reaped.
inline kill_report end_child_tree(const child_identity& child,
                                  const kill_tree_options& options) noexcept {
    const time_point deadline = deadline_after(options.grace);
    std::error_code error;
    kill_report report;
    catch_std_exception(
        [&] { report = kill_tree(child.pid, &child, options, identity::best, error); },
        [&] { error = os::make_error(std::errc::not_enough_memory); });
    if (error && error != std::errc::no_such_process) {  // no /proc, no descriptor, no memory...
        error = end_group(child, options, deadline);
        const auto is_child = [&](const auto& left) { return left.pid == child.pid; };
        std::erase_if(report.left, is_child);
        if (error) {
            catch_std_exception([&] { report.left.push_back({child.pid, error}); },
                                [] {});  // without memory it is not in the report
        }
    }
    return report;
}

/// A child. Until it is reaped its id is its own; the destructor ends its tree and reaps it.
class started_child {
public:
    started_child() = default;
    started_child(started_child&& other) noexcept
        : pid_(std::exchange(other.pid_, 0)),
          pidfd_(std::move(other.pidfd_)),
          group_(other.group_),
          grace_(other.grace_),
          owned_until_(other.owned_until_),
          end_(std::exchange(other.end_, {})),
          reaped_(std::exchange(other.reaped_, false)),
          keeper_(std::move(other.keeper_)) {}
    started_child& operator=(started_child&& other) noexcept {
        if (this != &other) {
            finish();
            pid_ = std::exchange(other.pid_, 0);
            pidfd_ = std::move(other.pidfd_);
            group_ = other.group_;
            grace_ = other.grace_;
            owned_until_ = other.owned_until_;
            end_ = std::exchange(other.end_, {});
            reaped_ = std::exchange(other.reaped_, false);
            keeper_ = std::move(other.keeper_);
        }
        return *this;
    }
    started_child(const started_child&) = delete;
    started_child& operator=(const started_child&) = delete;
    ~started_child() { finish(); }

    /// Starts the program. The descriptors are closed here. With `own_thread` the child's life does
    /// not depend on the calling thread's.
    static started_child start(start_plan& plan, standard_descriptors descriptors,
                               std::chrono::milliseconds grace, bool own_thread,
                               std::error_code& error) {
        started_child child;
        os::program_start& start = plan.start();
        for (std::size_t i = 0; i != descriptors.size(); ++i) {
            start.standard[i] = descriptors[i].get();
        }
        child.group_ = start.group;
        child.grace_ = grace;
        if (own_thread && start.dies_with_thread) {
            child.start_in_thread(start, descriptors, error);
        } else {
            child.start_here(start, descriptors, error);
        }
        child.owned_until_ = os::clock_ticks_since_start();
        return child;
    }

    [[nodiscard]] bool started() const noexcept { return pid_ != 0; }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    /// -1 on kernels without pidfd.
    [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }

    /// Whether the end of the child has been seen.
    [[nodiscard]] bool known_end() const noexcept { return end_.has_value(); }

    /// Who it is for those that end its tree, which may be in another thread.
    [[nodiscard]] child_identity identity() const noexcept {
        return {pid_, pidfd_.get(), group_ != os::start_group::same,
                group_ == os::start_group::session, owned_until_};
    }

    /// How the child ended, nullopt while it runs. It is not reaped: its id stays its own.
    std::optional<os::process_end> look(os::waiting how = os::waiting::look) noexcept {
        if (end_ || !started()) {
            return end_;
        }
        os::process_end end;
        std::error_code error;
        if (os::wait_child(pid_, pidfd_.get(), how, end, error)) {
            end_ = end;
        } else if (error == std::errc::no_child_process) {  // somebody else has reaped it
            reaped_ = true;
            os::read_exit_info(pidfd_.get(), end);  // else nothing says how it ended
            end_ = end;
        } else if (error) {
            look_without_waitid(how);
        } else {
            owned_until_ = os::clock_ticks_since_start();
        }
        return end_;
    }

    /// The same, waiting until a point in time.
    std::optional<os::process_end> wait_until(time_point deadline) noexcept {
        std::error_code error;
        if (deadline == for_ever) {
            return look(os::waiting::block);
        }
        if (!end_ && pidfd_) {
            os::wait_until_ended(pidfd_.get(), deadline, error);
        }
        using std::chrono::milliseconds, std::chrono::steady_clock;
        for (milliseconds pause(1); !look() && (!pidfd_ || error) && steady_clock::now() < deadline;
             pause = (std::min)(2 * pause, milliseconds(16))) {
            std::this_thread::sleep_until((std::min)(deadline, steady_clock::now() + pause));
        }
        return end_;
    }

    /// Ends the child and all it started, also when it has ended itself, and waits until they are
    /// gone; a child that cannot be ended is left. It is not reaped.
    kill_report end_tree(const kill_tree_options& options) noexcept {
        look();
        return end_child_tree(identity(), options);
    }

    /// Waits for the end of the child and reaps it.
    os::process_end reap() noexcept {
        look(os::waiting::block);
        take();
        release();
        if (keeper_.joinable()) {
            keeper_.join();
        }
        return end_.value_or(os::process_end());
    }

    /// Leaves the child to itself, not reaped.
    void detach() noexcept {
        release();
        if (keeper_.joinable()) {
            keeper_.detach();
        }
    }

private:
    /// Ends the tree and reaps the child. Whoever is left when that has ended itself is looked for
    /// only if the kernel says that its id, as that of its session or group, is still in use.
    void finish() noexcept {
        if (!started()) {
            return;
        }
        const bool ended_itself = look().has_value();
        if (!ended_itself) {
            end_tree({.grace = grace_});
        }
        if (!look()) {
            detach();  // it cannot be ended
            return;
        }
        if (!reaped_) {
            owned_until_ = os::clock_ticks_since_start();
        }
        take();
        if (ended_itself && group_ != os::start_group::same &&
            (!pidfd_ || os::is_id_in_use(pid_, pidfd_.get()))) {
            end_child_tree(identity(), {.grace = grace_});
        }
        reap();
    }

    /// Reaps a child that has ended. From then on its id proves nothing.
    void take() noexcept {
        if (!std::exchange(reaped_, true)) {
            os::process_end ignored;
            os::reap_child(pid_, pidfd_.get(), ignored);
        }
    }

    /// Where a filter forbids waitid(2): the pidfd tells the end, and wait4(2) how it was.
    void look_without_waitid(os::waiting how) noexcept {
        std::error_code error;
        for (;;) {
            os::process_end end;
            if (os::reap_child(pid_, pidfd_.get(), end)) {
                reaped_ = true;
                end_ = end;
                return;
            }
            if (pidfd_ && os::has_ended(pidfd_.get(), error) && !error) {
                reaped_ = true;  // or cannot be
                os::read_exit_info(pidfd_.get(), end);
                end_ = end;
                return;
            }
            if (how == os::waiting::look) {
                return;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }

    void release() noexcept {
        pid_ = 0;
        reaped_ = false;
        pidfd_.reset();
    }

    void start_here(os::program_start& start, standard_descriptors& descriptors,
                    std::error_code& error) noexcept {
        const os::started_program program = os::start_program(start, error);
        for (unique_fd& each : descriptors) {
            each.reset();
        }
        if (!error) {
            pid_ = program.pid;
            pidfd_.reset(program.pidfd);
        }
    }

    /// The kernel's signal comes when the thread ends that started the child, not the process: the
    /// child gets a thread that lives as long as it does. It allocates nothing.
    void start_in_thread(os::program_start& start, standard_descriptors& descriptors,
                         std::error_code& error) {
        // A place for the thread's own pidfd, taken while the start can still fail.
        unique_fd place(os::above_standard(os::open_event(error), error));
        if (error) {
            start.failed = start_step::descriptors;
            return;
        }
        std::mutex mutex;
        std::condition_variable changed;
        bool done = false;
        auto keep = [&, own_pidfd = std::move(place)]() mutable noexcept {
            start_here(start, descriptors, error);
            const pid_t pid = pid_;
            if (!pidfd_ || !os::replace(own_pidfd.get(), pidfd_.get())) {
                own_pidfd.reset();
            }
            {
                const std::lock_guard lock(mutex);
                done = true;
                changed.notify_one();
            }
            // What was captured by reference may be gone from here on.
            std::error_code unknown;
            if (own_pidfd) {
                os::wait_until_ended(own_pidfd.get(), for_ever, unknown);
            } else if (pid != 0) {
                os::process_end ignored;
                os::wait_child(pid, -1, os::waiting::block, ignored, unknown);
            }
        };
        catch_std_exception(
            [&] {
                const os::no_signals during_start;
                keeper_ = std::thread(std::move(keep));
            },
            [&] { error = os::make_error(std::errc::resource_unavailable_try_again); });
        if (!keeper_.joinable()) {
            start.failed = start_step::process;
            return;
        }
        {
            std::unique_lock lock(mutex);
            changed.wait(lock, [&] { return done; });
        }
        if (pid_ == 0) {
            keeper_.join();
        }
    }

    pid_t pid_ = 0;
    unique_fd pidfd_;
    os::start_group group_ = os::start_group::session;
    std::chrono::milliseconds grace_{};
    std::uint64_t owned_until_ = 0;  ///< see child_identity
    std::optional<os::process_end> end_;
    bool reaped_ = false;  ///< here or by others: the id is not its own any more
    std::thread keeper_;
};

}  // namespace detail

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
