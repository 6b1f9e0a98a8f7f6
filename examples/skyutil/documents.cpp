// SPDX-License-Identifier: MIT

#include "documents.hpp"

#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace program {

namespace {

constexpr std::pair<const char*, std::string (*)(const command_list&)> shells[] = {
    {"bash", bash_completions}, {"zsh", zsh_completions}, {"fish", fish_completions}};

void check_shell(const argument& name) {
    std::string known;
    for (const auto& [shell, make] : shells) {
        if (name.text == shell) {
            return;
        }
        known += std::string(known.empty() ? "" : " ") + shell;
    }
    throw std::invalid_argument(name.name + ": '" + name.text + "' is unknown; allowed: " + known);
}

int print_text(const std::string& text, bool as_json) {
    if (as_json) {
        throw std::invalid_argument("this is a text for programs; there is no JSON of it");
    }
    std::cout << text;
    return 0;
}

}  // namespace

command_list with_documents(command_list known) {
    const auto all = std::make_shared<command_list>();
    const auto shell = std::make_shared<std::string>();
    known.push_back({.name = "completions",
                     .summary = "Print a script that completes this command line in a shell",
                     .operands = {.name = "shell",
                                  .help = "bash, zsh or fish",
                                  .least = 1,
                                  .most = 1,
                                  .choices = {"bash", "zsh", "fish"},
                                  .add =
                                      [=](const argument& name) {
                                          check_shell(name);
                                          *shell = name.text;
                                      }},
                     .run = [=](bool as_json) {
                         std::string text;
                         for (const auto& [name, make] : shells) {
                             text += *shell == name ? make(*all) : "";
                         }
                         return print_text(text, as_json);
                     }});
    known.push_back({.name = "manual",
                     .summary = "Print the manual page, for man -l -",
                     .run = [=](bool as_json) { return print_text(manual(*all), as_json); }});
    *all = known;
    for (command& each : *all) {
        each.run = {};  // what is documented is not run, and would own itself
    }
    return known;
}

}  // namespace program
