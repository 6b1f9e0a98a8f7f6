// SPDX-License-Identifier: MIT

#include <skyutil/parallel.hpp>

#include <chrono>
#include <memory>
#include <ranges>
#include <sstream>
#include <string>
#include <vector>

namespace {

/// A stream of what cannot be copied, and of which references are given.
struct word : std::unique_ptr<std::string> {
    [[maybe_unused]] friend std::istream& operator>>(std::istream& in, word&) { return in; }
};

struct pinned {
    pinned() = default;
    pinned(const pinned&) = delete;
};

}  // namespace

int main() {
    using skyutil::run_in_parallel;
    using skyutil::slow_start;
    const std::vector<int> numbers{1, 2, 3};
    std::istringstream in;
#if defined(CASE_no_range)
    // expect: no matching function
    run_in_parallel([](int) {}, 5);
#elif defined(CASE_arguments_exchanged)
    // expect: no matching function
    run_in_parallel(numbers, [](int) {});
#elif defined(CASE_wrong_element)
    // expect: no matching function
    run_in_parallel([](const std::string&) {}, numbers);
#elif defined(CASE_changes_constants)
    // expect: no matching function
    run_in_parallel([](int&) {}, numbers);
#elif defined(CASE_result_cannot_be_moved)
    // expect: no matching function
    run_in_parallel([](int) { return pinned(); }, numbers);
#elif defined(CASE_reference_cannot_be_copied)
    // expect: no matching function
    std::vector<std::unique_ptr<int>> owned(3);
    run_in_parallel([](std::unique_ptr<int>& each) -> auto& { return each; }, owned);
#elif defined(CASE_moves_from_a_temporary)
    // expect: no matching function
    run_in_parallel([](std::unique_ptr<int>) {}, std::vector<std::unique_ptr<int>>(3));
#elif defined(CASE_stream_of_what_cannot_be_copied)
    // expect: no matching function
    run_in_parallel([](word&) {}, std::ranges::istream_view<word>(in));
#elif defined(CASE_results_not_used)
    // expect: nodiscard
    run_in_parallel([](int i) { return i; }, numbers);
#elif defined(CASE_threads_by_name)
    // expect: no matching function
    run_in_parallel([](int) {}, numbers, "4");
#elif defined(CASE_slow_start_wrong_element)
    // expect: no matching function
    slow_start(numbers, [](const std::string&) {});
#elif defined(CASE_slow_start_arguments_exchanged)
    // expect: no matching function
    slow_start([](int) {}, numbers);
#elif defined(CASE_delay_without_unit)
    // expect: no matching function|could not convert|no viable conversion|cannot convert
    slow_start(numbers, [](int) {}, {.delay = 2});
#endif
    run_in_parallel([](int) {}, numbers);  // no warning: there is nothing to use
    run_in_parallel([](std::string&) {}, std::ranges::istream_view<std::string>(in));
    slow_start(numbers, [](int) {}, {.delay = std::chrono::seconds(0)});
    return static_cast<int>(run_in_parallel([](int i) { return i; }, numbers, 4).size());
}
