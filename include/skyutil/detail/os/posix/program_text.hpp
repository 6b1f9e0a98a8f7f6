// SPDX-License-Identifier: MIT
//
// detail/os/posix/program_text.hpp: words, variables and paths in the form in which execve(2) takes
// them.

#pragma once

#include <skyutil/version.hpp>

#include <cstddef>
#include <cstdlib>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <unistd.h>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

inline constexpr const char* shell = "/bin/sh";

inline bool has_nul(const std::string& text) { return text.find('\0') != std::string::npos; }

/// Returns pointers to strings, and a null pointer.
inline std::vector<const char*> pointers_to(std::span<const std::string> strings) {
    std::vector<const char*> pointers;
    pointers.reserve(strings.size() + 1);
    for (const std::string& each : strings) {
        pointers.push_back(each.c_str());
    }
    pointers.push_back(nullptr);
    return pointers;
}

/// Strings and the pointers to them, which stay valid after a move.
class string_block {
public:
    string_block() = default;
    explicit string_block(std::vector<std::string> strings)
        : strings_(std::move(strings)), pointers_(pointers_to(strings_)) {}
    string_block(string_block&&) noexcept = default;
    string_block& operator=(string_block&&) noexcept = default;
    string_block(const string_block&) = delete;
    string_block& operator=(const string_block&) = delete;
    ~string_block() = default;

    [[nodiscard]] const char* const* data() const noexcept { return pointers_.data(); }

private:
    std::vector<std::string> strings_;  // std::vector keeps its elements' addresses when moved
    std::vector<const char*> pointers_;
};

/// Returns the paths that a program of that name can have, in the order of PATH.
inline string_block program_paths(const std::string& name) {
    constexpr std::string_view default_path = "/bin:/usr/bin";  // confstr(3)
    std::vector<std::string> result;
    if (name.find('/') != std::string::npos || name.empty()) {
        result.push_back(name);
        return string_block(std::move(result));
    }
    const char* const variable = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
    std::string_view path = variable == nullptr ? default_path : variable;
    for (;;) {
        const std::size_t colon = path.find(':');
        std::string directory(path.substr(0, colon));
        result.push_back((directory.empty() ? "." : std::move(directory)) + "/" + name);
        if (colon == std::string_view::npos) {
            return string_block(std::move(result));
        }
        path.remove_prefix(colon + 1);
    }
}

/// The variables of this process, ended by a null pointer.
inline const char* const* own_variables() noexcept { return environ; }

/// Returns variables after changes, std::nullopt for a name or value that no variable can have.
inline std::optional<string_block> change_variables(
    bool inherited, const std::map<std::string, std::optional<std::string>>& changes) {
    std::vector<std::string> result;
    if (inherited) {
        for (const char* const* at = own_variables(); at != nullptr && *at != nullptr; ++at) {
            const std::string_view variable = *at;
            if (!changes.contains(std::string(variable.substr(0, variable.find('='))))) {
                result.emplace_back(variable);
            }
        }
    }
    for (const auto& [name, value] : changes) {
        if (name.empty() || name.find('=') != std::string::npos || has_nul(name) ||
            (value && has_nul(*value))) {
            return std::nullopt;
        }
        if (value) {
            result.push_back(name + "=" + *value);
        }
    }
    return string_block(std::move(result));
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
