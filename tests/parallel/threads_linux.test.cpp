// SPDX-License-Identifier: MIT
//
// Where no thread can be started, by a filter of system calls, and in a child of fork.

#include <skyutil/parallel.hpp>

#include <atomic>
#include <cerrno>
#include <list>
#include <mutex>
#include <ranges>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "parallel/calls.hpp"
#include "support_linux.hpp"

using namespace skyutil_tests;
using nlohmann::json;
using skyutil::run_in_parallel;

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

TEST_CASE("run_in_parallel works in a child of fork") {
    run_in_parallel([](int) {}, numbers(10), 3);
    const json answer =
        run_in_child([] { return run_in_parallel([](int i) { return i; }, numbers(50), 3); });
    CHECK(answer == json(numbers(50)));
}
