// SPDX-License-Identifier: MIT
//
// Ranges of every category.

#include <skyutil/parallel.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <forward_list>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <ranges>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "parallel/calls.hpp"

using namespace skyutil_tests;
using skyutil::run_in_parallel;

TEST_CASE("ranges of every category give their elements") {
    const auto itself = [](const auto& each) { return each; };
    const std::vector<int> vector = numbers(100);
    const std::list<int> list(vector.begin(), vector.end());
    std::vector<int> changeable = vector;
    std::list<int> changeable_list = list;
    int array[] = {0, 1, 2};
    const int constant_array[] = {0, 1, 2};
    for (const int threads : {1, 4}) {
        CAPTURE(threads);
        CHECK(run_in_parallel(itself, vector, threads) == vector);
        CHECK(run_in_parallel(itself, changeable, threads) == vector);
        CHECK(run_in_parallel(itself, numbers(100), threads) == vector);
        CHECK(run_in_parallel(itself, std::span(vector), threads) == vector);
        CHECK(run_in_parallel(itself, std::deque(vector.begin(), vector.end()), threads) == vector);
        CHECK(run_in_parallel(itself, list, threads) == vector);
        CHECK(run_in_parallel(itself, changeable_list, threads) == vector);
        CHECK(run_in_parallel(itself, std::forward_list(vector.begin(), vector.end()), threads) ==
              vector);
        CHECK(run_in_parallel(itself, std::set(vector.begin(), vector.end()), threads) == vector);
        CHECK(run_in_parallel(itself, array, threads) == numbers(3));
        CHECK(run_in_parallel(itself, constant_array, threads) == numbers(3));
        CHECK(run_in_parallel(itself, std::array{0, 1, 2}, threads) == numbers(3));
        CHECK(run_in_parallel(itself, std::views::iota(0, 100), threads) == vector);
        CHECK(run_in_parallel(itself, std::views::iota(0) | std::views::take(100), threads) ==
              vector);
        CHECK(run_in_parallel(itself, std::views::iota(std::uint64_t{0}, std::uint64_t{3}),
                              threads) == std::vector<std::uint64_t>{0, 1, 2});
        const auto small = [](int i) { return i < 100; };
        CHECK(run_in_parallel(itself, std::views::iota(0) | std::views::take_while(small),
                              threads) == vector);
        CHECK(run_in_parallel(itself, std::views::iota(0, 200) | std::views::filter(small),
                              threads) == vector);
        auto filtered = vector | std::views::filter(small);  // cannot be iterated over when const
        CHECK(run_in_parallel(itself, filtered, threads) == vector);
        CHECK(run_in_parallel(itself,
                              vector | std::views::transform(std::negate<>()) |
                                  std::views::transform(std::negate<>()),
                              threads) == vector);
        CHECK(run_in_parallel(itself, vector | std::views::reverse | std::views::reverse,
                              threads) == vector);
        CHECK(run_in_parallel(itself, make_source(100), threads) == vector);
        std::istringstream stream("0 1 2");
        CHECK(run_in_parallel(itself, std::ranges::istream_view<int>(stream), threads) ==
              numbers(3));
        const std::vector<bool> bits{true, false, true};
        CHECK(run_in_parallel([](bool bit) { return bit; }, bits, threads) == bits);
        CHECK(run_in_parallel([](bool bit) { return bit; }, std::vector(bits), threads) == bits);
        CHECK(run_in_parallel([](char c) { return c; }, std::string_view("text"), threads) ==
              std::vector{'t', 'e', 'x', 't'});
        const std::map<std::string, int> map{{"a", 1}, {"b", 2}};
        CHECK(run_in_parallel([](const auto& pair) { return pair.first; }, map, threads) ==
              std::vector<std::string>{"a", "b"});
        CHECK(run_in_parallel(itself, map | std::views::values, threads) == std::vector{1, 2});
    }
}

TEST_CASE("calls may change the elements, also those that are movable only") {
    std::vector<std::unique_ptr<int>> owned;
    std::list<std::unique_ptr<int>> listed;
    for (int i = 0; i != 20; ++i) {
        owned.push_back(std::make_unique<int>(i));
        listed.push_back(std::make_unique<int>(i));
    }
    const auto take = [](std::unique_ptr<int>& each) { return std::move(each); };
    const auto taken = run_in_parallel(take, owned, 4);
    const auto taken_from_list = run_in_parallel(take, std::move(listed), 4);
    for (std::size_t i = 0; i != 20; ++i) {
        CHECK(*taken[i] == static_cast<int>(i));
        CHECK(*taken_from_list[i] == static_cast<int>(i));
        CHECK(!owned[i]);
    }

    std::map<int, int> map{{1, 0}, {2, 0}};
    run_in_parallel([](auto& pair) { pair.second = 10 * pair.first; }, map, 2);
    CHECK(map == std::map<int, int>{{1, 10}, {2, 20}});
}

TEST_CASE("elements of a single-pass range arrive as the range gives them") {
    SECTION("values that are movable only") {
        source<std::unique_ptr<int>> elements = make_source<std::unique_ptr<int>>(30);
        CHECK(run_in_parallel([](std::unique_ptr<int> each) { return *each; }, elements, 4) ==
              numbers(30));
    }
    SECTION("values that are moved out of a container") {
        std::vector<std::unique_ptr<int>> owned;
        for (int i = 0; i != 30; ++i) {
            owned.push_back(std::make_unique<int>(i));
        }
        const std::ranges::subrange moving(std::move_iterator(owned.begin()),
                                           std::move_sentinel(owned.end()));
        CHECK(run_in_parallel([](std::unique_ptr<int>&& each) { return *each; }, moving, 4) ==
              numbers(30));
    }
    SECTION("references to what the next read overwrites") {
        std::string text;
        std::vector<std::string> words;
        for (int i = 0; i != 200; ++i) {
            words.push_back("a word too long to be kept within its object " + std::to_string(i));
            std::ranges::replace(words.back(), ' ', '_');
            text += words.back() + "\n";
        }
        std::istringstream in(text);
        CHECK(run_in_parallel([](std::string& word) { return std::move(word); },
                              std::ranges::istream_view<std::string>(in), 4) == words);
    }
    SECTION("references to what stays, which is left alone") {
        std::vector<std::string> words{"first", "second", "third"};
        using iterator = std::counted_iterator<std::vector<std::string>::iterator>;
        struct once : iterator {
            using iterator_concept = std::input_iterator_tag;
            using iterator_category [[maybe_unused]] = std::input_iterator_tag;
            using value_type = std::string;
            using iterator::iterator;
            once& operator++() {
                iterator::operator++();
                return *this;
            }
            void operator++(int) { ++*this; }
        };
        const std::ranges::subrange range(once(words.begin(), 3), std::default_sentinel);
        STATIC_REQUIRE(!std::ranges::forward_range<decltype(range)>);
        CHECK(run_in_parallel([](std::string& word) { return std::move(word); }, range, 2) ==
              words);
        CHECK(words == std::vector<std::string>{"first", "second", "third"});
    }
}

TEST_CASE("a single-pass range is read by one thread at a time, and not far ahead of the calls") {
    for (const int threads : {1, 2, 4}) {
        CAPTURE(threads);
        std::atomic<int> readers = 0;
        std::atomic<int> most_readers = 0;
        std::atomic<int> ended = 0;
        std::atomic<int> furthest = 0;
        source<int> elements = make_source(500);
        elements.read = [&](int i) {
            most_readers = std::max(most_readers.load(), ++readers);
            furthest = std::max(furthest.load(), i + 1 - ended);
            --readers;
            return i;
        };
        run_in_parallel([&](int) { ++ended; }, elements, threads);
        CHECK(most_readers == 1);
        CHECK(furthest <= threads);
    }
}

TEST_CASE("elements that wait in a stream do not wait for the stream's end") {
    // The last one comes only after all others had their calls.
    gate called(9);
    source<int> elements = make_source(10);
    bool passed = false;
    elements.read = [&](int i) {
        if (i == 9) {
            passed = called.wait();
        }
        return i;
    };
    run_in_parallel([&](int) { called.arrive(); }, elements, 3);
    CHECK(passed);
}

TEST_CASE("the first call waits for the second element at most") {
    for (int round = 0; round != 100; ++round) {
        gate called;
        bool passed = false;
        source<int> elements = make_source(5);
        elements.step = [&](int i) {
            if (i == 2) {
                passed = called.wait();
            }
        };
        run_in_parallel(
            [&](int i) {
                if (i == 0) {
                    called.arrive();
                }
            },
            elements, 4);
        REQUIRE(passed);
    }
}
