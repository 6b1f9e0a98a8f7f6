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

#include <skyutil/detail/base/throw.hpp>
#include <skyutil/subprocess.hpp>
#include <skyutil/version.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/process/v2/process.hpp>

#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

namespace detail {

struct child_process_access {
    [[nodiscard]] static bool has_its_id(const child_process& child) noexcept {
        return child.child_.identity().has_its_id();
    }
};

}  // namespace detail

/// Returns the child as a process of Boost.Process, to wait for it with async_wait() on an executor
/// of Asio. The child_process still ends the tree. Whoever waits through the other takes the exit
/// code, and this one then knows none (-1). The destructor of boost::process::v2::process kills a
/// child that runs, unless it was detached.
///
/// Throws std::system_error with std::errc::no_child_process where others have reaped the child.
[[nodiscard]] inline boost::process::v2::process to_boost_process(
    const child_process& child, const boost::asio::any_io_executor& executor) {
    if (!detail::child_process_access::has_its_id(child)) {
        detail::throw_exception(
            std::system_error(std::make_error_code(std::errc::no_child_process),
                              "skyutil::to_boost_process: the child has been reaped"));
    }
    return boost::process::v2::process(executor,
                                       static_cast<boost::process::v2::pid_type>(child.pid()));
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
