// SPDX-License-Identifier: MIT
//
// What output_loop promises on every system, with pipes of which both ends are in the loop.

#include <skyutil/detail/base/unique_fd.hpp>
#include <skyutil/detail/os/output_loop.hpp>
#include <skyutil/detail/os/pipes.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <system_error>
#include <thread>

#include "catch.hpp"

namespace os = skyutil::detail::os;
using namespace std::chrono_literals;
using os::loop_source;
using os::output_loop;
using skyutil::detail::unique_fd;

namespace {

constexpr auto for_ever = (os::time_point::max)();

os::time_point after(std::chrono::milliseconds time) {
    return std::chrono::steady_clock::now() + time;
}

struct loop_pipe {
    unique_fd read;
    unique_fd write;

    loop_pipe() {
        std::error_code error;
        const os::pipe_ends ends = os::open_pipe(os::pipe_use::loop, os::pipe_use::loop, error);
        REQUIRE(!error);
        read.reset(ends.read);
        write.reset(ends.write);
    }
};

std::string long_text(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i != size; ++i) {
        text[i] = static_cast<char>('a' + i * i % 23);
    }
    return text;
}

/// Writes a text, until the end of the writer.
void write(output_loop& loop, const loop_pipe& pipe, const std::string& text) {
    loop.add_writer(pipe.write.get(), text);
    output_loop::completion done;
    while (done.from != loop_source::writer) {
        done = loop.next(for_ever);
    }
    CHECK(done.end);
    CHECK(!done.error);
}

}  // namespace

TEST_CASE("a text of any size goes through a pipe, and its end is told") {
    for (const std::size_t size : {std::size_t{1}, std::size_t{65536}, std::size_t{5} << 20}) {
        CAPTURE(size);
        const std::string text = long_text(size);
        loop_pipe pipe;
        output_loop loop(2);
        loop.add_writer(pipe.write.get(), text);
        loop.add_reader(pipe.read.get());
        std::string read;
        for (bool at_end = false; !at_end;) {
            const auto done = loop.next(for_ever);
            REQUIRE(!done.error);
            CHECK(done.index == 0);
            if (done.from == loop_source::writer) {
                CHECK(done.end);
                pipe.write.reset();
            } else if (done.from == loop_source::reader) {
                read += done.text;
                at_end = done.end;
                CHECK(!done.held_open);
            }
        }
        CHECK((read == text));
        CHECK(!pipe.write);
    }
}

TEST_CASE("a pipe with much to read does not keep the others waiting") {
    const std::string much = long_text(std::size_t{16} << 20);
    loop_pipe busy;
    loop_pipe calm;
    output_loop loop(4);
    loop.add_writer(busy.write.get(), much);
    loop.add_reader(busy.read.get());
    loop.add_writer(calm.write.get(), "little");
    loop.add_reader(calm.read.get());
    std::string read[2];  // NOLINT(*-c-arrays)
    while (read[1] != "little") {
        const auto done = loop.next(for_ever);
        REQUIRE(!done.error);
        if (done.from == loop_source::reader) {
            read[done.index] += done.text;
        }
    }
    CHECK(read[0].size() < much.size());
}

TEST_CASE("a writer ends with an error when no process can read") {
    loop_pipe pipe;
    pipe.read.reset();
    output_loop loop(1);
    loop.add_writer(pipe.write.get(), "text");
    output_loop::completion done;
    while (done.from == loop_source::none && !done.error) {
        done = loop.next(for_ever);
    }
    CHECK(done.from == loop_source::writer);
    CHECK(done.end);
    CHECK(done.error == std::errc::broken_pipe);
}

TEST_CASE("what a pipe holds is read to its end without waiting for more") {
    const std::string text = long_text(10000);
    for (const bool held_open : {false, true}) {
        CAPTURE(held_open);
        loop_pipe pipe;
        output_loop loop(2);
        write(loop, pipe, text);
        if (!held_open) {
            pipe.write.reset();
        }
        loop.add_reader(pipe.read.get());
        std::string read;
        output_loop::completion done;
        while (!done.end) {
            done = loop.next_left(0);
            REQUIRE(!done.error);
            read += done.text;
        }
        CHECK(done.held_open == held_open);
        CHECK((read == text));
    }
}

TEST_CASE("a loop waits until its time is over") {
    loop_pipe pipe;
    output_loop loop(1);
    loop.add_reader(pipe.read.get());
    const auto deadline = after(30ms);
    while (std::chrono::steady_clock::now() < deadline) {
        const auto done = loop.next(deadline);
        CHECK(done.from == loop_source::none);
        CHECK(!done.error);
    }
}

TEST_CASE("a loop is woken by another thread, and one that was woken before does not wait") {
    loop_pipe pipe;
    output_loop loop(1);
    loop.allow_wake();
    loop.add_reader(pipe.read.get());
    std::thread other([&] {
        std::this_thread::sleep_for(10ms);
        loop.wake();
    });
    CHECK(loop.next(for_ever).from == loop_source::none);
    other.join();
    loop.wake();
    loop.wake();
    CHECK(loop.next(for_ever).from == loop_source::none);
}

TEST_CASE("without a handle to wait with, a process is looked after until it is forgotten") {
    output_loop loop(2);
    loop.add_process(os::no_handle);
    loop.add_process(os::no_handle);
    int told[2] = {};  // NOLINT(*-c-arrays)
    while (told[0] < 2 || told[1] < 2) {
        const auto done = loop.next(for_ever);
        if (done.from == loop_source::process) {
            ++told[done.index];
        }
    }
    loop.forget(loop_source::process, 0);
    for (int i = 0; i != 3; ++i) {
        const auto done = loop.next(for_ever);
        CHECK((done.from == loop_source::none || done.index == 1));
    }
    loop.forget(loop_source::process, 1);
    CHECK(loop.next(after(20ms)).from == loop_source::none);
}

TEST_CASE("nothing is told of a source that was forgotten") {
    loop_pipe pipe;
    output_loop loop(2);
    write(loop, pipe, "text");
    loop.add_reader(pipe.read.get());
    loop.forget(loop_source::reader, 0);
    CHECK(loop.next(after(20ms)).from == loop_source::none);
}
