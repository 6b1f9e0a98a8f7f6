// SPDX-License-Identifier: MIT
//
// Prints what two versions of the library, each with and without exceptions, say in one program.

#include <cstdio>

const char* say_this();
const char* say_this_noexcept();
const char* say_next();
const char* say_next_noexcept();

int main() {
    std::puts(say_this());
    std::puts(say_this_noexcept());
    std::puts(say_next());
    std::puts(say_next_noexcept());
}
