// SPDX-License-Identifier: MIT
//
// command_line.hpp: what a command takes, as a table. The command line is taken apart by it; the
// help is made of it.

#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace program {

/// One value as it was typed, byte for byte, and the name of what it is for: "--lines", "port".
struct argument {
    std::string name;
    std::string text;
};

/// What may be typed for a value, for completions.
enum class kind { text, file, directory, process, program };

struct option {
    std::string names;  ///< "-n,--lines": one long name, and a short one before it if it has one
    std::string help;
    std::string value = {};  ///< what its value is called: "N"; empty for an option without one
    std::string by_default = {};  ///< the value when it is not given, as the help shows it
    program::kind kind = kind::text;
    std::vector<std::string> choices = {};  ///< all it may be, if that can be listed
    /// Called for each time it is given, in the order of the command line. Throws
    /// std::invalid_argument for a value that is not allowed.
    std::function<void(const argument&)> set = [](const argument&) {};

    [[nodiscard]] std::string_view long_name() const {
        return std::string_view(names).substr(names.find(',') + 1);
    }
    /// Empty when it has none.
    [[nodiscard]] std::string_view short_name() const {
        const std::size_t comma = names.find(',');
        return std::string_view(names).substr(0, comma == names.npos ? 0 : comma);
    }
};

/// What a command takes that is neither an option nor the value of one.
struct operands {
    std::string name = {};  ///< empty: it takes none
    std::string help = {};
    std::size_t least = 0;
    std::size_t most = (std::numeric_limits<std::size_t>::max)();
    program::kind kind = kind::text;
    std::vector<std::string> choices = {};  ///< all that each may be, if that can be listed
    std::function<void(const argument&)> add = [](const argument&) {};  ///< called for each
    bool end_options = false;  ///< what follows the first is an operand too, whatever it looks like
};

struct command {
    std::string name;
    std::string summary;
    std::vector<option> options = {};
    program::operands operands = {};
    std::function<int(bool as_json)> run = {};  ///< returns the exit code
    std::string details = {};  ///< what the help says below the options, and the manual
    int failure = 2;  ///< the exit code for what the program fails at itself, usage included
};

/// Runs the command that the command line names, or prints the help or the version. Returns the
/// exit code. A command line that makes no sense, what the command throws and output that cannot be
/// written are reported.
int run(const std::vector<command>& commands, std::vector<std::string> words);

/// Makes the setter of an option without a value.
[[nodiscard]] inline std::function<void(const argument&)> call(std::function<void()> set) {
    return [set = std::move(set)](const argument&) { set(); };
}

}  // namespace program
