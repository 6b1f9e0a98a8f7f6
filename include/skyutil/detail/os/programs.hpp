// SPDX-License-Identifier: MIT
//
// detail/os/programs.hpp: pipes and the start of programs on the operating system that
// detail/os.hpp selects; apart from it because few need them.

#pragma once

#include <skyutil/detail/os.hpp>  // IWYU pragma: export

#if defined(__linux__)
#include <skyutil/detail/os/linux/programs.hpp>  // IWYU pragma: export
#endif
