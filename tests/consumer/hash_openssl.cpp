// SPDX-License-Identifier: MIT

#include <skyutil/hash_openssl.hpp>

int main() {
    const auto digest = skyutil::hash_file<skyutil::openssl::sha256>("/dev/null");
    return digest == skyutil::hash_bytes({}, skyutil::hash_algorithm::sha256) ? 0 : 1;
}
