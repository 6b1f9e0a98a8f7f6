// SPDX-License-Identifier: MIT
//
// skyutil: the library as a program. Every command prints text for people or, with --json, one JSON
// value.
//
// Exit codes: 0 yes or done, 1 no, 2 usage or error. Errors are one line each on standard error.

#include "command_line.hpp"
#include "commands.hpp"
#include "common.hpp"

#include <exception>
#include <iostream>
#include <string>
#include <vector>

namespace {

std::vector<program::command> all_commands() {
    using namespace program;
    return {
        inspect_command(), tail_command(),   hash_command(),
        port_command(),    alive_command(),  ps_command(),
        workers_command(), base36_command(), kill_tree_command(),
#if defined(SKYUTIL_PROGRAM_RUNS_COMMANDS)
        run_command(),
#endif
    };
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const int code =
            program::run(all_commands(), std::vector<std::string>(argv + (argc > 0), argv + argc));
        if (!std::cout.flush()) {
            program::report("cannot write to standard output");
            return program::failure;
        }
        return code;
    } catch (const std::exception& e) {
        program::report(e.what());
        return program::failure;
    }
}
