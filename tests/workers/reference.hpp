// SPDX-License-Identifier: MIT
//
// tests/workers/reference.hpp: the rows of the reference answers of workers, and directories.

#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "support.hpp"

namespace skyutil_tests {

using nlohmann::json;
using path = std::filesystem::path;

/// Rows of the reference answers in which the original is wrong, and why.
inline const std::map<std::string, std::string> differing_rows{
    {"workers-000103", "the Kelvin sign is no letter K: clouds are compared in ASCII"},
    {"workers-000142", "the Kelvin sign is no letter K: clouds are compared in ASCII"},
    {"workers-000181", "the Kelvin sign is no letter K: clouds are compared in ASCII"},
    {"workers-000226", "a limit of -1 is none"},
    {"workers-000236", "a limit of -1 is none"},
    {"workers-000239", "a limit of -1 is none"},
    {"workers-000243", "a limit of -1 is none"},
    {"workers-000247", "a limit of -1 is none"},
};

inline std::string cloud_of(const json& row) {
    return row["cloud"].is_null() ? "" : row["cloud"].get<std::string>();
}

/// The original takes a machine that does not know for one CPU.
inline int cpus_of(const json& row) {
    return row["cpu_count"].is_null() ? 1 : row["cpu_count"].get<int>();
}

inline std::uint64_t descriptors_of(const json& row) {
    std::uint64_t most = 5;
    for (const auto& [target, source] : row["mounts"].items()) {
        const auto found = row["dir_entry_counts"].find(source.get<std::string>());
        if (found != row["dir_entry_counts"].end()) {
            most = (std::max)(most, 5 * found->get<std::uint64_t>());
        }
    }
    return most;
}

inline path make_directory(const temporary_directory& parent, const std::string& name,
                           int entries) {
    const path directory = parent / name;
    std::filesystem::create_directory(directory);
    for (int i = 0; i < entries; ++i) {
        write_file(directory / std::to_string(i), "");
    }
    return directory;
}

}  // namespace skyutil_tests
