// SPDX-License-Identifier: MIT
//
// skyutil: the library as a program. Every command prints text for people or, with --json, one JSON
// value.
//
// Exit codes: 0 yes or done, 1 no, 2 usage or error. Errors are one line each on standard error.

#include "command_line.hpp"
#include "commands.hpp"
#include "common.hpp"
#include "documents.hpp"
#include "system.hpp"

#include <exception>
#include <vector>

namespace {

std::vector<program::command> all_commands() {
    using namespace program;
    return {
        inspect_command(), tail_command(),
#if defined(SKYUTIL_PROGRAM_WITH_HASH)
        hash_command(),
#endif
        port_command(),    alive_command(),     ps_command(),  workers_command(),
        base36_command(),  kill_tree_command(), run_command(),
    };
}

}  // namespace

int main(int argc, char** argv) {
    program::set_up_streams();
    try {
        return program::run(program::with_documents(all_commands()),
                            program::arguments_of(argc, argv));
    } catch (const std::exception& e) {
        program::report(program::explain(e));
        return program::failure;
    }
}
