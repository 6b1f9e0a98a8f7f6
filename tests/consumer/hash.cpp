// SPDX-License-Identifier: MIT

#include <skyutil/hash.hpp>

#include <span>
#include <string_view>

int main() {
    constexpr std::string_view text = "abc";
    const auto digest =
        skyutil::hash_bytes(std::as_bytes(std::span{text}), skyutil::hash_algorithm::md5);
    return digest.hex() == "900150983cd24fb0d6963f7d28e17f72" ? 0 : 1;
}
