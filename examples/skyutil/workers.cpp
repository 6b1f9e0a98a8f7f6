// SPDX-License-Identifier: MIT

#include "commands.hpp"
#include "common.hpp"
#include "numbers.hpp"
#include "system.hpp"

#include <skyutil/process.hpp>
#include <skyutil/workers.hpp>

#include <cstddef>
#include <filesystem>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace program {

namespace {

struct workers_arguments {
    std::vector<std::filesystem::path> sources;
    std::string cloud;
    std::optional<std::size_t> estimate_sources;
    std::size_t estimate_files = 100;
};

int workers(const workers_arguments& arguments, bool as_json) {
    const int threads = skyutil::get_parallel_threads(arguments.cloud);
    const int count =
        arguments.estimate_sources
            ? skyutil::get_max_workers_for_file_mounts(*arguments.estimate_sources,
                                                       arguments.estimate_files, arguments.cloud)
            : skyutil::get_max_workers_for_file_mounts(arguments.sources, arguments.cloud);
    if (as_json) {
        print({{"workers", count}, {"parallel_threads", threads}});
    } else {
        std::cout << count << '\n';
    }
    return yes;
}

}  // namespace

command workers_command() {
    const auto with = std::make_shared<workers_arguments>();
    return {
        .name = "workers",
        .summary = "Print how many workers may copy directories at once",
        .options =
            {{.names = "--cloud",
              .help = "\"kubernetes\" allows four times as many",
              .value = "NAME",
              .set = [=](const argument& name) { with->cloud = name.text; }},
             {.names = "--sources",
              .help = "Estimate for a number of sources instead",
              .value = "N",
              .set =
                  [=](const argument& n) { with->estimate_sources = to_number<std::size_t>(n); }},
             {.names = "--files",
              .help = "Files in each source, for the estimate",
              .value = "N",
              .by_default = "100",
              .set = [=](const argument& n) { with->estimate_files = to_number<std::size_t>(n); }}},
        .operands = {.name = "source",
                     .help = "Files and directories",
                     .kind = kind::file,
                     .add =
                         [=](const argument& source) {
                             with->sources.push_back(to_path(source.text));
                         }},
        .run = [=](bool as_json) { return workers(*with, as_json); }};
}

}  // namespace program
