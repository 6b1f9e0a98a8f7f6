// SPDX-License-Identifier: MIT
//
// Programs that are started from a request, and what is told of children and done with them.

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/children.hpp>
#include <skyutil/detail/os/files.hpp>
#include <skyutil/detail/os/pipes.hpp>
#include <skyutil/detail/os/programs.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "os_contract/answers.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using os::child_state;
using os::start_failure;

namespace {

constexpr auto for_ever = (os::time_point::max)();

const std::filesystem::path here;
const std::map<std::string, std::optional<std::string>> unchanged;

using change = std::function<void(os::program_request&)>;

os::started_program start(const std::vector<std::string>& words, const change& how,
                          start_failure& failed, std::error_code& error) {
    os::program_request request{.words = words, .directory = here, .variables = unchanged};
    if (how) {
        how(request);
    }
    return os::start_program(request, failed, error);
}

os::started_program start(const std::vector<std::string>& words, const change& how = {}) {
    start_failure failed = start_failure::program;
    auto started = done([&](std::error_code& error) { return start(words, how, failed, error); });
    CHECK(failed == start_failure::none);
    CHECK(started.child.pid > 0);
    return started;
}

void reap(os::started_program& started, os::process_end& end) {
    started.child.reap(end);
    started.child.release();
    CHECK(started.child.pid == 0);
    if (started.keeper.joinable()) {
        started.keeper.join();
    }
}

struct program_pipe {
    unique_fd read;
    unique_fd write;

    program_pipe() {
        const os::pipe_ends ends = done([](std::error_code& error) {
            return os::open_pipe(os::pipe_use::program, os::pipe_use::program, error);
        });
        read.reset(ends.read);
        write.reset(ends.write);
    }
};

std::string read_all(const unique_fd& from) {
    std::string text;
    for (;;) {
        char buffer[256];  // NOLINT(*-c-arrays)
        bool would_block = false;
        const std::size_t size = done([&](std::error_code& error) {
            return os::read_some(from.get(), buffer, sizeof buffer, would_block, error);
        });
        if (size == 0 && !would_block) {
            return text;
        }
        text.append(buffer, size);
    }
}

start_failure failure_of(const std::vector<std::string>& words, std::errc expected,
                         const change& how = {}) {
    start_failure failed = start_failure::none;
    std::error_code error;
    const auto started = start(words, how, failed, error);
    CHECK(error == expected);
    CHECK(started.child.pid == 0);
    CHECK_FALSE(started.keeper.joinable());
    return failed;
}

}  // namespace

TEST_CASE("the end of a child is told, and its id is its own until it is reaped") {
    auto started = start(os::shell_words("exit 3"));
    const os::child child = started.child;
    os::process_end end;
    CHECK(started.child.look_until(for_ever, end) == child_state::ended);
    CHECK(end.exit_code == 3);
    CHECK(end.signal == 0);
    CHECK(child.has_its_id());
    CHECK(child.wait_for_end(for_ever));
    CHECK(started.child.look(end) == child_state::ended);
    started.child.reap(end);
    CHECK((started.child.look(end) == child_state::reaped) != child.has_its_id());
    started.child.release();
}

TEST_CASE("a child that runs is waited for until a point in time, and is killed") {
    for (const auto lifetime :
         {os::start_lifetime::own, os::start_lifetime::of_process, os::start_lifetime::of_thread}) {
        const program_pipe input;  // the end of which it waits for
        auto started = start({SKYUTIL_TEST_ACTOR, "echo"}, [&](os::program_request& request) {
            request.standard[0] = input.read.get();
            request.lifetime = lifetime;
        });
        os::process_end end;
        CHECK(started.child.look(end) == child_state::running);
        const auto soon = std::chrono::steady_clock::now() + 20ms;
        CHECK(started.child.look_until(soon, end) == child_state::running);
        CHECK_FALSE(started.child.wait_for_end(soon));
        CHECK(std::chrono::steady_clock::now() >= soon);
        done([&](std::error_code& error) { started.child.kill(error); });
        CHECK(started.child.wait_for_end(for_ever));
        CHECK(started.child.look_until(for_ever, end) == child_state::ended);
        CHECK((end.exit_code != 0 || end.signal != 0));
        reap(started, end);
    }
}

TEST_CASE("a program gets its standard input and its outputs") {
    for (const bool complains : {false, true}) {
        CAPTURE(complains);
        program_pipe input;
        program_pipe output;
        auto started =
            start({SKYUTIL_TEST_ACTOR, complains ? "complain" : "echo", "to stderr"},
                  [&](os::program_request& request) {
                      request.standard = {input.read.get(), output.write.get(), os::no_handle};
                      request.merges_errors = true;
                  });
        done([&](std::error_code& error) { os::write_all(input.write.get(), "text", error); });
        input.write.reset();
        output.write.reset();
        CHECK(read_all(output.read) == (complains ? "to stderr" : "text"));
        os::process_end end;
        CHECK(started.child.look_until(for_ever, end) == child_state::ended);
        CHECK(end.exit_code == (complains ? 1 : 0));
        reap(started, end);
    }
}

TEST_CASE("what no program can be given is refused, and by what") {
    using std::errc;
    const std::string with_nul("a\0b", 3);
    CHECK(failure_of({}, errc::invalid_argument) == start_failure::arguments);
    CHECK(failure_of({"true", with_nul}, errc::invalid_argument) == start_failure::arguments);
    const std::vector<unsigned> cpus{~0U};
    CHECK(failure_of({"true"}, errc::invalid_argument, [&](os::program_request& request) {
              request.cpus = cpus;
          }) == start_failure::cpus);
    const std::vector<int> signals{-1};
    CHECK(failure_of({"true"}, errc::invalid_argument, [&](os::program_request& request) {
              request.blocked_signals = signals;
          }) == start_failure::arguments);
    for (const auto lifetime : {os::start_lifetime::own, os::start_lifetime::of_process}) {
        CHECK(failure_of({"no such program"}, errc::no_such_file_or_directory,
                         [&](os::program_request& request) { request.lifetime = lifetime; }) ==
              start_failure::program);
    }
}

TEST_CASE("a detached program is no child") {
    const std::vector<std::string> words = os::shell_words("exit 0");
    start_failure failed = start_failure::program;
    const std::int64_t pid = done([&](std::error_code& error) {
        return os::start_detached({.words = words, .directory = here, .variables = unchanged},
                                  failed, error);
    });
    CHECK(failed == start_failure::none);
    CHECK(pid > 0);
    os::process_end end;
    CHECK((os::adopts_orphans() || !os::reap_adopted(pid, end)));
}
