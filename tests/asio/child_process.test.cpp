// SPDX-License-Identifier: MIT
//
// Children that Boost.Asio waits for.

#include <skyutil/asio.hpp>

#include <cerrno>
#include <string>
#include <system_error>

#include <signal.h>
#include <sys/wait.h>

#include <boost/asio/io_context.hpp>

#include "catch.hpp"

using Catch::Matchers::ContainsSubstring;
using skyutil::child_process;
using skyutil::shell;

namespace {

TEST_CASE("Asio waits for a child") {
    boost::asio::io_context context;
    child_process child(shell("sleep 0.1; exit 6"));
    auto process = skyutil::to_boost_process(child, context.get_executor());
    int exit_code = -1;
    bool failed = true;
    process.async_wait([&](const boost::system::error_code& error, int code) {
        failed = static_cast<bool>(error);
        exit_code = code;
    });
    context.run();
    CHECK_FALSE(failed);
    CHECK(exit_code == 6);
    const int left =
        child.wait().exit_code;  // the other has taken it; Linux 6.15 tells all the same
    CHECK((left == -1 || left == 6));
}

TEST_CASE("a child that others have reaped is no process of Boost's") {
    boost::asio::io_context context;
    const child_process child(shell("exit 3"));
    while (::waitpid(static_cast<pid_t>(child.pid()), nullptr, 0) == -1 && errno == EINTR) {
    }
    try {
        static_cast<void>(skyutil::to_boost_process(child, context.get_executor()));
        FAIL("nothing was thrown");
    } catch (const std::system_error& error) {
        CHECK(error.code() == std::errc::no_child_process);
        CHECK_THAT(error.what(), ContainsSubstring("skyutil::to_boost_process: "));
    }
}

}  // namespace
