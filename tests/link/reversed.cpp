// SPDX-License-Identifier: MIT
//
// As a.cpp, with the headers in another order.

// clang-format off
#include <skyutil/version.hpp>
#include <skyutil/system.hpp>
#include <skyutil/strings.hpp>
#include <skyutil/process.hpp>
#include <skyutil/ports.hpp>
#include <skyutil/hash.hpp>
#include <skyutil/follow.hpp>
#include <skyutil/files.hpp>
#include <skyutil/skyutil.hpp>
// clang-format on

#include "calls.hpp"

calls calls_of_reversed() { return make_calls(); }
