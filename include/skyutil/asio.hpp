// SPDX-License-Identifier: MIT
//
// skyutil/asio.hpp: children of skyutil/subprocess.hpp for programs that use Boost.Asio.
//
//     skyutil::child_process child({"./server"});
//     auto process = skyutil::to_boost_process(child, context.get_executor());
//     process.async_wait([](boost::system::error_code error, int exit_code) { ... });
//
// Needs Boost 1.81 or newer (Boost.Process v2).

#pragma once

#include <skyutil/subprocess.hpp>
#include <skyutil/version.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/process/v2/process.hpp>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// Returns the child as a process of Boost.Process, to wait for it with async_wait() on an executor
/// of Asio.
///
/// **Errors**
/// - Throws std::system_error with std::errc::no_child_process if other code of
///   this process has reaped the child.
///
/// **Guarantees**
/// - The child_process still ends the tree.
///
/// **Limits**
/// - A wait through the process of Boost.Process takes the exit code; the child_process does not
///   know it then (-1).
/// - The destructor of boost::process::v2::process kills a child that still runs, unless the
///   process was detached.
[[nodiscard]] boost::process::v2::process to_boost_process(
    const child_process& child, const boost::asio::any_io_executor& executor);

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE

#include <skyutil/detail/asio/impl.hpp>  // IWYU pragma: keep
