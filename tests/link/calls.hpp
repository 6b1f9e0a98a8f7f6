// SPDX-License-Identifier: MIT
//
// The same calls from several translation units.

#pragma once

#include <skyutil/skyutil.hpp>

#include <cstdint>
#include <string>

struct calls {
    std::string encoded = skyutil::base36_encode("deadbeef");
    std::string digest = skyutil::hash_bytes({}, skyutil::hash_algorithm::sha256).hex();
    bool first_process_exists = skyutil::pid_exists(1);
    int (*cpu_count)() = &skyutil::get_cpu_count;

    bool operator==(const calls&) const = default;
};

inline calls make_calls() { return {}; }

calls calls_of_a();
calls calls_of_reversed();
