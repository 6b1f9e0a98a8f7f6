// SPDX-License-Identifier: MIT

#include <skyutil/detail/os/files.hpp>
#include <skyutil/detail/os/output_loop.hpp>
#include <skyutil/detail/os/pipes.hpp>
#include <skyutil/detail/os/waiting.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include "os_contract/answers.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

struct open_pipe {
    unique_fd read;
    unique_fd write;
};

open_pipe make(os::pipe_use reading, os::pipe_use writing) {
    const os::pipe_ends ends =
        done([&](std::error_code& error) { return os::open_pipe(reading, writing, error); });
    CHECK(ends.read != os::no_handle);
    CHECK(ends.write != os::no_handle);
    return {unique_fd(ends.read), unique_fd(ends.write)};
}

}  // namespace

TEST_CASE("what is written to a pipe is read from it, and then its end") {
    open_pipe pipe = make(os::pipe_use::program, os::pipe_use::program);
    done([&](std::error_code& error) { os::write_all(pipe.write.get(), "text", error); });
    pipe.write.reset();
    char buffer[16];
    bool would_block = false;
    const auto read = [&] {
        return std::string(buffer, done([&](std::error_code& error) {
                               return os::read_some(pipe.read.get(), buffer, sizeof buffer,
                                                    would_block, error);
                           }));
    };
    CHECK(read() == "text");
    CHECK(read().empty());
    CHECK_FALSE(would_block);
}

TEST_CASE("a loop writes more than a pipe holds, reads it, and tells the ends") {
    open_pipe pipe = make(os::pipe_use::loop, os::pipe_use::loop);
    const std::string sent(1'000'000, 'x');
    std::string received;
    os::output_loop loop(2);
    loop.add_writer(pipe.write.get(), sent);
    loop.add_reader(pipe.read.get());
    bool written = false;
    bool ended = false;
    const auto deadline = steady_clock::now() + 60s;
    while (!ended && steady_clock::now() < deadline) {
        const os::output_loop::completion what = loop.next(deadline);
        CHECK_FALSE(what.error);
        received += what.text;
        if (what.from == os::loop_source::writer && what.end) {
            written = true;
            loop.forget(os::loop_source::writer, 0);
            pipe.write.reset();
        }
        ended = what.from == os::loop_source::reader && what.end;
    }
    CHECK(written);
    CHECK(received == sent);
}

TEST_CASE("a loop tells a writer that nobody can read") {
    open_pipe pipe = make(os::pipe_use::loop, os::pipe_use::loop);
    pipe.read.reset();
    os::output_loop loop(1);
    loop.add_writer(pipe.write.get(), "text");
    os::output_loop::completion what;
    for (const auto deadline = steady_clock::now() + 60s;
         !what.end && steady_clock::now() < deadline;) {
        what = loop.next(deadline);
    }
    CHECK(what.from == os::loop_source::writer);
    CHECK(what.error == std::errc::broken_pipe);
}

TEST_CASE("a loop that waits is woken by another thread, and by the time") {
    const open_pipe pipe = make(os::pipe_use::loop, os::pipe_use::program);
    os::output_loop loop(1);
    loop.allow_wake();
    loop.add_reader(pipe.read.get());
    const auto start = steady_clock::now();
    CHECK(loop.next(start + 5ms).from == os::loop_source::none);
    std::thread waker([&] {
        std::this_thread::sleep_for(5ms);
        loop.wake();
    });
    CHECK(loop.next(start + 60s).from == os::loop_source::none);
    CHECK(steady_clock::now() - start < 60s);
    waker.join();
}

TEST_CASE("what a pipe holds is read without waiting for more") {
    const open_pipe pipe = make(os::pipe_use::loop, os::pipe_use::program);
    done([&](std::error_code& error) { os::write_all(pipe.write.get(), "left", error); });
    os::output_loop loop(1);
    loop.add_reader(pipe.read.get());
    std::string left;
    for (int calls = 0; calls < 10; ++calls) {
        const os::output_loop::completion what = loop.next_left(0);
        left += what.text;
        if (what.end) {
            CHECK(what.held_open);
            break;
        }
    }
    CHECK(left == "left");
}

TEST_CASE("nothing is read from what is empty, and it takes everything") {
    const unique_fd null(done([](std::error_code& error) { return os::open_null(error); }));
    done([&](std::error_code& error) { os::write_all(null.get(), "text", error); });
    const unique_fd again(
        done([&](std::error_code& error) { return os::duplicate(null.get(), error); }));
    char buffer[4];
    bool would_block = false;
    CHECK(done([&](std::error_code& error) {
              return os::read_some(again.get(), buffer, sizeof buffer, would_block, error);
          }) == 0);
}

TEST_CASE("a point in time is waited for") {
    const auto time = steady_clock::now() + 10ms;
    done([&](std::error_code& error) { os::sleep_until(time, error); });
    CHECK(steady_clock::now() >= time);
    const os::no_signals quiet;
    done([&](std::error_code& error) { os::sleep_until(steady_clock::now() - 1s, error); });
}
