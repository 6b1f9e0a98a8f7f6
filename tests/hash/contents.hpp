// SPDX-License-Identifier: MIT
//
// tests/hash/contents.hpp: contents to hash, and what becomes of a file that is hashed.

#pragma once

#include <skyutil/hash.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "support_linux.hpp"

namespace skyutil_tests {

using skyutil::digest;
using skyutil::hash_algorithm;
namespace fs = std::filesystem;

inline constexpr std::array every_algorithm{
    hash_algorithm::md5,      hash_algorithm::sha1,     hash_algorithm::sha224,
    hash_algorithm::sha256,   hash_algorithm::sha384,   hash_algorithm::sha512,
    hash_algorithm::sha3_256, hash_algorithm::sha3_512, hash_algorithm::blake2b,
    hash_algorithm::blake2s,
};

inline std::span<const std::byte> as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

inline std::string hash_text(std::string_view text, hash_algorithm algorithm) {
    return skyutil::hash_bytes(as_bytes(text), algorithm).hex();
}

inline std::string random_bytes(std::size_t size) {
    std::mt19937_64 random(size);
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; i += 8) {
        const std::uint64_t bits = random();
        for (std::size_t j = i; j < size && j < i + 8; ++j) {
            text[j] = static_cast<char>(static_cast<unsigned char>(bits >> (8 * (j - i))));
        }
    }
    return text;
}

struct outcome {
    std::error_code error;
    digest result;
};

inline outcome try_hash(const fs::path& path, hash_algorithm algorithm = hash_algorithm::sha256) {
    outcome result;
    result.error = std::make_error_code(std::errc::bad_message);  // stale
    result.result = skyutil::hash_file(path, algorithm, result.error);
    return result;
}

/// The byte at a place of a file that readers may find shorter or longer.
inline unsigned char pattern_at(std::uint64_t offset) {
    return static_cast<unsigned char>((offset * 2'654'435'761U) >> 13);
}

inline std::string pattern(std::uint64_t offset, std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>(pattern_at(offset + i));
    }
    return text;
}

/// A hasher of a user: how many bytes it was given, and whether all were those of the pattern.
class pattern_hasher {
public:
    static constexpr unsigned DIGESTSIZE = 9;

    void Update(const unsigned char* bytes, std::size_t size) {
        for (std::size_t i = 0; i < size; ++i) {
            right_ = right_ && bytes[i] == pattern_at(count_ + i);
        }
        count_ += size;
    }
    void Final(unsigned char* out) {
        for (unsigned i = 0; i < 8; ++i) {
            out[i] = static_cast<unsigned char>(count_ >> (8 * i));
        }
        out[8] = right_ ? 1 : 0;
    }

    static std::uint64_t count(const digest& result) {
        std::uint64_t value = 0;
        for (std::size_t i = 8; i-- != 0;) {
            value = value << 8 | std::to_integer<std::uint64_t>(result.bytes()[i]);
        }
        return value;
    }
    static bool right(const digest& result) { return result.bytes()[8] == std::byte{1}; }

private:
    std::uint64_t count_ = 0;
    bool right_ = true;
};

/// Files of the given sizes, with other bytes in each.
inline std::vector<fs::path> make_files(const temporary_directory& directory,
                                        const std::vector<std::size_t>& sizes) {
    std::vector<fs::path> paths;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
        paths.push_back(directory / std::to_string(i));
        write_file(paths.back(), pattern(i, sizes[i]));
    }
    return paths;
}

}  // namespace skyutil_tests
