// SPDX-License-Identifier: MIT
//
// A unit whose settings are on the compiler's command line.

#include "modes.hpp"

int SKYUTIL_TEST_CALL(bool with_throwing_forms) { return check_calls(with_throwing_forms); }
