// SPDX-License-Identifier: MIT
//
// detail/os/linux/programs.hpp: what detail/os/programs.hpp declares, on Linux; pipes.

#pragma once

#include <skyutil/detail/os/linux/files.hpp>
#include <skyutil/detail/os/processes.hpp>
#include <skyutil/detail/os/posix/program_text.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

#if !defined(SKYUTIL_TEST_SYSTEM_CALLS)
namespace sys {
using ::clone, ::dup3, ::eventfd, ::fcntl, ::getpid, ::ioctl, ::nanosleep, ::open, ::pipe2, ::ppoll,
    ::pthread_sigmask, ::read, ::sigpending, ::sigtimedwait, ::syscall, ::write;
}  // namespace sys
#endif

/// Two ends of a pipe, above the standard descriptors; {-1, -1} on failure.
struct pipe_ends {
    int read = -1;
    int write = -1;
};

/// The same descriptor with a number above 2, where starting a program puts it in place without
/// overwriting another; -1 on failure.
inline int above_standard(int fd, std::error_code& error) noexcept {
    if (fd < 0 || fd > STDERR_FILENO) {
        return fd;
    }
    const int moved = sys::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved == -1) {
        error = last_error();
    }
    close(fd);
    return moved;
}

inline pipe_ends open_pipe(std::error_code& error) noexcept {
    std::array<int, 2> ends{-1, -1};
    if (sys::pipe2(ends.data(), O_CLOEXEC) == -1) {
        error = last_error();
        return {};
    }
    pipe_ends result{above_standard(ends[0], error), above_standard(ends[1], error)};
    if (error) {
        for (const int fd : {result.read, result.write}) {
            if (fd != -1) {
                close(fd);
            }
        }
        result = {};
    }
    return result;
}

/// Reads and writes of this end return at once.
inline void set_nonblocking(int fd, std::error_code& error) noexcept {
    const int flags = sys::fcntl(fd, F_GETFL);
    if (flags == -1 || sys::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1) {
        error = last_error();
    }
}

inline int open_null(std::error_code& error) noexcept {
    return above_standard(open("/dev/null", O_RDWR, error), error);
}

/// A file to add lines to, made if it is not there.
inline int open_log(const std::string& name, std::error_code& error) noexcept {
    if (name.find('\0') != std::string::npos) {
        error = make_error(std::errc::invalid_argument);
        return -1;
    }
    const int fd = sys::retry([&] {
        return sys::open(name.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666);
    });
    if (fd == -1) {
        error = last_error();
    }
    return above_standard(fd, error);
}

/// Another descriptor of the same, above the standard ones; -1 on failure.
inline int duplicate(int fd, std::error_code& error) noexcept {
    const int copy = sys::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (copy == -1) {
        error = last_error();
    }
    return copy;
}

/// Has a number stand for the same as another descriptor; what it stood for is closed.
inline bool replace(int fd, int other) noexcept {
    return sys::retry([&] { return sys::dup3(other, fd, O_CLOEXEC); }) != -1;
}

/// Counts what was written to it; readable while that is not 0 (eventfd(2)).
inline int open_event(std::error_code& error) noexcept {
    const int fd = sys::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd == -1) {
        error = last_error();
    }
    return fd;
}

inline void signal_event(int fd) noexcept {
    const std::uint64_t one = 1;
    static_cast<void>(sys::retry([&] { return sys::write(fd, &one, sizeof one); }));
}

inline void reset_event(int fd) noexcept {
    std::uint64_t count = 0;
    static_cast<void>(sys::retry([&] { return sys::read(fd, &count, sizeof count); }));
}

/// One write(2) that raises no SIGPIPE: nobody reading is an error, errc::broken_pipe. would_block
/// is set, and 0 returned, where there is no room.
inline std::size_t write_some(int fd, std::string_view text, bool& would_block,
                              std::error_code& error) noexcept {
    sigset_t pipe_signal;
    sigset_t before;
    sigset_t pending;
    ::sigemptyset(&pipe_signal);
    ::sigaddset(&pipe_signal, SIGPIPE);
    ::sigemptyset(&pending);
    sys::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    const bool was_blocked = ::sigismember(&before, SIGPIPE) == 1;
    if (was_blocked) {
        sys::sigpending(&pending);
    }
    const auto count = sys::retry([&] { return sys::write(fd, text.data(), text.size()); });
    const int code = count == -1 ? errno : 0;
    if (code == EPIPE && ::sigismember(&pending, SIGPIPE) != 1) {
        const timespec now{};
        static_cast<void>(
            sys::retry([&] { return sys::sigtimedwait(&pipe_signal, nullptr, &now); }));
    }
    if (!was_blocked) {
        sys::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
    would_block = code == EAGAIN;
    if (code != 0 && !would_block) {
        error = {code, std::generic_category()};
    }
    return count > 0 ? static_cast<std::size_t>(count) : 0;
}

/// Bytes that can be read at once.
inline std::size_t readable_bytes(int fd) noexcept {
    int count = 0;
    return sys::ioctl(fd, FIONREAD, &count) == 0 && count > 0 ? static_cast<std::size_t>(count) : 0;
}

/// Something to wait for: that a descriptor can be read or written. -1 is none.
struct wait_entry {
    int fd = -1;
    bool writable = false;  ///< wait for room to write, not for something to read
    bool ready = false;     ///< set when there is, or when the other side is gone
};

/// Waits for any of them until a point in time; its maximum is for ever. `polled` is scratch. Where
/// poll(2) takes no more so many, as the limit on descriptors was lowered below what is open, all
/// are said to be ready after a short while.
template <class Entries, class Polled>
void wait_any(Entries& entries, Polled& polled, time_point deadline, std::error_code& error) {
    polled.clear();
    for (const wait_entry& each : entries) {
        polled.push_back(pollfd{each.fd, static_cast<short>(each.writable ? POLLOUT : POLLIN), 0});
    }
    const int count = sys::retry([&] {
        const timespec time = sys::time_until(deadline);
        return sys::ppoll(polled.data(), polled.size(),
                          deadline == (time_point::max)() ? nullptr : &time, nullptr);
    });
    const bool too_many = count == -1 && errno == EINVAL;
    if (too_many) {
        constexpr timespec pause{0, 2'000'000};
        sys::nanosleep(&pause, nullptr);
    } else if (count == -1) {
        error = last_error();
    }
    auto entry = polled.begin();
    for (wait_entry& each : entries) {
        each.ready = too_many ? each.fd != -1 : count > 0 && (entry++)->revents != 0;
    }
}

using poll_entry = pollfd;

/// Blocks all signals of the calling thread until the end of the scope: threads that it starts
/// meanwhile take no signal that the program waits for.
class no_signals {
public:
    no_signals() noexcept {
        sigset_t all;
        ::sigfillset(&all);
        sys::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    no_signals(const no_signals&) = delete;
    no_signals& operator=(const no_signals&) = delete;
    ~no_signals() { sys::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_;
};

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os

#include <skyutil/detail/os/linux/start_process.hpp>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {

/// A request in the form in which a new process takes it, as that may not allocate. To be used
/// once, while the request is there.
class program_plan {
public:
    /// Sets what no program can be given; then the plan is not to be used.
    program_plan(const program_request& request, start_failure& refused) {
        refused = fill_in(request);
    }
    program_plan(const program_plan&) = delete;
    program_plan& operator=(const program_plan&) = delete;
    ~program_plan() = default;

    [[nodiscard]] program_start& start() noexcept { return start_; }

private:
    start_failure fill_in(const program_request& request) {
        if (!set_words(request.words)) {
            return start_failure::arguments;
        }
        if (has_nul(request.directory.native())) {
            return start_failure::directory;
        }
        if (!set_variables(request)) {
            return start_failure::arguments;
        }
        if (!set_cpus(request.cpus)) {
            return start_failure::cpus;
        }
        if (!set_blocked_signals(request.blocked_signals)) {
            return start_failure::arguments;
        }
        start_.directory = request.directory.empty() ? nullptr : request.directory.c_str();
        std::copy(request.standard.begin(), request.standard.end(), start_.standard);
        start_.merges_errors = request.merges_errors;
        start_.group = request.group;
        start_.dies_with_thread = request.lifetime != start_lifetime::own;
        start_.nice = request.nice ? &*request.nice : nullptr;
        start_.limits = request.limits.data();
        start_.limits_size = request.limits.size();
        start_.keeps_descriptors = request.keeps_handles;
        start_.keeps_ignored_signals = request.keeps_ignored_signals;
        if (request.has_shell_fallback) {
            set_shell();
        }
        return start_failure::none;
    }

    bool set_words(std::span<const std::string> words) {
        if (words.empty() || std::any_of(words.begin(), words.end(), has_nul)) {
            return false;
        }
        paths_ = program_paths(words.front());
        arguments_ = pointers_to(words);
        start_.paths = paths_.data();
        start_.arguments = arguments_.data();
        return true;
    }

    bool set_variables(const program_request& request) {
        start_.variables = own_variables();
        if (request.variables.empty() && request.inherits_variables) {
            return true;
        }
        auto changed = change_variables(request.inherits_variables, request.variables);
        if (changed) {
            variables_ = *std::move(changed);
            start_.variables = variables_.data();
        }
        return changed.has_value();
    }

    bool set_cpus(std::span<const unsigned> cpus) {
        constexpr std::size_t bits = 8 * sizeof(unsigned long);
        constexpr unsigned most = 1U << 19;
        for (const unsigned cpu : cpus) {
            if (cpu >= most) {
                return false;
            }
            cpus_.resize((std::max)(cpus_.size(), cpu / bits + 1));
            cpus_[cpu / bits] |= 1UL << cpu % bits;
        }
        start_.cpus = cpus_.empty() ? nullptr : cpus_.data();
        start_.cpus_size = cpus_.size() * sizeof(unsigned long);
        return true;
    }

    bool set_blocked_signals(std::span<const int> numbers) {
        constexpr int bits = 8 * sizeof(unsigned long);
        return std::all_of(numbers.begin(), numbers.end(), [this](int signal) {
            if (is_signal(signal)) {
                const auto word = static_cast<std::size_t>((signal - 1) / bits);
                start_.blocked[word] |= 1UL << (signal - 1) % bits;
            }
            return is_signal(signal);
        });
    }

    /// Prepares what runs a program without a format the kernel knows.
    void set_shell() {
        shell_arguments_ = {shell, nullptr};
        shell_arguments_.insert(shell_arguments_.end(), arguments_.begin() + 1, arguments_.end());
        start_.shell_arguments = shell_arguments_.data();
    }

    string_block paths_;
    std::vector<const char*> arguments_;
    string_block variables_;
    std::vector<const char*> shell_arguments_;
    std::vector<unsigned long> cpus_;
    program_start start_;
};

}  // namespace sys

inline started_program start_program(const program_request& request, start_failure& failed,
                                     std::error_code& error) {
    started_program started;
    sys::program_plan plan(request, failed);
    if (failed != start_failure::none) {
        error = make_error(std::errc::invalid_argument);
        return started;
    }
    if (request.lifetime == start_lifetime::of_process) {
        started = sys::start_in_thread(plan.start(), error);
    } else {
        started.child = sys::start_process(plan.start(), error);
    }
    failed = plan.start().failed;
    return started;
}

inline std::int64_t start_detached(const program_request& request, start_failure& failed,
                                   std::error_code& error) {
    sys::program_plan plan(request, failed);
    if (failed != start_failure::none) {
        error = make_error(std::errc::invalid_argument);
        return 0;
    }
    plan.start().detached = true;
    plan.start().dies_with_thread = false;
    const child started = sys::start_process(plan.start(), error);
    failed = plan.start().failed;
    return started.pid;
}

inline std::vector<std::string> shell_words(std::string text) {
    return {sys::shell, "-c", std::move(text)};
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
