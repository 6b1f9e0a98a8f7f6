// SPDX-License-Identifier: MIT

#include <skyutil/parallel.hpp>
#include <skyutil/system.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <compare>
#include <concepts>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <forward_list>
#include <functional>
#include <iterator>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <ranges>
#include <set>
#include <span>
#include <sstream>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "support.hpp"

using namespace skyutil_tests;
using namespace std::chrono_literals;
using nlohmann::json;
namespace detail = skyutil::detail;
using skyutil::run_in_parallel;
using skyutil::slow_start;

namespace {

/// Opens once it has been arrived at so many times. A test whose threads do not all come fails
/// after a time instead of hanging.
class gate {
public:
    explicit gate(int arrivals = 1) : missing_(arrivals) {}

    void arrive() {
        const std::lock_guard lock(mutex_);
        --missing_;
        opened_.notify_all();
    }
    bool wait() {
        std::unique_lock lock(mutex_);
        return opened_.wait_for(lock, 30s, [&] { return missing_ <= 0; });
    }
    bool arrive_and_wait() {
        arrive();
        return wait();
    }

private:
    std::mutex mutex_;
    std::condition_variable opened_;
    int missing_;
};

std::vector<int> numbers(int count) {
    std::vector<int> result(static_cast<std::size_t>(count));
    std::iota(result.begin(), result.end(), 0);
    return result;
}

/// Thrown by calls and ranges of these tests.
struct failure {
    int index;
};

/// The index that is thrown; nothing when nothing is.
template <class Call>
std::optional<int> thrown_by(Call call) {
    try {
        call();
    } catch (const failure& thrown) {
        return thrown.index;
    }
    return std::nullopt;
}

template <class Call>
std::error_code error_of(Call call) {
    try {
        call();
    } catch (const std::system_error& error) {
        return error.code();
    }
    return {};
}

/// A single-pass range of 0, 1... with an iterator that cannot be copied. Reads everything without
/// synchronisation, and says what happens to whoever wants to know.
template <class Value>
class source {
public:
    std::function<Value(int)> read = [](int i) {
        if constexpr (std::constructible_from<Value, int>) {
            return Value(i);
        } else {
            return std::make_unique<int>(i);
        }
    };
    std::function<void(int)> step = [](int) {};
    std::function<bool(int)> at_end = [](int) { return false; };

    class iterator {
    public:
        using value_type = Value;
        using difference_type = std::ptrdiff_t;

        explicit iterator(source& from) : source_(&from) {}
        iterator(iterator&&) = default;
        iterator& operator=(iterator&&) = default;

        Value operator*() const { return source_->read(source_->position_); }
        iterator& operator++() {
            source_->step(source_->position_ + 1);
            ++source_->position_;
            return *this;
        }
        void operator++(int) { ++*this; }
        bool operator==(std::default_sentinel_t) const {
            return source_->at_end(source_->position_);
        }

    private:
        source* source_;
    };

    iterator begin() { return iterator(*this); }
    static std::default_sentinel_t end() { return {}; }

private:
    int position_ = 0;
};

template <class Value = int>
source<Value> make_source(int size) {
    source<Value> result;
    result.at_end = [size](int i) { return i == size; };
    return result;
}

/// A result that only its function makes.
class only_movable {
public:
    explicit only_movable(int from) : value(from) {}
    only_movable(only_movable&&) = default;
    only_movable& operator=(only_movable&&) = delete;

    int value;
};

/// The calling thread's system calls that start threads fail, or end the process.
void forbid_threads(unsigned action) {
    std::array<sock_filter, 5> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, action),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    install_filter(program);
}

constexpr unsigned no_threads_left = SECCOMP_RET_ERRNO | static_cast<unsigned>(EAGAIN);

bool can_start_a_thread() {
    try {
        std::thread([] {}).join();
        return true;
    } catch (const std::system_error&) {
        return false;
    }
}

void need_no_threads() {
    if (can_start_a_thread()) {
        throw std::runtime_error("the filter does nothing");
    }
}

}  // namespace

// --------------------------------------------------------------------------------------------
// results

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
// exceptions

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

// --------------------------------------------------------------------------------------------
// ranges

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
            using iterator_category = std::input_iterator_tag;
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
        std::vector<std::jthread> threads;
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
    CHECK(run_in_child([] { return run_in_parallel([](int i) { return i; }, numbers(50), 3); }) ==
          json(numbers(50)));
}

// --------------------------------------------------------------------------------------------
// stopping

TEST_CASE("once a stop is asked, no call starts") {
    std::stop_source source_of_stop;
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
            std::stop_source stop;
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
    std::stop_source stop;
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
    std::stop_source stop;
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
    std::stop_source stop;
    stop.request_stop();
    CHECK_THROWS_WITH(
        run_in_parallel([](int) {}, numbers(5), {.threads = 2, .stop = stop.get_token()}),
        Catch::Matchers::ContainsSubstring("skyutil::run_in_parallel: "));
}

// --------------------------------------------------------------------------------------------
// slow_start

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
    const json answer = run_in_child([] {
        json batches = json::array();
        for (const char* const cpus : {"1", "2", "3", "9"}) {
            ::setenv("SKYUTIL_CPU_COUNT", cpus, 1);
            batches.push_back(skyutil::slow_start_options().max_batch);
        }
        return batches;
    });
    CHECK(answer == json{1, 1, 1, 4});
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
        std::stop_source stop;
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
        std::stop_source stop;
        gate first_started;
        std::atomic<int> started = 0;
        std::jthread stopping([&] {
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
