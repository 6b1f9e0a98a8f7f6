// SPDX-License-Identifier: MIT

#include "signal_names.hpp"

#include "numbers.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace program {

namespace {

struct named_signal {
    std::string_view name;
    int number;
};

constexpr std::array names{
    named_signal{"HUP", SIGHUP},   named_signal{"INT", SIGINT},       named_signal{"QUIT", SIGQUIT},
    named_signal{"ILL", SIGILL},   named_signal{"TRAP", SIGTRAP},     named_signal{"ABRT", SIGABRT},
    named_signal{"IOT", SIGABRT},  named_signal{"BUS", SIGBUS},       named_signal{"FPE", SIGFPE},
    named_signal{"KILL", SIGKILL}, named_signal{"USR1", SIGUSR1},     named_signal{"SEGV", SIGSEGV},
    named_signal{"USR2", SIGUSR2}, named_signal{"PIPE", SIGPIPE},     named_signal{"ALRM", SIGALRM},
    named_signal{"TERM", SIGTERM}, named_signal{"CHLD", SIGCHLD},     named_signal{"CLD", SIGCHLD},
    named_signal{"CONT", SIGCONT}, named_signal{"STOP", SIGSTOP},     named_signal{"TSTP", SIGTSTP},
    named_signal{"TTIN", SIGTTIN}, named_signal{"TTOU", SIGTTOU},     named_signal{"URG", SIGURG},
    named_signal{"XCPU", SIGXCPU}, named_signal{"XFSZ", SIGXFSZ},     named_signal{"PROF", SIGPROF},
    named_signal{"IO", SIGIO},     named_signal{"VTALRM", SIGVTALRM}, named_signal{"POLL", SIGIO},
    named_signal{"PWR", SIGPWR},   named_signal{"WINCH", SIGWINCH},   named_signal{"SYS", SIGSYS},
};

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

/// "RTMIN", "RTMIN+N", "RTMAX", "RTMAX-N"
std::optional<int> real_time_signal(const argument& value, std::string_view name) {
    const bool upwards = name.starts_with("RTMIN");
    if (!upwards && !name.starts_with("RTMAX")) {
        return std::nullopt;
    }
    name.remove_prefix(5);
    if (name.empty()) {
        return upwards ? SIGRTMIN : SIGRTMAX;
    }
    if (name.front() != (upwards ? '+' : '-') || !is_number(name.substr(1))) {
        return std::nullopt;
    }
    const int distance =
        to_number<int>({value.name, std::string(name.substr(1))}, 0, SIGRTMAX - SIGRTMIN);
    return upwards ? SIGRTMIN + distance : SIGRTMAX - distance;
}

}  // namespace

int to_signal(const argument& value) {
    if (is_number(value.text)) {
        return to_number<int>(value, 1, SIGRTMAX);
    }
    std::string upper = value.text;
    std::transform(upper.begin(), upper.end(), upper.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    std::string_view name = upper;
    name.remove_prefix(name.starts_with("SIG") ? 3 : 0);
    const auto found = std::find_if(names.begin(), names.end(),
                                    [&](const named_signal& each) { return each.name == name; });
    if (found != names.end()) {
        return found->number;
    }
    if (const std::optional<int> number = real_time_signal(value, name)) {
        return *number;
    }
    throw std::invalid_argument(
        value.name + ": '" + value.text +
        "' is no signal; allowed: a name such as TERM, or a number from 1 to " +
        std::to_string(SIGRTMAX));
}

}  // namespace program
