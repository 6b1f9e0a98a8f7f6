// SPDX-License-Identifier: MIT
//
// How is a file hashed with OpenSSL instead of Crypto++?
//
//     skyutil_example_hash_with_openssl disk.img

#include <skyutil/hash_openssl.hpp>

#include <cstdlib>
#include <iostream>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "usage: " << argv[0] << " FILE\n";
        return EXIT_FAILURE;
    }
    // Both digests of one reading.
    const auto [sha256, sha512] =
        skyutil::hash_file<skyutil::openssl::sha256, skyutil::openssl::sha512>(argv[1]);
    std::cout << "SHA-256 " << sha256.hex() << "\nSHA-512 " << sha512.hex() << '\n';
    return EXIT_SUCCESS;
}
