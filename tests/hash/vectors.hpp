// SPDX-License-Identifier: MIT
//
// tests/hash/vectors.hpp: the published vectors of tests/data/hash_*.txt, for whatever computes
// them.
//
//     check_vectors("sha256", [](std::string_view message) { return skyutil::digest(...); });

#pragma once

#include <skyutil/hash.hpp>

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "support_linux.hpp"

namespace skyutil_tests {

inline std::string bytes_of_hex(std::string_view hex) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
        bytes += static_cast<char>(digits.find(hex[i]) << 4 | digits.find(hex[i + 1]));
    }
    return bytes;
}

/// One message of a file, or one checkpoint of its Monte Carlo test.
struct hash_vector {
    std::string section;
    std::map<std::string, std::string> fields;
};

inline std::vector<hash_vector> read_vectors(const std::string& algorithm) {
    const std::string name = "hash_" + algorithm + ".txt";
    std::ifstream in(std::filesystem::path(SKYUTIL_TEST_DATA) / name);
    std::vector<hash_vector> vectors;
    std::string section;
    bool in_one = false;
    for (std::string line; std::getline(in, line);) {
        const std::size_t equals = line.find(" = ");
        if (line.starts_with('[')) {
            section = line.substr(1, line.size() - 2);
        } else if (equals != std::string::npos && !line.starts_with('#')) {
            if (!in_one) {
                vectors.push_back({section, {}});
            }
            vectors.back().fields[line.substr(0, equals)] = line.substr(equals + 3);
        }
        in_one = equals != std::string::npos;
    }
    if (vectors.empty()) {
        throw std::runtime_error("no vectors in " + name);
    }
    return vectors;
}

using hash_function = std::function<skyutil::digest(std::string_view message)>;

/// The Monte Carlo test of the SHA Validation System (SHAVS 2004, 6.4; SHA-3: SHA3VS 2016, 6.2.3).
inline void check_monte_carlo(std::string seed, const std::map<std::size_t, std::string>& expected,
                              bool sha3, const hash_function& hash) {
    for (std::size_t count = 0; count <= expected.rbegin()->first; ++count) {
        std::array<std::string, 3> last{seed, seed, seed};
        for (std::size_t i = 0; i < 1000; ++i) {
            const skyutil::digest digest = hash(sha3 ? last[2] : last[0] + last[1] + last[2]);
            std::string next(digest.bytes().size(), '\0');
            std::memcpy(next.data(), digest.bytes().data(), next.size());
            last = {last[1], last[2], next};
        }
        seed = last[2];
        if (expected.contains(count)) {
            INFO("checkpoint " << count);
            CHECK(seed == bytes_of_hex(expected.at(count)));
        }
    }
}

/// Checks every vector of an algorithm; returns how many messages there were.
inline std::size_t check_vectors(const std::string& algorithm, const hash_function& hash) {
    INFO(algorithm);
    std::size_t messages = 0;
    std::string seed;
    std::map<std::size_t, std::string> checkpoints;
    for (const hash_vector& vector : read_vectors(algorithm)) {
        const auto& fields = vector.fields;
        if (fields.contains("Seed")) {
            seed = bytes_of_hex(fields.at("Seed"));
        } else if (fields.contains("COUNT")) {
            checkpoints[std::stoul(fields.at("COUNT"))] = fields.at("MD");
        } else {
            const std::size_t size = std::stoul(fields.at("Len")) / 8;
            std::string message;
            if (fields.contains("Msg")) {
                message = bytes_of_hex(fields.at("Msg")).substr(0, size);
            } else {
                for (std::size_t i = 0; i < size; ++i) {
                    message += static_cast<char>(static_cast<unsigned char>(i));
                }
            }
            INFO(size << " bytes");
            REQUIRE(message.size() == size);
            CHECK(hash(message).hex() == fields.at("MD"));
            ++messages;
        }
    }
    if (!checkpoints.empty()) {
        check_monte_carlo(seed, checkpoints, algorithm.starts_with("sha3_"), hash);
    }
    return messages;
}

}  // namespace skyutil_tests
