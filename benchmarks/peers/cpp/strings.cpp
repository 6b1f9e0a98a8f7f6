// SPDX-License-Identifier: MIT

#include "../../rivals/strings.hpp"
#include "peer.hpp"

#include <skyutil/strings.hpp>

namespace {

using peer::add;
using peer::fields;

struct real {
    double value;
    int precision;
};

real real_input(const fields& line) { return {std::stod(line.at(0)), std::stoi(line.at(1))}; }

struct long_text {
    std::string text;
    std::size_t max_length;
    skyutil::truncate_mode mode;
};

long_text long_input(const fields& line) {
    return {line.at(0), std::stoul(line.at(1)),
            line.at(2) == "middle" ? skyutil::truncate_mode::middle : skyutil::truncate_mode::word};
}

const peer::registration registered([] {
    add("skyutil", "base36_encode", peer::text,
        [](const std::string& hex) { return skyutil::base36_encode(hex); });
#if defined(SKYUTIL_BENCH_GMP)
    add("GMP", "base36_encode", peer::text, rivals::base36_by_gmp);
#endif

    add("skyutil", "format_float", real_input,
        [](const real& x) { return skyutil::format_float(x.value, x.precision); });
    add("std::to_chars", "format_float", real_input,
        [](const real& x) { return rivals::format_by_to_chars(x.value, x.precision); });
    add("snprintf", "format_float", real_input,
        [](const real& x) { return rivals::format_by_snprintf(x.value, x.precision); });

    add("skyutil", "truncate_long_string", long_input, [](const long_text& x) {
        return skyutil::truncate_long_string(x.text, x.max_length, x.mode);
    });
    add(
        "floor: copy of the answer", "truncate_long_string",
        [](const fields& line) {
            const long_text x = long_input(line);
            return skyutil::truncate_long_string(x.text, x.max_length, x.mode);
        },
        [](const std::string& answer) { return std::string(answer.data(), answer.size()); });
});

}  // namespace
