// SPDX-License-Identifier: MIT
//
// tests/system/situations.hpp: the situations in tests/fixtures: copies of the files of /proc and
// /sys that matter, and the budgets that follow from them; and variables that override them.

#pragma once

#include <skyutil/system.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "environment.hpp"
#include "support.hpp"

namespace skyutil_tests {

using nlohmann::json;

inline constexpr double gib = 1024.0 * 1024.0 * 1024.0;
inline constexpr std::array cpu_variables{"SKYUTIL_CPU_COUNT", "SKYPILOT_POD_CPU_CORE_LIMIT"};
inline constexpr std::array memory_variables{"SKYUTIL_MEMORY_BYTES", "SKYPILOT_POD_MEMORY_GB_LIMIT",
                                             "SKYPILOT_POD_MEMORY_BYTES_LIMIT"};

/// No override, whatever the environment of the tests is.
class no_overrides {
    scoped_variable a_{cpu_variables[0], nullptr};
    scoped_variable b_{cpu_variables[1], nullptr};
    scoped_variable c_{memory_variables[0], nullptr};
    scoped_variable d_{memory_variables[1], nullptr};
    scoped_variable e_{memory_variables[2], nullptr};
};

inline double gib_of(const skyutil::memory_budget& budget) {
    return static_cast<double>(budget.usable()) / gib;
}

/// What an invalid_argument says; empty when there was none.
inline std::string invalid_argument_of(const std::function<void()>& function) {
    try {
        function();
    } catch (const std::invalid_argument& exception) {
        return exception.what();
    }
    return {};
}

// ------------------------------------------------------------------------------------------
// fixtures

/// A situation: the files of a machine and the budgets that follow from them.
struct situation {
    std::string name;
    json expected;
    std::vector<std::pair<std::string, std::string>> files;
};

/// Comment lines, then sections "== NAME": `expected`, in JSON, and files by their full names. The
/// blank line before the next section belongs to neither.
inline situation read_situation(const std::filesystem::path& path) {
    situation result;
    result.name = path.stem().string();
    std::istringstream in(read_file(path));
    std::string* text = nullptr;
    std::string expected;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("== ")) {
            if (text != nullptr && text->ends_with('\n')) {
                text->pop_back();
            }
            const std::string name = line.substr(3);
            text = name == "expected" ? &expected : &result.files.emplace_back(name, "").second;
        } else if (text != nullptr) {
            *text += line + '\n';
        }
    }
    result.expected = json::parse(expected);
    return result;
}

/// Of many texts in files each so many-th is tried: what reads them is the same on every system,
/// but files cost more on some.
inline constexpr std::size_t each_of_many =
    std::filesystem::path::preferred_separator == '/' ? 1 : 12;

/// Whether this system can have files of these names.
inline bool has_names_of(const situation& what) {
    return std::filesystem::path::preferred_separator == '/' ||
           std::none_of(what.files.begin(), what.files.end(), [](const auto& file) {
               return file.first.find_first_of(":\\") != std::string::npos;
           });
}

/// All that this system can have.
inline const std::vector<situation>& situations() {
    static const std::vector<situation> all = [] {
        std::vector<situation> result;
        for (const auto& entry : std::filesystem::directory_iterator(SKYUTIL_TEST_FIXTURES)) {
            if (entry.path().extension() == ".txt") {
                result.push_back(read_situation(entry.path()));
            }
        }
        for (const situation& each : result) {
            if (!has_names_of(each)) {
                std::cout << "left out: " << each.name << ": no file can be named so\n";
            }
        }
        std::erase_if(result, [](const situation& each) { return !has_names_of(each); });
        std::sort(result.begin(), result.end(),
                  [](const situation& a, const situation& b) { return a.name < b.name; });
        return result;
    }();
    return all;
}

inline situation find_situation(const std::string& name) {
    for (const situation& each : situations()) {
        if (each.name == name) {
            return each;
        }
    }
    throw std::runtime_error("no situation " + name);
}

inline std::filesystem::path place_in(const temporary_directory& root, const std::string& name) {
    return root.path().string() + name;
}

inline void write_files(const temporary_directory& root, const situation& what) {
    for (const auto& [name, text] : what.files) {
        std::filesystem::create_directories(place_in(root, name).parent_path());
        write_file(place_in(root, name), text);
    }
}

/// The numbers of a machine in the form of `expected`; what there is none of is left out.
inline json budgets_of(const skyutil::sysroot& root) {
    const skyutil::cpu_budget cpus = skyutil::get_cpu_budget(root);
    const skyutil::memory_budget memory = skyutil::get_memory_budget(root);
    json result;
    const auto add = [&](const char* name, const auto& value) {
        if (value) {
            result[name] = *value;
        }
    };
    result["usable"] = cpus.usable();
    add("online", cpus.online);
    add("affinity", cpus.affinity);
    add("cpuset", cpus.cpuset);
    add("quota", cpus.quota);
    result["cpu_factor"] = to_string(cpus.limiting_factor().kind);
    add("physical", memory.physical);
    add("limit", memory.limit);
    result["memory_factor"] = to_string(memory.limiting_factor().kind);
    add("request", cpus.request);
    if (const auto& throttled = cpus.throttled) {
        result["throttled"] = {throttled->periods, throttled->throttled_periods,
                               throttled->throttled_time.count()};
    }
    add("soft_limit", memory.soft_limit);
    add("swap_limit", memory.swap_limit);
    add("usage", memory.usage);
    add("reclaimable", memory.reclaimable);
    add("group_available", memory.group_available);
    add("address_space_limit", memory.address_space_limit);
    add("data_limit", memory.data_limit);
    add("process_available", memory.process_available);
    if (memory.available() != memory.usable()) {
        result["available"] = memory.available();
    }
    for (const auto& [name, file] :
         {std::pair("cpuset_file", cpus.cpuset_file), std::pair("quota_file", cpus.quota_file),
          std::pair("request_file", cpus.request_file),
          std::pair("throttled_file", cpus.throttled_file),
          std::pair("limit_file", memory.limit_file),
          std::pair("soft_limit_file", memory.soft_limit_file),
          std::pair("swap_limit_file", memory.swap_limit_file),
          std::pair("usage_file", memory.usage_file)}) {
        if (!file.empty()) {
            result[name] = file;
        }
    }
    return result;
}

// -------------------------------------------------------------------------------------------
// parsers

inline constexpr std::string_view limits_text =
    "Limit                     Soft Limit           Hard Limit           Units     \n"
    "Max data size             unlimited            unlimited            bytes     \n"
    "Max open files            1024                 524288               files     \n"
    "Max open files soon       1                    2                    files     \n"
    "Max address space         -1                   99999999999999999999 bytes     \n"
    "Max locked memory         65536\r               65536                bytes     \n"
    "Max processes             4x                   8                    processes \n"
    "Max pending signals       4                    8                    \n"
    "Max msgqueue size         4                    8                    bytes 1   \n"
    "Max nice priority         08                   8                    0         \n"
    "Max stack size            8388608              unlimited            bytes     \n";

// ------------------------------------------------------------------------------------------
// pressure

inline constexpr const char* pressure_of_group =
    "some avg10=1.00 avg60=2.00 avg300=3.00 total=4000\n"
    "full avg10=0.50 avg60=0.25 avg300=0.10 total=5\n";
constexpr const char* pressure_of_machine = "some avg10=10.00 avg60=20.00 avg300=30.00 total=40\n";

}  // namespace skyutil_tests
