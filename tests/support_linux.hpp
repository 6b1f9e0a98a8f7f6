// SPDX-License-Identifier: MIT
//
// tests/support_linux.hpp: what tests of Linux need besides: children, descriptors, privileges,
// filters of system calls.
//
//     const nlohmann::json answer = run_in_child([] { drop_privileges(); return getuid(); });
//
// Assertions belong in the parent: a child hands back a value that the parent checks.

#pragma once

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "catch.hpp"
#include "support.hpp"

namespace skyutil_tests {

inline std::size_t count_open_descriptors() {
    std::filesystem::directory_iterator entries("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries))) - 1;  // its own
}

/// UBSan opens descriptors to look at a type for the first time: before a test that leaves none, it
/// has to have seen the types of errors.
inline void meet_error_types() {
    const std::system_error known(std::make_error_code(std::errc::too_many_files_open), "known");
    static_cast<void>(known.code() == std::errc::too_many_files_open);
    static_cast<void>(std::error_code() == std::errc::too_many_files_open);
    try {
        throw std::system_error(known.code(), "known");
    } catch (const std::system_error& error) {
        static_cast<void>(std::string(error.what()));
    }
    try {
        throw std::filesystem::filesystem_error("known", "path", known.code());
    } catch (const std::filesystem::filesystem_error& error) {
        const std::filesystem::filesystem_error copy = error;
        static_cast<void>(copy.path1());
    }
}

/// No descriptor can be opened until the end of the scope.
class no_descriptors {
public:
    no_descriptors() {
        meet_error_types();
        if (::getrlimit(RLIMIT_NOFILE, &old_) == -1) {
            throw_errno("getrlimit");
        }
        const rlimit none{0, old_.rlim_max};
        if (::setrlimit(RLIMIT_NOFILE, &none) == -1) {
            throw_errno("setrlimit");
        }
    }
    no_descriptors(const no_descriptors&) = delete;
    no_descriptors& operator=(const no_descriptors&) = delete;
    ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &old_); }

private:
    rlimit old_{};
};

/// Thrown in a child, skips the test in the parent.
struct cannot_run {
    std::string reason;
};

/// Runs a function in a forked child and returns what it returned, as JSON. The child is killed
/// after a time; that, a crash and an exception fail the test, and cannot_run skips it.
template <class Function>
nlohmann::json run_in_child(Function function,
                            std::chrono::seconds patience = std::chrono::seconds(100)) {
    int ends[2];
    if (::pipe(ends) == -1) {
        throw_errno("pipe");
    }
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child == -1) {
        throw_errno("fork");
    }
    if (child == 0) {
        ::close(ends[0]);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTERM}) {
            ::signal(signal, SIG_DFL);  // the handlers report as if they were the parent
        }
        nlohmann::json answer;
        try {
            answer["value"] = function();
        } catch (const cannot_run& skipping) {
            answer["skip"] = skipping.reason;
        } catch (const std::exception& exception) {
            answer["exception"] = exception.what();
        } catch (...) {
            answer["exception"] = "of an unknown type";
        }
        const std::string text =
            answer.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
        for (std::size_t done = 0; done != text.size();) {
            const ssize_t count = ::write(ends[1], text.data() + done, text.size() - done);
            if (count == -1 && errno != EINTR) {
                ::_exit(1);
            }
            done += count == -1 ? 0 : static_cast<std::size_t>(count);
        }
        ::_exit(0);
    }
    ::close(ends[1]);

    std::string text;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    bool late = false;
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd entry{ends[0], POLLIN, 0};
        const int ready = left.count() > 0 ? ::poll(&entry, 1, static_cast<int>(left.count())) : 0;
        if (ready == 0) {
            late = true;
            ::kill(child, SIGKILL);
            break;
        }
        char buffer[4096];
        const ssize_t count = ready == -1 ? -1 : ::read(ends[0], buffer, sizeof buffer);
        if (count == 0 || (count == -1 && errno != EINTR)) {
            break;
        }
        text.append(buffer, count == -1 ? 0 : static_cast<std::size_t>(count));
    }
    ::close(ends[0]);
    int status = 0;
    while (::waitpid(child, &status, 0) == -1 && errno == EINTR) {
    }

    if (late) {
        FAIL("the child had not ended after " << patience.count() << " s");
    }
    if (status != 0) {
        FAIL("the child ended with wait status " << status);
    }
    nlohmann::json answer = nlohmann::json::parse(text);
    if (answer.contains("skip")) {
        skip(answer["skip"].get<std::string>());
    }
    if (answer.contains("exception")) {
        FAIL("exception in the child: " << answer["exception"].get<std::string>());
    }
    return std::move(answer["value"]);
}

/// Has the kernel ask a program of seccomp(2) about each system call of the calling thread, a child
/// of run_in_child, for ever.
template <std::size_t Count>
void install_filter(std::array<sock_filter, Count>& program) {
    const sock_fprog filter{static_cast<unsigned short>(Count), program.data()};
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
        ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == -1) {
        throw cannot_run{"cannot install a seccomp filter"};
    }
}

/// Has a system call end otherwise than it would, likewise for its children: SECCOMP_RET_ERRNO |
/// errno, SECCOMP_RET_KILL_PROCESS.
inline void filter_system_call(long number, unsigned verdict) {
    std::array<sock_filter, 4> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, verdict),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    install_filter(program);
}

/// Has it fail, as on an old kernel or under a strict filter.
inline void forbid_system_call(long number, int error) {
    filter_system_call(number, SECCOMP_RET_ERRNO | static_cast<unsigned>(error));
}

/// sched_setscheduler(2) of the calling thread, which musl's function of that name refuses.
inline bool set_scheduling_policy(int policy, int priority) {
    return ::syscall(SYS_sched_setscheduler, 0, policy, &priority) != -1;
}

inline bool can_start_a_thread() {
    try {
        std::thread([] {}).join();
        return true;
    } catch (const std::system_error&) {
        return false;
    }
}

/// Makes the calling process, a child of run_in_child, one of a user without privileges.
inline void drop_privileges() {
    constexpr unsigned nobody = 65534;
    if (::geteuid() != 0) {
        return;
    }
    if (::setgroups(0, nullptr) == -1 || ::setresgid(nobody, nobody, nobody) == -1 ||
        ::setresuid(nobody, nobody, nobody) == -1) {
        throw cannot_run{"cannot drop the privileges"};
    }
    ::prctl(PR_SET_DUMPABLE, 1);  // else /proc/self belongs to root
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
}

}  // namespace skyutil_tests
