// SPDX-License-Identifier: MIT
//
// CLI11 takes "[a,b]" apart and strips other values too, so it never sees one: it gets the options
// with a stand-in for each value, judges them and makes the help. The values and operands go to the
// commands as they were typed.

#include "command_line.hpp"

#include "common.hpp"
#include "nearest.hpp"

#include <skyutil/version.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace program {

namespace {

struct setting {
    const option* what;
    argument value;
};

/// The words after the name of a command, taken apart.
struct taken_apart {
    std::vector<setting> settings;
    std::vector<argument> operands;
    std::vector<std::string> shape;  ///< what CLI11 gets to see
};

/// Takes the words of a command apart as getopt_long(3) does, but for abbreviated names.
class word_splitter {
public:
    word_splitter(const command& command, std::vector<std::string> words)
        : command_(command), words_(std::move(words)) {}

    taken_apart split() {
        bool options = true;
        while (next_ != words_.size()) {
            const std::string word = words_[next_++];
            if (!options || word.size() < 2 || word.front() != '-') {
                found_.operands.push_back({command_.operands.name, word});
                options = options && !command_.operands.end_options;
            } else if (word == "--") {
                options = false;
            } else if (word.starts_with("--")) {
                take_long(word);
            } else {
                take_short(word);
            }
        }
        return std::move(found_);
    }

private:
    const option* find(std::string_view name) const {
        const auto found = std::find_if(
            command_.options.begin(), command_.options.end(), [&](const option& option) {
                return name == option.long_name() || name == option.short_name();
            });
        return found == command_.options.end() ? nullptr : &*found;
    }

    void take_long(const std::string& word) {
        const std::size_t equal = word.find('=');
        const std::string name = word.substr(0, equal);
        const option* const option = find(name);
        if (option == nullptr) {
            take_common(name);
        }
        if (option == nullptr || option->value.empty()) {
            if (equal != word.npos) {
                throw std::invalid_argument(name + " takes no value: '" + word.substr(equal + 1) +
                                            "'");
            }
            take_flag(option, name);
        } else if (equal != word.npos) {
            take_value(*option, name, word.substr(equal + 1));
        } else {
            take_next(*option, name);
        }
    }

    /// "-a", "-ab" for "-a -b", "-nVALUE".
    void take_short(const std::string& word) {
        for (std::size_t i = 1; i != word.size(); ++i) {
            const std::string name{'-', word[i]};
            const option* const option = find(name);
            if (option == nullptr) {
                take_common(name);
            }
            if (option == nullptr || option->value.empty()) {
                take_flag(option, name);
            } else if (i + 1 != word.size()) {
                take_value(*option, name, word.substr(i + 1));
                return;
            } else {
                take_next(*option, name);
            }
        }
    }

    /// Checks that an option that is not the command's is one that all have.
    void take_common(const std::string& name) const {
        if (name == "--json" || name == "--help" || name == "-h") {
            return;
        }
        std::vector<std::string> names{"--json", "--help"};
        for (const option& option : command_.options) {
            names.emplace_back(option.long_name());
        }
        throw std::invalid_argument(command_.name + " has no option " + name +
                                    suggest(name, names));
    }

    void take_flag(const option* option, const std::string& name) {
        found_.shape.push_back(name);
        if (option != nullptr) {
            found_.settings.push_back({option, {name, {}}});
        }
    }

    void take_next(const option& option, const std::string& name) {
        if (next_ == words_.size()) {
            throw std::invalid_argument(name + " needs a value: " + option.value);
        }
        take_value(option, name, words_[next_++]);
    }

    void take_value(const option& option, const std::string& name, std::string value) {
        found_.shape.push_back(name);
        found_.shape.emplace_back("value");
        found_.settings.push_back({&option, {name, std::move(value)}});
    }

    const command& command_;
    std::vector<std::string> words_;
    std::size_t next_ = 0;
    taken_apart found_;
};

/// The commands as CLI11 has them.
class parser {
public:
    explicit parser(const std::vector<command>& commands) {
        app_.set_version_flag("--version", std::string(skyutil::version), "Print the version");
        app_.set_help_flag("-h,--help", "Print this help");
        app_.require_subcommand(1);
        for (const command& command : commands) {
            add(command);
        }
    }

    bool as_json() const { return as_json_; }

    /// Returns false when the help or the version was asked for, and prints it.
    bool judge(std::vector<std::string> words) {
        std::reverse(words.begin(), words.end());  // as CLI11 takes them
        try {
            app_.parse(std::move(words));
            return true;
        } catch (const CLI::ParseError& e) {
            if (e.get_exit_code() != 0) {
                throw std::invalid_argument(e.what());
            }
            app_.exit(e);
            return false;
        }
    }

private:
    void add(const command& command) {
        CLI::App* const sub = app_.add_subcommand(command.name, command.summary);
        for (const option& option : command.options) {
            if (option.value.empty()) {
                sub->add_flag(option.names, option.help);
                continue;
            }
            CLI::Option* const made = sub->add_option_function<std::string>(
                                             option.names, [](const std::string&) {}, option.help)
                                          ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
                                          ->type_name(option.value);
            if (!option.by_default.empty()) {
                made->default_str(option.by_default);
            }
        }
        if (!command.operands.name.empty()) {  // for the help: no operand comes here
            sub->add_option(command.operands.name, command.operands.help)
                ->type_name(command.operands.most == 1 ? "" : "...");
        }
        sub->add_flag("--json", as_json_, "Print one JSON value");
        if (!command.details.empty()) {
            sub->footer('\n' + command.details);
        }
    }

    CLI::App app_{"What this process may use, and small things every service needs.", "skyutil"};
    bool as_json_ = false;
};

void check_count(const command& command, const std::vector<argument>& found) {
    const operands& takes = command.operands;
    if (found.size() < takes.least) {
        throw std::invalid_argument(command.name + " needs a " + takes.name);
    }
    const std::size_t most = takes.name.empty() ? 0 : takes.most;
    if (found.size() > most) {
        throw std::invalid_argument(command.name + " takes no '" + found[most].text + "'" +
                                    (most == 0 ? "" : " after '" + found[most - 1].text + "'"));
    }
}

[[noreturn]] void refuse_unnamed(const std::vector<command>& commands,
                                 const std::vector<std::string>& words) {
    const auto word = std::find_if(words.begin(), words.end(),
                                   [](const std::string& each) { return !each.starts_with('-'); });
    if (word == words.end()) {
        throw std::invalid_argument(words.empty() ? "which command?"
                                                  : "'" + words.front() + "' is no command");
    }
    std::vector<std::string> names;
    for (const command& command : commands) {
        names.push_back(command.name);
    }
    throw std::invalid_argument("'" + *word + "' is no command" + suggest(*word, names));
}

/// Gives the command what the words after its name say. Returns false when they asked for the help,
/// which is then printed.
bool prepare(const command& command, parser& parser, const std::vector<std::string>& words) {
    taken_apart found = word_splitter(command, words).split();
    found.shape.insert(found.shape.begin(), command.name);
    if (!parser.judge(std::move(found.shape))) {
        return false;
    }
    check_count(command, found.operands);
    for (const setting& setting : found.settings) {
        setting.what->set(setting.value);
    }
    for (const argument& operand : found.operands) {
        command.operands.add(operand);
    }
    return true;
}

/// Calls what returns an exit code; an exception is reported and gives `failure`, as does output
/// that cannot be written.
template <class Call>
int guarded(int failure, Call call) {
    int code = failure;
    try {
        code = call();
    } catch (const std::exception& e) {
        report(explain(e));
        code = failure;
    }
    if (!std::cout.flush()) {
        report("cannot write to standard output");
        return failure;
    }
    return code;
}

}  // namespace

int run(const std::vector<command>& commands, std::vector<std::string> words) {
    parser parser(commands);
    const auto named = std::find_if(
        commands.begin(), commands.end(),
        [&](const program::command& each) { return !words.empty() && each.name == words.front(); });
    if (named == commands.end()) {
        return guarded(failure, [&]() -> int {
            const bool asks =
                !words.empty() && (words.front() == "--help" || words.front() == "-h" ||
                                   words.front() == "--version");
            if (asks) {
                parser.judge({words.front()});
                return yes;
            }
            refuse_unnamed(commands, words);
        });
    }
    words.erase(words.begin());
    return guarded(named->failure, [&] {
        return prepare(*named, parser, words) ? named->run(parser.as_json()) : yes;
    });
}

}  // namespace program
