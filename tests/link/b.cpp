// SPDX-License-Identifier: MIT

#include <skyutil/skyutil.hpp>

#include <cstdio>

#include "calls.hpp"

int main() {
    const calls here = make_calls();
    if (here != calls_of_a() || here != calls_of_reversed()) {
        std::puts("the translation units disagree");
        return 1;
    }
    return here.cpu_count() >= 1 ? 0 : 1;
}
