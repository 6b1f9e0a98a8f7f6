// SPDX-License-Identifier: MIT
//
// How many calls are made at a time, and from where.

#include <skyutil/detail/base/joining_thread.hpp>
#include <skyutil/parallel.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <list>
#include <mutex>
#include <numeric>
#include <ranges>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "parallel/calls.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using skyutil::run_in_parallel;
using skyutil::detail::joining_thread;

namespace {

/// The calling thread's system calls that start threads fail, or end the process.
void forbid_threads(unsigned action) {
    filter_system_call(SYS_clone, action);
    filter_system_call(SYS_clone3, action);
}

constexpr unsigned no_threads_left = SECCOMP_RET_ERRNO | static_cast<unsigned>(EAGAIN);

void need_no_threads() {
    if (can_start_a_thread()) {
        throw std::runtime_error("the filter does nothing");
    }
}

}  // namespace

// --------------------------------------------------------------------------------------------
// threads

TEST_CASE("as many calls are made at a time as there are threads, one of them by the caller") {
    for (const int threads : {2, 3, 8}) {
        CAPTURE(threads);
        std::deque<gate> rounds;
        for (int i = 0; i != 3; ++i) {
            rounds.emplace_back(threads);
        }
        std::mutex mutex;
        std::set<std::thread::id> ids;
        std::atomic<int> now = 0;
        std::atomic<int> most = 0;
        // A round ends only when all threads are in it.
        const auto call = [&](int i) {
            const int running = ++now;
            for (int seen = most; seen < running && !most.compare_exchange_weak(seen, running);) {
            }
            {
                const std::lock_guard lock(mutex);
                ids.insert(std::this_thread::get_id());
            }
            const bool passed = rounds[static_cast<std::size_t>(i / threads)].arrive_and_wait();
            --now;
            return passed;
        };
        const auto check = [&](const std::vector<bool>& passed) {
            CHECK(passed == std::vector<bool>(static_cast<std::size_t>(3 * threads), true));
            CHECK(ids.size() == static_cast<std::size_t>(threads));
            CHECK(ids.contains(std::this_thread::get_id()));
            CHECK(most == threads);
        };
        SECTION("random access " + std::to_string(threads)) {
            check(run_in_parallel(call, numbers(3 * threads), threads));
        }
        SECTION("forward " + std::to_string(threads)) {
            const std::vector<int> all = numbers(3 * threads);
            check(run_in_parallel(call, std::list(all.begin(), all.end()), threads));
        }
        SECTION("single-pass " + std::to_string(threads)) {
            check(run_in_parallel(call, make_source(3 * threads), threads));
        }
    }
}

TEST_CASE("a few elements start few threads, however many there may be") {
    // All would not fit into memory.
    constexpr int most = std::numeric_limits<int>::max();
    CHECK(run_in_parallel([](int i) { return i; }, numbers(5), most) == numbers(5));
    CHECK(run_in_parallel([](int i) { return i; }, std::list{0, 1}, most) == numbers(2));
    CHECK(run_in_parallel([](int i) { return i; }, make_source(3), most) == numbers(3));
}

TEST_CASE("less than one thread is the calling thread alone") {
    const auto id = [](int) { return std::this_thread::get_id(); };
    const std::vector<std::thread::id> here(20, std::this_thread::get_id());
    for (const int threads : {1, 0, -1, std::numeric_limits<int>::min()}) {
        CAPTURE(threads);
        CHECK(run_in_parallel(id, numbers(20), threads) == here);
        CHECK(run_in_parallel(id, numbers(20), {.threads = threads}) == here);
        CHECK(run_in_parallel(id, make_source(20), threads) == here);
    }
}

TEST_CASE("0 and 1 element start no thread") {
    const json answer = run_in_child([] {
        std::atomic<int> sum = 0;
        const auto add = [&](int i) { sum += i; };
        forbid_threads(SECCOMP_RET_KILL_PROCESS);
        run_in_parallel(add, std::vector<int>(), 8);
        run_in_parallel(add, std::vector{1}, 8);
        run_in_parallel(add, std::list<int>(), 8);
        run_in_parallel(add, std::list{10}, 8);
        run_in_parallel(add, make_source(0), 8);
        run_in_parallel(add, std::views::iota(100) | std::views::take(1), 8);
        std::istringstream one("1000");
        run_in_parallel(add, std::ranges::istream_view<int>(one), 8);
        run_in_parallel(add, numbers(5), 1);
        return sum.load();
    });
    CHECK(answer == 1121);
}

TEST_CASE("where the system has no threads more, the calling thread does all the work") {
    const json answer = run_in_child([] {
        forbid_threads(no_threads_left);
        need_no_threads();
        const std::thread::id self = std::this_thread::get_id();
        json result = json::array();
        const auto call = [&](int i) { return std::this_thread::get_id() == self ? i : -1; };
        result.push_back(run_in_parallel(call, numbers(20), 4));
        result.push_back(run_in_parallel(call, std::list{0, 1}, 4));
        result.push_back(run_in_parallel(call, make_source(7), 4));
        // An exception stops it there too.
        int calls = 0;
        result.push_back(thrown_by([&] {
                             run_in_parallel(
                                 [&](int i) {
                                     ++calls;
                                     throw failure{i};
                                 },
                                 numbers(20), 4);
                         }).value_or(-1));
        result.push_back(calls);
        return result;
    });
    CHECK(answer == json{numbers(20), numbers(2), numbers(7), 0, 1});
}

TEST_CASE("where the system has some threads only, they do the work with the calling one") {
    const json answer = run_in_child([] {
        const std::thread::id self = std::this_thread::get_id();
        std::mutex mutex;
        std::set<std::thread::id> ids;
        gate three(3);
        source<int> elements = make_source(20);
        // The calling thread starts two, the second of which would start another after it has read.
        elements.read = [&](int i) {
            if (std::this_thread::get_id() != self) {
                forbid_threads(no_threads_left);
                need_no_threads();
            }
            return i;
        };
        json result = run_in_parallel(
            [&](int i) {
                {
                    const std::lock_guard lock(mutex);
                    ids.insert(std::this_thread::get_id());
                }
                return three.arrive_and_wait() ? i : -1;
            },
            elements, 4);
        result.push_back(ids.size());
        return result;
    });
    json expected = numbers(20);
    expected.push_back(3);
    CHECK(answer == expected);
}

// --------------------------------------------------------------------------------------------
// within calls, and from several threads

TEST_CASE("calls may use run_in_parallel themselves") {
    std::function<int(int)> leaves = [&](int depth) {
        if (depth == 0) {
            return 1;
        }
        const auto results = run_in_parallel([&](int) { return leaves(depth - 1); }, numbers(3), 3);
        return std::accumulate(results.begin(), results.end(), 0);
    };
    CHECK(leaves(4) == 81);

    // All inner calls at a time.
    gate all(6);
    const auto passed = run_in_parallel(
        [&](int) {
            return run_in_parallel([&](int) { return all.arrive_and_wait(); }, numbers(3), 3);
        },
        numbers(2), 2);
    CHECK(passed == std::vector(2, std::vector<bool>(3, true)));
}

TEST_CASE("an exception of an inner use is one of the outer call") {
    CHECK(thrown_by([] {
              run_in_parallel(
                  [](int outer) {
                      run_in_parallel([&](int inner) { throw failure{10 * outer + inner}; },
                                      numbers(5), 2);
                  },
                  numbers(5), 2);
          }) == 0);
}

TEST_CASE("several threads may use run_in_parallel at once") {
    std::array<std::vector<int>, 4> results;
    {
        std::vector<joining_thread> threads;
        for (std::vector<int>& result : results) {
            threads.emplace_back(
                [&] { result = run_in_parallel([](int i) { return i; }, numbers(2000), 2); });
        }
    }
    for (const std::vector<int>& result : results) {
        CHECK(result == numbers(2000));
    }
}

TEST_CASE("run_in_parallel works in a child of fork") {
    run_in_parallel([](int) {}, numbers(10), 3);
    const json answer =
        run_in_child([] { return run_in_parallel([](int i) { return i; }, numbers(50), 3); });
    CHECK(answer == json(numbers(50)));
}
