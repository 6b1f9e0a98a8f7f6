// SPDX-License-Identifier: MIT
//
// What are the SHA-256 digests of many files, and how far is the work?
//
//     skyutil_example_hash_with_progress *.iso

#include <skyutil/hash.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <vector>

int main(int argc, char** argv) {
    const std::vector<std::filesystem::path> paths(argv + 1, argv + argc);
    const auto show = [&](std::uint64_t bytes, std::size_t files) {
        std::cerr << '\r' << bytes / 1'000'000 << " MB, " << files << " of " << paths.size()
                  << " files" << std::flush;
    };
    // Several files are read at once; the results are in the order of the paths.
    const auto results =
        skyutil::hash_files(paths, skyutil::hash_algorithm::sha256, {.progress = show});
    std::cerr << '\n';
    bool all = true;
    for (const auto& [path, digest, error] : results) {
        if (error) {
            std::cerr << path.native() << ": " << error.message() << '\n';
            all = false;
        } else {
            std::cout << digest.hex() << "  " << path.native() << '\n';
        }
    }
    return all ? EXIT_SUCCESS : EXIT_FAILURE;
}
