// SPDX-License-Identifier: MIT
//
// documents.hpp: what is made of the table of all commands beside the help: completions for shells
// and the manual page.

#pragma once

#include "command_line.hpp"

#include <string>
#include <vector>

namespace program {

using command_list = std::vector<command>;

/// Return a script that completes the command line of the program.
[[nodiscard]] std::string bash_completions(const command_list& commands);
[[nodiscard]] std::string zsh_completions(const command_list& commands);
[[nodiscard]] std::string fish_completions(const command_list& commands);

/// Returns the manual page as man(7) has it.
[[nodiscard]] std::string manual(const command_list& commands);

/// Adds the commands that print these, which tell of themselves too.
[[nodiscard]] command_list with_documents(command_list known);

}  // namespace program
