// SPDX-License-Identifier: MIT
//
// How is a function called for many directories, several at a time, with the results in order?
//
//     skyutil_example_parallel_map /usr/*/

#include <skyutil/files.hpp>
#include <skyutil/parallel.hpp>
#include <skyutil/workers.hpp>

#include <cstddef>
#include <filesystem>
#include <iostream>
#include <vector>

int main(int argc, char** argv) {
    const std::vector<std::filesystem::path> paths(argv + 1, argv + argc);
    // As many as the CPUs and the limit on descriptors allow.
    const int workers = skyutil::get_max_workers_for_file_mounts(paths);
    // An exception of a call, here of a path that is no directory, ends the work and is rethrown.
    const std::vector<std::size_t> entries = skyutil::run_in_parallel(
        [](const std::filesystem::path& path) { return skyutil::count_directory_entries(path); },
        paths, workers);
    for (std::size_t i = 0; i != paths.size(); ++i) {
        std::cout << entries[i] << '\t' << paths[i].native() << '\n';
    }
    std::cerr << "with " << workers << " threads\n";
}
