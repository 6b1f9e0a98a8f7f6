// SPDX-License-Identifier: MIT
//
// What the host program does to its children, descriptors and memory.

#include <skyutil/detail/base/joining_thread.hpp>
#include <skyutil/subprocess.hpp>
#include <skyutil/system.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "subprocess/commands.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;
using skyutil::child_process;
using skyutil::completed_process;
using skyutil::output_stream;
using skyutil::run;
using skyutil::shell;
using skyutil::detail::joining_thread;
using std::chrono::steady_clock;

namespace {

std::size_t count_threads() {
    std::filesystem::directory_iterator entries("/proc/self/task");
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

TEST_CASE("a host that ignores SIGCHLD gets output, and what the kernel tells of the end") {
    const json results = run_in_child([] {
        ::signal(SIGCHLD, SIG_IGN);
        const completed_process quick = run(shell("echo out; exit 3"));
        const completed_process slow =
            run_into_timeout(2, actor({"family", "1"}), {.timeout = 100ms, .grace = grace});
        child_process child({"sleep", "1000"});
        const bool ended = child.terminate(grace).exit_code == -1 && !child.running();
        return json{quick.stdout_text,        quick.exit_code, quick.signal,
                    slow.timed_out,           slow.exit_code,  ended,
                    numbers(slow.stdout_text)};
    });
    CHECK(results[0] == "out\n");
    CHECK((results[1] == 3 || results[1] == -1));  // Linux 6.15 and later tell it
    CHECK(results[2] == 0);
    CHECK(results[3] == true);
    CHECK(results[4] == -1);
    CHECK(results[5] == true);
    CHECK(are_gone(results[6].get<std::vector<std::int64_t>>()));
}

TEST_CASE("a host that reaps all children itself does not hang nor confuse a run") {
    const json result = run_in_child([] {
        std::atomic<bool> done = false;
        std::atomic<int> stolen = 0;
        std::thread thief([&] {
            while (!done) {
                if (::waitpid(-1, nullptr, WNOHANG) > 0) {
                    ++stolen;
                } else {
                    std::this_thread::yield();
                }
            }
        });
        json wrong = json::array();
        for (int i = 0; i != 100; ++i) {
            const completed_process each = run(shell("echo out; exit 3"));
            const bool known = each.exit_code == 3;
            const bool unknown = each.exit_code == -1 && each.signal == 0;
            if (each.stdout_text != "out\n" || !(known || unknown)) {
                wrong.push_back({each.stdout_text, each.exit_code, each.signal});
            }
        }
        done = true;
        thief.join();
        return json{wrong, stolen.load()};
    });
    CHECK(result[0] == json::array());
}

TEST_CASE("a host without descriptors gets an error, and nothing is left") {
    const json results = run_in_child([] {
        meet_error_types();
        static_cast<void>(run({"true"}));
        json answer = json::array();
        for (rlim_t more = 0; more != 12; ++more) {
            const std::size_t before = count_open_descriptors();
            rlimit old{};
            ::getrlimit(RLIMIT_NOFILE, &old);
            const rlimit low{before + more, old.rlim_max};
            ::setrlimit(RLIMIT_NOFILE, &low);
            std::error_code error;
            const completed_process result =
                run(shell("cat; exit 5"), {.input = "x", .timeout = patience}, error);
            ::setrlimit(RLIMIT_NOFILE, &old);
            answer.push_back({error.value(), result.exit_code, result.stdout_text,
                              count_open_descriptors() - before,
                              ::waitpid(-1, nullptr, WNOHANG) == -1});
        }
        return answer;
    });
    CHECK(results.front()[0] == EMFILE);
    CHECK(results.back()[0] == 0);
    for (const json& each : results) {
        INFO(each.dump());
        const bool failed = each[0] == EMFILE && each[1] == -1;
        const bool worked = each[0] == 0 && each[1] == 5 && each[2] == "x";
        CHECK((failed || worked));
        CHECK(each[3] == 0);
        CHECK(each[4] == true);
    }
}

TEST_CASE("a command runs to its end where the limit on descriptors falls below what is open") {
    const temporary_directory directory;
    const std::string lowered = directory / "lowered";
    const json result = run_in_child([&] {
        meet_error_types();
        rlimit old{};
        ::getrlimit(RLIMIT_NOFILE, &old);
        const auto lower = [&](output_stream, std::string_view line) {
            if (line == "ready") {
                const rlimit low{1, old.rlim_max};
                ::setrlimit(RLIMIT_NOFILE, &low);  // poll(2) takes one descriptor then
                ::mkdir(lowered.c_str(), 0700);
            }
        };
        const completed_process done =
            run(shell("echo ready; until [ -e '" + lowered +
                      "' ]; do sleep 0.01; done; cat; sleep 0.1; echo y; echo z >&2; exit 5"),
                {.input = "x", .max_output = 1024, .on_line = lower});
        ::setrlimit(RLIMIT_NOFILE, &old);
        return json{done.exit_code, done.stdout_text, done.stderr_text};
    });
    CHECK(result == json{5, "ready\nxy\n", "z\n"});
}

TEST_CASE("a run works without pidfd") {
    const json results = run_in_child([] {
        forbid_system_call(434, ENOSYS);       // pidfd_open
        forbid_system_call(SYS_clone, EPERM);  // with CLONE_PIDFD; then it is vfork
        const completed_process quick = run(shell("echo out; exit 3"));
        const completed_process slow =
            run_into_timeout(3, actor({"family", "2"}), {.timeout = 100ms, .grace = grace});
        child_process child({"sleep", "1000"}, {.attributes = {.die_with_parent = true}});
        const bool waited = child.wait(10ms).has_value();
        return json{quick.stdout_text, quick.exit_code, slow.timed_out,
                    slow.signal,       waited,          child.terminate(grace).signal};
    });
    CHECK(results == json{"out\n", 3, true, SIGTERM, false, SIGTERM});
}

TEST_CASE("a host that forbids fork gets an error") {
    const json error = run_in_child([] {
        forbid_system_call(SYS_clone, EAGAIN);
#ifdef SYS_vfork
        forbid_system_call(SYS_vfork, EAGAIN);
#endif
        return message_of([] { run({"true"}); });
    });
    CHECK_THAT(error.get<std::string>(), ContainsSubstring("cannot make a process for 'true'"));
}

TEST_CASE("five hundred commands at once leave nothing") {
    const json result = run_in_child(
        [] {
            // In a thread: ThreadSanitizer has threads of its own from the first one on.
            std::thread([] { static_cast<void>(run({"true"}, {.timeout = patience})); }).join();
            const std::size_t descriptors = count_open_descriptors();
            const auto await_threads = [](std::size_t most, std::chrono::seconds time) {
                // One that has been joined is seen for a moment longer.
                const auto deadline = steady_clock::now() + time;
                while (count_threads() > most && steady_clock::now() < deadline) {
                    std::this_thread::sleep_for(1ms);
                }
                return count_threads();
            };
            const std::size_t before = await_threads(1, 1s);
            std::atomic<int> right = 0;
            {
                std::vector<joining_thread> threads;
                for (int i = 0; i != 500; ++i) {
                    threads.emplace_back([&right, i] {
                        const std::string text = std::to_string(i);
                        const completed_process each =
                            run(actor({"echo"}), {.input = text, .timeout = 60s});
                        right += each.stdout_text == text && each.ok() ? 1 : 0;
                    });
                }
            }
            return json{right.load(), count_open_descriptors() - descriptors,
                        await_threads(before, patience) - before,
                        ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD};
        },
        100s);
    CHECK(result == json{500, 0, 0, true});
}

TEST_CASE("up to 2000 commands in a row leave nothing") {
    const json result = run_in_child(
        [] {
            static_cast<void>(run({"true"}, {.timeout = patience}));
            const std::size_t descriptors = count_open_descriptors();
            const std::size_t threads = count_threads();
            int wrong = 0;
            for (rounds commands(2000); commands.next();) {
                wrong += run(shell("exit 3"), {.timeout = patience}).exit_code == 3 ? 0 : 1;
            }
            return json{wrong, count_open_descriptors() - descriptors, count_threads() - threads,
                        ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD};
        },
        100s);
    CHECK(result == json{0, 0, 0, true});
}

TEST_CASE("the memory of a host of 4 GB is not copied, nor made to be copied later") {
#if defined(__SANITIZE_THREAD__)
    SKYUTIL_SKIP("ThreadSanitizer has several times as much memory of its own");
#endif
    const json faults = run_in_child(
        [] {
            constexpr std::size_t size = std::size_t{4} << 30;
            if (skyutil::get_memory_budget().available() < size + (std::uint64_t{2} << 30)) {
                throw cannot_run{"not enough memory"};
            }
            void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
            if (memory == MAP_FAILED) {
                throw cannot_run{"not enough memory"};
            }
            // After fork(2) the first write to each page is a fault that copies it.
            const auto count_faults = [&] {
                rusage usage{};
                ::getrusage(RUSAGE_SELF, &usage);
                const long before = usage.ru_minflt;
                for (std::size_t at = 0; at < size; at += std::size_t{1} << 21) {
                    static_cast<volatile char*>(memory)[at] = 1;
                }
                ::getrusage(RUSAGE_SELF, &usage);
                return usage.ru_minflt - before;
            };
            static_cast<void>(count_faults());
            json answer;
            static_cast<void>(run({"true"}));
            answer["run"] = count_faults();
            if (const pid_t forked = ::fork(); forked == 0) {
                ::_exit(0);
            } else {
                answer["fork"] = [&] {
                    const long count = count_faults();
                    ::waitpid(forked, nullptr, 0);
                    return count;
                }();
            }
            return answer;
        },
        60s);
    INFO(faults.dump());
    CHECK(faults["run"].get<long>() < 100);
    CHECK(faults["fork"].get<long>() > 1000);
}

}  // namespace
