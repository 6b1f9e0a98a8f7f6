// SPDX-License-Identifier: MIT
//
// A stop of run_in_parallel.

#include <skyutil/parallel.hpp>
#include <skyutil/stop_token.hpp>

#include <atomic>
#include <limits>
#include <ranges>
#include <system_error>
#include <vector>

#include "catch.hpp"
#include "parallel/calls.hpp"

using namespace skyutil_tests;
using skyutil::run_in_parallel;

namespace {

template <class Call>
std::error_code error_of(Call call) {
    try {
        call();
    } catch (const std::system_error& error) {
        return error.code();
    }
    return {};
}

}  // namespace

TEST_CASE("once a stop is asked, no call starts") {
    skyutil::stop_source source_of_stop;
    source_of_stop.request_stop();
    std::atomic<int> calls = 0;
    const auto count = [&](int) { ++calls; };
    const skyutil::parallel_options options{.threads = 4, .stop = source_of_stop.get_token()};
    for (const int size : {1, 2, 100}) {
        CHECK(error_of([&] { run_in_parallel(count, numbers(size), options); }) ==
              std::errc::operation_canceled);
        CHECK(error_of([&] { run_in_parallel(count, make_source(size), options); }) ==
              std::errc::operation_canceled);
    }
    CHECK(calls == 0);
    CHECK(run_in_parallel([](int i) { return i; }, std::vector<int>(), options).empty());
}

TEST_CASE("a stop ends what would never end") {
    for (const int threads : {1, 2, 4}) {
        CAPTURE(threads);
        const auto check = [&](auto&& endless) {
            skyutil::stop_source stop;
            std::atomic<int> after = 0;
            const auto call = [&](int i) {
                if (stop.stop_requested()) {
                    ++after;
                }
                if (i == 30) {
                    stop.request_stop();
                }
            };
            CHECK(error_of([&] {
                      run_in_parallel(call, endless,
                                      {.threads = threads, .stop = stop.get_token()});
                  }) == std::errc::operation_canceled);
            CHECK(after < threads);  // those that were starting
        };
        check(std::views::iota(0));
        check(std::views::iota(0, std::numeric_limits<int>::max()));
        check(source<int>());
    }
}

TEST_CASE("a stop that keeps no call from starting changes nothing") {
    skyutil::stop_source stop;
    constexpr int threads = 3;
    gate all_started(threads);
    const auto results = run_in_parallel(
        [&](int i) {
            all_started.arrive_and_wait();
            stop.request_stop();
            return i;
        },
        numbers(threads), {.threads = threads, .stop = stop.get_token()});
    CHECK(results == numbers(threads));
}

TEST_CASE("an exception of a call comes before the stop") {
    skyutil::stop_source stop;
    CHECK(thrown_by([&] {
              run_in_parallel(
                  [&](int i) {
                      stop.request_stop();
                      throw failure{i};
                  },
                  numbers(100), {.threads = 1, .stop = stop.get_token()});
          }) == 0);
}

TEST_CASE("the message of a stop names the function") {
    skyutil::stop_source stop;
    stop.request_stop();
    CHECK_THROWS_WITH(
        run_in_parallel([](int) {}, numbers(5), {.threads = 2, .stop = stop.get_token()}),
        Catch::Matchers::ContainsSubstring("skyutil::run_in_parallel: "));
}
