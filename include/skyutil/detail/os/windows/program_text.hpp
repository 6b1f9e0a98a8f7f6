// SPDX-License-Identifier: MIT
//
// detail/os/windows/program_text.hpp: the words of a program as one line, from which it takes them
// apart again, and which files have a shell that does not.
//
// Sources: CommandLineToArgvW and "Parsing C command-line arguments" of Microsoft's reference; for
// batch files, CVE-2024-24576 and CVE-2024-43402.

#pragma once

#include <skyutil/version.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys {

/// Whether a unit is one of these characters of ASCII.
template <class Unit>
constexpr bool is_any_of(Unit unit, std::string_view characters) noexcept {
    for (const char each : characters) {
        if (unit == static_cast<Unit>(each)) {
            return true;
        }
    }
    return false;
}

/// Appends a word to a line: in quotes if it has to be. Backslashes before a quote are doubled, and
/// stand for themselves elsewhere.
template <class Unit>
constexpr void append_word(std::basic_string<Unit>& line, std::basic_string_view<Unit> word) {
    bool quoted = word.empty();
    for (const Unit each : word) {
        quoted = quoted || is_any_of(each, " \t\n\v\"");
    }
    const auto quote = static_cast<Unit>('"');
    const auto backslash = static_cast<Unit>('\\');
    if (quoted) {
        line += quote;
    }
    std::size_t backslashes = 0;
    for (const Unit each : word) {
        if (each == quote) {
            line.append(backslashes + 1, backslash);
        }
        backslashes = each == backslash ? backslashes + 1 : 0;
        line += each;
    }
    if (quoted) {
        line.append(backslashes, backslash);
        line += quote;
    }
}

/// The line of a program. Its name has no escapes: no file has a quote in its name.
template <class Unit>
constexpr std::basic_string<Unit> command_line(std::span<const std::basic_string<Unit>> words) {
    const auto quote = static_cast<Unit>('"');
    std::basic_string<Unit> line(1, quote);
    line += words.front();
    line += quote;
    for (const std::basic_string<Unit>& each : words.subspan(1)) {
        line += static_cast<Unit>(' ');
        append_word(line, std::basic_string_view<Unit>(each));
    }
    return line;
}

/// What stands in a line before the text for the shell, which is in quotes: no program that the
/// user has set up to run first, extensions on, no "!", all between the outer quotes as it is.
inline constexpr std::string_view shell_options[] = {"/d", "/e:on", "/v:off", "/s", "/c"};

/// Whether a name ends so, in ASCII and whatever the case.
template <class Unit>
constexpr bool has_extension(std::basic_string_view<Unit> name,
                             std::string_view extension) noexcept {
    if (name.size() < extension.size()) {
        return false;
    }
    name.remove_prefix(name.size() - extension.size());
    for (std::size_t i = 0; i != extension.size(); ++i) {
        const Unit unit =
            name[i] >= 'A' && name[i] <= 'Z' ? static_cast<Unit>(name[i] - 'A' + 'a') : name[i];
        if (unit != static_cast<Unit>(extension[i])) {
            return false;
        }
    }
    return true;
}

/// Whether the system has the shell run a file of that name, which does not take the line apart as
/// programs do. Dots and spaces at the end are no part of a name.
template <class Unit>
constexpr bool is_batch_file(std::basic_string_view<Unit> name) noexcept {
    while (!name.empty() && is_any_of(name.back(), ". ")) {
        name.remove_suffix(1);
    }
    return has_extension(name, ".bat") || has_extension(name, ".cmd");
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os::sys
