// SPDX-License-Identifier: MIT
//
// With exceptions: they are thrown and caught here, whatever the other units were compiled with.

#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>

#include "modes.hpp"

int call_noexcept(bool);
int call_debug(bool);
int call_fast(bool);
int call_unsupported(bool);

namespace {

template <class Exception, class Call>
bool throws(Call call) {
    try {
        call();
    } catch (const Exception&) {
        return true;
    }
    return false;
}

}  // namespace

int main(int argc, char**) {
    const bool never = argc > 100;
    const int results[] = {check_calls(never), call_noexcept(never), call_debug(never),
                           call_fast(never), call_unsupported(never)};
    for (const int result : results) {
        if (result != 0) {
            std::printf("the units say %d %d %d %d %d\n", results[0], results[1], results[2],
                        results[3], results[4]);
            return 1;
        }
    }
    const bool caught =
        throws<std::filesystem::filesystem_error>(
            [] { static_cast<void>(skyutil::read_last_n_lines("/nowhere", 3)); }) &&
        throws<std::invalid_argument>(
            [] { static_cast<void>(skyutil::base36_encode("no number")); }) &&
        throws<std::runtime_error>([] {
            static_cast<void>(skyutil::run_in_parallel(
                [](int number) { return number == 7 ? throw std::runtime_error("7") : number; },
                std::vector<int>{5, 6, 7, 8}, 2));
        });
    std::puts(caught ? "caught" : "not caught");
    return caught ? 0 : 1;
}
