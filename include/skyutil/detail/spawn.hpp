// SPDX-License-Identifier: MIT
//
// detail/spawn.hpp: starting a program, and the child that must not be lost; what to start and how
// is public through subprocess.hpp.

#pragma once

#include <skyutil/detail/foreign_text.hpp>
#include <skyutil/detail/kill_tree.hpp>
#include <skyutil/detail/os/programs.hpp>
#include <skyutil/detail/process_handle.hpp>
#include <skyutil/detail/process_table.hpp>
#include <skyutil/detail/unique_fd.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <initializer_list>
#include <map>
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

/// How a child differs from this process, beside its directory, variables and descriptors. Signal
/// mask and dispositions are always those of a fresh process, ignored signals included.
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

    std::vector<child_limit> limits{};
};

namespace detail {

/// "cannot start 'name'" and what it failed at.
inline std::string cannot_start(const command& what, const std::filesystem::path& directory,
                                os::start_step step) {
    const std::string name =
        visible_name(what.words().empty() ? std::string() : what.words().front());
    using step_type = os::start_step;
    switch (step) {
        case step_type::none:
        case step_type::program:
            return "cannot start " + name;
        case step_type::process:
            return "cannot make a process for " + name;
        case step_type::session:
            return "cannot give " + name + " a session or group of its own";
        case step_type::death_signal:
            return "cannot have " + name + " end with its parent";
        case step_type::nice:
            return "cannot set the niceness of " + name;
        case step_type::cpus:
            return "cannot bind " + name + " to its CPUs";
        case step_type::limits:
            return "cannot set the limits of " + name;
        case step_type::descriptors:
            return "cannot give " + name + " its descriptors";
        case step_type::directory:
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
        result.push_back(directory.empty() ? name : std::move(directory) + "/" + name);
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
        if (what.words().empty() || has_nul(directory_) ||
            std::any_of(what.words().begin(), what.words().end(), has_nul)) {
            error = os::make_error(std::errc::invalid_argument);
            return;
        }
        paths_ = string_block(program_paths(what.words().front()));
        start_.paths = paths_.data();
        start_.arguments = arguments_.data();
        start_.variables = os::environment_block();
        if (!changes.empty() || attributes.environment != base_environment::inherited) {
            variables_ = make_environment(attributes.environment, changes, error);
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
                error = os::make_error(std::errc::invalid_argument);
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
    }
    start_plan(const start_plan&) = delete;
    start_plan& operator=(const start_plan&) = delete;
    ~start_plan() = default;

    [[nodiscard]] os::program_start& start() noexcept { return start_; }

private:
    string_block paths_;
    string_block arguments_;
    string_block variables_;
    std::string directory_;
    std::vector<unsigned long> cpus_;
    std::vector<os::start_limit> limits_;
    int nice_ = 0;
    os::program_start start_;
};

/// The descriptors a child gets as its standard ones; an empty one is inherited.
using standard_descriptors = std::array<unique_fd, 3>;

/// A child. Until it is reaped its id is its own; the destructor ends its tree and reaps it.
class started_child {
public:
    started_child() = default;
    started_child(started_child&& other) noexcept
        : pid_(std::exchange(other.pid_, 0)),
          pidfd_(std::move(other.pidfd_)),
          group_(other.group_),
          grace_(other.grace_),
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
        return child;
    }

    [[nodiscard]] bool started() const noexcept { return pid_ != 0; }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }

    /// -1 on kernels without pidfd.
    [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }

    /// Whether the end of the child has been seen.
    [[nodiscard]] bool known_end() const noexcept { return end_.has_value(); }

    /// How the child ended, nullopt while it runs. It is not reaped: its id stays its own.
    std::optional<os::process_end> look(os::waiting how = os::waiting::look) noexcept {
        if (!end_ && started()) {
            os::process_end end;
            std::error_code error;
            if (os::wait_child(pid_, pidfd_.get(), how, os::reaping::leave, end, error)) {
                end_ = end;
            } else if (error) {  // somebody else has reaped it: nothing says how it ended
                end_ = os::process_end{};
                reaped_ = true;
            }
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
        for (milliseconds pause(1); !look() && !pidfd_ && steady_clock::now() < deadline;
             pause = (std::min)(2 * pause, milliseconds(16))) {
            std::this_thread::sleep_until((std::min)(deadline, steady_clock::now() + pause));
        }
        return end_;
    }

    /// Ends the child and all it started, also when it has ended itself, and waits until they are
    /// gone. It is not reaped. Safe in a thread of its own while look() is called here.
    static void end_tree(pid_t pid, os::start_group group,
                         std::chrono::milliseconds grace) noexcept {
        std::error_code error;
        try {
            kill_tree(pid, {.grace = grace}, identity::best, error);
        } catch (const std::bad_alloc&) {
            error = os::make_error(std::errc::not_enough_memory);
        }
        if (error && error != std::errc::no_such_process) {  // /proc hides it, nothing is left...
            std::error_code ignored;
            if (group != os::start_group::same) {
                os::signal_group(pid, os::kill_signal);
            }
            os::send_signal(pid, os::kill_signal, ignored);
        }
    }

    void end_tree(std::chrono::milliseconds grace) noexcept {
        look();
        if (!reaped_ && (!end_ || has_left_some())) {
            end_tree(pid_, group_, grace);
        }
    }

    [[nodiscard]] os::start_group group() const noexcept { return group_; }

    /// Waits for the end of the child and reaps it.
    os::process_end reap() noexcept {
        look(os::waiting::block);
        if (!reaped_) {
            os::process_end ignored;
            std::error_code error;
            os::wait_child(pid_, pidfd_.get(), os::waiting::block, os::reaping::take, ignored,
                           error);
        }
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
    void finish() noexcept {
        if (started()) {
            end_tree(grace_);
            reap();
        }
    }

    /// Whether anybody is left in the session or group of a child that has ended: one look, where
    /// ending a tree takes several.
    [[nodiscard]] bool has_left_some() const noexcept {
        const auto leader = static_cast<std::uint64_t>(pid_);
        try {
            std::error_code error;
            process_table table(error);
            if (!error) {
                table.refresh(error);
            }
            const auto& all = table.entries();
            return error || std::any_of(all.begin(), all.end(), [&](const process_entry& each) {
                       return each.pid != pid_ &&
                              (each.stat.session == leader || each.stat.group == leader);
                   });
        } catch (const std::bad_alloc&) {
            return true;
        }
    }

    void release() noexcept {
        pid_ = 0;
        reaped_ = false;
        pidfd_.reset();
    }

    void start_here(os::program_start& start, standard_descriptors& descriptors,
                    std::error_code& error) noexcept {
        const pid_t pid = os::start_program(start, error);
        for (unique_fd& each : descriptors) {
            each.reset();
        }
        if (error) {
            return;
        }
        pidfd_.reset(os::open_pidfd(pid, error));
        pid_ = pid;
        if (error == std::errc::function_not_supported || error == std::errc::no_such_process) {
            error.clear();  // the latter when others have reaped it already
        }
        if (error) {  // no descriptor is left for it
            std::error_code ignored;
            os::process_end end;
            os::send_signal(pid, os::kill_signal, ignored);
            os::wait_child(pid, -1, os::waiting::block, os::reaping::take, end, ignored);
            pid_ = 0;
        }
    }

    /// The kernel's signal comes when the thread ends that started the child, not the process: the
    /// child gets a thread that lives as long as it does.
    void start_in_thread(os::program_start& start, standard_descriptors& descriptors,
                         std::error_code& error) {
        std::promise<void> started;
        std::future<void> is_started = started.get_future();
        auto keep = [&, promise = std::move(started)]() mutable noexcept {
            start_here(start, descriptors, error);
            const pid_t pid = pid_;
            std::error_code unknown;
            const unique_fd pidfd(pid == 0 ? -1 : os::duplicate(pidfd_.get(), unknown));
            promise.set_value();
            if (pid == 0) {
                return;
            }
            if (pidfd) {
                os::wait_until_ended(pidfd.get(), for_ever, unknown);
            } else {
                os::process_end ignored;
                os::wait_child(pid, -1, os::waiting::block, os::reaping::leave, ignored, unknown);
            }
        };
        try {
            const os::no_signals during_start;
            keeper_ = std::thread(std::move(keep));
        } catch (const std::system_error& failure) {
            error = failure.code();
            return;
        }
        is_started.wait();
        if (pid_ == 0) {
            keeper_.join();
        }
    }

    pid_t pid_ = 0;
    unique_fd pidfd_;
    os::start_group group_ = os::start_group::session;
    std::chrono::milliseconds grace_{};
    std::optional<os::process_end> end_;
    bool reaped_ = false;  ///< by others
    std::thread keeper_;
};

}  // namespace detail

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
