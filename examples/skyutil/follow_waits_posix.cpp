// SPDX-License-Identifier: MIT

#include "follow_waits.hpp"

#include <skyutil/files.hpp>

#include <csignal>
#include <iterator>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace program {

/// The signals that end a program come to a descriptor: between two lines, that is.
struct follow_waits::state {
    state() {
        ::sigemptyset(&taken);
        for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
            struct sigaction now{};
            ::sigaction(signal, nullptr, &now);
            if (now.sa_handler != SIG_IGN) {  // as in the background of a shell, and nohup(1)
                ::sigaddset(&taken, signal);
            }
        }
        ::sigprocmask(SIG_BLOCK, &taken, nullptr);
        fd.reset(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
    }

    sigset_t taken{};
    skyutil::unique_fd fd;
};

follow_waits::follow_waits() : state_(std::make_unique<state>()) {}

follow_waits::~follow_waits() = default;

bool follow_waits::is_told() const {
    pollfd entry{state_->fd.get(), POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
}

void follow_waits::end_if_told() const {
    signalfd_siginfo info{};
    if (::read(state_->fd.get(), &info, sizeof info) == sizeof info) {
        ::signal(static_cast<int>(info.ssi_signo), SIG_DFL);
        ::raise(static_cast<int>(info.ssi_signo));
        ::sigprocmask(SIG_UNBLOCK, &state_->taken, nullptr);
    }
}

bool follow_waits::wait(const skyutil::file_follower_set& files, std::chrono::milliseconds,
                        bool for_processes) const {
    pollfd entries[] = {
        {files.native_handle(), POLLIN, 0}, {state_->fd.get(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}};
    const int most = for_processes ? 1000 : -1;
    return ::poll(entries, std::size(entries), most) <= 0 || (entries[2].revents & POLLERR) == 0;
}

}  // namespace program
