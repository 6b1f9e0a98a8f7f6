// SPDX-License-Identifier: MIT
//
// How does a server get a port that nobody else can take before it listens?
//
//     skyutil_example_serve_on_reserved_port 1 &    # ends after one connection
//     curl http://localhost:PORT/                   # with the port printed

#include <skyutil/files.hpp>
#include <skyutil/ports.hpp>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <system_error>
#include <utility>

#include <sys/socket.h>

namespace {

/// A server as others write it: it knows nothing of skyutil and takes a socket that listens.
void serve(int listener, int connections, const std::string& text) {
    for (; connections != 0; --connections) {
        const skyutil::unique_fd client(::accept(listener, nullptr, nullptr));
        if (!client) {
            throw std::system_error(errno, std::generic_category(), "accept");
        }
        std::array<char, 4096> request{};
        if (::recv(client.get(), request.data(), request.size(), 0) > 0) {
            const std::string answer =
                "HTTP/1.0 200 OK\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" +
                text;
            ::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        skyutil::reserved_port port(8000);
        // The number can be told to others already: the port is held from here to the end.
        const std::string url = "http://localhost:" + std::to_string(port.port()) + "/";
        port.listen();
        std::cout << url << std::endl;
        const skyutil::unique_fd listener(port.release());
        serve(listener.get(), argc > 1 ? std::stoi(argv[1]) : -1, "hello from " + url + "\n");
        return EXIT_SUCCESS;
    } catch (const std::exception& e) {
        std::cerr << e.what() << '\n';
        return EXIT_FAILURE;
    }
}
