// SPDX-License-Identifier: MIT
//
// detail/os/linux.hpp: the system calls. Interrupted calls are repeated, short reads are completed,
// every descriptor is closed on exec; nothing here allocates or throws.

#pragma once

#include <skyutil/detail/os/base.hpp>             // IWYU pragma: export
#include <skyutil/detail/os/linux/children.hpp>   // IWYU pragma: export
#include <skyutil/detail/os/linux/files.hpp>      // IWYU pragma: export
#include <skyutil/detail/os/linux/processes.hpp>  // IWYU pragma: export
#include <skyutil/detail/os/machine.hpp>          // IWYU pragma: export
