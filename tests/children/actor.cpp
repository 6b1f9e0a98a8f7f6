// SPDX-License-Identifier: MIT
//
// A program for tests of children. The first argument says what it does:
//
//     descriptors       prints the numbers of all open descriptors
//     flood BYTES       writes so many to standard output and as many to standard error, in turns
//     echo              copies standard input to standard output
//     complain TEXT     prints it to standard error and ends with exit code 1
//     deaf              ignores SIGTERM, says "ready" and waits for ever
//     goodbye BYTES     says "ready"; at SIGTERM writes so many bytes and ends with exit code 3
//     family DEPTH      has so many generations of descendants, prints their ids, waits for ever
//     deaf family DEPTH the same, ignoring SIGTERM
//     privileged TIME   becomes root for good, which needs the set-user-ID bit, says "ready" and
//     waits
//                       so many seconds
//     orphan            starts a process, prints its id, and ends before it
//     orphan in a group the same, in a process group of its own
//     environment NAME  prints a variable, or "unset"
//     limit             prints the soft limit on descriptors
//     exit CODE         ends

#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

namespace {

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(fd, text.data(), text.size());
        if (count <= 0) {
            return false;
        }
        text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
}

void say(const std::string& text) { write_all(1, text + "\n"); }

[[noreturn]] void wait_for_ever() {
    for (;;) {
        ::pause();
    }
}

volatile sig_atomic_t told_to_end = 0;

int act(const std::string& what, const std::string& argument) {
    const std::size_t number =
        static_cast<std::size_t>(std::strtoull(argument.c_str(), nullptr, 10));
    if (what == "descriptors") {
        std::string list;
        for (int fd = 0; fd != 4096; ++fd) {
            if (::fcntl(fd, F_GETFD) != -1) {
                list += std::to_string(fd) + " ";
            }
        }
        say(list);
    } else if (what == "flood") {
        const std::string block(10'000, 'x');
        for (std::size_t left = number; left != 0;) {
            const std::string_view part = std::string_view(block).substr(0, left);
            if (!write_all(1, part) || !write_all(2, part)) {
                return 1;
            }
            left -= part.size();
        }
    } else if (what == "echo") {
        std::vector<char> buffer(1U << 16);
        for (ssize_t count = 0; (count = ::read(0, buffer.data(), buffer.size())) > 0;) {
            if (!write_all(1, std::string_view(buffer.data(), static_cast<std::size_t>(count)))) {
                return 1;
            }
        }
    } else if (what == "complain") {
        write_all(2, argument);
        return 1;
    } else if (what == "deaf") {
        ::signal(SIGTERM, SIG_IGN);
        say("ready");
        wait_for_ever();
    } else if (what == "goodbye") {
        ::signal(SIGTERM, [](int) { told_to_end = 1; });
        say("ready");
        sigset_t term;
        sigset_t before;
        ::sigemptyset(&term);
        ::sigaddset(&term, SIGTERM);
        ::sigprocmask(SIG_BLOCK, &term, &before);
        while (told_to_end == 0) {
            ::sigsuspend(&before);
        }
        write_all(1, std::string(number, 'g'));
        return 3;
    } else if (what == "privileged") {
        if (::setresuid(0, 0, 0) == -1) {
            return 98;
        }
        say("ready");
        ::sleep(static_cast<unsigned>(number));
    } else if (what == "family" || what == "deaf family") {
        if (what == "deaf family") {
            ::signal(SIGTERM, SIG_IGN);
        }
        say(std::to_string(::getpid()));
        if (number != 0 && ::fork() == 0) {
            return act(what, std::to_string(number - 1));
        }
        wait_for_ever();
    } else if (what == "orphan" || what == "orphan in a group") {
        if (const pid_t child = ::fork(); child != 0) {
            if (what == "orphan in a group") {
                ::setpgid(child, child);
            }
            say(std::to_string(child));
            return 0;
        }
        wait_for_ever();
    } else if (what == "environment") {
        const char* const value = std::getenv(argument.c_str());
        say(value == nullptr ? "unset" : value);
    } else if (what == "limit") {
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        say(std::to_string(limit.rlim_cur));
    } else if (what == "exit") {
        return static_cast<int>(number);
    } else {
        return 99;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) { return argc < 2 ? 99 : act(argv[1], argc < 3 ? "" : argv[2]); }
