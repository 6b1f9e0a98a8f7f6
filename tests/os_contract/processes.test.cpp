// SPDX-License-Identifier: MIT
//
// Single processes, the list of all, and how those of a tree are held still.

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/children.hpp>
#include <skyutil/detail/os/pipes.hpp>
#include <skyutil/detail/os/process_list.hpp>
#include <skyutil/detail/os/process_tree.hpp>
#include <skyutil/detail/os/processes.hpp>
#include <skyutil/detail/os/programs.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "os_contract/answers.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using os::process_ref;
using std::chrono::steady_clock;

namespace {

constexpr auto for_ever = (os::time_point::max)();

/// A program that waits until it is ended.
class waiting_program {
public:
    waiting_program() {
        const os::pipe_ends ends = done([](std::error_code& error) {
            return os::open_pipe(os::pipe_use::program, os::pipe_use::program, error);
        });
        const unique_fd read(ends.read);
        write_.reset(ends.write);
        const std::vector<std::string> words{"sort"};
        const std::filesystem::path here;
        const std::map<std::string, std::optional<std::string>> unchanged;
        os::program_request request{.words = words, .directory = here, .variables = unchanged};
        request.standard[0] = read.get();
        os::start_failure failed{};
        program_ =
            done([&](std::error_code& error) { return os::start_program(request, failed, error); });
        pid_ = program_.child.pid;
    }
    waiting_program(const waiting_program&) = delete;
    waiting_program& operator=(const waiting_program&) = delete;
    ~waiting_program() { end(); }

    std::int64_t pid() const { return pid_; }

    /// Kills and reaps the program.
    void end() {
        if (program_.child.pid != 0) {
            std::error_code gone;
            program_.child.kill(gone);
            os::process_end ignored;
            static_cast<void>(program_.child.look_until(for_ever, ignored));
            program_.child.reap(ignored);
            program_.child.release();
        }
    }

private:
    unique_fd write_;
    os::started_program program_;
    std::int64_t pid_ = 0;
};

os::process_entry entry_of(const os::process_list& list, std::int64_t pid) {
    const auto place = os::place_of(list.entries(), pid);
    REQUIRE(place != list.entries().end());
    REQUIRE(place->pid == pid);
    return *place;
}

/// Asks a process to end, or ends it where nothing asks it.
void ask_to_end(const process_ref& process) {
    std::error_code error;
    process.ask(os::terminate_signal, error);
    if (error == std::errc::function_not_supported) {
        error.clear();
        process.kill(error);
    }
    CHECK_FALSE(error);
}

/// Waits until the id of a process is free, which may be a moment after the last handle is closed.
void await_free_id(std::int64_t pid) {
    const auto deadline = steady_clock::now() + 20s;
    while (os::process_exists(pid) && steady_clock::now() < deadline) {
        std::this_thread::sleep_for(1ms);
    }
    CHECK_FALSE(os::process_exists(pid));
}

os::process_list& refreshed(os::process_list& list) {
    done([&](std::error_code& error) { list.refresh(error); });
    return list;
}

}  // namespace

TEST_CASE("only what a system can give to a process is an id") {
    CHECK(os::is_process_id(os::process_id()));
    CHECK(os::process_exists(os::process_id()));
    for (const std::int64_t number :
         {std::int64_t{0}, std::int64_t{-1}, -os::process_id(),
          (std::numeric_limits<std::int64_t>::min)(), (std::numeric_limits<std::int64_t>::max)()}) {
        CAPTURE(number);
        CHECK_FALSE(os::is_process_id(number));
        CHECK_FALSE(os::process_exists(number));
        for (const auto open : {process_ref::open, process_ref::open_by_start}) {
            CHECK(error_of([&](std::error_code& error) { return open(number, error); }) ==
                  std::errc::no_such_process);
        }
    }
    CHECK(os::is_signal(os::terminate_signal));
    CHECK(os::is_signal(os::kill_signal));
    CHECK_FALSE(os::is_signal(0));
    CHECK_FALSE(os::is_signal(-1));
    CHECK_FALSE(os::is_signal((std::numeric_limits<int>::max)()));
}

TEST_CASE("a process is alive until it has ended, and gone when it was reaped") {
    for (const auto open : {process_ref::open, process_ref::open_by_start}) {
        waiting_program program;
        auto process = done([&](std::error_code& error) { return open(program.pid(), error); });
        CHECK(process.pid() == program.pid());
        CHECK(done([&](std::error_code& error) { return process.alive(error); }));
        done([&](std::error_code& error) { process.signal(0, error); });
        const auto soon = steady_clock::now() + 20ms;
        CHECK_FALSE(done([&](std::error_code& error) { return process.wait_until(soon, error); }));
        CHECK(steady_clock::now() >= soon);
        done([&](std::error_code& error) { process.kill(error); });
        CHECK(done([&](std::error_code& error) { return process.wait_until(for_ever, error); }));
        CHECK_FALSE(done([&](std::error_code& error) { return process.alive(error); }));
        CHECK(os::process_exists(program.pid()));
        program.end();
        CHECK_FALSE(done([&](std::error_code& error) { return process.alive(error); }));
        CHECK(error_of([&](std::error_code& error) { process.signal(0, error); }) ==
              std::errc::no_such_process);
        process = process_ref();
        await_free_id(program.pid());
    }
}

TEST_CASE("a process that is paused and asked to end goes on and ends") {
    const waiting_program program;
    const auto process =
        done([&](std::error_code& error) { return process_ref::open(program.pid(), error); });
    std::error_code error;
    const os::process_list list(error);
    REQUIRE_FALSE(error);
    const os::tree_guard guard(list);
    done([&](std::error_code& failed) { guard.hold(process, failed); });
    guard.release(process);
    done([&](std::error_code& failed) { guard.hold(process, failed); });
    ask_to_end(process);
    CHECK(done([&](std::error_code& failed) { return process.wait_until(for_ever, failed); }));
}

TEST_CASE("no process is none, and what was moved from is no process") {
    const waiting_program program;
    auto process =
        done([&](std::error_code& error) { return process_ref::open(program.pid(), error); });
    const process_ref other = std::move(process);
    CHECK(process.pid() == 0);  // NOLINT(bugprone-use-after-move)
    CHECK_FALSE(process.has_handle());
    CHECK_FALSE(done([&](std::error_code& error) { return process.alive(error); }));
    CHECK(done([&](std::error_code& error) { return other.alive(error); }));
}

TEST_CASE("the list shows each process once, by id, with the parent that started it") {
    std::error_code error;
    os::process_list list(error);
    REQUIRE_FALSE(error);
    CHECK(list.entries().empty());
    const os::process_entry self = entry_of(refreshed(list), os::process_id());
    CHECK(std::is_sorted(list.entries().begin(), list.entries().end(),
                         [](const auto& a, const auto& b) { return a.pid < b.pid; }));
    CHECK(self.alive);
    CHECK(list.shows(self));
    CHECK_FALSE(list.name_of(self.pid).empty());

    waiting_program program;
    const os::process_entry entry = entry_of(refreshed(list), program.pid());
    CHECK(entry.parent == self.pid);
    CHECK(entry.start >= self.start);
    CHECK(entry.alive);
    const process_ref process(entry.pid, entry.start);
    CHECK(done([&](std::error_code& unknown) { return process.alive(unknown); }));
    const auto now = done([&](std::error_code& unknown) { return list.look(entry.pid, unknown); });
    REQUIRE(now);
    CHECK(now->start == entry.start);
    CHECK(now->parent == entry.parent);
    program.end();
    await_free_id(entry.pid);
    CHECK_FALSE(list.shows(entry));
    CHECK(error_of([&](std::error_code& gone) { return list.look(entry.pid, gone); }) ==
          std::errc::no_such_process);
    CHECK(list.name_of(entry.pid).empty());
    CHECK(entry_of(list, entry.pid).pid == entry.pid);  // until it is read again
    refreshed(list);
    const auto place = os::place_of(list.entries(), entry.pid);
    CHECK(
        (place == list.entries().end() || place->pid != entry.pid || place->start != entry.start));
}

TEST_CASE("a process that is told to hold still does, until it is released") {
    std::error_code error;
    os::process_list list(error);
    REQUIRE_FALSE(error);
    const waiting_program program;
    const os::process_entry entry = entry_of(refreshed(list), program.pid());
    const os::tree_guard guard(list);
    const process_ref process(entry.pid, entry.start);
    done([&](std::error_code& failed) { guard.hold(process, failed); });
    const auto told = steady_clock::now();
    while (guard.look(entry, steady_clock::now() - told) == os::stillness::settling) {
        std::this_thread::sleep_for(1ms);
    }
    CHECK(guard.look(entry, steady_clock::now() - told) == os::stillness::still);
    CHECK(done([&](std::error_code& failed) { return process.alive(failed); }));
    guard.release(process);
    ask_to_end(process);
    CHECK(done([&](std::error_code& failed) { return process.wait_until(for_ever, failed); }));
}
