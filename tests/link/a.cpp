// SPDX-License-Identifier: MIT

#include <skyutil/skyutil.hpp>

#include "calls.hpp"

calls calls_of_a() { return make_calls(); }
