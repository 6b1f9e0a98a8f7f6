// SPDX-License-Identifier: MIT
//
// skyutil/asio.hpp: processes and followed files for programs that use Boost.Asio.
//
//     skyutil::child_process child({"./server"});
//     const auto status = co_await skyutil::async_wait(executor, child,
//     boost::asio::use_awaitable);
//
// The functions whose names begin with async_ are asynchronous operations as Asio has them: any
// completion token will do, and its associated executor and cancellation slot count. None needs a
// thread, nor makes one wait, and none completes before it has returned. What an operation waits
// for has to live until it completes. Every cancellation type ends an operation at once and
// changes nothing else: it completes with boost::asio::error::operation_aborted.
//
// Needs Boost 1.81 or newer (Boost.Process v2).

#pragma once

#include <skyutil/detail/asio/looking.hpp>
#include <skyutil/follow.hpp>
#include <skyutil/process.hpp>
#include <skyutil/subprocess.hpp>
#include <skyutil/version.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/process/v2/process.hpp>
#include <boost/system/error_code.hpp>

#include <optional>

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

/// Completes with (error_code) when a process has ended, a child of this one or any other.
///
///     const auto server = skyutil::process_handle::open(pid);
///     co_await skyutil::async_wait(executor, server, boost::asio::use_awaitable);
///
/// **Errors**
/// - Those of process_handle::wait().
/// - errc::too_many_files_open: each operation takes one descriptor.
///
/// **Limits**
/// - Where the process has no pidfd it is looked at every ten milliseconds.
template <class Token>
auto async_wait(const boost::asio::any_io_executor& executor, const process_handle& process,
                Token&& token) {
    return detail::async_look<void(boost::system::error_code), Token>(
        executor, detail::look_for_end(process), token);
}

/// Completes with (error_code, exit_status) when a child has ended. It is not reaped by that, and
/// what it has left behind is still ended with its object.
///
/// **Errors**
/// - errc::too_many_files_open: each operation takes one descriptor.
///
/// **Limits**
/// - Where the child has no pidfd it is looked at every ten milliseconds.
template <class Token>
auto async_wait(const boost::asio::any_io_executor& executor, child_process& child, Token&& token) {
    return detail::async_look<void(boost::system::error_code, exit_status), Token>(
        executor, detail::look_for_status(child), token);
}

/// Completes with (error_code, std::optional<follow_event>) when a followed file has an event, or
/// with std::nullopt when follow_options::stop was requested. The text of the event is valid until
/// the follower is used again.
///
///     skyutil::file_follower log("service.log");
///     while (const auto event =
///                co_await skyutil::async_next(executor, log, boost::asio::use_awaitable)) { ... }
///
/// One operation at a time may wait for a follower. A cancelled one loses no event.
///
/// **Errors**
/// - Those of file_follower::next().
/// - errc::too_many_files_open: each operation that has to wait takes one descriptor.
template <class Token>
auto async_next(const boost::asio::any_io_executor& executor, file_follower& follower,
                Token&& token) {
    return detail::async_look<void(boost::system::error_code, std::optional<follow_event>), Token>(
        executor, detail::look_for_event(follower), token);
}

/// The same for many files.
template <class Token>
auto async_next(const boost::asio::any_io_executor& executor, file_follower_set& followers,
                Token&& token) {
    return detail::async_look<void(boost::system::error_code, std::optional<follow_event>), Token>(
        executor, detail::look_for_event(followers), token);
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE

#include <skyutil/detail/asio/impl.hpp>  // IWYU pragma: keep
