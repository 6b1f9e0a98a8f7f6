// SPDX-License-Identifier: MIT
//
// detail/os/attributes.hpp: owners, permissions, access control lists and extended attributes on
// the operating system that detail/os.hpp selects; apart from it because few need them.

#pragma once

#include <skyutil/detail/os.hpp>  // IWYU pragma: export

#if defined(__linux__)
#include <skyutil/detail/os/linux/attributes.hpp>  // IWYU pragma: export
#endif
