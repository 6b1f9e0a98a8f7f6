// SPDX-License-Identifier: MIT

#include "documents.hpp"

#include <string_view>

namespace program {

namespace {

/// Puts what is made for each element together, with something between.
template <class Range, class Make>
std::string join(const Range& range, std::string_view between, Make make) {
    std::string out;
    for (const auto& each : range) {
        const std::string made = make(each);
        out += out.empty() || made.empty() ? "" : between;
        out += made;
    }
    return out;
}

std::string all_names(const command_list& commands) {
    return join(commands, " ", [](const command& each) { return each.name; });
}

/// As one word of a shell, between apostrophes.
std::string quote(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        out += c == '\'' ? "'\\''" : std::string(1, c);
    }
    return out + '\'';
}

std::string escape(std::string_view text, std::string_view special) {
    std::string out;
    for (const char c : text) {
        out += special.find(c) == special.npos ? "" : "\\";
        out += c;
    }
    return out;
}

// -------------------------------------------------------------------------------------------------
// bash

/// The names of an option, with something between.
std::string names_of(const option& option, std::string_view between) {
    std::string out(option.short_name());
    out += out.empty() ? "" : between;
    return out += option.long_name();
}

std::string bash_words(kind what, const std::vector<std::string>& choices) {
    if (!choices.empty()) {
        return "-W " + quote(join(choices, " ", [](const std::string& word) { return word; }));
    }
    switch (what) {
        case kind::file:
            return "-f";
        case kind::directory:
            return "-d";
        case kind::program:
            return "-c";
        case kind::process:
            return "-W \"$(ps -A -o pid= 2>/dev/null)\"";
        case kind::text:
            break;
    }
    return "-W ''";
}

std::string bash_command(const command& command) {
    std::string out = "    " + command.name + ")\n";
    const auto with_value = join(command.options, "|", [](const option& option) {
        return option.value.empty() ? "" : names_of(option, "|");
    });
    out += "        options=" +
           quote(join(command.options, " ",
                      [](const option& option) { return names_of(option, " "); }) +
                 " --json --help") +
           "\n        with_value=" + quote('|' + with_value + '|') + "\n        operands=(" +
           bash_words(command.operands.kind, command.operands.choices) + ")\n";
    if (command.operands.end_options) {
        out += "        command_follows=yes\n";
    }
    out += "        case $previous in\n";
    for (const option& option : command.options) {
        if (!option.value.empty()) {
            out += "        " + names_of(option, "|") + ") value=(" +
                   bash_words(option.kind, option.choices) + ") ;;\n";
        }
    }
    return out + "        esac\n        ;;\n";
}

// -------------------------------------------------------------------------------------------------
// zsh

std::string zsh_action(kind what, const std::vector<std::string>& choices) {
    if (!choices.empty()) {
        return '(' + join(choices, " ", [](const std::string& word) { return word; }) + ')';
    }
    switch (what) {
        case kind::file:
            return "_files";
        case kind::directory:
            return "_files -/";
        case kind::program:
            return "_command_names -e";
        case kind::process:
            return "_pids";
        case kind::text:
            break;
    }
    return " ";
}

std::string zsh_option(const option& option) {
    const std::string value = option.value.empty() ? ""
                                                   : ':' + escape(option.value, ":[]\\") + ':' +
                                                         zsh_action(option.kind, option.choices);
    const std::string help = '[' + escape(option.help, ":[]\\") + ']' + value;
    const std::string short_name(option.short_name());
    const std::string long_name(option.long_name());
    // With a value, "-nVALUE", and "--name=VALUE" beside "--name VALUE".
    const std::string after_short = option.value.empty() ? "" : "+";
    const std::string after_long = option.value.empty() ? "" : "=";
    const std::string others = short_name.empty() ? long_name : short_name + ' ' + long_name;
    std::string out =
        " \\\n            " + quote('(' + others + ')' + long_name + after_long + help);
    if (!short_name.empty()) {
        out += " \\\n            " + quote('(' + others + ')' + short_name + after_short + help);
    }
    return out;
}

std::string zsh_operands(const operands& operands) {
    if (operands.name.empty()) {
        return {};
    }
    const std::string action = zsh_action(operands.kind, operands.choices);
    if (operands.end_options) {
        return " \\\n            '(-)1:" + operands.name + ':' + action +
               "' \\\n            '*::arguments:_normal'";
    }
    return std::string(" \\\n            '") + (operands.most == 1 ? "1:" : "*:") + operands.name +
           ':' + action + '\'';
}

// -------------------------------------------------------------------------------------------------
// fish

std::string fish_quote(std::string_view text) { return '\'' + escape(text, "'\\") + '\''; }

std::string fish_words(kind what, const std::vector<std::string>& choices) {
    if (!choices.empty()) {
        return " -a " +
               fish_quote(join(choices, " ", [](const std::string& word) { return word; }));
    }
    switch (what) {
        case kind::file:
            return " -F";
        case kind::directory:
            return " -a '(__fish_complete_directories)'";
        case kind::program:
            return " -a '(__fish_complete_subcommand)'";
        case kind::process:
            return " -a '(__fish_complete_pids)'";
        case kind::text:
            break;
    }
    return {};
}

std::string fish_command(const command& command) {
    const std::string here =
        "complete -c skyutil -n '__fish_seen_subcommand_from " + command.name + "'";
    std::string out = "complete -c skyutil -n __fish_use_subcommand -a " + command.name + " -d " +
                      fish_quote(command.summary) + '\n';
    for (const option& option : command.options) {
        out += here;
        if (!option.short_name().empty()) {
            out += " -s " + std::string(option.short_name().substr(1));
        }
        out += " -l " + std::string(option.long_name().substr(2));
        if (!option.value.empty()) {
            out += " -r" + fish_words(option.kind, option.choices);
        }
        out += " -d " + fish_quote(option.help) + '\n';
    }
    out += here + " -l json -d 'Print one JSON value'\n";
    const std::string words = fish_words(command.operands.kind, command.operands.choices);
    return words.empty() ? out : out + here + words + '\n';
}

}  // namespace

std::string bash_completions(const command_list& commands) {
    return R"(# bash completions of skyutil, printed by: skyutil completions bash

_skyutil() {
    local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    local options with_value command_follows='' i
    local -a operands=() value=()
    if ((COMP_CWORD == 1)); then
        mapfile -t COMPREPLY < <(compgen -W ')" +
           all_names(commands) + R"( --help --version' -- "$word")
        return
    fi
    # bash has the "=" of --name=value as a word of its own.
    if [[ $word == '=' ]]; then
        word=
    elif [[ $previous == '=' ]]; then
        previous=${COMP_WORDS[COMP_CWORD-2]}
    fi
    case ${COMP_WORDS[1]} in
)" + join(commands, "", [](const command& each) { return bash_command(each); }) +
           R"(    *) return ;;
    esac
    COMPREPLY=()
    if [[ $command_follows ]]; then
        # What follows the first operand is of another program.
        for ((i = 2; i < COMP_CWORD; ++i)); do
            if [[ ${COMP_WORDS[i]} == '--' ]]; then
                ((++i))
            elif [[ $with_value == *"|${COMP_WORDS[i]}|"* ]]; then
                ((++i))
                [[ ${COMP_WORDS[i]} == '=' ]] && ((++i))
                continue
            elif [[ ${COMP_WORDS[i]} == -* ]]; then
                continue
            fi
            break
        done
        if ((i < COMP_CWORD)); then
            value=(-f)
        fi
    fi
    if ((${#value[@]})); then
        operands=("${value[@]}")
    elif [[ $word == -* ]]; then
        operands=(-W "$options")
    fi
    [[ ${operands[0]} == -[fd] ]] && compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "${operands[@]}" -- "$word")
}

complete -F _skyutil skyutil
)";
}

std::string zsh_completions(const command_list& commands) {
    return R"(#compdef skyutil
# zsh completions of skyutil, printed by: skyutil completions zsh

_skyutil() {
    local curcontext=$curcontext state line
    local -a names
    names=(
)" +
           join(commands, "",
                [](const command& each) {
                    return "        " + quote(each.name + ':' + escape(each.summary, ":\\")) + '\n';
                }) +
           R"(    )
    _arguments -C \
        '(- *)'{-h,--help}'[Print this help]' \
        '(- *)--version[Print the version]' \
        '1:command:->command' \
        '*::argument:->argument' && return
    case $state in
    command) _describe -t commands command names ;;
    argument)
        case $line[1] in
)" +
           join(commands, "",
                [](const command& each) {
                    return "        " + each.name +
                           ")\n            _arguments -s -S '--json[Print one JSON value]' "
                           "'(- *)'{-h,--help}'[Print this help]'" +
                           join(each.options, "", zsh_option) + zsh_operands(each.operands) +
                           "\n            ;;\n";
                }) +
           R"(        esac
        ;;
    esac
}

if [[ $funcstack[1] == _skyutil ]]; then
    _skyutil "$@"
else
    compdef _skyutil skyutil
fi
)";
}

std::string fish_completions(const command_list& commands) {
    return "# fish completions of skyutil, printed by: skyutil completions fish\n\n"
           "complete -c skyutil -f\n"
           "complete -c skyutil -s h -l help -d 'Print this help'\n"
           "complete -c skyutil -n __fish_use_subcommand -l version -d 'Print the version'\n" +
           join(commands, "", fish_command);
}

}  // namespace program
