// SPDX-License-Identifier: MIT

#include <skyutil/asio.hpp>

#include <boost/asio/io_context.hpp>

int main() {
    boost::asio::io_context context;
    skyutil::child_process child({"echo", "text"}, {.stdout_to = skyutil::stdio_mode::null});
    int exit_code = -1;
    auto process = skyutil::to_boost_process(child, context.get_executor());
    process.async_wait(
        [&](const boost::system::error_code& error, int code) { exit_code = error ? -1 : code; });
    context.run();
    return exit_code;
}
