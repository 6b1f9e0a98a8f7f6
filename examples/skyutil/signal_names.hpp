// SPDX-License-Identifier: MIT
//
// signal_names.hpp: signals as the commands take them.

#pragma once

#include "command_line.hpp"

namespace program {

/// Returns the number of a signal that is named as kill(1) takes it: "TERM", "sigterm", "15",
/// "RTMIN+2". Anything else: std::invalid_argument that names the option and the value.
[[nodiscard]] int to_signal(const argument& value);

}  // namespace program
