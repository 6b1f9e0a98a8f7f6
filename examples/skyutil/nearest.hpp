// SPDX-License-Identifier: MIT
//
// nearest.hpp: what somebody who mistyped a name may have meant.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace program {

/// Returns "; did you mean 'hash'?" with the name that is nearest to the word, in any letter case;
/// nothing when none is near.
[[nodiscard]] std::string suggest(std::string_view word, const std::vector<std::string>& names);

}  // namespace program
