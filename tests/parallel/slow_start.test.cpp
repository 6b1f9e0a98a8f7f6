// SPDX-License-Identifier: MIT
//
// slow_start.

#include <skyutil/detail/base/joining_thread.hpp>
#include <skyutil/parallel.hpp>
#include <skyutil/stop_token.hpp>
#include <skyutil/system.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <list>
#include <memory>
#include <ranges>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "environment.hpp"
#include "parallel/calls.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
namespace detail = skyutil::detail;
using skyutil::slow_start;
using skyutil::detail::joining_thread;

namespace {

using event = std::pair<std::string, std::int64_t>;

/// What slow_start does, with no waiting: starts, and delays in milliseconds.
template <class Range>
std::vector<event> events_of(Range&& range, const skyutil::slow_start_options& options) {
    std::vector<event> events;
    const auto start = [&](int i) { events.emplace_back("start", i); };
    detail::slow_start(range, start, options, [&](std::chrono::nanoseconds delay) {
        events.emplace_back("wait",
                            std::chrono::duration_cast<std::chrono::milliseconds>(delay).count());
    });
    return events;
}

/// How many are started between one delay and the next.
template <class Range>
std::vector<int> batches_of(Range&& range, int max_batch) {
    std::vector<int> batches(1);
    for (const auto& [what, value] : events_of(range, {.max_batch = max_batch})) {
        if (what == "start") {
            ++batches.back();
        } else {
            batches.push_back(0);
        }
    }
    return batches;
}

}  // namespace

TEST_CASE("batches double up to the largest, with a delay between them") {
    CHECK(events_of(numbers(4), {.delay = 5s, .max_batch = 2}) == std::vector<event>{{"start", 0},
                                                                                     {"wait", 5000},
                                                                                     {"start", 1},
                                                                                     {"start", 2},
                                                                                     {"wait", 5000},
                                                                                     {"start", 3}});
    CHECK(batches_of(numbers(31), 16) == std::vector{1, 2, 4, 8, 16});
    CHECK(batches_of(numbers(32), 16) == std::vector{1, 2, 4, 8, 16, 1});
    CHECK(batches_of(numbers(30), 6) == std::vector{1, 2, 4, 6, 6, 6, 5});
    CHECK(batches_of(numbers(10), 3) == std::vector{1, 2, 3, 3, 1});
    CHECK(batches_of(numbers(3), 1) == std::vector{1, 1, 1});
    CHECK(batches_of(numbers(3), 0) == std::vector{1, 1, 1});
    CHECK(batches_of(numbers(3), std::numeric_limits<int>::min()) == std::vector{1, 1, 1});
    CHECK(batches_of(numbers(1), 8) == std::vector{1});
    CHECK(batches_of(numbers(0), 8) == std::vector{0});
    CHECK(batches_of(numbers(100), std::numeric_limits<int>::max()) ==
          std::vector{1, 2, 4, 8, 16, 32, 37});
}

TEST_CASE("a batch never becomes larger than a number can be") {
    // Doubling 2^30 is too much for an int.
    const int most = std::numeric_limits<int>::max();
    detail::slow_start(std::vector<int>(), [](int) {}, {.max_batch = most}, [](auto) {});
    STATIC_REQUIRE(detail::next_batch(1 << 30, most) == most);
    STATIC_REQUIRE(detail::next_batch(1 << 29, most) == 1 << 30);
    STATIC_REQUIRE(detail::next_batch(most, most) == most);
    STATIC_REQUIRE(detail::next_batch(4, 7) == 7);
    STATIC_REQUIRE(detail::next_batch(1, 1) == 1);
}

TEST_CASE("any range is started slowly") {
    const std::list list{0, 1, 2};
    CHECK(batches_of(list, 2) == std::vector{1, 2});
    CHECK(batches_of(std::views::iota(0, 3), 2) == std::vector{1, 2});
    CHECK(batches_of(make_source(4), 2) == std::vector{1, 2, 1});
    std::istringstream stream("5 6 7");
    std::vector<int> started;
    slow_start(std::ranges::istream_view<int>(stream), [&](int i) { started.push_back(i); },
               {.delay = 0s});
    CHECK(started == std::vector{5, 6, 7});

    struct server {
        bool running = false;
        bool start() { return std::exchange(running, true); }
    };
    std::vector<server> servers(5);
    slow_start(servers, &server::start, {.delay = 0s, .max_batch = 2});
    CHECK(std::ranges::all_of(servers, &server::running));
    std::vector<std::unique_ptr<int>> owned(3);
    slow_start(owned, [](std::unique_ptr<int>& each) { each = std::make_unique<int>(1); },
               {.delay = -1s});
    CHECK(owned[2]);
}

TEST_CASE("all is started by the calling thread") {
    std::set<std::thread::id> ids;
    slow_start(numbers(20), [&](int) { ids.insert(std::this_thread::get_id()); },
               {.delay = 0s, .max_batch = 8});
    CHECK(ids == std::set{std::this_thread::get_id()});
}

TEST_CASE("the options are two seconds and half the CPUs unless they are told") {
    CHECK(skyutil::slow_start_options().delay == 2s);
    CHECK(skyutil::slow_start_options().max_batch == std::max(1, skyutil::get_cpu_count() / 2));
    CHECK(skyutil::parallel_options().threads == skyutil::get_parallel_threads());
    std::vector<int> batches;
    for (const char* const cpus : {"1", "2", "3", "9"}) {
        const scoped_variable variable("SKYUTIL_CPU_COUNT", cpus);
        batches.push_back(skyutil::slow_start_options().max_batch);
    }
    CHECK(batches == std::vector{1, 1, 1, 4});
}

TEST_CASE("an exception ends a slow start at once") {
    int calls = 0;
    CHECK(thrown_by([&] {
              slow_start(numbers(10),
                         [&](int i) {
                             ++calls;
                             if (i == 2) {
                                 throw failure{i};
                             }
                         },
                         {.delay = 0s, .max_batch = 4});
          }) == 2);
    CHECK(calls == 3);

    source<int> elements = make_source(10);
    elements.step = [](int i) {
        if (i == 4) {
            throw failure{i};
        }
    };
    calls = 0;
    CHECK(thrown_by([&] { slow_start(elements, [&](int) { ++calls; }, {.delay = 0s}); }) == 4);
    CHECK(calls == 4);
}

TEST_CASE("after a stop nothing is started, and nothing waits") {
    for (const int last : {-1, 0, 1, 2, 3}) {
        CAPTURE(last);
        skyutil::stop_source stop;
        if (last == -1) {
            stop.request_stop();
        }
        std::vector<event> events;
        detail::slow_start(
            numbers(10),
            [&](int i) {
                events.emplace_back("start", i);
                if (i == last) {
                    stop.request_stop();
                }
            },
            {.max_batch = 2, .stop = stop.get_token()},
            [&](auto) { events.emplace_back("wait", 0); });
        const auto started = std::ranges::count(events, "start", &event::first);
        CHECK(started == last + 1);
        CHECK((events.empty() || events.back() == event("start", last)));
    }
}

TEST_CASE("a stop ends the delay") {
    // The delay is longer than a clock can count.
    for (const std::chrono::nanoseconds delay :
         {std::chrono::nanoseconds(24h), std::chrono::nanoseconds::max()}) {
        skyutil::stop_source stop;
        gate first_started;
        std::atomic<int> started = 0;
        joining_thread stopping([&] {
            first_started.wait();
            stop.request_stop();
        });
        slow_start(numbers(10),
                   [&](int) {
                       ++started;
                       first_started.arrive();
                   },
                   {.delay = delay, .stop = stop.get_token()});
        CHECK(started == 1);
    }
}

TEST_CASE("the delay is waited for") {
    std::vector<std::chrono::steady_clock::time_point> times;
    slow_start(numbers(3), [&](int) { times.push_back(std::chrono::steady_clock::now()); },
               {.delay = 20ms, .max_batch = 1});
    CHECK(times[1] - times[0] >= 20ms);
    CHECK(times[2] - times[1] >= 20ms);
}
