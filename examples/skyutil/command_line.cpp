// SPDX-License-Identifier: MIT
//
// CLI11 takes "[a,b]" apart and strips other values too, so it never sees one: it gets the options
// with a stand-in for each value, judges them and makes the help. The values and operands go to the
// commands as they were typed.

#include "command_line.hpp"

#include "common.hpp"

#include <skyutil/version.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <iostream>
#include <memory>
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

bool has_name(const option& option, std::string_view name) {
    const std::string_view names = option.names;
    const std::size_t comma = names.find(',');
    return name == names.substr(0, comma) ||
           (comma != names.npos && name == names.substr(comma + 1));
}

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
        const auto found =
            std::find_if(command_.options.begin(), command_.options.end(),
                         [&](const option& option) { return has_name(option, name); });
        return found == command_.options.end() ? nullptr : &*found;
    }

    void take_long(const std::string& word) {
        const std::size_t equal = word.find('=');
        const std::string name = word.substr(0, equal);
        const option* const option = find(name);
        if (option == nullptr) {
            take_common(name);
        } else if (option->value.empty()) {
            if (equal != word.npos) {
                throw std::invalid_argument(name + " takes no value");
            }
            found_.shape.push_back(name);
            found_.settings.push_back({option, {name, {}}});
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
            } else if (option->value.empty()) {
                found_.shape.push_back(name);
                found_.settings.push_back({option, {name, {}}});
            } else if (i + 1 != word.size()) {
                take_value(*option, name, word.substr(i + 1));
                return;
            } else {
                take_next(*option, name);
            }
        }
    }

    /// An option that every command has.
    void take_common(const std::string& name) {
        if (name != "--json" && name != "--help" && name != "-h") {
            throw std::invalid_argument(command_.name + " has no option " + name);
        }
        found_.shape.push_back(name);
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
        app_.set_version_flag("--version", std::string(skyutil::version));
        app_.require_subcommand(1);
        for (const command& command : commands) {
            add(command);
        }
    }

    bool as_json() const { return as_json_; }

    /// Returns false when the help or the version was asked for, and prints it.
    bool judge(std::vector<std::string> words) {
        std::reverse(words.begin(), words.end());
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

}  // namespace

int run(const std::vector<command>& commands, std::vector<std::string> words) {
    parser parser(commands);
    const auto named = std::find_if(words.begin(), words.end(),
                                    [](const std::string& word) { return !word.starts_with('-'); });
    const auto command = std::find_if(
        commands.begin(), commands.end(),
        [&](const program::command& each) { return named != words.end() && each.name == *named; });
    try {
        if (command == commands.end()) {
            if (!parser.judge(std::move(words))) {
                return yes;
            }
            throw std::invalid_argument("A subcommand is required");
        }
        const std::vector<std::string> after(named + 1, words.end());
        words.erase(named + 1, words.end());
        taken_apart found = word_splitter(*command, after).split();
        words.insert(words.end(), found.shape.begin(), found.shape.end());
        if (!parser.judge(std::move(words))) {
            return yes;
        }
        check_count(*command, found.operands);
        for (const setting& setting : found.settings) {
            setting.what->set(setting.value);
        }
        for (const argument& operand : found.operands) {
            command->operands.add(operand);
        }
    } catch (const std::invalid_argument& e) {
        report(std::string(e.what()) + " (skyutil --help lists the commands)");
        return command == commands.end() ? program::failure : command->failure;
    }
    try {
        const int code = command->run(parser.as_json());
        if (!std::cout.flush()) {
            report("cannot write to standard output");
            return command->failure;
        }
        return code;
    } catch (const std::exception& e) {
        report(e.what());
        return command->failure;
    }
}

}  // namespace program
