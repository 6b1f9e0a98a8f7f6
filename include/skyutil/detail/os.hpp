// SPDX-License-Identifier: MIT
//
// detail/os.hpp: the operating system. The only place that selects one, with detail/os/*.hpp for
// what few need; everything in detail::os has the same signature on each.

#pragma once

#if defined(__linux__)
#include <skyutil/detail/os/linux.hpp>  // IWYU pragma: export
#else
#error "skyutil runs on Linux so far; <skyutil/strings.hpp> alone needs no operating system"
#endif
