// SPDX-License-Identifier: MIT
//
// How does a test server get a port that nobody else can take before it listens?
//
//     skyutil_example_serve_on_reserved_port 1 &    # ends after one connection
//     curl http://localhost:PORT/                   # with the port that was printed

#include <skyutil/files.hpp>
#include <skyutil/ports.hpp>

#include <array>
#include <cstdlib>
#include <iostream>
#include <string>

#include <sys/socket.h>

int main(int argc, char** argv) {
    skyutil::reserved_port port(8000);
    // The port is held from here on: its number can be told to others before the server listens.
    const std::string url = "http://localhost:" + std::to_string(port.port()) + "/";
    port.listen();
    std::cout << url << std::endl;

    const std::string text = "hello from " + url + "\n";
    const std::string answer =
        "HTTP/1.0 200 OK\r\nContent-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
    // A server that takes a listening socket gets port.release().
    for (int left = argc > 1 ? std::stoi(argv[1]) : -1; left != 0; --left) {
        const skyutil::unique_fd client(::accept(port.native_handle(), nullptr, nullptr));
        if (!client) {
            std::cerr << "no connection can be accepted\n";
            return EXIT_FAILURE;
        }
        std::array<char, 4096> request{};
        if (::recv(client.get(), request.data(), request.size(), 0) > 0) {
            ::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        }
    }
    return EXIT_SUCCESS;
}
