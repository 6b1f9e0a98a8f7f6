// SPDX-License-Identifier: MIT
//
// What run_in_parallel returns.

#include <skyutil/parallel.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "parallel/calls.hpp"

using namespace skyutil_tests;
using skyutil::run_in_parallel;

namespace {

/// A result that only its function makes.
class only_movable {
public:
    explicit only_movable(int from) : value(from) {}
    only_movable(only_movable&&) = default;
    only_movable& operator=(only_movable&&) = delete;

    int value;
};

}  // namespace

TEST_CASE("results are in input order with any number of threads") {
    const std::vector<int> input = numbers(1000);
    std::vector<int> squares;
    for (const int i : input) {
        squares.push_back(i * i);
    }
    const auto square = [](int i) { return i * i; };
    for (int threads = 1; threads <= 9; ++threads) {
        CAPTURE(threads);
        CHECK(run_in_parallel(square, input, threads) == squares);
        CHECK(run_in_parallel(square, input, {.threads = threads}) == squares);
    }
    CHECK(run_in_parallel(square, input) == squares);
    CHECK(run_in_parallel(square, input, skyutil::parallel_options{}) == squares);
}

TEST_CASE("results are in input order when later calls end first") {
    constexpr int threads = 4;
    std::array<gate, threads + 1> ended;
    ended[threads].arrive();
    const auto results = run_in_parallel(
        [&](int i) {
            const auto self = static_cast<std::size_t>(i);
            const bool last = ended[self + 1].wait();
            ended[self].arrive();
            return last ? i : -1;
        },
        numbers(threads), threads);
    CHECK(results == numbers(threads));
}

TEST_CASE("every element has exactly one call") {
    std::vector<std::atomic<int>> calls(5000);
    run_in_parallel([](std::atomic<int>& each) { ++each; }, calls, 8);
    CHECK(std::all_of(calls.begin(), calls.end(), [](const auto& each) { return each == 1; }));
}

TEST_CASE("results may be movable only, without a default, large or bool") {
    const std::vector<int> input = numbers(100);
    for (const int threads : {1, 4}) {
        CAPTURE(threads);
        const auto pointers =
            run_in_parallel([](int i) { return std::make_unique<int>(i); }, input, threads);
        const auto movable = run_in_parallel([](int i) { return only_movable(i); }, input, threads);
        const auto large = run_in_parallel(
            [](int i) {
                std::array<int, 1 << 13> block{};
                block.fill(i);
                return block;
            },
            input, threads);
        const std::vector<bool> odd =
            run_in_parallel([](int i) { return i % 2 != 0; }, input, threads);
        const std::vector<std::string> constant = run_in_parallel(
            [](int i) -> const std::string { return std::to_string(i); }, input, threads);
        REQUIRE(pointers.size() == input.size());
        REQUIRE(movable.size() == input.size());
        REQUIRE(large.size() == input.size());
        REQUIRE(odd.size() == input.size());
        for (const int i : input) {
            const auto at = static_cast<std::size_t>(i);
            CHECK(*pointers[at] == i);
            CHECK(movable[at].value == i);
            CHECK(constant[at] == std::to_string(i));
            CHECK(std::ranges::count(large[at], i) == 1 << 13);
            CHECK(odd[at] == (i % 2 != 0));
        }
    }
}

TEST_CASE("a reference that is returned is copied from") {
    std::vector<std::string> names{"a", "b", "c"};
    const auto itself = [](std::string& name) -> std::string& { return name; };
    auto copies = run_in_parallel(itself, names, 2);
    STATIC_REQUIRE(std::same_as<decltype(copies), std::vector<std::string>>);
    CHECK(copies == names);
    names[0] = "changed";
    CHECK(copies[0] == "a");
    auto constant = run_in_parallel(
        [](const std::string& name) -> const std::string& { return name; }, names, 2);
    STATIC_REQUIRE(std::same_as<decltype(constant), std::vector<std::string>>);
    CHECK(constant == names);
}

TEST_CASE("a function that returns nothing gives nothing") {
    std::atomic<int> sum = 0;
    const auto add = [&](int i) { sum += i; };
    STATIC_REQUIRE(std::is_void_v<decltype(run_in_parallel(add, numbers(10), 3))>);
    run_in_parallel(add, numbers(10), 3);
    run_in_parallel(add, std::list{100, 200}, 3);
    CHECK(sum == 345);
}

TEST_CASE("an empty range gives an empty vector") {
    const auto itself = [](int i) { return i; };
    CHECK(run_in_parallel(itself, std::vector<int>()).empty());
    CHECK(run_in_parallel(itself, std::list<int>(), 5).empty());
    CHECK(run_in_parallel(itself, make_source(0), 5).empty());
    CHECK(run_in_parallel(itself, std::views::empty<int>, 5).empty());
}

TEST_CASE("anything that can be called is called, and never copied") {
    struct person {
        std::string name;
        std::string greet() const { return "I am " + name; }
    };
    const std::vector<person> people{{"Ann"}, {"Ben"}};
    CHECK(run_in_parallel(&person::name, people) == std::vector<std::string>{"Ann", "Ben"});
    CHECK(run_in_parallel(&person::greet, people) ==
          std::vector<std::string>{"I am Ann", "I am Ben"});
    const std::function<int(int)> doubled = [](int i) { return 2 * i; };
    CHECK(run_in_parallel(doubled, std::vector{1, 2}) == std::vector{2, 4});
    int (*const absolute)(int) = [](int i) { return i < 0 ? -i : i; };
    CHECK(run_in_parallel(absolute, std::vector{-1, 2}) == std::vector{1, 2});

    struct counter {
        std::atomic<int> calls = 0;
        void operator()(int) { ++calls; }
    } count;
    run_in_parallel(count, numbers(50), 4);
    CHECK(count.calls == 50);
    std::unique_ptr<int> owned = std::make_unique<int>(3);
    CHECK(run_in_parallel([owned = std::move(owned)](int i) { return i * *owned; },
                          std::vector{1, 2}) == std::vector{3, 6});
}
