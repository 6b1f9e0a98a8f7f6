// SPDX-License-Identifier: MIT
//
// How does a program that uses Boost.Asio wait for a child without a thread for it?
//
//     skyutil_example_asio_wait sleep 1

#include <skyutil/asio.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <iostream>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    boost::asio::io_context context;
    // The child_process stays the owner: when it goes, everything that the child started is ended.
    skyutil::child_process child(std::vector<std::string>(argv + 1, argv + argc));
    skyutil::async_wait(
        context.get_executor(), child,
        [](const boost::system::error_code& error, const skyutil::exit_status& status) {
            if (error) {
                std::cerr << "cannot wait: " << error.message() << '\n';
            } else {
                std::cout << "ended with exit code " << status.exit_code << '\n';
            }
        });
    std::cout << "process " << child.pid() << " runs" << std::endl;
    context.run();
}
