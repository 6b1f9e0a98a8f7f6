// SPDX-License-Identifier: MIT
//
// What becomes of processes when memory runs out, at any allocation, for once or for good.

#include <skyutil/process.hpp>
#include <skyutil/subprocess.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "subprocess/commands.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using nlohmann::json;
using skyutil::child_process;
using skyutil::run;
using skyutil::shell;

namespace {

enum class failure { none, one, all };

std::atomic<failure> failing = failure::none;
std::atomic<long> allocations = 0;  ///< until the one that fails
std::atomic<bool> has_failed = false;

bool fails() {
    if (failing == failure::none) {
        return false;
    }
    const long left = --allocations;
    const bool now = left == 0 || (left < 0 && failing == failure::all);
    has_failed = has_failed || now;
    return now;
}

}  // namespace

// NOLINTBEGIN(*-no-malloc)
void* operator new(std::size_t size) {
    void* const memory = fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    return fails() ? nullptr : std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
// NOLINTEND(*-no-malloc)

namespace {

/// Makes each allocation of the function fail, the n-th and then all from the n-th on, until none
/// is left to fail. The function returns whether it did all that it should. What must not be: an
/// end of the program, a success that was none, a child or a descriptor that is left.
json wrong_with(const std::function<bool()>& function) {
    return run_in_child(
        [&] {
            json wrong = json::array();
            if (!function()) {
                wrong.push_back("does not work");
            }
            const std::size_t descriptors = count_open_descriptors();
            for (const failure how : {failure::one, failure::all}) {
                bool to_the_end = false;
                for (long n = 1; n != 2000 && !to_the_end; ++n) {
                    bool done = false;
                    bool threw = false;
                    has_failed = false;
                    allocations = n;
                    failing = how;
                    try {
                        done = function();
                    } catch (const std::bad_alloc&) {
                        threw = true;
                    } catch (const std::system_error&) {
                        threw = true;
                    }
                    failing = failure::none;
                    to_the_end = !has_failed;
                    const std::size_t left = count_open_descriptors() - descriptors;
                    if ((!done && !threw) || has_children() || left != 0) {
                        wrong.push_back(
                            {static_cast<int>(how), n, done, threw, has_children(), left});
                        while (::waitpid(-1, nullptr, WNOHANG) > 0) {
                        }
                    }
                }
                if (!to_the_end) {
                    wrong.push_back("does not come to an end");
                }
            }
            return wrong;
        },
        100s);
}

}  // namespace

TEST_CASE("a command that runs while memory runs out") {
    CHECK(wrong_with([] {
              const auto done = run({"echo", "a long enough word for the heap"},
                                    {.env = {{"A_VARIABLE_OF_SOME_LENGTH", "and its value"}}});
              return done.ok() && done.stdout_text == "a long enough word for the heap\n";
          }) == json::array());
}

TEST_CASE("a command that is ended while memory runs out") {
    CHECK(wrong_with([] {
              const auto done = run({"sleep", "1000"}, {.timeout = 1ms, .grace = 10s});
              return done.timed_out && done.signal == SIGTERM;
          }) == json::array());
}

TEST_CASE("lines that are taken while memory runs out") {
    CHECK(wrong_with([] {
              std::size_t size = 0;
              const auto done =
                  run(shell("echo one; echo two >&2; printf three"),
                      {.on_line = [&](auto, std::string_view line) { size += line.size(); }});
              return done.ok() && size == 11;
          }) == json::array());
}

TEST_CASE("a pipeline that runs while memory runs out") {
    CHECK(wrong_with([] {
              const auto done = skyutil::pipeline({{"echo", "x"}, {"cat"}, {"cat"}});
              return done.size() == 3 && done.back().ok() && done.back().stdout_text == "x\n";
          }) == json::array());
}

TEST_CASE("retries while memory runs out") {
    CHECK(wrong_with([] {
              return skyutil::run_with_retries(
                         {"false"}, {.max_retries = 2, .backoff = {.sleep = [](auto) {}}})
                         .exit_code == 1;
          }) == json::array());
}

TEST_CASE("a child that is ended with its scope while memory runs out") {
    for (const bool die : {false, true}) {
        CHECK(wrong_with([&] {
                  const child_process child({"sleep", "1000"},
                                            {.grace = 10s, .attributes = {.die_with_parent = die}});
                  return child.pid() != 0;
              }) == json::array());
    }
}

TEST_CASE("a child that is waited for while memory runs out") {
    CHECK(wrong_with([] {
              child_process child(shell("exit 3"));
              return child.wait().exit_code == 3;
          }) == json::array());
}

TEST_CASE("a detached program while memory runs out") {
    const temporary_directory directory;
    CHECK(wrong_with([&] {
              const std::int64_t pid = skyutil::run_detached({"true"}, directory / "log");
              return pid > 0 && are_gone({pid});
          }) == json::array());
}

TEST_CASE("processes that are listed and ended while memory runs out") {
    CHECK(wrong_with([] {
              const pid_t child = ::fork();
              if (child == 0) {
                  for (;;) {
                      ::pause();
                  }
              }
              struct reaper {
                  pid_t pid;
                  ~reaper() {
                      ::kill(pid, SIGKILL);
                      ::waitpid(pid, nullptr, 0);
                  }
              } const at_the_end{child};
              return skyutil::child_processes(::getpid()).size() == 1 &&
                     skyutil::process_tree(::getpid()).size() == 2 &&
                     skyutil::is_process_alive(child) &&
                     skyutil::kill_process_tree(child).left.empty() &&
                     !skyutil::is_process_alive(child) && skyutil::reap_orphans().empty();
          }) == json::array());
}
