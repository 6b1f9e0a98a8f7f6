// SPDX-License-Identifier: MIT
//
// How are many shell commands run, some at a time, with a line that shows how far they are?
//
//     seq 20 | sed 's/.*/sleep 0.&; echo &/' | skyutil_example_parallel_commands
//
// Reads one command a line; prints their outputs in the order of the lines.

#include <skyutil/process.hpp>
#include <skyutil/subprocess.hpp>
#include <skyutil/workers.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace {

class progress_line {
public:
    explicit progress_line(std::size_t all) : all_(all) {}

    void count(bool failed) {
        const std::lock_guard lock(mutex_);
        ++done_;
        failed_ += failed ? 1 : 0;
        std::cerr << '\r' << done_ << " of " << all_ << " done, " << failed_ << " failed"
                  << (done_ == all_ ? "\n" : "") << std::flush;
    }

    [[nodiscard]] std::size_t failed() const { return failed_; }

private:
    std::mutex mutex_;
    std::size_t all_;
    std::size_t done_ = 0;
    std::size_t failed_ = 0;
};

}  // namespace

int main() {
    try {
        std::vector<std::string> commands;
        for (std::string line; std::getline(std::cin, line);) {
            commands.push_back(line);
        }
        std::vector<skyutil::completed_process> results(commands.size());
        progress_line progress(commands.size());
        std::atomic<std::size_t> next = 0;
        const auto work = [&] {
            for (std::size_t i = 0; (i = next++) < commands.size();) {
                std::error_code error;
                results[i] = skyutil::run(skyutil::shell(commands[i]),
                                          {.timeout = std::chrono::minutes(10),
                                           .max_output = 1U << 20,
                                           .merge_stderr = true},
                                          error);
                progress.count(error || !results[i].ok());
            }
        };
        {
            const auto most = static_cast<std::size_t>(skyutil::get_parallel_threads());
            std::vector<std::jthread> threads;
            while (threads.size() < (std::min)(most, commands.size())) {
                threads.emplace_back(work);
            }
        }
        for (const skyutil::completed_process& each : results) {
            std::cout << each.stdout_text;
        }
        return progress.failed() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    } catch (const std::exception& e) {
        std::cerr << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
