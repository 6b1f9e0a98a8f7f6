// SPDX-License-Identifier: MIT

#include "documents.hpp"

#include <skyutil/version.hpp>

#include <string_view>

namespace program {

namespace {

/// Text as roff has it: no character of it is a request, an escape or a typographic dash.
std::string roff(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
            out += "\\&";
        }
        out += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
    }
    return out;
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + roff(text) + "\\fR"; }

std::string synopsis(const command& command) {
    const operands& takes = command.operands;
    std::string out = bold("skyutil " + command.name) + " [" + italic("OPTION") + "]...";
    if (!takes.name.empty()) {
        out += takes.least == 0 ? " [" + italic(takes.name) + ']' : ' ' + italic(takes.name);
        out += takes.most == 1 ? "" : "...";
    }
    return out + '\n';
}

std::string describe(const option& option) {
    std::string out = ".TP\n";
    if (!option.short_name().empty()) {
        out += bold(option.short_name()) + ", ";
    }
    out += bold(option.long_name());
    if (!option.value.empty()) {
        out += ' ' + italic(option.value);
    }
    out += '\n' + roff(option.help);
    if (!option.choices.empty()) {
        out += out.find(option.choices.front()) == out.npos ? ":" : "";
        for (const std::string& choice : option.choices) {
            out += option.help.find(choice) == option.help.npos ? ' ' + roff(choice) : "";
        }
    }
    return out + (option.by_default.empty() ? "" : "; " + roff(option.by_default) + " by default") +
           ".\n";
}

std::string describe(const command& command) {
    std::string out =
        ".SS " + command.name + '\n' + synopsis(command) + ".PP\n" + roff(command.summary) + ".\n";
    for (const option& option : command.options) {
        out += describe(option);
    }
    if (!command.operands.name.empty()) {
        out += ".TP\n" + italic(command.operands.name) + '\n' + roff(command.operands.help) + ".\n";
    }
    return out + (command.details.empty() ? "" : ".PP\n" + roff(command.details) + '\n');
}

}  // namespace

std::string manual(const command_list& commands) {
    std::string out = ".TH SKYUTIL 1 \"\" \"skyutil " + std::string(skyutil::version) +
                      "\" \"User Commands\"\n"
                      ".SH NAME\nskyutil \\- what a process may use, and small things every "
                      "service needs\n.SH SYNOPSIS\n";
    for (const command& command : commands) {
        out += (&command == &commands.front() ? "" : ".br\n") + synopsis(command);
    }
    out += ".SH DESCRIPTION\nEach command prints text for people, or one JSON value with " +
           bold("--json") + ". Options may stand between operands, and end at " + bold("--") +
           ". Whole numbers are decimal. A time is a number of seconds, or of what a letter after "
           "it says: s, m, h or d.\n.SH OPTIONS\n.TP\n" +
           bold("-h") + ", " + bold("--help") +
           "\nPrint the help, of a command after its name.\n.TP\n" + bold("--version") +
           "\nPrint the version.\n.TP\n" + bold("--json") +
           "\nAfter a command: print one JSON value.\n.SH COMMANDS\n";
    for (const command& command : commands) {
        out += describe(command);
    }
    return out +
           ".SH \"EXIT STATUS\"\n.TP\n0\nYes, or done.\n.TP\n1\nNo.\n.TP\n2\nUsage, or an error, "
           "which is one line on standard error.\n.PP\n" +
           bold("skyutil run") + " has those of its command.\n";
}

}  // namespace program
