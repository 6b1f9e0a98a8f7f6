// SPDX-License-Identifier: MIT
//
// How does a program keep a worker running, and leave no orphan however it ends itself?
//
//     skyutil_example_supervisor 3 ./worker --port 8000    # starts it at most 3 times again
//
// Between failures the worker rests for longer and longer, a minute at most. SIGINT and SIGTERM end
// it with all it started; when the supervisor is killed, the kernel kills the worker.

#include <skyutil/subprocess.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;

/// Waits for SIGINT or SIGTERM, which main() has blocked; whether one came in time.
bool told_to_end(const sigset_t& signals, std::chrono::milliseconds time) {
    const timespec left{time.count() / 1000, time.count() % 1000 * 1'000'000};
    return ::sigtimedwait(&signals, nullptr, &left) > 0;
}

int supervise(const skyutil::command& worker, int restarts, const sigset_t& signals) {
    auto rest = 1s;
    for (;; --restarts) {
        const auto start = std::chrono::steady_clock::now();
        // Ended, with all it has started, at the end of each turn.
        skyutil::child_process child(worker, {.attributes = {.die_with_parent = true}});
        std::cout << "started as process " << child.pid() << std::endl;
        while (child.running()) {
            if (told_to_end(signals, 100ms)) {
                std::cout << "told to end" << std::endl;
                return EXIT_SUCCESS;
            }
        }
        const skyutil::exit_status status = child.wait();
        std::cout << "ended with exit code " << status.exit_code << ", signal " << status.signal
                  << std::endl;
        if (status.ok()) {
            return EXIT_SUCCESS;
        }
        if (restarts == 0) {
            return EXIT_FAILURE;
        }
        const bool lasted = std::chrono::steady_clock::now() - start > 60s;
        rest = lasted ? 1s : (std::min)(2 * rest, 60s);
        if (told_to_end(signals, rest)) {
            return EXIT_SUCCESS;
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::cerr << "usage: " << argv[0] << " RESTARTS COMMAND [ARGUMENT...]\n";
        return EXIT_FAILURE;
    }
    try {
        sigset_t signals;
        ::sigemptyset(&signals);
        ::sigaddset(&signals, SIGINT);
        ::sigaddset(&signals, SIGTERM);
        ::sigprocmask(SIG_BLOCK, &signals, nullptr);
        return supervise(std::vector<std::string>(argv + 2, argv + argc), std::stoi(argv[1]),
                         signals);
    } catch (const std::exception& e) {
        std::cerr << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
