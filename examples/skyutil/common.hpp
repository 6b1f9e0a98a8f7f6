// SPDX-License-Identifier: MIT
//
// common.hpp: what every command of the program does the same way: exit codes, errors, JSON.

#pragma once

#include <nlohmann/json.hpp>

#include <exception>
#include <string>
#include <string_view>
#include <system_error>

namespace program {

using json = nlohmann::ordered_json;

enum exit_code { yes = 0, no = 1, failure = 2 };

/// Returns the text with "?" for every control character, those above U+007F included.
[[nodiscard]] std::string printable(std::string_view text);

/// Prints "skyutil: WHAT" to standard error, as one line whatever it contains.
void report(std::string_view what);

/// Prints "skyutil: cannot read /x: No such file or directory".
void report(std::string_view file, const std::error_code& error);

/// Returns what an exception says, without the name of the function in front that threw it.
[[nodiscard]] std::string explain(const std::exception& exception);

/// Prints a value to standard output, indented. Text that is not UTF-8 gets U+FFFD.
void print(const json& value);

[[nodiscard]] bool is_utf8(std::string_view text);

/// Returns RFC 4648's base 64, with padding.
[[nodiscard]] std::string to_base64(std::string_view bytes);

/// Gives an object the text of somebody else (a name, a path, output) as its member `key`. JSON has
/// UTF-8 only: where the text is none, it has U+FFFD there, and all its bytes are in base 64 in a
/// second member, `key` with "_bytes".
void set_text(json& object, const std::string& key, std::string_view text);

/// The same for a list of texts; the second list has null for those that are UTF-8.
template <class Texts>
void set_texts(json& object, const std::string& key, const Texts& texts) {
    json list = json::array();
    json bytes = json::array();
    bool exact = true;
    for (const std::string_view text : texts) {
        const bool valid = is_utf8(text);
        exact = exact && valid;
        list.push_back(text);
        bytes.push_back(valid ? json(nullptr) : json(to_base64(text)));
    }
    object[key] = std::move(list);
    if (!exact) {
        object[key + "_bytes"] = std::move(bytes);
    }
}

}  // namespace program
