// SPDX-License-Identifier: MIT
//
// detail/system/resource_text.hpp: writes tables of resources as a page for people and as JSON.
// What is in a table is decided in detail/system/resource_tables.hpp.

#pragma once

#include <skyutil/detail/text/utf8.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail {

/// Returns a string of JSON (RFC 8259) with the text; what is not UTF-8 becomes U+FFFD.
inline std::string json_string(std::string_view text) {
    constexpr std::string_view hex = "0123456789abcdef";
    std::string valid;
    append_replacing_invalid(valid, text);
    std::string out = "\"";
    for (const char c : valid) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out.append({'\\', c});
        } else if (byte < 0x20) {
            out.append("\\u00").append({hex[byte >> 4], hex[byte & 15]});
        } else {
            out += c;
        }
    }
    return out += '"';
}

/// Returns the shortest text that reads back as the same number, whatever the locale.
inline std::string number_text(double value) {
    std::array<char, 32> buffer;  // NOLINT(*-member-init)
    return {buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr};
}

/// Returns a number with at most two decimals: "1.5", "12".
inline std::string short_number(double value) {
    std::array<char, 400> buffer;  // NOLINT(*-member-init)
    std::string text(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                                  value, std::chars_format::fixed, 2)
                                        .ptr);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) {
        text.pop_back();
    }
    return text;
}

/// Returns a size such as "512 MiB".
inline std::string bytes_text(double bytes) {
    constexpr std::array<std::string_view, 7> units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    for (; bytes >= 1024 && unit + 1 < units.size(); ++unit) {
        bytes /= 1024;
    }
    return short_number(bytes) + " " + std::string(units[unit]);
}

/// An object of JSON, made by adding members whose values are JSON already.
class json_object {
public:
    json_object& add(std::string_view name, std::string_view value) {
        text_.append(text_.size() == 1 ? "" : ",").append(json_string(name)).append(":");
        text_.append(value);
        return *this;
    }
    [[nodiscard]] std::string text() const { return text_ + "}"; }

private:
    std::string text_ = "{";
};

/// A part of what a row tells, as a metric.
struct resource_part {
    std::string metric;     // its name
    std::string_view help;  // what it is
    std::string labels;
    std::string value;
};

/// A number of a resource, its source, and whether it decides.
struct resource_row {
    std::string_view name;  // for people
    std::string_view key;   // in JSON
    std::string shown;      // empty when there is no such number
    std::string value;      // in JSON
    std::string source;     // a file, a system call or an environment variable
    bool decides = false;
    bool rare = false;                      // left out of the page when there is no such number
    std::vector<resource_part> parts = {};  // of what is more than one number
};

struct resource_table {
    std::string_view name;
    std::string_view key;
    std::string shown;    // beside the name
    json_object members;  // of the object in JSON, beside the rows
    std::vector<resource_row> rows;
};

/// Returns the text with '?' for control characters, which names of control groups may have.
inline std::string one_line(std::string text) {
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            c = '?';
        }
    }
    return text;
}

inline void append_text(std::string& out, const resource_table& table) {
    const auto fill = [&out](std::size_t begin, std::size_t width) {
        out.append((std::max)(begin + width, out.size() + 2) - out.size(), ' ');
    };
    std::size_t begin = out.size();
    out += table.name;
    fill(begin, 24);
    out.append(table.shown).append("\n");
    for (const resource_row& row : table.rows) {
        if (row.rare && row.shown.empty()) {
            continue;
        }
        begin = out.size();
        out.append(row.decides ? "> " : "  ").append(row.name);
        fill(begin, 24);
        out += row.shown.empty() ? "no limit" : row.shown;
        if (!row.shown.empty() && !row.source.empty()) {
            fill(begin, 40);
            out += one_line(row.source);
        }
        out += "\n";
    }
}

inline std::string to_json(const resource_table& table) {
    json_object object = table.members;
    for (const resource_row& row : table.rows) {
        object.add(row.key, row.shown.empty() ? "null"
                                              : json_object()
                                                    .add("value", row.value)
                                                    .add("source", json_string(row.source))
                                                    .text());
    }
    return object.text();
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail
