// SPDX-License-Identifier: MIT
//
// tests/system/situations.hpp: the situations in tests/fixtures: copies of the files of /proc and
// /sys that matter, and the budgets that follow from them; and variables that override them.

#pragma once

#include <skyutil/system.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support_linux.hpp"

namespace skyutil_tests {

using nlohmann::json;

inline constexpr double gib = 1024.0 * 1024.0 * 1024.0;
inline constexpr std::array cpu_variables{"SKYUTIL_CPU_COUNT", "SKYPILOT_POD_CPU_CORE_LIMIT"};
inline constexpr std::array memory_variables{"SKYUTIL_MEMORY_BYTES", "SKYPILOT_POD_MEMORY_GB_LIMIT",
                                             "SKYPILOT_POD_MEMORY_BYTES_LIMIT"};

/// Sets an environment variable, or unsets it, until the end of the scope.
class scoped_variable {
public:
    scoped_variable(const char* name, const char* value) : name_(name) {
        if (const char* const old = std::getenv(name)) {
            old_ = old;
        }
        set(value);
    }
    scoped_variable(const scoped_variable&) = delete;
    scoped_variable& operator=(const scoped_variable&) = delete;
    ~scoped_variable() { set(old_ ? old_->c_str() : nullptr); }

private:
    void set(const char* value) const {
        if (value != nullptr) {
            ::setenv(name_, value, 1);
        } else {
            ::unsetenv(name_);
        }
    }

    const char* name_;
    std::optional<std::string> old_;
};

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
    result.name = path.stem();
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

inline const std::vector<situation>& situations() {
    static const std::vector<situation> all = [] {
        std::vector<situation> result;
        for (const auto& entry : std::filesystem::directory_iterator(SKYUTIL_TEST_FIXTURES)) {
            if (entry.path().extension() == ".txt") {
                result.push_back(read_situation(entry.path()));
            }
        }
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
