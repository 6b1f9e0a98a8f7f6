// SPDX-License-Identifier: MIT

#include "signal_names.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace program {

int to_signal(const argument& value) {
    std::string name = value.text;
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    if (name.starts_with("SIG")) {
        name.erase(0, 3);
    }
    if (name == "TERM" || name == "15") {
        return 15;
    }
    if (name == "KILL" || name == "9") {
        return 9;
    }
    throw std::invalid_argument(value.name + ": '" + value.text +
                                "' is no signal here, as Windows has none; allowed: TERM, which "
                                "asks before it ends, and KILL, which does not ask");
}

}  // namespace program
