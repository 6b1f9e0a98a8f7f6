// SPDX-License-Identifier: MIT
//
// Where no thread can be started: with mingw-w64 std::thread calls pthread_create, which the linker
// replaces here.

#include <skyutil/parallel.hpp>

#include <atomic>
#include <cerrno>
#include <list>
#include <mutex>
#include <ranges>
#include <set>
#include <sstream>
#include <system_error>
#include <thread>
#include <vector>

#include <pthread.h>

#include "catch.hpp"
#include "parallel/calls.hpp"

using namespace skyutil_tests;
using skyutil::run_in_parallel;

namespace {

std::atomic<int> threads_left = -1;  // any number
std::atomic<int> threads_started = 0;

/// So many threads can be started until the end of the scope.
class thread_limit {
public:
    explicit thread_limit(int most) {
        threads_started = 0;
        threads_left = most;
    }
    thread_limit(const thread_limit&) = delete;
    thread_limit& operator=(const thread_limit&) = delete;
    ~thread_limit() { threads_left = -1; }
};

}  // namespace

extern "C" {
int __real_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
int __wrap_pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                          void* (*function)(void*), void* argument) {
    if (threads_left == 0) {
        return EAGAIN;
    }
    threads_left -= threads_left > 0 ? 1 : 0;
    ++threads_started;
    return __real_pthread_create(thread, attributes, function, argument);
}
}

TEST_CASE("0 and 1 element start no thread") {
    std::atomic<int> sum = 0;
    const auto add = [&](int i) { sum += i; };
    const thread_limit none(0);
    CHECK_THROWS_AS(std::thread([] {}), std::system_error);
    run_in_parallel(add, std::vector<int>(), 8);
    run_in_parallel(add, std::vector{1}, 8);
    run_in_parallel(add, std::list<int>(), 8);
    run_in_parallel(add, std::list{10}, 8);
    run_in_parallel(add, make_source(0), 8);
    run_in_parallel(add, std::views::iota(100) | std::views::take(1), 8);
    std::istringstream one("1000");
    run_in_parallel(add, std::ranges::istream_view<int>(one), 8);
    run_in_parallel(add, numbers(5), 1);
    CHECK(sum == 1121);
}

TEST_CASE("where the system has no threads more, the calling thread does all the work") {
    const std::thread::id self = std::this_thread::get_id();
    const auto call = [&](int i) { return std::this_thread::get_id() == self ? i : -1; };
    const thread_limit none(0);
    CHECK(run_in_parallel(call, numbers(20), 4) == numbers(20));
    CHECK(run_in_parallel(call, std::list{0, 1}, 4) == numbers(2));
    CHECK(run_in_parallel(call, make_source(7), 4) == numbers(7));
    int calls = 0;
    CHECK(thrown_by([&] {
              run_in_parallel(
                  [&](int i) {
                      ++calls;
                      throw failure{i};
                  },
                  numbers(20), 4);
          }) == 0);
    CHECK(calls == 1);
    CHECK(threads_started == 0);
}

TEST_CASE("where the system has some threads only, they do the work with the calling one") {
    std::mutex mutex;
    std::set<std::thread::id> ids;
    gate three(3);
    const thread_limit two(2);
    const auto passed = run_in_parallel(
        [&](int) {
            {
                const std::lock_guard lock(mutex);
                ids.insert(std::this_thread::get_id());
            }
            return three.arrive_and_wait();
        },
        numbers(20), 4);
    CHECK(passed == std::vector<bool>(20, true));
    CHECK(ids.size() == 3);
    CHECK(threads_started == 2);
}
