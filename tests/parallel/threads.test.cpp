// SPDX-License-Identifier: MIT
//
// How many calls are made at a time, and from where.

#include <skyutil/detail/base/joining_thread.hpp>
#include <skyutil/parallel.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <limits>
#include <list>
#include <mutex>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "parallel/calls.hpp"

using namespace skyutil_tests;
using skyutil::run_in_parallel;
using skyutil::detail::joining_thread;

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
