// SPDX-License-Identifier: MIT

#include "commands.hpp"
#include "common.hpp"
#include "numbers.hpp"

#include <skyutil/strings.hpp>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

namespace program {

namespace {

int base36(const std::vector<std::string>& numbers, bool decode, bool as_json) {
    json list = json::array();
    for (const std::string& number : numbers) {
        const std::string result =
            decode ? skyutil::base36_decode(number) : skyutil::base36_encode(number);
        if (as_json) {
            list.push_back({{"from", number}, {"to", result}});
        } else {
            std::cout << result << '\n';
        }
    }
    if (as_json) {
        print(list);
    }
    return yes;
}

}  // namespace

command base36_command() {
    const auto numbers = std::make_shared<std::vector<std::string>>();
    const auto decode = std::make_shared<bool>(false);
    return {.name = "base36",
            .summary = "Turn hexadecimal numbers into base 36",
            .options = {{.names = "-d,--decode",
                         .help = "Turn base 36 into hexadecimal",
                         .set = call([=] { *decode = true; })}},
            .operands = {.name = "number",
                         .help = "Numbers of any length",
                         .least = 1,
                         .add = [=](const argument& number) { numbers->push_back(number.text); }},
            .run = [=](bool as_json) { return base36(*numbers, *decode, as_json); }};
}

}  // namespace program
