// SPDX-License-Identifier: MIT
//
// How does a program keep a worker running, and leave no orphan however it ends itself?
//
//     skyutil_example_supervisor ./worker --port 8000
//
// SIGINT and SIGTERM end the worker with everything it has started, and then the supervisor. When
// the supervisor itself is killed, the kernel kills the worker.

#include <skyutil/process.hpp>
#include <skyutil/subprocess.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

/// Takes SIGINT and SIGTERM in a thread of its own. Children start with no signal blocked.
void end_children_on_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGINT);
    ::sigaddset(&signals, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::thread([signals] {
        int signal = 0;
        ::sigwait(&signals, &signal);
        std::error_code error;  // nothing better can be done
        static_cast<void>(skyutil::kill_children_processes(error));
        std::_Exit(128 + signal);
    }).detach();
}

}  // namespace

int main(int argc, char** argv) {
    using namespace std::chrono_literals;
    end_children_on_signals();
    for (auto rest = 1s;; rest = (std::min)(2 * rest, 60s)) {
        skyutil::child_process worker(std::vector<std::string>(argv + 1, argv + argc),
                                      {.attributes = {.die_with_parent = true}});
        std::cout << "started as process " << worker.pid() << std::endl;
        if (!worker.wait(60s)) {
            rest = 1s;  // it has lasted a minute: the next failure is a new one
        }
        const skyutil::exit_status status = worker.wait();
        std::cout << "ended with exit code " << status.exit_code << ", signal " << status.signal
                  << std::endl;
        if (status.ok()) {
            return EXIT_SUCCESS;
        }
        std::this_thread::sleep_for(rest);
    }
}
