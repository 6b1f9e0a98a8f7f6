// SPDX-License-Identifier: MIT
//
// How are long titles and large numbers shown in little space?
//
//     skyutil_example_short_titles

#include <skyutil/strings.hpp>

#include <iostream>
#include <string_view>

// Everything in strings.hpp works at compile time too.
static_assert(skyutil::base36_decode<unsigned>("zz") == 1295);

int main() {
    constexpr std::string_view title =
        "Größenänderung einer Überschrift, die zu lang für die Spalte ist";
    using enum skyutil::truncate_mode;
    // Lengths count code points, not bytes; no code point is cut.
    std::cout << skyutil::truncate_long_string(title, 30, word) << '\n'
              << skyutil::truncate_long_string(title, 30, middle) << '\n'
              << skyutil::truncate_long_string(
                     title, {.max_length = 30, .mode = exact, .placeholder = "…"})
              << '\n';
    std::cout << skyutil::format_compact(1234567.89) << '\n'        // 1.2M
              << skyutil::format_float(1234567.89, 2) << '\n'       // 1234567.89
              << skyutil::base36_encode("0xdeadbeefcafe") << '\n';  // an id in fewer characters
}
