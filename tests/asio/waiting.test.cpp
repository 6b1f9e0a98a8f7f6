// SPDX-License-Identifier: MIT
//
// Processes and followed files that coroutines, callbacks and futures wait for.

#include <skyutil/asio.hpp>
#include <skyutil/files.hpp>
#include <skyutil/follow.hpp>
#include <skyutil/process.hpp>
#include <skyutil/subprocess.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include "catch.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using boost::asio::awaitable;
using boost::asio::use_awaitable;
using boost::system::error_code;
using skyutil::child_process;
using skyutil::shell;

namespace {

std::size_t count_threads() {
    std::filesystem::directory_iterator entries("/proc/self/task");
    return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

/// Runs a coroutine to its end; what it throws is thrown.
void run(boost::asio::io_context& context, awaitable<void> coroutine) {
    std::exception_ptr failure;
    boost::asio::co_spawn(context, std::move(coroutine),
                          [&](const std::exception_ptr& error) { failure = error; });
    context.run();
    if (failure) {
        std::rethrow_exception(failure);
    }
}

void append(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path, std::ios::app) << text;
}

/// Completes an operation that waits by a cancellation, and returns what it says.
template <class Start>
error_code cancelled(Start start, boost::asio::cancellation_type type) {
    boost::asio::io_context context;
    boost::asio::cancellation_signal signal;
    error_code outcome;
    bool completed = false;
    start(context, boost::asio::bind_cancellation_slot(signal.slot(),
                                                       [&](const error_code& error, auto&&...) {
                                                           outcome = error;
                                                           completed = true;
                                                       }));
    boost::asio::steady_timer timer(context, 20ms);
    timer.async_wait([&](const error_code&) { signal.emit(type); });
    context.run();
    CHECK(completed);
    return outcome;
}

constexpr boost::asio::cancellation_type kinds_of_cancellation[] = {
    boost::asio::cancellation_type::terminal, boost::asio::cancellation_type::partial,
    boost::asio::cancellation_type::total};

TEST_CASE("a coroutine waits for a child and gets its exit status") {
    boost::asio::io_context context;
    child_process child(shell("sleep 0.05; exit 6"));
    std::optional<skyutil::exit_status> status;
    run(context, [&]() -> awaitable<void> {
        status = co_await skyutil::async_wait(context.get_executor(), child, use_awaitable);
    }());
    REQUIRE(status);
    CHECK(status->exit_code == 6);
    CHECK(child.wait().exit_code == 6);  // it was not reaped
}

TEST_CASE("a future has the end of a process that is no child of the one who waits") {
    child_process child(shell("sleep 1000 & echo $!; wait"),
                        {.stdout_to = skyutil::stdio_mode::pipe});
    std::string line;
    for (char c = 0; ::read(child.stdout_pipe().get(), &c, 1) == 1 && c != '\n';) {
        line += c;
    }
    const auto grandchild = skyutil::process_handle::open(std::stoll(line));
    boost::asio::thread_pool pool(1);
    auto ended = skyutil::async_wait(pool.get_executor(), grandchild, boost::asio::use_future);
    CHECK(ended.wait_for(50ms) == std::future_status::timeout);
    grandchild.signal(SIGKILL);
    ended.get();
    pool.join();
}

TEST_CASE("what has ended already completes, but not within the call") {
    boost::asio::io_context context;
    child_process child(shell("exit 3"));
    child.wait();
    bool called = false;
    skyutil::async_wait(context.get_executor(), child,
                        [&](const error_code& error, const skyutil::exit_status& status) {
                            called = !error && status.exit_code == 3;
                        });
    CHECK_FALSE(called);
    context.run();
    CHECK(called);
}

TEST_CASE("one thread waits for many children without any other") {
    boost::asio::io_context context;
    std::vector<std::unique_ptr<child_process>> children;
    const std::size_t threads = count_threads();
    std::size_t right = 0;
    constexpr int count = 100;
    for (int i = 0; i != count; ++i) {
        children.push_back(std::make_unique<child_process>(
            shell("read x; exit " + std::to_string(i)),
            skyutil::child_options{.stdin_from = skyutil::stdio_mode::pipe}));
        skyutil::async_wait(context.get_executor(), *children.back(),
                            [&right, i](const error_code& error, const skyutil::exit_status& end) {
                                right += !error && end.exit_code == i ? 1 : 0;
                            });
    }
    context.poll();
    CHECK(count_threads() == threads);
    for (const auto& each : children) {
        each->stdin_pipe().reset();
    }
    context.run();
    CHECK(right == count);
}

TEST_CASE("several may wait for the same process") {
    boost::asio::io_context context;
    child_process child(shell("sleep 0.05"));
    const auto handle = child.handle();
    int ended = 0;
    for (int i = 0; i != 3; ++i) {
        skyutil::async_wait(context.get_executor(), handle,
                            [&](const error_code& error) { ended += error ? 0 : 1; });
    }
    context.run();
    CHECK(ended == 3);
}

TEST_CASE("a cancelled wait changes nothing") {
    child_process child(shell("sleep 1000"));
    const auto handle = child.handle();
    const temporary_directory directory;
    append(directory / "log", "");
    skyutil::file_follower log(directory / "log");
    const std::size_t descriptors = count_open_descriptors();
    for (const auto kind : kinds_of_cancellation) {
        const auto by_child = [&](auto& context, auto token) {
            skyutil::async_wait(context.get_executor(), child, std::move(token));
        };
        const auto by_handle = [&](auto& context, auto token) {
            skyutil::async_wait(context.get_executor(), handle, std::move(token));
        };
        const auto by_file = [&](auto& context, auto token) {
            skyutil::async_next(context.get_executor(), log, std::move(token));
        };
        CHECK(cancelled(by_child, kind) == boost::asio::error::operation_aborted);
        CHECK(cancelled(by_handle, kind) == boost::asio::error::operation_aborted);
        CHECK(cancelled(by_file, kind) == boost::asio::error::operation_aborted);
    }
    CHECK(child.running());
    CHECK(count_open_descriptors() == descriptors);
    append(directory / "log", "line\n");
    const auto event = log.next(60s);
    REQUIRE(event);
    CHECK(event->text == "line");
}

TEST_CASE("an executor may go while operations wait") {
    child_process child(shell("sleep 1000"));
    const temporary_directory directory;
    append(directory / "log", "");
    skyutil::file_follower log(directory / "log");
    const std::size_t descriptors = count_open_descriptors();
    bool called = false;
    {
        boost::asio::io_context context;
        skyutil::async_wait(context.get_executor(), child, [&](auto&&...) { called = true; });
        skyutil::async_next(context.get_executor(), log, [&](auto&&...) { called = true; });
        context.poll();
        skyutil::async_wait(context.get_executor(), child, [&](auto&&...) { called = true; });
    }
    CHECK_FALSE(called);
    CHECK(child.running());
    CHECK(count_open_descriptors() == descriptors);
}

TEST_CASE("without a descriptor that is an error") {
#if defined(__SANITIZE_ADDRESS__)
    SKYUTIL_SKIP("UBSan takes a descriptor to look at each type of Asio");
#endif
    boost::asio::io_context context;
    child_process child(shell("sleep 1000"));
    error_code outcome;
    skyutil::async_wait(context.get_executor(), child,
                        [&](const error_code& error, auto&&...) { outcome = error; });
    {
        const no_descriptors none;
        context.run();
    }
    CHECK(outcome == std::errc::too_many_files_open);
}

TEST_CASE("a coroutine follows a file through a rotation") {
    const temporary_directory directory;
    const auto log = directory / "log";
    append(log, "one\n");
    boost::asio::io_context context;
    skyutil::file_follower follower(log, {.start = skyutil::follow_start::beginning});
    std::vector<std::string> lines;
    run(context, [&]() -> awaitable<void> {
        boost::asio::co_spawn(
            context,
            [&]() -> awaitable<void> {
                boost::asio::steady_timer timer(context, 20ms);
                co_await timer.async_wait(use_awaitable);
                append(log, "two\n");
                std::filesystem::rename(log, directory / "log.1");
                append(log, "three\n");
            },
            boost::asio::detached);
        while (lines.size() != 4) {
            const auto event =
                co_await skyutil::async_next(context.get_executor(), follower, use_awaitable);
            lines.emplace_back(event && event->kind == skyutil::follow_kind::rotated
                                   ? "(rotated)"
                                   : event.value().text);
        }
    }());
    CHECK(lines == std::vector<std::string>{"one", "two", "(rotated)", "three"});
}

TEST_CASE("a stop ends the wait for a file without an error") {
    const temporary_directory directory;
    append(directory / "log", "");
    skyutil::stop_source stop;
    skyutil::file_follower_set logs({.stop = stop.get_token()});
    logs.add(directory / "log");
    boost::asio::io_context context;
    bool ended = false;
    skyutil::async_next(
        context.get_executor(), logs,
        [&](const error_code& error, const std::optional<skyutil::follow_event>& event) {
            ended = !error && !event;
        });
    boost::asio::steady_timer timer(context, 20ms);
    timer.async_wait([&](const error_code&) { stop.request_stop(); });
    context.run();
    CHECK(ended);
}

}  // namespace
