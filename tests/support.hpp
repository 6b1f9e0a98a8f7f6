// SPDX-License-Identifier: MIT
//
// tests/support.hpp: what several tests need on any system: temporary directories, rows of
// reference answers.
//
//     const temporary_directory directory;
//     write_file(directory / "name", "text\n");
//     for (const nlohmann::json& row : read_rows("hash_file.jsonl")) { ... }

#pragma once

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <nlohmann/json.hpp>

#include "catch.hpp"

namespace skyutil_tests {

[[noreturn]] inline void throw_errno(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

/// A new directory that every user may enter, removed with all that is in it.
class temporary_directory {
public:
    temporary_directory() {
        std::random_device random;
        do {
            path_ = std::filesystem::temp_directory_path() /
                    ("skyutil-test-" + std::to_string(random()) + std::to_string(random()));
        } while (!std::filesystem::create_directory(path_));
        std::filesystem::permissions(path_, std::filesystem::perms(0755));
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;
    ~temporary_directory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

inline std::filesystem::path operator/(const temporary_directory& directory,
                                       const std::filesystem::path& name) {
    return directory.path() / name;
}

inline void write_file(const std::filesystem::path& path, std::string_view text) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(text.data(), static_cast<std::streamsize>(text.size()));
    if (!out.flush()) {
        throw_errno("write " + path.string());
    }
}

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        throw_errno("open " + path.string());
    }
    return {std::istreambuf_iterator<char>(in), {}};
}

/// Counts rounds: all of them where they are fast, or SKYUTIL_TEST_ALL_ROUNDS is set; else as many
/// as ten seconds allow, and at least 20.
class rounds {
public:
    explicit rounds(int most) : most_(most) {}

    /// Whether there is another one, which is counted.
    bool next() {
        const bool more = count_ < most_ && (all_ || count_ < 20 || clock::now() < enough_);
        count_ += more ? 1 : 0;
        return more;
    }
    int count() const { return count_; }

private:
    using clock = std::chrono::steady_clock;

    int most_;
    int count_ = 0;
    bool all_ = std::getenv("SKYUTIL_TEST_ALL_ROUNDS") != nullptr;
    clock::time_point enough_ = clock::now() + std::chrono::seconds(10);
};

inline std::string decode_base64(std::string_view text) {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    unsigned bits = 0;
    int count = 0;
    for (const char c : text) {
        const std::size_t value = alphabet.find(c);
        if (value == std::string_view::npos) {
            if (c != '=') {
                throw std::invalid_argument("not base64: " + std::string(text));
            }
            continue;
        }
        bits = (bits << 6 | static_cast<unsigned>(value)) & 0xffffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            out += static_cast<char>(static_cast<unsigned char>(bits >> count));
        }
    }
    return out;
}

/// The rows of a file of tests/data, which has one JSON object a line.
inline std::vector<nlohmann::json> read_rows(const std::string& name) {
    std::ifstream in(std::filesystem::path(SKYUTIL_TEST_DATA) / name);
    std::vector<nlohmann::json> rows;
    for (std::string line; std::getline(in, line);) {
        rows.push_back(nlohmann::json::parse(line));
    }
    if (rows.empty()) {
        throw std::runtime_error("no rows in " + name);
    }
    return rows;
}

}  // namespace skyutil_tests
