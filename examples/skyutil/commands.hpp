// SPDX-License-Identifier: MIT
//
// commands.hpp: the commands of the program, each family in a file of its own.

#pragma once

#include "command_line.hpp"

namespace program {

[[nodiscard]] command inspect_command();    // inspect.cpp
[[nodiscard]] command tail_command();       // tail.cpp
[[nodiscard]] command hash_command();       // hash.cpp
[[nodiscard]] command port_command();       // port.cpp
[[nodiscard]] command alive_command();      // processes.cpp
[[nodiscard]] command kill_tree_command();  // processes.cpp
[[nodiscard]] command ps_command();         // processes.cpp
[[nodiscard]] command workers_command();    // workers.cpp
[[nodiscard]] command base36_command();     // base36.cpp
[[nodiscard]] command run_command();        // run.cpp, where there is skyutil/subprocess.hpp

}  // namespace program
