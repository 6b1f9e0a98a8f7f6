// SPDX-License-Identifier: MIT
//
// The running system, whichever it is.

#include <skyutil/system.hpp>

#include <atomic>
#include <chrono>
#include <system_error>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "system/situations.hpp"

using namespace skyutil_tests;
using skyutil::limit_kind;

TEST_CASE("the running system has CPUs and memory, and the short forms agree with the budgets") {
    const no_overrides clean;
    const skyutil::cpu_budget cpus = skyutil::get_cpu_budget();
    REQUIRE(cpus.affinity);
    CHECK(*cpus.affinity >= 1);
    CHECK(skyutil::get_cpu_count() == cpus.usable());
    CHECK(skyutil::get_cpu_count() <= *cpus.affinity);
    CHECK(cpus.limiting_factor().kind != limit_kind::none);
    const skyutil::memory_budget memory = skyutil::get_memory_budget();
    REQUIRE(memory.physical);
    CHECK(gib_of(memory) == skyutil::get_mem_size_gb());
    CHECK(skyutil::get_mem_size_gb() > 0);
    CHECK(memory.usable() <= *memory.physical);

    std::error_code error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::get_cpu_count(error) == cpus.usable());
    CHECK(!error);
    error = std::make_error_code(std::errc::io_error);
    CHECK(skyutil::get_mem_size_gb(error) == gib_of(memory));
    CHECK(!error);
}

TEST_CASE("eight threads that ask at once get the same answers") {
    const no_overrides clean;
    const int cpus = skyutil::get_cpu_count();
    const double memory = skyutil::get_mem_size_gb();
    std::atomic<int> waiting = 8;
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            --waiting;
            while (waiting != 0) {
                std::this_thread::yield();
            }
            for (int k = 0; k < 100; ++k) {
                std::error_code error;
                wrong += skyutil::get_cpu_count() == cpus ? 0 : 1;
                wrong += skyutil::get_mem_size_gb() == memory ? 0 : 1;
                if (k % 20 == 0) {
                    wrong += skyutil::get_cpu_budget({}, error).usable() == cpus ? 0 : 1;
                    wrong += gib_of(skyutil::get_memory_budget({}, error)) == memory ? 0 : 1;
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    CHECK(wrong == 0);
}

namespace {

struct asks_at_the_end {
    int* answer;
    ~asks_at_the_end() {
        std::error_code error;
        *answer = skyutil::get_cpu_count(error);
    }
};

}  // namespace

TEST_CASE("destructors of a thread that ends may ask") {
    const no_overrides clean;
    int answer = 0;
    std::thread([&] {
        thread_local const asks_at_the_end last{&answer};  // outlives what get_cpu_count() keeps
        CHECK(last.answer == &answer);
        static_cast<void>(skyutil::get_cpu_count());
        std::this_thread::sleep_for(std::chrono::milliseconds(30));  // so that it reads again
    }).join();
    CHECK(answer == skyutil::get_cpu_count());
}
