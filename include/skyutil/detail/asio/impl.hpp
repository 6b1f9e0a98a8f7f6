// SPDX-License-Identifier: MIT
//
// detail/asio/impl.hpp: the bodies of what asio.hpp declares. Included at the end of
// skyutil/asio.hpp.

#pragma once

#include <skyutil/detail/base/throw.hpp>
#include <skyutil/subprocess.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/process/v2/process.hpp>

#include <system_error>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

inline boost::process::v2::process to_boost_process(const child_process& child,
                                                    const boost::asio::any_io_executor& executor) {
    if (!detail::child_process_access::child(child).identity().has_its_id()) {
        detail::throw_exception(
            std::system_error(std::make_error_code(std::errc::no_child_process),
                              "skyutil::to_boost_process: the child has been reaped"));
    }
    return boost::process::v2::process(executor,
                                       static_cast<boost::process::v2::pid_type>(child.pid()));
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
