// SPDX-License-Identifier: MIT
//
// Exceptions of calls and of ranges.

#include <skyutil/parallel.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <list>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "parallel/calls.hpp"

using namespace skyutil_tests;
using skyutil::run_in_parallel;

TEST_CASE("the first exception in input order is rethrown, whichever comes first in time") {
    constexpr int threads = 4;
    // All calls of the first round throw, the last one first.
    for (int round = 0; round != 20; ++round) {
        std::array<gate, threads + 1> thrown;
        thrown[threads].arrive();
        CHECK(thrown_by([&] {
                  run_in_parallel(
                      [&](int i) {
                          const auto self = static_cast<std::size_t>(i);
                          thrown[self + 1].wait();
                          thrown[self].arrive();
                          throw failure{i};
                      },
                      numbers(1000), threads);
              }) == 0);
    }
    // The same exception that a loop would meet.
    for (int round = 0; round != 200; ++round) {
        const auto fail_from = [&](int i) {
            if (i >= round) {
                throw failure{i};
            }
        };
        const std::vector<int> input = numbers(300);
        CHECK(thrown_by([&] { run_in_parallel(fail_from, input, threads); }) == round);
        CHECK(thrown_by([&] {
                  run_in_parallel(fail_from, std::list(input.begin(), input.end()), threads);
              }) == round);
        CHECK(thrown_by([&] { run_in_parallel(fail_from, make_source(300), threads); }) == round);
    }
}

TEST_CASE("an exception keeps its type and its object") {
    const std::string text = "the text of a failed call";
    const auto fail = [&](int) -> int { throw std::invalid_argument(text); };
    CHECK_THROWS_WITH(static_cast<void>(run_in_parallel(fail, numbers(10), 3)), text);
    CHECK_THROWS_AS(static_cast<void>(run_in_parallel(fail, numbers(10), 3)),
                    std::invalid_argument);
}

TEST_CASE("an exception is rethrown after all started calls have ended") {
    constexpr int threads = 3;
    std::atomic<int> ended = 0;
    gate all_started(threads);
    gate thrown;
    CHECK(thrown_by([&] {
              run_in_parallel(
                  [&](int i) {
                      all_started.arrive_and_wait();
                      if (i == 0) {
                          thrown.arrive();
                          throw failure{0};
                      }
                      thrown.wait();
                      std::this_thread::yield();
                      ++ended;
                  },
                  numbers(threads), threads);
          }) == 0);
    CHECK(ended == threads - 1);
}

TEST_CASE("no call starts after one has failed") {
    SECTION("in the same thread") {
        for (const int threads : {1, 4}) {
            // All threads are in a call, and all calls fail.
            gate all_started(threads);
            std::atomic<int> calls = 0;
            CHECK(thrown_by([&] {
                      run_in_parallel(
                          [&](int i) {
                              ++calls;
                              all_started.arrive_and_wait();
                              throw failure{i};
                          },
                          numbers(1000), threads);
                  }) == 0);
            CHECK(calls == threads);
        }
    }
    SECTION("in another thread, which would never end") {
        const auto fail_once = [](int i) {
            if (i == 5) {
                throw failure{i};
            }
        };
        CHECK(thrown_by([&] { run_in_parallel(fail_once, std::views::iota(0), 4); }) == 5);
        CHECK(thrown_by([&] { run_in_parallel(fail_once, source<int>(), 4); }) == 5);
    }
}

TEST_CASE("what the range throws is rethrown in its element's place") {
    constexpr int size = 50;
    constexpr int bad = 20;
    const auto throw_at = [](int at) {
        return [at](int i) {
            if (i == at) {
                throw failure{100 + i};
            }
            return i;
        };
    };
    std::atomic<int> sum = 0;
    const auto add = [&](int i) { sum += i; };
    const int sum_before = bad * (bad - 1) / 2;
    for (const int threads : {1, 2, 4}) {
        CAPTURE(threads);
        SECTION("a read of a single-pass range, threads " + std::to_string(threads)) {
            source<int> elements = make_source(size);
            elements.read = throw_at(bad);
            CHECK(thrown_by([&] { run_in_parallel(add, elements, threads); }) == 100 + bad);
            CHECK(sum == sum_before);
        }
        SECTION("a step of a single-pass range, threads " + std::to_string(threads)) {
            source<int> elements = make_source(size);
            elements.step = throw_at(bad);
            CHECK(thrown_by([&] { run_in_parallel(add, elements, threads); }) == 100 + bad);
            CHECK(sum == sum_before);
        }
        SECTION("a comparison with the end, threads " + std::to_string(threads)) {
            source<int> elements = make_source(size);
            elements.at_end = [](int i) { return i == bad ? throw failure{100 + i} : false; };
            CHECK(thrown_by([&] { run_in_parallel(add, elements, threads); }) == 100 + bad);
            CHECK(sum == sum_before);
        }
        SECTION("an element of a random access range, threads " + std::to_string(threads)) {
            const auto elements = std::views::iota(0, size) | std::views::transform(throw_at(bad));
            CHECK(thrown_by([&] { run_in_parallel(add, elements, threads); }) == 100 + bad);
            CHECK(sum >= sum_before);
        }
        SECTION("an element of a forward range, threads " + std::to_string(threads)) {
            const std::vector<int> input = numbers(size);
            const std::list<int> list(input.begin(), input.end());
            CHECK(thrown_by([&] {
                      run_in_parallel(add, list | std::views::transform(throw_at(bad)), threads);
                  }) == 100 + bad);
            CHECK(sum >= sum_before);
        }
        SECTION("a call before the element, threads " + std::to_string(threads)) {
            source<int> elements = make_source(size);
            elements.read = throw_at(bad);
            CHECK(thrown_by([&] {
                      run_in_parallel(
                          [](int i) {
                              if (i == bad - 1) {
                                  throw failure{i};
                              }
                          },
                          elements, threads);
                  }) == bad - 1);
        }
    }
}

TEST_CASE("a range that fails at once starts nothing") {
    source<int> elements = make_source(5);
    elements.read = [](int) -> int { throw failure{7}; };
    bool called = false;
    CHECK(thrown_by([&] { run_in_parallel([&](int) { called = true; }, elements, 4); }) == 7);
    CHECK(!called);

    struct no_begin {
        static int* begin() { throw failure{8}; }
        static int* end() { return nullptr; }
    };
    CHECK(thrown_by([&] { run_in_parallel([&](int) { called = true; }, no_begin(), 4); }) == 8);
    CHECK(!called);
}

TEST_CASE("a result that cannot be moved into the vector leaves no thread behind") {
    struct fragile {
        std::shared_ptr<int> moves;
        explicit fragile(std::shared_ptr<int> counter) : moves(std::move(counter)) {}
        fragile(fragile&& other) : moves(other.moves) {  // NOLINT(*-noexcept-move*)
            if (++*moves == 2) {
                throw failure{9};
            }
        }
    };
    CHECK(thrown_by([] {
              static_cast<void>(run_in_parallel(
                  [](int) { return fragile(std::make_shared<int>(0)); }, numbers(10), 3));
          }) == 9);
}
