// SPDX-License-Identifier: MIT
//
// skyutil/skyutil.hpp: everything.
//
//     #include <skyutil/skyutil.hpp>
//
// Needs Crypto++ and Boost. The other headers but hash.hpp and asio.hpp, each alone, need the
// standard library and threads only.

#pragma once

#include <skyutil/asio.hpp>        // IWYU pragma: export
#include <skyutil/files.hpp>       // IWYU pragma: export
#include <skyutil/follow.hpp>      // IWYU pragma: export
#include <skyutil/hash.hpp>        // IWYU pragma: export
#include <skyutil/parallel.hpp>    // IWYU pragma: export
#include <skyutil/ports.hpp>       // IWYU pragma: export
#include <skyutil/process.hpp>     // IWYU pragma: export
#include <skyutil/stop_token.hpp>  // IWYU pragma: export
#include <skyutil/strings.hpp>     // IWYU pragma: export
#include <skyutil/subprocess.hpp>  // IWYU pragma: export
#include <skyutil/system.hpp>      // IWYU pragma: export
#include <skyutil/version.hpp>     // IWYU pragma: export
#include <skyutil/workers.hpp>     // IWYU pragma: export
