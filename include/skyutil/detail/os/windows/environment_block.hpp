// SPDX-License-Identifier: MIT
//
// detail/os/windows/environment_block.hpp: the variables of a program, as it gets them.
//
// Source: "Changing Environment Variables" and CreateProcessW of Microsoft's reference.

#pragma once

#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/os/windows/api/programs.hpp>
#include <skyutil/detail/os/windows/text.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

/// Orders names of variables as the system does: their case is nothing to it.
struct before_in_any_case {
    bool operator()(const std::wstring& a, const std::wstring& b) const noexcept {
        constexpr int less = 1;  // CSTR_LESS_THAN
        return CompareStringOrdinal(a.data(), static_cast<int>(a.size()), b.data(),
                                    static_cast<int>(b.size()), 1) == less;
    }
};

using variable_map = std::map<std::wstring, std::wstring, before_in_any_case>;

/// The variables of this process, with those that hold the directory of each drive: "=C:".
inline variable_map own_variables() {
    struct strings {
        wchar_t* first = GetEnvironmentStringsW();
        strings() = default;
        strings(const strings&) = delete;
        strings& operator=(const strings&) = delete;
        ~strings() {
            if (first != nullptr) {
                FreeEnvironmentStringsW(first);
            }
        }
    };
    const strings all;
    variable_map variables;
    for (const wchar_t* each = all.first; each != nullptr && *each != L'\0';) {
        const std::wstring_view entry(each);
        const std::size_t end = entry.find(L'=', 1);
        if (end != std::wstring_view::npos) {
            variables.emplace(entry.substr(0, end), entry.substr(end + 1));
        }
        each += entry.size() + 1;
    }
    return variables;
}

/// Changes variables; false for what none can be.
inline bool change_variables(variable_map& variables,
                             const std::map<std::string, std::optional<std::string>>& changes) {
    for (const auto& [name, value] : changes) {
        const auto key = to_utf16<wchar_t>(name);
        const auto text = to_utf16<wchar_t>(value.value_or(std::string()));
        if (!key || !text || key->empty() || key->find(L'=') != std::wstring::npos ||
            key->find(L'\0') != std::wstring::npos || text->find(L'\0') != std::wstring::npos) {
            return false;
        }
        variables.erase(*key);
        if (value) {
            variables.emplace(*key, *text);
        }
    }
    return true;
}

inline std::wstring to_block(const variable_map& variables) {
    std::wstring block;
    for (const auto& [name, value] : variables) {
        block.append(name).append(1, L'=').append(value).append(1, L'\0');
    }
    return block.append(block.empty() ? 2 : 1, L'\0');
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
