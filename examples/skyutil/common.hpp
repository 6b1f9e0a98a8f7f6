// SPDX-License-Identifier: MIT
//
// common.hpp: what every command of the program does the same way: exit codes, errors, JSON.

#pragma once

#include <nlohmann/json.hpp>

#include <exception>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace program {

using json = nlohmann::ordered_json;

enum exit_code { yes = 0, no = 1, failure = 2 };

/// Prints "skyutil: WHAT" to standard error, as one line whatever it contains.
void report(std::string_view what);

/// Prints "skyutil: cannot read /x: No such file or directory".
void report(const std::filesystem::path& path, const std::error_code& error);

/// Prints a value to standard output, indented. Text that is not UTF-8 gets U+FFFD.
void print(const json& value);

}  // namespace program
